"""Read-only memory in look-up tables."""

from collections.abc import Sequence

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hdl.logic import LUT_INPUTS, Logic
from hdl.logic_block import LogicBlock

__all__ = ["LutRom", "rom_logic"]


def rom_logic(words: Sequence[int], width: int) -> tuple[Logic, list[int]]:
    """Address bits to the word's bits: a LUT for every 64 words of a bit, and multiplexers."""
    logic = Logic(max(ceil_log2(len(words)), 1))
    address = logic.inputs

    def look_up(table: int, bits: int) -> int:
        """Entry of a table of 2**bits one-bit entries that the lowest address bits choose."""
        if bits <= LUT_INPUTS:
            return logic.lut(address[:bits], lambda *code: table >> _number(code))
        # Two address bits choose among four quarters: with them, six inputs.
        taken = 2 if bits > LUT_INPUTS + 1 else 1
        size = 1 << bits - taken
        parts = [look_up(table >> k * size & (1 << size) - 1, bits - taken)
                 for k in range(1 << taken)]
        return logic.lut([*address[bits - taken:bits], *parts],
                         lambda *code: code[taken + _number(code[:taken])])

    columns = [0] * width
    for k, word in enumerate(words):
        for j in range(width):
            columns[j] |= (word >> j & 1) << k
    return logic, [logic.plain(look_up(column, len(address))) for column in columns]


def _number(bits: Sequence[int]) -> int:
    return sum(bit << k for k, bit in enumerate(bits))


class LutRom(wiring.Component):
    """ROM with a synchronous read port, as LUTs on 7-series: 64 bits of content a LUT.

    ``data`` becomes ``words[addr]`` at the clock edge while ``en`` is high, else it is kept, as
    with a read port of ``amaranth.lib.memory.Memory``.

    Parameters: words, at least one, each of ``width`` bits; variant as in
    :class:`hdl.logic_block.LogicBlock`.
    """

    def __init__(self, words: Sequence[int], width: int, *, variant: str = "portable"):
        logic, outputs = rom_logic(words, width)
        self._block = LogicBlock(logic, outputs, variant=variant)
        super().__init__({"addr": In(logic.n_inputs), "en": In(1), "data": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()

        m.submodules.table = table = self._block
        m.d.comb += table.i.eq(self.addr)
        with m.If(self.en):
            m.d.sync += self.data.eq(table.o)

        return m
