"""What takes a bitstream to a board: openFPGALoader, or Quartus for a file of its own.

Sources: openFPGALoader's table of boards; Amaranth's platforms for Quartus.
"""

from pathlib import Path

from boards.project import TOOLCHAINS, board_named
from boards.tools import Step, Tool, require, run
from hdl.yosys import ToolError

__all__ = ["LOADER", "QUARTUS_LOADER", "find_bitstream", "load"]

LOADER = Tool("openFPGALoader", "apt-get install openfpgaloader, or an oss-cad-suite, or build "
              "github.com/trabucayre/openFPGALoader")
QUARTUS_LOADER = Tool("quartus_pgm", "Intel's Quartus Prime Lite, with its bin folder on the PATH")


def find_bitstream(board: str, path: Path | str) -> Path:
    """The bitstream for a board that a path is, or that lies in the folder of `lutloom build`.

    Raises FileNotFoundError where there is none, ValueError for one of another kind, or several.
    """
    path, toolchains = Path(path), board_named(board).toolchains
    kinds = list(dict.fromkeys(TOOLCHAINS[name].bitstream for name in toolchains))
    names = " or ".join(f"top.{kind}" for kind in kinds)
    if path.is_dir():
        found = [path / f"top.{kind}" for kind in kinds if (path / f"top.{kind}").is_file()]
        if len(found) > 1:
            raise ValueError(f"{path}: there are {' and '.join(file.name for file in found)}; name "
                             "one of them")
        path = found[0] if found else path / names
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; lutloom build writes {names} for {board}")
    if path.suffix.removeprefix(".") not in kinds:
        raise ValueError(f"{path}: a bitstream for {board} ends in {' or '.join(kinds)}")
    return path


def load(board: str, bitstream: Path, flash: bool = False) -> Path:
    """Load a bitstream; flash: so that it stays without power. Returns the log of the tool.

    Raises ValueError where it cannot stay, MissingTool, and ToolError if the tool fails.
    """
    spec, path = board_named(board), bitstream.resolve()
    if flash and spec.flash is None:
        raise ValueError(f"flash: that of {board} cannot be written so; load the bitstream after "
                         "each power-up")
    if path.suffix == ".sof":
        step = Step(QUARTUS_LOADER, ("--haltcc", "--mode", "JTAG", "--operation",
                                     f"P;{path.name}@{spec.jtag}"))
    else:
        stay = spec.flash if flash else ()
        step = Step(LOADER, (*spec.loader, *(stay or ()), path.name))
    require("loading", [step.tool], "")
    try:
        return run(step, path.parent / f"{step.tool.name}.log")
    except ToolError as error:
        error.add_note("Is the board powered, is its USB plug for programming connected, and may "
                       "you open that? docs/boards.md, From the box to bit-exact, tells more.")
        raise
