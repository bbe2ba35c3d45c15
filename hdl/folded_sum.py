"""Sums of simd products for each of pe neurons, accumulated: the arithmetic of a folded layer."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.memory import Memory

from golden.number import Bipolar, Integer
from hdl.folded_arithmetic import FoldedArithmetic
from hdl.folded_logic import accumulate_logic, products_logic
from hdl.folded_products import sum_logic, weighted_logic
from hdl.folding import Folding
from hdl.logic import Logic
from hdl.logic_block import LogicBlock
from hdl.rom import rom_logic

__all__ = ["FoldedSum"]


class FoldedSum(FoldedArithmetic):
    """A product for every lane of every neuron, added up onto the neuron's accumulator.

    ±1 weights: 1.04 LUT per XNOR-accumulate on 7-series for 64 inputs, 16 neurons and 12-bit
    accumulators. Indices of a codebook are decoded in a stage of their own; DSP multipliers have
    registers before and behind them. ``first`` lets the accumulator start from ``preload``.
    """

    def __init__(self, folding: Folding, *, levels: int = 3, variant: str = "portable"):
        self._folding, self._variant = folding, variant
        self._products = LogicBlock(*self._graph(), levels=levels, variant=variant)
        super().__init__(folding)

    def _graph(self) -> tuple[Logic, list[int]]:
        folding = self._folding
        simd, pe, width = folding.simd, folding.pe, folding.layer.input.width
        if folding.dsp:
            return sum_logic(simd, folding.product_width, pe, folding.sum_width)
        if folding.factor == Bipolar():
            return products_logic(simd, width, pe, folding.form.flip_top)
        return weighted_logic(simd, width, pe, folding.form.flip_top, folding.factor,
                              folding.sum_width)

    @property
    def sum_latency(self) -> int:
        return self._products.latency + bool(self._folding.entries) + 2 * self._folding.dsp

    def elaborate(self, platform: object) -> Module:
        m = Module()

        folding = self._folding
        width, sum_width = folding.accumulator_width, folding.sum_width
        x, w = Value.cast(self.x), Value.cast(self.w)
        if folding.entries:
            x, w = self._register(m, "indexed", x), self._register(m, "entries", self._decode(m))
        operands = self._multiply(m, x, w) if folding.dsp else Cat(x, w)
        m.submodules.products = products = self._products
        m.d.comb += [products.i.eq(operands), products.enable.eq(self.enable)]
        graph = accumulate_logic(sum_width, width)
        for j in range(folding.pe):
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

    def _register(self, m: Module, name: str, value: Value) -> Signal:
        register = Signal.like(value, name=name, reset_less=True)
        with m.If(self.enable):
            m.d.sync += register.eq(value)
        return register

    def _decode(self, m: Module) -> Value:
        """The entries that the indices ``w`` stand for."""
        folding = self._folding
        words, width = folding.entry_words(), folding.factor.width
        bits = folding.layer.weight_kind.width
        indices = [self.w.word_select(k, bits) for k in range(folding.pe * folding.simd)]
        if not self._writable:
            entries = []
            for k, index in enumerate(indices):
                table = LogicBlock(*rom_logic(words, width), variant=self._variant)
                m.submodules[f"entry_{k}"] = table
                m.d.comb += table.i.eq(index)
                entries.append(table.o)
            return Cat(entries)
        m.submodules.entries = memory = Memory(shape=width, depth=len(words), init=words,
                                               attrs={"ram_style": "distributed"})
        write = memory.write_port()
        m.d.comb += [write.addr.eq(self.entry_address), write.data.eq(self.entry),
                     write.en.eq(self.entry_write)]
        ports = [memory.read_port(domain="comb") for _ in indices]
        m.d.comb += [port.addr.eq(index) for port, index in zip(ports, indices, strict=True)]
        return Cat(port.data for port in ports)

    def _multiply(self, m: Module, x: Value, w: Value) -> Value:
        """All products, two's complement, two stages later; one multiplier each."""
        folding = self._folding
        products = []
        for k in range(folding.pe * folding.simd):
            factors = []
            for value, lane, number in ((x, k % folding.simd, folding.layer.input),
                                        (w, k, folding.factor)):
                assert isinstance(number, Integer)
                code = value.word_select(lane, number.width)
                factors.append(self._register(
                    m, f"factor_{k}", code.as_signed() if number.signed else code))
            product = Signal(folding.product_width, name=f"product_{k}", reset_less=True)
            with m.If(self.enable):
                m.d.sync += product.eq(factors[0] * factors[1])
            products.append(product)
        return Cat(products)
