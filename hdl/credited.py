"""Pipelines in a row that nothing stops: a queue behind them takes what the output does not."""

from collections import Counter
from collections.abc import Collection, Mapping

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.argmax import ArgMax
from hdl.elementwise import ElementwiseCore
from hdl.graph_timing import Edge, Sources
from hdl.pipeline import LogicPipeline
from hdl.timing import FifoTiming

__all__ = ["CreditedPipelines", "is_pipeline", "pipeline_rows"]


def is_pipeline(core: wiring.Component) -> bool:
    """Does each input beat become an output beat after ``latency`` cycles, unless stopped?"""
    match core:
        case ElementwiseCore():
            return not core.is_ram  # a write stops it
        case ArgMax():
            return core.initiation_interval == 1
    return isinstance(core, LogicPipeline)


def pipeline_rows(cores: Mapping[str, wiring.Component], sources: Sources,
                  apart: Collection[Edge]) -> list[list[str]]:
    """Names of cores that form a row of pipelines, of which two at least are hard-wired layers.

    cores, sources : of a graph as in :mod:`hdl.graph_timing`
    apart : edges that are in no row
    """
    takers = Counter(source for of in sources.values() for source in of)
    rows: dict[str, list[str]] = {}  # by the last one's name
    for name, core in cores.items():
        if is_pipeline(core):
            (source,) = sources[name]
            follows = source in rows and takers[source] == 1 and (source, name) not in apart
            rows[name] = [*(rows.pop(source) if follows else ()), name]
    return [row for row in rows.values()
            if sum(isinstance(cores[name], LogicPipeline) for name in row) > 1]


class CreditedPipelines(wiring.Component):
    """Cores in a row, each :func:`is_pipeline`, of which none is ever stopped.

    A beat enters only while the queue behind them has a place for it that no other beat has been
    promised. So ``i.ready`` comes from registers alone, no signal runs from the output back
    through all cores, and their registers need no clock enable, whose thousands of sinks would
    bound the clock of hard-wired layers.

    Parameters
    ----------
    cores : name -> core, in the order of the data; at least one

    Members
    -------
    i : In, as of the first core
    o : Out, as of the last core

    ``latency`` is the sum of the cores', since beats pass by an empty queue;
    ``initiation_interval`` is that of the slowest core, ``room`` the beats that fit inside.
    Source: credit-based flow control, as in W. J. Dally and B. Towles, "Principles and Practices
    of Interconnection Networks", Morgan Kaufmann, 2004, chapter 13.
    """

    def __init__(self, cores: Mapping[str, wiring.Component]):
        self.cores = dict(cores)
        first, last = list(self.cores.values())[0], list(self.cores.values())[-1]
        self.latency = sum(core.latency for core in self.cores.values())
        self.room = self.latency + 1  # what is on its way, and what enters while a beat leaves
        super().__init__({"i": In(stream.Signature(len(first.i.payload))),
                          "o": Out(stream.Signature(len(last.o.payload)))})

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return max(core.initiation_interval for core in self.cores.values())

    def timing(self) -> FifoTiming:
        """Model of the handshakes."""
        return FifoTiming(self.room, self.latency)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        free = Signal(range(self.room + 1), init=self.room)  # places that no beat has been promised
        enters, leaves = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(free != 0),
            enters.eq(self.i.valid & self.i.ready),
            leaves.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += free.eq(free - enters + leaves)

        valid, payload = enters, self.i.payload
        for name, core in self.cores.items():
            m.submodules[name] = core
            m.d.comb += [core.i.valid.eq(valid), core.i.payload.eq(payload), core.o.ready.eq(1)]
            valid, payload = core.o.valid, core.o.payload
        m.submodules.queue = queue = fifo.SyncFIFO(width=len(payload), depth=self.room)
        m.d.comb += [
            queue.w_data.eq(payload),
            queue.w_en.eq(valid & (queue.r_rdy | ~self.o.ready)),
            queue.r_en.eq(self.o.ready),
            self.o.valid.eq(valid | queue.r_rdy),
            self.o.payload.eq(Mux(queue.r_rdy, queue.r_data, payload)),
        ]

        return m
