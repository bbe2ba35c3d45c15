"""Pipelines in a row that nothing stops: a queue behind them takes what is on its way."""

from collections.abc import Mapping

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.argmax import ArgMax
from hdl.elementwise import ElementwiseCore
from hdl.fifo import StreamFIFO
from hdl.pipeline import LogicPipeline
from hdl.timing import FifoTiming

__all__ = ["CreditedPipelines", "is_pipeline"]


def is_pipeline(core: wiring.Component) -> bool:
    """Does each input beat become an output beat after ``latency`` cycles, unless stopped?"""
    match core:
        case ElementwiseCore():
            return not core.is_ram  # a write stops it
        case ArgMax():
            return core.initiation_interval == 1
    return isinstance(core, LogicPipeline)


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

    ``latency`` is the sum of the cores' and 2 cycles, ``initiation_interval`` that of the slowest
    core, ``room`` the beats that fit inside.
    Source: credit-based flow control, as in W. J. Dally and B. Towles, "Principles and Practices
    of Interconnection Networks", Morgan Kaufmann, 2004, chapter 13.
    """

    def __init__(self, cores: Mapping[str, wiring.Component]):
        self.cores = dict(cores)
        first, last = list(self.cores.values())[0], list(self.cores.values())[-1]
        inside = sum(core.latency for core in self.cores.values())
        # Two cycles in the queue, and the place of a beat that leaves is free in the next one.
        self._queue = StreamFIFO(len(last.o.payload), inside + 3)
        self.latency = inside + self._queue.latency
        super().__init__({"i": In(stream.Signature(len(first.i.payload))),
                          "o": Out(stream.Signature(len(last.o.payload)))})

    @property
    def room(self) -> int:
        """Beats that fit inside."""
        return self._queue.depth

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return max(core.initiation_interval for core in self.cores.values())

    def timing(self) -> FifoTiming:
        """Model of the handshakes."""
        return FifoTiming(self.room, self.latency)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        m.submodules.queue = queue = self._queue
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
        m.d.comb += [queue.i.valid.eq(valid), queue.i.payload.eq(payload)]
        wiring.connect(m, queue.o, wiring.flipped(self.o))

        return m
