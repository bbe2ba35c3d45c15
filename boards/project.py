"""A top's files for a toolchain, and a shell script that builds them where the tools are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.apicula import APICULA
from boards.icestorm import ICESTORM
from boards.mistral import MISTRAL
from boards.openxc7 import OPENXC7, OPENXC7_HIMBAECHEL
from boards.platforms import BOARDS, Board, make_platform
from boards.pll import megahertz
from boards.toolchain import Toolchain
from boards.tools import YOSYS, Step, run
from boards.trellis import TRELLIS
from boards.vendor import VENDORS, Vendor
from golden.archive import write_files
from hdl.synth import Synthesis, synthesis_script, synthesize_rtlil

__all__ = ["Design", "TOOLCHAINS", "board_named", "choose", "forget_bitstreams", "prepare",
           "write_project"]

TOOLCHAINS: Mapping[str, Toolchain | Vendor] = {
    **{chain.name: chain for chain in (TRELLIS, ICESTORM, APICULA, OPENXC7, OPENXC7_HIMBAECHEL,
                                       MISTRAL)}, **VENDORS}


def board_named(name: str) -> Board:
    """The board of a name; raises ValueError for an unknown one."""
    if name not in BOARDS:
        raise ValueError(f"board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]


def choose(board: str, tools: str | None = None) -> Toolchain | Vendor:
    """The toolchain of a name, or the first open one of the board whose tools are all there.

    If there is none, the board's usual one. Raises ValueError for one that does not know the board.
    """
    names = board_named(board).toolchains
    if tools is not None:
        if tools not in names:
            raise ValueError(f"tools for {board} must be one of {', '.join(names)}, not {tools!r}")
        return TOOLCHAINS[tools]
    whole = (name for name in names if name not in VENDORS
             and all(tool.command() for tool in TOOLCHAINS[name].tools))
    return TOOLCHAINS[next(whole, names[0])]


def forget_bitstreams(folder: Path, board: str) -> None:
    """Remove those for a board from a folder: they must not be taken for a new design's."""
    for name in board_named(board).toolchains:
        kind = TOOLCHAINS[name].bitstream
        for file in (folder / f"top.{kind}", *folder.glob(f"seed-*.{kind}")):
            if file.is_file():
                file.unlink()


@dataclass(frozen=True)
class Design:
    """A top for a toolchain, elaborated but not yet synthesised.

    constraints: text of their file; before: see hdl.synth.
    """

    folder: Path
    spec: Board
    chain: Toolchain
    clock_hz: float
    rtlil: str
    constraints: str
    before: Sequence[str]

    @property
    def netlist(self) -> str:
        return f"{self.spec.family}.json"

    @property
    def constraints_name(self) -> str:
        return f"top.{self.chain.constraints}"

    def synthesise(self) -> Synthesis:
        """Write the constraints, too, for nextpnr."""
        write_files(self.folder, {self.constraints_name: self.constraints})
        return synthesize_rtlil(self.rtlil, self.spec.family, self.folder, before=self.before,
                                options=self.spec.synth_options)

    def run(self, step: Step, log: str = "") -> Path:
        return run(step, self.folder / f"{log or step.tool.name}.log",
                   self.chain.variables(self.spec))


def prepare(top: Any, board: str, build_dir: Path | str, chain: Toolchain,
            clock_hz: float | None) -> Design:
    """Elaborate a top; nothing is written yet. Raises ValueError for a clock that the PLL does not
    make."""
    spec, folder = board_named(board), Path(build_dir).resolve()
    platform = make_platform(spec, chain.amaranth, clock_hz)
    files = {name: _text(text)
             for name, text in platform.prepare(top, name="top", emit_src=False).files.items()}
    # Of the Xilinx primitives hdl.synth reads the common ones alone; all others slow it down.
    extra = spec.family == "xc7" and platform.pll is not None
    before = ["read_verilog -lib +/xilinx/cells_xtra.v", "delete =* =PLLE2_ADV %d"] if extra else []
    return Design(folder, spec, chain, platform.clock_hz, files["top.il"],
                  files[f"top.{chain.constraints}"], before)


def write_project(top: Any, board: str, build_dir: Path | str, *, seed: int = 1,
                  clock_hz: float | None = None, tools: str | None = None) -> list[Path]:
    """Write all that a toolchain needs for a top, and a shell script; run nothing but yosys, and
    that only to write Verilog for a vendor's tools.

    The script takes its tools from the PATH or their variables, and the seed from SEED. Returns the
    files, the script last. Raises ValueError as `build` does.
    """
    chain, folder = choose(board, tools), Path(build_dir).resolve()
    if isinstance(chain, Vendor):
        return _write_vendor(top, board, folder, chain, clock_hz)
    design = prepare(top, board, folder, chain, clock_hz)
    family, spec = design.spec.family, design.spec
    yosys = synthesis_script(design.rtlil, family, before=design.before, options=spec.synth_options)
    steps = [Step(YOSYS, ("-q", "-l", f"{family}.yosys.log", "-s", f"{family}.ys")),
             chain.route(spec, design.netlist, design.clock_hz, "$SEED"),
             *chain.pack(spec, "seed-$SEED")]
    environment = f"AMARANTH_ENV_{chain.amaranth.upper()}"
    script = [
        "#!/bin/sh",
        (f"# {spec.title} at {megahertz(design.clock_hz)} MHz with {chain.name}: "
         f"{', '.join(tool.name for tool in chain.tools)}."),
        "set -eu",
        'cd "$(dirname "$0")"',
        f'[ -z "${{{environment}:-}}" ] || . "${environment}"',
        f': "${{SEED:={seed}}}"',
        *(f': "${{{tool.variable}:={tool.name}}}"' for tool in chain.tools),
        *chain.script(spec),
        *(step.shell() for step in steps),
        f'cp "seed-$SEED.{chain.bitstream}" top.{chain.bitstream}',
    ]
    forget_bitstreams(folder, board)
    (folder / "build.sh").unlink(missing_ok=True)  # an old one does not go with the new files
    files = write_files(folder, {
        design.constraints_name: design.constraints, f"{family}.il": design.rtlil,
        f"{family}.ys": "\n".join(yosys) + "\n", "build.sh": "\n".join(script) + "\n"})
    files[-1].chmod(0o755)
    return files


def _write_vendor(top: Any, board: str, folder: Path, vendor: Vendor,
                 clock_hz: float | None) -> list[Path]:
    """Amaranth's project for a vendor's tools, its script last."""
    platform = make_platform(board_named(board), vendor.amaranth, clock_hz)
    files = {name: _text(text)
             for name, text in platform.prepare(top, name="top", emit_src=False).files.items()
             if not name.endswith((".bat", ".json"))}
    forget_bitstreams(folder, board)
    return vendor.write(files, folder)


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()
