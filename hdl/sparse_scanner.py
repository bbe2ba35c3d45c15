"""Leading-non-zero detection: the activations of a frame that are not 0, one a cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hdl.fifo import StreamFIFO

__all__ = ["NonZeroScanner"]


class NonZeroScanner(wiring.Component):
    """Give the elements of a frame that are not 0, in order, one a cycle.

    Beats of nothing but zeros are not even stored. The last item of a frame is marked; in a frame
    whose last beat is all zero it carries no element.

    Parameters: n, elements of a frame; width of one; lanes of a beat; depth, beats that wait;
    every: give all elements, also those that are 0.

    Members
    -------
    i : In(stream.Signature(lanes * width)), lane 0 lowest; lanes beyond n are ignored
    o : Out(stream.Signature(StructLayout)) of ``value``, its place ``column``, ``any``: is there
        an element at all, and ``last``: of the frame
    first : the next beat is the first of a frame

    An item is offered ``latency`` cycles after its beat, at the earliest. No errors; the engine
    that contains it has checked the parameters.
    """

    def __init__(self, n: int, width: int, lanes: int, depth: int, every: bool = False) -> None:
        self._n, self._width, self._lanes, self._every = n, width, lanes, every
        self._beats = -(-n // lanes)
        self._beat_width = ceil_log2(self._beats) or 1
        self._queue = StreamFIFO(lanes * width + lanes + self._beat_width, depth)
        super().__init__({
            "i": In(stream.Signature(lanes * width)),
            "o": Out(stream.Signature(data.StructLayout({
                "value": width, "column": ceil_log2(self._beats * lanes) or 1, "any": 1,
                "last": 1}))),
            "first": Out(1),
        })

    @property
    def latency(self) -> int:
        """Cycles from taking a beat to offering its first element."""
        return self._queue.latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = self._queue
        width, lanes = self._width, self._lanes

        beat = Signal(self._beat_width)
        last = beat == self._beats - 1
        in_last = self._n - (self._beats - 1) * lanes
        there = Cat((self._every | self.i.payload.word_select(lane, width).any())
                    & (~last if lane >= in_last else 1) for lane in range(lanes))
        m.d.comb += [
            self.i.ready.eq(queue.i.ready), self.first.eq(beat == 0),
            queue.i.valid.eq(self.i.valid & (there.any() | last)),
            queue.i.payload.eq(Cat(self.i.payload, there, beat)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))

        values = queue.o.payload[:lanes * width]
        mask = queue.o.payload[lanes * width:][:lanes]
        head = queue.o.payload[-self._beat_width:]
        given = Signal(lanes)
        left = Signal(lanes)
        lowest = Signal(lanes)
        only = (left & (left - 1)[:lanes]) == 0
        m.d.comb += [left.eq(mask & ~given), lowest.eq(left & -left),
                     queue.o.ready.eq(self.o.ready & only),
                     self.o.valid.eq(queue.o.valid), self.o.p.any.eq(left.any()),
                     self.o.p.last.eq(only & (head == self._beats - 1))]
        for lane in reversed(range(lanes)):
            with m.If(left[lane]):
                m.d.comb += [self.o.p.value.eq(values.word_select(lane, width)),
                             self.o.p.column.eq(head * lanes + lane)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += given.eq(Mux(only, 0, given | lowest))

        return m
