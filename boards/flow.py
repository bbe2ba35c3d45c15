"""From a board's top to a bitstream: yosys, then place and route and packers of a toolchain."""

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.apicula import APICULA
from boards.icestorm import ICESTORM
from boards.mistral import MISTRAL
from boards.openxc7 import OPENXC7, OPENXC7_HIMBAECHEL
from boards.platforms import BOARDS, Board, make_platform
from boards.pll import megahertz
from boards.toolchain import Toolchain, Use
from boards.tools import YOSYS, Step, require, run
from boards.trellis import TRELLIS
from boards.vendor import VENDORS, Vendor
from hdl.synth import Resources, Synthesis, synthesis_script, synthesize_rtlil
from hdl.yosys import ToolError

__all__ = ["Build", "DoesNotFit", "TOOLCHAINS", "Use", "board_named", "build", "choose",
           "utilisation", "write_project"]

TOOLCHAINS: Mapping[str, Toolchain | Vendor] = {
    **{chain.name: chain for chain in (TRELLIS, ICESTORM, APICULA, OPENXC7, OPENXC7_HIMBAECHEL,
                                       MISTRAL)}, **VENDORS}


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

    fmax_hz: highest clock frequency after routing; clock_hz: what the design's clock runs at;
    seed: of the placement that was kept, the fastest of seeds: seed -> Fmax in Hz;
    utilisation: nextpnr's kind of cell -> Use; logs: tool -> file with all that it printed.
    """

    board: str
    toolchain: str
    bitstream: Path
    clock_hz: float
    fmax_hz: float
    seed: int
    seeds: Mapping[int, float]
    resources: Resources
    utilisation: Mapping[str, Use]
    logs: Mapping[str, Path]

    @property
    def meets_timing(self) -> bool:
        return self.fmax_hz >= self.clock_hz


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


@dataclass(frozen=True)
class _Design:
    """A top's files for a toolchain, not yet synthesised."""

    folder: Path
    spec: Board
    chain: Toolchain
    clock_hz: float
    rtlil: str
    before: Sequence[str]

    @property
    def netlist(self) -> str:
        return f"{self.spec.family}.json"

    def synthesise(self) -> Synthesis:
        return synthesize_rtlil(self.rtlil, self.spec.family, self.folder, before=self.before,
                                options=self.spec.synth_options)

    def run(self, step: Step, log: str = "") -> Path:
        return run(step, self.folder / f"{log or step.tool.name}.log",
                   self.chain.variables(self.spec))


def _design(top: Any, board: str, build_dir: Path | str, chain: Toolchain,
            clock_hz: float | None) -> _Design:
    spec, folder = board_named(board), Path(build_dir).resolve()
    platform = make_platform(spec, chain.amaranth, clock_hz)
    files = {name: _text(text)
             for name, text in platform.prepare(top, name="top", emit_src=False).files.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"top.{chain.constraints}").write_text(files[f"top.{chain.constraints}"])
    # Of the Xilinx primitives hdl.synth reads the common ones alone, without PLLs.
    extra = spec.family == "xc7" and platform.pll is not None
    before = ["read_verilog -lib +/xilinx/cells_xtra.v"] if extra else []
    return _Design(folder, spec, chain, platform.clock_hz, files["top.il"], before)


def _open(board: str, tools: str | None) -> Toolchain:
    chain = choose(board, tools)
    if isinstance(chain, Vendor):
        raise ValueError(f"tools: {chain.name} writes its own reports; build with boards.vendor")
    return chain


def utilisation(top: Any, board: str, build_dir: Path | str, *, tools: str | None = None,
                clock_hz: float | None = None) -> Mapping[str, Use]:
    """What a top would take of a board's part, kind of cell -> Use, fitting or not.

    Synthesis and packing alone, much quicker than `build`. Raises as `build` does, but not
    DoesNotFit.
    """
    chain = _open(board, tools)
    require(chain.name, chain.tools)
    design = _design(top, board, build_dir, chain, clock_hz)
    design.synthesise()
    return chain.utilisation(design.run(chain.step(
        design.spec, design.netlist, design.clock_hz, ["--pack-only"])))


