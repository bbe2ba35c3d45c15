"""A queue of stream words."""

from amaranth.hdl import Module
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.timing import FifoTiming, fifo_latency

__all__ = ["StreamFIFO"]


class StreamFIFO(wiring.Component):
    """Queue of up to ``depth`` words of ``width`` bits; one word a cycle in and out at once.

    Any number of beats is a frame. ``i.ready`` depends on ``o.ready`` of the same cycle only at
    depth 1, a single register. Depth 2 are two registers; from 3 on the words lie in a memory
    that becomes LUT or block RAM, with the last of them in an output register.

    Parameters
    ----------
    width : bits of a word, at least 1
    depth : words it holds, at least 1

    Members
    -------
    i : In(stream.Signature(width))
    o : Out(stream.Signature(width))

    ``latency`` is 1 cycle up to depth 2, else 2; ``initiation_interval`` is 1 cycle a beat.
    Raises ValueError for a width or depth below 1, TypeError if one is no integer.
    """

    def __init__(self, width: int, depth: int) -> None:
        for name, value in {"width": width, "depth": depth}.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"StreamFIFO {name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"StreamFIFO {name} must be at least 1, not {value}")
        self._width, self._depth = width, depth
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})

    @property
    def depth(self) -> int:
        """Words that fit."""
        return self._depth

    @property
    def latency(self) -> int:
        """Cycles from taking a word to offering it, when empty."""
        return fifo_latency(self._depth)

    @property
    def initiation_interval(self) -> int:
        """Cycles a word at full rate."""
        return 1

    def timing(self) -> FifoTiming:
        """Model of the handshakes."""
        return FifoTiming(self._depth, self.latency)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._depth == 1:
            self._register(m)
        elif self._depth == 2:
            self._two_registers(m)
        else:
            m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=self._width,
                                                               depth=self._depth)
            wiring.connect(m, wiring.flipped(self.i), queue.w_stream)
            wiring.connect(m, queue.r_stream, wiring.flipped(self.o))
        return m

    def _register(self, m: Module) -> None:
        with m.If(~self.o.valid | self.o.ready):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload)]

    def _two_registers(self, m: Module) -> None:
        # The second register catches the word that arrives in the cycle in which o stalls.
        spare = stream.Signature(self._width).create()
        m.d.comb += self.i.ready.eq(~spare.valid)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [self.o.valid.eq(spare.valid | self.i.valid), spare.valid.eq(0)]
            with m.If(spare.valid):
                m.d.sync += self.o.payload.eq(spare.payload)
            with m.Else():
                m.d.sync += self.o.payload.eq(self.i.payload)
        with m.Elif(self.i.valid & self.i.ready):
            m.d.sync += [spare.valid.eq(1), spare.payload.eq(self.i.payload)]
