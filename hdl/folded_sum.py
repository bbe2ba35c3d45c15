"""Sums of simd products for each of pe neurons, accumulated: the arithmetic of a folded layer."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.folded_logic import accumulate_logic, products_logic
from hdl.folding import Folding
from hdl.logic_block import LogicBlock

__all__ = ["FoldedSum"]


class FoldedSum(wiring.Component):
    """The arithmetic of :class:`hdl.folded_dense.FoldedDense`, without its memories.

    1.04 LUT per XNOR-accumulate on 7-series for 64 inputs, 16 neurons and 12-bit accumulators.

    Operands enter while ``enable`` is high. ``sum_latency`` enabled cycles after a beat went in,
    its sums are ready; ``first`` and ``preload`` accompany the sums, not the operands, and
    ``total`` is the accumulator that includes them, in the same cycle.

    Members: ``x`` simd inputs, ``w`` pe * simd stored weights, ``preload`` and ``total`` pe
    accumulators, ``first`` (this sum starts from the preload), ``valid`` (this sum counts).
    """

    def __init__(self, folding: Folding, *, levels: int = 3, variant: str = "portable"):
        self._folding, self._variant = folding, variant
        self._products = LogicBlock(
            *products_logic(folding.simd, folding.layer.input.width, folding.pe,
                            folding.form.flip_top), levels=levels, variant=variant)
        accumulators = folding.pe * folding.accumulator_width
        super().__init__({
            "x": In(folding.simd * folding.layer.input.width), "w": In(folding.pe * folding.simd),
            "preload": In(accumulators), "total": Out(accumulators),
            "first": In(1), "valid": In(1), "enable": In(1)})

    @property
    def sum_latency(self) -> int:
        """Enabled cycles from operands to their sums."""
        return self._products.latency

    def elaborate(self, platform: object) -> Module:
        m = Module()

        width, sum_width = self._folding.accumulator_width, self._folding.sum_width
        m.submodules.products = products = self._products
        m.d.comb += [products.i.eq(Cat(self.x, self.w)), products.enable.eq(self.enable)]
        graph = accumulate_logic(sum_width, width)
        for j in range(self._folding.pe):
            block = LogicBlock(*graph, variant=self._variant)
            m.submodules[f"accumulate_{j}"] = block
            accumulator = Signal(width, name=f"accumulator_{j}", reset_less=True)
            m.d.comb += [
                block.i.eq(Cat(products.o.word_select(j, sum_width + 1), self.first,
                               self.preload.word_select(j, width), accumulator)),
                self.total.word_select(j, width).eq(block.o),
            ]
            with m.If(self.enable & self.valid):
                m.d.sync += accumulator.eq(block.o)

        return m
