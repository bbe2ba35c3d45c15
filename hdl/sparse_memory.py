"""A memory that gives two neighbouring words a cycle."""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hdl.parameters import memory_for, memory_style

__all__ = ["PairMemory"]


class PairMemory(wiring.Component):
    """Words ``addr`` and ``addr + 1`` of a list, from a bank of even and one of odd places.

    Parameters: words, each of ``width`` bits; writable. Members: ``addr`` (0 .. len(words)) and
    ``en``; ``first`` and ``second`` follow at the clock edge while ``en`` is high, else they are
    kept. If writable: ``write_en`` puts ``write_word`` to ``write_address``, where nothing may be
    read at the same time. Words beyond the last are 0. A bank of more than 64 words is block RAM,
    else LUTs.
    """

    def __init__(self, words: Sequence[int], width: int, writable: bool = False) -> None:
        self._words, self._width = [int(word) for word in words], width
        self._writable = writable
        members = {"addr": In(ceil_log2(len(words) + 1) or 1), "en": In(1),
                   "first": Out(width), "second": Out(width)}
        if writable:
            members |= {"write_address": In(ceil_log2(len(words)) or 1), "write_word": In(width),
                        "write_en": In(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        depth = len(self._words) // 2 + 2
        style = memory_style("ram" if self._writable else "rom", memory_for("auto", depth))
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
        for parity, bank in enumerate((even, odd) if self._writable else ()):
            put = bank.write_port()
            m.d.comb += [put.addr.eq(self.write_address >> 1), put.data.eq(self.write_word),
                         put.en.eq(self.write_en & (self.write_address[0] == parity))]

        return m
