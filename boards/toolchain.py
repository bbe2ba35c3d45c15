"""What follows yosys in an open tool flow: place and route, packing, and reading the results."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from boards.platforms import Board
from boards.tools import YOSYS, Step, Tool, require

__all__ = ["Toolchain", "Use", "uses"]


@dataclass(frozen=True)
class Use:
    """How much of a kind of cell a design takes and a part has."""

    used: int
    available: int


def uses(log: str) -> dict[str, Use]:
    """Kinds of cells that nextpnr names in its log, each as `KIND: used/ available  percent`.

    One that is made of its site's kind and the same again, as nextpnr-himbaechel has it for Xilinx
    and nextpnr-xilinx has not, is called by one of both.
    """
    return {re.sub(r"^(\w+)_\1$", r"\1", kind): Use(int(used), int(available))
            for kind, used, available in re.findall(
                r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%$", log, re.MULTILINE)}


@dataclass(frozen=True)
class Toolchain:
    """One nextpnr and what packs its result.

    name: for --tools; amaranth: the `toolchain` of Amaranth's platform; place: nextpnr; packers:
    tools of `pack`; constraints: suffix of the file of pins and clocks; bitstream: its suffix.
    arguments(board): of nextpnr, the same for all seeds; routed(stem): how it is told to write what
    it routed to files STEM.*; pack(board, stem): steps from those to `STEM.SUFFIX`.
    report: nextpnr writes one as JSON; parts: kinds of cells that are not counted, being a part of
    others; halves: kinds of which two take the place of one of another; twice: kinds that nextpnr
    offers twice where there is one; variables(board): paths that `$NAME` in arguments stands for,
    by name, and script: shell lines that set the same where the project is run elsewhere;
    check(board): raises MissingTool where a file of the tools is missing.
    """

    name: str
    amaranth: str
    place: Tool
    packers: tuple[Tool, ...]
    constraints: str
    bitstream: str
    arguments: Callable[[Board], Sequence[str]]
    routed: Callable[[str], Sequence[str]]
    pack: Callable[[Board, str], Sequence[Step]]
    report: bool = True
    parts: frozenset[str] = frozenset()
    halves: Mapping[str, str] = field(default_factory=dict)
    twice: frozenset[str] = frozenset()
    variables: Callable[[Board], Mapping[str, str]] = lambda board: {}
    script: Callable[[Board], Sequence[str]] = lambda board: ()
    check: Callable[[Board], None] = lambda board: None

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All of them, yosys first."""
        return YOSYS, self.place, *self.packers

    def require(self, board: Board) -> None:
        """Raise MissingTool unless all is here that a build for the board needs."""
        require(self.name, self.tools)
        self.check(board)

    def step(self, board: Board, netlist: str, clock_hz: float, extra: Sequence[str]) -> Step:
        """A call of nextpnr; clocks without a constraint of their own are held to clock_hz."""
        return Step(self.place, (*self.arguments(board), "--json", netlist, "--freq",
                                 f"{clock_hz / 1e6:g}", *extra))

    def route(self, board: Board, netlist: str, clock_hz: float, seed: str) -> Step:
        """Place and route with a seed; a design that misses its clock is routed all the same."""
        report = ("--report", f"seed-{seed}.json") if self.report else ()
        return self.step(board, netlist, clock_hz, (
            *self.routed(f"seed-{seed}"), "--seed", seed, *report, "--timing-allow-fail"))

    def fmax_hz(self, log: Path, seed: int) -> float:
        """Highest frequency after routing, of the slowest clock."""
        if self.report:
            fmax = json.loads((log.parent / f"seed-{seed}.json").read_text())["fmax"]
            return float(min(clock["achieved"] for clock in fmax.values()) * 1e6)
        # It is printed after placement, too; the last line of a clock counts.
        found = dict(re.findall(r"Max frequency for clock\s+'(.*?)': ([\d.]+) MHz",
                                log.read_text()))
        return min(map(float, found.values())) * 1e6

    def utilisation(self, log: Path) -> dict[str, Use]:
        """Kind of cell -> Use."""
        found = uses(log.read_text())
        for half, whole in self.halves.items():
            if half in found and whole in found:
                both = found[whole].used + -(-found.pop(half).used // 2)
                found[whole] = Use(both, found[whole].available)
        return {name: Use(use.used, use.available // 2) if name in self.twice else use
                for name, use in found.items() if name not in self.parts}
