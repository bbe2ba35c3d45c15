"""Sums of the inputs that share a codebook entry, multiplied once a pass: folded arithmetic."""

from amaranth.hdl import C, Cat, Module, Signal, Value

from hdl.folded_arithmetic import FoldedArithmetic
from hdl.folded_logic import accumulate_logic, add_logic
from hdl.folding import Folding
from hdl.logic_block import LogicBlock

__all__ = ["FoldedBins"]


class FoldedBins(FoldedArithmetic):
    """For a codebook: an accumulator for each entry, and one product of each a pass.

    Every input is added to the accumulator of its weight's index; after the last beat, entries
    times accumulators are added up. Known entries are constants in signed digits, and 0 takes no
    accumulator; those that may be written are registers.

    Source: the weight-shared accumulators of Garland and Gregg, "Low complexity multiply accumulate
    unit for weight-sharing convolutional neural networks", IEEE Computer Architecture Letters 2017,
    arXiv:1609.05132.
    """

    def __init__(self, folding: Folding, *, levels: int = 3, variant: str = "portable"):
        assert folding.bins is not None
        self._bins, self._variant = folding.bins, variant
        self._sums = LogicBlock(*folding.bins.sums(folding.pe), levels=levels, variant=variant)
        self._weighted = [LogicBlock(*folding.bins.weighted, levels=levels, variant=variant)
                          for _ in range(folding.pe)]
        super().__init__(folding)

    @property
    def sum_latency(self) -> int:
        return self._sums.latency

    @property
    def result_latency(self) -> int:
        return 1 + self._weighted[0].latency

    def elaborate(self, platform: object) -> Module:
        m = Module()

        bins, width = self._bins, self._folding.accumulator_width
        m.submodules.sums = sums = self._sums
        m.d.comb += [sums.i.eq(Cat(self.x, self.w)), sums.enable.eq(self.enable)]
        entries = self._entries(m)
        graph = accumulate_logic(bins.sum_width, bins.bin_width)
        for j, weighted in enumerate(self._weighted):
            accumulators = []
            for k in range(len(bins.indices)):
                block = LogicBlock(*graph, variant=self._variant)
                m.submodules[f"accumulate_{j}_{k}"] = block
                accumulator = Signal(bins.bin_width, name=f"bin_{j}_{k}", reset_less=True)
                sum_ = sums.o.word_select(j * len(bins.indices) + k, bins.sum_width + 1)
                m.d.comb += block.i.eq(Cat(sum_, self.first, C(0, bins.bin_width), accumulator))
                with m.If(self.enable & self.valid):
                    m.d.sync += accumulator.eq(block.o)
                accumulators.append(accumulator)
            m.submodules[f"weighted_{j}"] = weighted
            m.submodules[f"add_{j}"] = add = LogicBlock(*add_logic(width), variant=self._variant)
            m.d.comb += [
                weighted.i.eq(Cat(accumulators, entries)), weighted.enable.eq(self.enable),
                add.i.eq(Cat(weighted.o, self.preload.word_select(j, width))),
                self.total.word_select(j, width).eq(add.o),
            ]

        return m

    def _entries(self, m: Module) -> Value:
        """Registers of entries that may be written."""
        if self._bins.known:
            return Cat()
        width = self._folding.factor.width
        entries = [Signal(width, name=f"entry_{k}", init=word, reset_less=True)
                   for k, word in enumerate(self._folding.entry_words())]
        for k, entry in enumerate(entries):
            with m.If(self.entry_write & (self.entry_address == k)):
                m.d.sync += entry.eq(self.entry)
        return Cat(entries)
