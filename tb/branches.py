"""Branches that meet, as a core with one stream in and one out."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.graph_timing import GraphTiming
from hdl.join import Fork
from hdl.timing import Timing, first_output

__all__ = ["Branches"]


class Branches(wiring.Component):
    """A fork, cores in a row in each branch, and the join of all branches.

    join : core with inputs i_0, i_1, ...
    branches : for each of them (low, high), which bits of each input element it takes, and its
        cores
    lanes, width : elements of a beat of the input i, and bits of an element
    interval : cycles between frames
    """

    def __init__(self, join: Any, branches: Sequence[tuple[int, int, Sequence[Any]]], *,
                 lanes: int, width: int, interval: int):
        self._join, self._branches, self._lanes, self._width = join, branches, lanes, width
        self.initiation_interval = interval
        super().__init__({"i": In(stream.Signature(lanes * width)),
                          "o": Out(join.o.signature)})

    def graph(self) -> tuple[dict[str, Timing], dict[str, tuple[str, ...]]]:
        """Stages and sources."""
        stages: dict[str, Timing] = {}
        sources: dict[str, tuple[str, ...]] = {}
        ends = []
        for k, (_, _, cores) in enumerate(self._branches):
            end = "input"
            for j, core in enumerate(cores):
                name = f"core_{k}_{j}"
                stages[name], sources[name], end = core.timing(), (end,), name
            ends.append(end)
        return stages | {"join": self._join.timing()}, sources | {"join": tuple(ends)}

    def timing(self) -> GraphTiming:
        """Model of the handshakes."""
        return GraphTiming(*self.graph())

    @property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return first_output([self.timing()])

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fork = fork = Fork(len(self.i.payload), len(self._branches))
        m.submodules.join = self._join
        wiring.connect(m, wiring.flipped(self.i), fork.i)
        wiring.connect(m, self._join.o, wiring.flipped(self.o))
        for k, (low, high, cores) in enumerate(self._branches):
            given, port = getattr(fork, f"o_{k}"), getattr(self._join, f"i_{k}")
            source = stream.Signature(self._lanes * (high - low)).create(path=(f"branch_{k}",))
            m.d.comb += [
                source.valid.eq(given.valid), given.ready.eq(source.ready),
                source.payload.eq(Cat(given.payload.word_select(lane, self._width)[low:high]
                                      for lane in range(self._lanes))),
            ]
            for j, core in enumerate(cores):
                m.submodules[f"core_{k}_{j}"] = core
                wiring.connect(m, source, core.i)
                source = core.o
            wiring.connect(m, source, port)
        return m
