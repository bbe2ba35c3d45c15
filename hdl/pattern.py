"""Pseudo-random frames, a beat a cycle, as :func:`golden.pattern.pattern` gives them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.number import Number, Ternary
from golden.pattern import SEED

__all__ = ["Pattern"]


class Pattern(wiring.Component):
    """Gives as many frames as are asked for, from the generator's first number on each time.

    Parameters: number, n and lanes as of :func:`golden.pattern.pattern`.

    Members
    -------
    i : In(stream.Signature(16)), how many frames; taken when all before have been given
    o : Out(stream.Signature(lanes * number.width)), a beat; lanes beyond n hold anything

    ``latency`` is 1 cycle.
    """

    def __init__(self, number: Number, n: int, lanes: int) -> None:
        self._number, self._beats = number, -(-n // lanes)
        super().__init__({"i": In(stream.Signature(16)),
                          "o": Out(stream.Signature(lanes * number.width))})

    @property
    def latency(self) -> int:
        """Cycles from taking a number of frames to offering the first beat."""
        return 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left, beat = Signal(16), Signal(range(self._beats))
        state, one, two, three = Signal(32, init=SEED), Signal(32), Signal(32), Signal(32)
        width = len(self.o.payload)
        word = Cat(state.rotate_left(11 * k) for k in range(-(-width // 32)))[:width]
        if isinstance(self._number, Ternary):
            word = Cat(Cat(low, low & high) for low, high in zip(word[::2], word[1::2],
                                                                 strict=True))
        m.d.comb += [
            one.eq(state ^ state << 13), two.eq(one ^ one >> 17), three.eq(two ^ two << 5),
            self.o.payload.eq(word), self.o.valid.eq(left != 0), self.i.ready.eq(left == 0),
        ]
        with m.If(self.i.ready):
            m.d.sync += state.eq(SEED)
            with m.If(self.i.valid):
                m.d.sync += left.eq(self.i.payload)
        with m.Elif(self.o.ready):
            last = beat == self._beats - 1
            m.d.sync += [state.eq(three), beat.eq(Mux(last, 0, beat + 1)), left.eq(left - last)]
        return m
