"""From a board's top to a bitstream: yosys, nextpnr, ecppack or icepack, from pip packages."""

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.platforms import BOARDS, Board
from hdl.synth import Resources, Synthesis, synthesize_rtlil
from hdl.yosys import ToolError

__all__ = ["Build", "DoesNotFit", "Use", "build", "utilisation"]


@dataclass(frozen=True)
class Use:
    """How much of a kind of cell a design takes and a part has."""

    used: int
    available: int


class DoesNotFit(ValueError):
    """The design needs more than the part has.

    over: kind of cell -> Use, for those that do not suffice; utilisation: for all kinds;
    resources: what synthesis counted.
    """

    def __init__(self, board: str, utilisation: Mapping[str, Use], resources: Resources,
                 log: Path) -> None:
        self.over = {name: use for name, use in utilisation.items() if use.used > use.available}
        self.utilisation, self.resources, self.log = utilisation, resources, log
        too_much = "; ".join(
            f"{name}: {use.used} needed, {use.available} available "
            f"({use.used - use.available} or {use.used / max(use.available, 1) - 1:.0%} too many)"
            for name, use in self.over.items())
        super().__init__(f"the design does not fit {board}: {too_much}")


@dataclass(frozen=True)
class Build:
    """A routed design.

    fmax_hz: highest clock frequency after routing; clock_hz: what the board's clock runs at;
    utilisation: nextpnr's kind of cell -> Use; logs: tool -> file with all that it printed.
    """

    board: str
    bitstream: Path
    clock_hz: float
    fmax_hz: float
    resources: Resources
    utilisation: Mapping[str, Use]
    logs: Mapping[str, Path]

    @property
    def meets_timing(self) -> bool:
        return self.fmax_hz >= self.clock_hz


@dataclass(frozen=True)
class _Design:
    """A synthesised top and how nextpnr is called for it."""

    folder: Path
    spec: Board
    clock_hz: float
    synthesis: Synthesis
    arguments: Sequence[str]

    @property
    def tool(self) -> str:
        return f"nextpnr-{self.spec.family}"

    def run(self, tool: str, arguments: Sequence[str]) -> Path:
        """Run a tool of the package that brings nextpnr; returns its log."""
        log = self.folder / f"{tool}.log"
        _run_tool(tool, f"yowasp_nextpnr_{self.spec.family}", arguments, log)
        return log


def _synthesise(top: Any, board: str, build_dir: Path | str) -> _Design:
    if board not in BOARDS:
        raise ValueError(f"board must be one of {', '.join(BOARDS)}, not {board!r}")
    spec, folder = BOARDS[board], Path(build_dir).resolve()
    platform = spec.platform()
    files = platform.prepare(top, name="top", emit_src=False).files
    synthesis = synthesize_rtlil(_text(files["top.il"]), spec.family, folder,
                                 options=spec.synth_options)
    constraints = "lpf" if spec.family == "ecp5" else "pcf"
    (folder / f"top.{constraints}").write_text(_text(files[f"top.{constraints}"]))
    return _Design(folder, spec, platform.default_clk_frequency, synthesis, (
        *spec.device, "--json", synthesis.json.name, f"--{constraints}", f"top.{constraints}"))


def utilisation(top: Any, board: str, build_dir: Path | str) -> Mapping[str, Use]:
    """What a top would take of a board's part, kind of cell -> Use, fitting or not.

    Synthesis and packing alone, much quicker than `build`. Raises ValueError for an unknown
    board, ToolError if a tool fails.
    """
    design = _synthesise(top, board, build_dir)
    log = design.run(design.tool, [*design.arguments, "--pack-only"])
    return _utilisation(log.read_text())


def build(top: Any, board: str, build_dir: Path | str, *, seed: int = 1) -> Build:
    """Build a top, an Amaranth elaboratable that requests its pins itself, for a board.

    The clock is the board's own, without a PLL, and is a constraint of the routing; a design
    that misses it is built all the same (`Build.meets_timing`). seed: of nextpnr's placement.

    Raises ValueError for an unknown board, DoesNotFit, and ToolError if a tool fails.
    """
    design = _synthesise(top, board, build_dir)
    folder, spec, resources = design.folder, design.spec, design.synthesis.totals
    if spec.family == "ecp5":
        option, routed, pack, bitstream = "--textcfg", "top.config", "ecppack", "top.bit"
    else:
        option, routed, pack, bitstream = "--asc", "top.asc", "icepack", "top.bin"
    try:
        log = design.run(design.tool, [*design.arguments, option, routed, "--seed", str(seed),
                                       "--report", "report.json", "--timing-allow-fail"])
    except ToolError as error:
        used = _utilisation(error.log_path.read_text())
        if any(use.used > use.available for use in used.values()):
            raise DoesNotFit(spec.title, used, resources, error.log_path) from None
        raise
    logs = {"yosys": design.synthesis.log, design.tool: log,
            pack: design.run(pack, [routed, bitstream])}
    report = json.loads((folder / "report.json").read_text())
    return Build(board, folder / bitstream, design.clock_hz,
                 min(clock["achieved"] for clock in report["fmax"].values()) * 1e6, resources,
                 {name: Use(**use) for name, use in report["utilization"].items() if use["used"]},
                 logs)


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()


def _utilisation(log: str) -> dict[str, Use]:
    """Kinds of cells that nextpnr names in its log, each as `KIND: used/ available  percent`."""
    return {kind: Use(int(used), int(available)) for kind, used, available in
            re.findall(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%$", log, re.MULTILINE)}


def _run_tool(tool: str, package: str, arguments: Sequence[str], log: Path) -> None:
    """Run a tool of a yowasp package in the log's folder.

    Paths in the arguments must be relative: such a tool sees another /tmp than we do.
    """
    cache = Path(os.environ.get("YOWASP_CACHE_DIR", Path(sys.prefix) / "yowasp"))
    cache.mkdir(parents=True, exist_ok=True)
    call = f"import sys, {package}; sys.exit({package}.run_{tool.replace('-', '_')}(sys.argv[1:]))"
    with (cache / "lock").open("w") as lock, log.open("w") as output:
        # The first use compiles the tool; a second process must not load what is half written.
        compiled = any((cache / package / f"{tool}.wasm").glob("*"))
        fcntl.flock(lock, fcntl.LOCK_SH if compiled else fcntl.LOCK_EX)
        result = subprocess.run([sys.executable, "-P", "-c", call, *arguments], cwd=log.parent,
                                env={**os.environ, "YOWASP_CACHE_DIR": str(cache)},
                                stdout=output, stderr=subprocess.STDOUT)
    if result.returncode:
        raise ToolError.from_log(tool, log)
