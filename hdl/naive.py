"""Layers written as one would first write them: what the other cores are measured against."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.layer import Dense
from golden.number import Bipolar

__all__ = ["NaiveAccumulator", "NaiveDense", "NaivePopcount"]


def _count(m: Module, bits: Value, name: str) -> Value:
    """Sum of bits by a balanced tree of adders.

    Sums have names of their own: in one expression yosys would not find those that neurons share.
    """
    level: list[Value] = list(bits)
    while len(level) > 1:
        sums: list[Value] = []
        for before, after in zip(level[::2], level[1::2], strict=False):
            sums.append(Signal(max(len(before), len(after)) + 1, name=name))
            m.d.comb += sums[-1].eq(before + after)
        level = sums + level[len(level) & ~1:]
    return level[0]


class NaivePopcount(wiring.Component):
    """Number of ones among n bits, bit-exact to :func:`golden.popcount.popcount`.

    A tree of adders, no register.

    Members: i : In(n); o : Out(n.bit_length())
    """

    def __init__(self, n: int) -> None:
        super().__init__({"i": In(n), "o": Out(n.bit_length())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(_count(m, self.i, "sum"))
        return m


class NaiveDense(wiring.Component):
    """All neurons of a bipolar layer, bit-exact to :func:`golden.dense.dense`.

    XNOR, a tree of adders and a comparison for each neuron; no register.

    layer : golden.layer.Dense of bipolar inputs; ValueError for others.
    Members: i : In(n_in), o : Out(n_out * width of an output), element 0 lowest.
    """

    def __init__(self, layer: Dense) -> None:
        if layer.input != Bipolar():
            raise ValueError(f"layer {layer.name}: inputs must be bipolar, not {layer.input}")
        self._layer = layer
        super().__init__({"i": In(layer.n_in), "o": Out(layer.n_out * layer.output.width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer, outputs = self._layer, []
        for j, row in enumerate(layer.weights.tolist()):
            signs = C(sum((weight > 0) << k for k, weight in enumerate(row)), layer.n_in)
            agree = Signal(layer.n_in, name=f"agree_{j}")
            m.d.comb += agree.eq(~(self.i ^ signs))
            count = Signal(layer.n_in.bit_length(), name=f"count_{j}")
            m.d.comb += count.eq(_count(m, agree, f"sum_{j}"))
            sum_ = (count << 1) - layer.n_in
            outputs.append(sum_[:layer.output.width] if layer.thresholds is None
                           else sum_ >= int(layer.thresholds[j]))
        m.d.comb += self.o.eq(Cat(outputs))
        return m


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
            sum_ = _count(m, agree, f"sum_{j}")
            m.d.sync += count.eq(Mux(self.first, 0, count) + sum_)
            m.d.comb += self.o[j].eq(count >= self.threshold.word_select(j, self._width))
        return m
