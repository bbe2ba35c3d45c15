"""Layers written as one would first write them: what the other cores are measured against."""

from collections.abc import Sequence

from amaranth.hdl import Array, C, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.layer import Dense
from golden.number import Bipolar, Codebook, Number

__all__ = ["NaiveAccumulator", "NaiveDense", "NaiveMac", "NaivePopcount"]


def _add(m: Module, terms: Sequence[Value], name: str) -> Value:
    """Sum of terms by a balanced tree of adders.

    Sums have names of their own: in one expression yosys would not find those that neurons share.
    """
    level = list(terms)
    while len(level) > 1:
        sums: list[Value] = []
        for before, after in zip(level[::2], level[1::2], strict=False):
            sums.append(Signal((before + after).shape(), name=name))
            m.d.comb += sums[-1].eq(before + after)
        level = sums + level[len(level) & ~1:]
    return level[0]


def _value(code: Value, number: Number) -> Value:
    """What a code of bipolar, ternary or integer kind stands for."""
    if number == Bipolar():
        return Mux(code[0], C(1, signed(2)), C(-1, signed(2)))
    return code.as_signed() if number.minimum < 0 else code


class NaivePopcount(wiring.Component):
    """Number of ones among n bits, bit-exact to :func:`golden.popcount.popcount`.

    A tree of adders, no register.

    Members: i : In(n); o : Out(n.bit_length())
    """

    def __init__(self, n: int) -> None:
        super().__init__({"i": In(n), "o": Out(n.bit_length())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(_add(m, list(self.i), "sum"))
        return m


class NaiveDense(wiring.Component):
    """All neurons of a layer, bit-exact to :func:`golden.dense.dense`.

    Bipolar inputs and weights: XNOR, a tree of adders and a comparison for each neuron. Others:
    products with constants, those of 0 left out, in place of the XNORs. No register.

    layer : golden.layer.Dense
    Members: i : In(n_in * input.width), o : Out(n_out * width of an output), element 0 lowest.
    """

    def __init__(self, layer: Dense) -> None:
        self._layer = layer
        super().__init__({"i": In(layer.n_in * layer.input.width),
                          "o": Out(layer.n_out * layer.output.width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer, outputs = self._layer, []
        for j, row in enumerate(layer.weights.tolist()):
            threshold = None if layer.thresholds is None else int(layer.thresholds[j])
            if (layer.input, layer.weight_kind) != (Bipolar(), Bipolar()):
                sum_ = self._product(m, row, j)
                outputs.append(sum_.as_unsigned()[:layer.output.width] if threshold is None
                               else sum_ >= threshold)
                continue
            signs = C(sum((weight > 0) << k for k, weight in enumerate(row)), layer.n_in)
            agree = Signal(layer.n_in, name=f"agree_{j}")
            m.d.comb += agree.eq(~(self.i ^ signs))
            count = Signal(layer.n_in.bit_length(), name=f"count_{j}")
            m.d.comb += count.eq(_add(m, list(agree), f"sum_{j}"))
            sum_ = (count << 1) - layer.n_in
            outputs.append(sum_[:layer.output.width] if threshold is None else sum_ >= threshold)
        m.d.comb += self.o.eq(Cat(outputs))
        return m

    def _product(self, m: Module, row: list[int], j: int) -> Signal:
        layer, width = self._layer, self._layer.input.width
        terms = [_value(self.i.word_select(k, width), layer.input) * C(weight)
                 for k, weight in enumerate(row) if weight]
        if layer.bias is not None:
            terms.append(C(int(layer.bias[j])))
        sum_ = Signal(signed(layer.accumulator.width), name=f"accumulator_{j}")
        m.d.comb += sum_.eq(_add(m, terms, f"sum_{j}") if terms else 0)
        return sum_


class NaiveAccumulator(wiring.Component):
    """Folded bipolar neurons: every cycle each adds how many of simd inputs equal their weights.

    Members: x : In(simd); w : In(pe * simd), neuron 0 lowest; first : In(1), start anew;
    threshold : In(pe * width); o : Out(pe), count so far >= threshold.
    """

    def __init__(self, simd: int, pe: int, width: int) -> None:
        self._simd, self._pe, self._width = simd, pe, width
        super().__init__({"x": In(simd), "w": In(pe * simd), "first": In(1),
                          "threshold": In(pe * width), "o": Out(pe)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for j in range(self._pe):
            count = Signal(self._width, name=f"count_{j}")
            agree = Signal(self._simd, name=f"agree_{j}")
            m.d.comb += agree.eq(~(self.x ^ self.w.word_select(j, self._simd)))
            sum_ = _add(m, list(agree), f"sum_{j}")
            m.d.sync += count.eq(Mux(self.first, 0, count) + sum_)
            m.d.comb += self.o[j].eq(count >= self.threshold.word_select(j, self._width))
        return m


class NaiveMac(wiring.Component):
    """Folded neurons of any kinds: every cycle each adds simd products to its accumulator.

    input, weight : number kinds; a codebook's indices are looked up and multiplied. width : bits of
    an accumulator.

    Members: x : In(simd * input.width); w : In(pe * simd * weight.width), neuron 0 lowest; first :
    In(1), start from the preload; preload : In(pe * width); o : Out(pe * width), sum so far.
    """

    def __init__(self, simd: int, pe: int, input: Number, weight: Number, width: int) -> None:
        self._simd, self._pe, self._width = simd, pe, width
        self._input, self._weight = input, weight
        super().__init__({"x": In(simd * input.width), "w": In(pe * simd * weight.width),
                          "first": In(1), "preload": In(pe * width), "o": Out(pe * width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for j in range(self._pe):
            products = []
            for k in range(self._simd):
                code = self.w.word_select(j * self._simd + k, self._weight.width)
                if isinstance(self._weight, Codebook):
                    weight = Array(C(entry, signed(self._weight.entry.width))
                                   for entry in self._weight.entries)[code]
                else:
                    weight = _value(code, self._weight)
                x = _value(self.x.word_select(k, self._input.width), self._input)
                products.append(x * weight)
            accumulator = Signal(self._width, name=f"accumulator_{j}")
            start = Mux(self.first, self.preload.word_select(j, self._width), accumulator)
            total = (start + _add(m, products, f"sum_{j}"))[:self._width]
            m.d.sync += accumulator.eq(total)
            m.d.comb += self.o.word_select(j, self._width).eq(total)
        return m
