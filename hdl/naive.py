"""Layers written as one would first write them: what the other cores are measured against."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.layer import Dense
from golden.number import Bipolar

__all__ = ["NaiveAccumulator", "NaiveDense", "NaivePopcount"]


def _count(bits: Sequence[Value]) -> Value:
    """Sum of bits by a balanced tree of adders."""
    half = len(bits) // 2
    return _count(bits[:half]) + _count(bits[half:]) if half else bits[0]


class NaivePopcount(wiring.Component):
    """Number of ones among n bits, bit-exact to :func:`golden.popcount.popcount`.

    A tree of adders, no register.

    Members: i : In(n); o : Out(n.bit_length())
    """

    def __init__(self, n: int) -> None:
        super().__init__({"i": In(n), "o": Out(n.bit_length())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(_count(list(self.i)))
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
            agree = [bit if weight > 0 else ~bit for bit, weight in zip(self.i, row, strict=True)]
            count = Signal(layer.n_in.bit_length(), name=f"count_{j}")
            m.d.comb += count.eq(_count(agree))
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
            agree = _count(list(~(self.x ^ self.w.word_select(j, self._simd))))
            m.d.sync += count.eq(Mux(self.first, 0, count) + agree)
            m.d.comb += self.o[j].eq(count >= self.threshold.word_select(j, self._width))
        return m