def build(top: Any, board: str, build_dir: Path | str, *, seed: int = 1, seeds: int = 1,
          clock_hz: float | None = None, tools: str | None = None) -> Build:
    """Build a top, an Amaranth elaboratable that requests its pins itself, for a board.

    clock_hz: of the domain `sync`, from a PLL; the board's own clock if None. It is a constraint of
    the routing; a design that misses it is built all the same (`Build.meets_timing`). tools: name
    of a toolchain. seeds: so many placements, from `seed` on, are tried at once and the fastest is
    kept.

    Raises ValueError for an unknown board, toolchain or a clock that the PLL does not make,
    MissingTool before anything is made, DoesNotFit, and ToolError if a tool fails.
    """
    chain = _open(board, tools)
    require(chain.name, chain.tools)
    design = _design(top, board, build_dir, chain, clock_hz)
    synthesis = design.synthesise()
    place = chain.place.name

    def route(number: int) -> tuple[float, Path]:
        log = design.run(chain.route(design.spec, design.netlist, design.clock_hz, str(number)),
                         f"{place}.seed-{number}")
        return chain.fmax_hz(log, number), log

    routed, failed = {}, []
    with ThreadPoolExecutor(min(seeds, os.cpu_count() or 1)) as workers:
        for number, outcome in [(number, workers.submit(route, number))
                                for number in range(seed, seed + seeds)]:
            try:
                routed[number] = outcome.result()
            except ToolError as error:
                failed.append(error)
    if not routed:
        used = chain.utilisation(failed[0].log_path)
        if any(use.used > use.available for use in used.values()):
            raise DoesNotFit(design.spec.title, used, synthesis.totals, failed[0].log_path)
        raise failed[0]
    best = max(routed, key=lambda number: routed[number][0])
    fmax_hz, log = routed[best]
    bitstream = design.folder / f"top.{chain.bitstream}"
    steps = chain.pack(design.spec, f"seed-{best}")
    logs = {"yosys": synthesis.log, place: log,
            **{step.tool.name: design.run(step) for step in steps}}
    if not steps:
        shutil.copyfile(design.folder / f"seed-{best}.{chain.bitstream}", bitstream)
    return Build(board, chain.name, bitstream, design.clock_hz, fmax_hz, best,
                 {number: fmax for number, (fmax, _) in routed.items()}, synthesis.totals,
                 {kind: use for kind, use in chain.utilisation(log).items() if use.used}, logs)


def write_project(top: Any, board: str, build_dir: Path | str, *, seed: int = 1,
                  clock_hz: float | None = None, tools: str | None = None) -> list[Path]:
    """Write all that a toolchain needs for a top, and a shell script; run nothing but yosys, and
    that only to write Verilog for a vendor's tools.

    The script takes its tools from the PATH or their variables, and the seed from SEED. Returns the
    files, the script last. Raises ValueError as `build` does.
    """
    chain, folder = choose(board, tools), Path(build_dir).resolve()
    if isinstance(chain, Vendor):
        return write_vendor(top, board, folder, chain, clock_hz)
    design = _design(top, board, folder, chain, clock_hz)
    family, spec = design.spec.family, design.spec
    yosys = synthesis_script(design.rtlil, family, before=design.before, options=spec.synth_options)
    steps = [Step(YOSYS, ("-q", "-l", f"{family}.yosys.log", "-s", f"{family}.ys")),
             chain.route(spec, design.netlist, design.clock_hz, "$SEED"),
             *chain.pack(spec, "seed-$SEED")]
    if len(steps) == 2:
        copy = [f'cp "seed-$SEED.{chain.bitstream}" top.{chain.bitstream}']
    else:
        copy = []
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
        *copy,
    ]
    files = {f"{family}.il": design.rtlil, f"{family}.ys": "\n".join(yosys) + "\n",
             "build.sh": "\n".join(script) + "\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "build.sh").chmod(0o755)
    return [folder / f"top.{chain.constraints}", *(folder / name for name in files)]


def write_vendor(top: Any, board: str, folder: Path, vendor: Vendor,
                 clock_hz: float | None) -> list[Path]:
    """Amaranth's project for a vendor's tools, its script last."""
    platform = make_platform(board_named(board), vendor.amaranth, clock_hz)
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: _text(text)
             for name, text in platform.prepare(top, name="top", emit_src=False).files.items()
             if not name.endswith((".bat", ".json"))}
    paths = vendor.write(files, folder)
    return sorted(paths, key=lambda path: path.name == "build_top.sh")


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()
