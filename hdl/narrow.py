"""Numbers in fewer bits than they came in."""

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.timing import WireTiming

__all__ = ["Narrow"]


class Narrow(wiring.Component):
    """The lowest bits of each lane: exact for numbers that the narrower kind holds.

    A layer whose weights can be written has accumulators for the worst case; those of the weights
    that it holds fit the kind that its network names. Lanes beyond a frame go through as they came.
    No register: latency 0.

    Members
    -------
    i : In(stream.Signature(lanes * width_in)), lane 0 in the lowest bits
    o : Out(stream.Signature(lanes * width_out))

    Raises ValueError unless width_out is at most width_in.
    """

    latency = 0
    initiation_interval = 1

    def __init__(self, lanes: int, width_in: int, width_out: int):
        if width_out > width_in:
            raise ValueError(f"Narrow width_out must be at most width_in, {width_in}, "
                             f"not {width_out}")
        self._lanes, self._widths = lanes, (width_in, width_out)
        super().__init__({"i": In(stream.Signature(lanes * width_in)),
                          "o": Out(stream.Signature(lanes * width_out))})

    def timing(self) -> WireTiming:
        """Model of the handshakes."""
        return WireTiming()

    def elaborate(self, platform: object) -> Module:
        m = Module()

        width_in, width_out = self._widths
        m.d.comb += [
            self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready),
            self.o.payload.eq(Cat(self.i.payload.word_select(lane, width_in)[:width_out]
                                  for lane in range(self._lanes))),
        ]

        return m
