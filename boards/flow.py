"""From a board's top to a bitstream: yosys, then place and route and packers of a toolchain."""

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.project import board_named, choose, forget_bitstreams, prepare
from boards.toolchain import Toolchain, Use
from boards.vendor import Vendor
from golden.archive import replacing
from hdl.synth import Resources
from hdl.yosys import ToolError

__all__ = ["Build", "DoesNotFit", "Use", "build", "utilisation"]


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


def _complete(board: str, tools: str | None) -> Toolchain:
    chain = choose(board, tools)
    if isinstance(chain, Vendor):
        raise ValueError(f"tools: {chain.name} writes its own reports; build with boards.vendor")
    chain.require(board_named(board))
    return chain


def utilisation(top: Any, board: str, build_dir: Path | str, *, tools: str | None = None,
                clock_hz: float | None = None) -> Mapping[str, Use]:
    """What a top would take of a board's part, kind of cell -> Use, fitting or not.

    Synthesis and packing alone, much quicker than `build`. Raises as `build` does, but not
    DoesNotFit.
    """
    chain = _complete(board, tools)
    design = prepare(top, board, build_dir, chain, clock_hz)
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
    chain = _complete(board, tools)
    design = prepare(top, board, build_dir, chain, clock_hz)
    forget_bitstreams(design.folder, board)
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
    logs = {"yosys": synthesis.log, place: log,
            **{step.tool.name: design.run(step)
               for step in chain.pack(design.spec, f"seed-{best}")}}
    bitstream = design.folder / f"top.{chain.bitstream}"
    with replacing(bitstream) as unfinished:
        shutil.copyfile(design.folder / f"seed-{best}.{chain.bitstream}", unfinished)
    return Build(board, chain.name, bitstream, design.clock_hz, fmax_hz, best,
                 {number: fmax for number, (fmax, _) in routed.items()}, synthesis.totals,
                 {kind: use for kind, use in chain.utilisation(log).items() if use.used}, logs)
