"""A read-only memory that gives two neighbouring words a cycle."""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["PairMemory"]

_LUT_WORDS = 64  # up to so many words of a bank are kept in LUTs


class PairMemory(wiring.Component):
    """Words ``addr`` and ``addr + 1`` of a list, from a bank of even and one of odd places.

    Parameters: words, each of ``width`` bits. Members: ``addr`` (0 .. len(words)) and ``en``;
    ``first`` and ``second`` follow at the clock edge while ``en`` is high, else they are kept.
    Words beyond the last are 0. A bank of more than 64 words is block RAM, else LUTs.
    """

    def __init__(self, words: Sequence[int], width: int) -> None:
        self._words, self._width = [int(word) for word in words], width
        super().__init__({"addr": In(ceil_log2(len(words) + 1) or 1), "en": In(1),
                          "first": Out(width), "second": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()

        depth = len(self._words) // 2 + 2
        style = {"rom_style": "logic" if depth <= _LUT_WORDS else "block"}
        m.submodules.even = even = Memory(shape=self._width, depth=depth, init=self._words[::2],
                                          attrs=style)
        m.submodules.odd = odd = Memory(shape=self._width, depth=depth, init=self._words[1::2],
                                        attrs=style)
        low, high = even.read_port(), odd.read_port()
        swapped = Signal()
        m.d.comb += [
            low.addr.eq((self.addr >> 1) + self.addr[0]), high.addr.eq(self.addr >> 1),
            low.en.eq(self.en), high.en.eq(self.en),
            self.first.eq(Mux(swapped, high.data, low.data)),
            self.second.eq(Mux(swapped, low.data, high.data)),
        ]
        with m.If(self.en):
            m.d.sync += swapped.eq(self.addr[0])

        return m
