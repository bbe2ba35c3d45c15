"""How many thresholds does a number reach: all of them compared at once."""

from collections.abc import Mapping, Sequence

import numpy as np
from amaranth.hdl import C, Cat, Const, Mux, Value

from golden.activation import MultiThreshold as MultiThresholdLayer
from golden.number import Bipolar, Integer, Number, pack
from hdl.elementwise import ElementwiseCore, Pipeline

__all__ = ["MultiThreshold", "as_output", "threshold_number"]


def threshold_number(layer: MultiThresholdLayer) -> Integer:
    """The kind of all thresholds that an input can have, "never reached" included."""
    number = layer.input
    return Integer.holding(number.minimum, number.maximum + 1, signed=True)


def as_output(count: Value, output: Number) -> Value:
    """Code of the output's value number ``count``."""
    if isinstance(output, Bipolar):
        return count[:1]
    return (count + C(output.minimum, output.width + 1))[:output.width]


class MultiThreshold(ElementwiseCore[MultiThresholdLayer]):
    """Number of thresholds reached, bit-exact to :func:`golden.elementwise.multi_threshold`.

    All comparisons at once. Latency 3 cycles, one beat a cycle; everything else as
    :class:`hdl.elementwise.ElementwiseCore`. Thresholds that are the same in all beats and cannot
    be written are constants.
    """

    depth = 1

    @property
    def memories(self) -> Mapping[str, tuple[int, int]]:
        """Name -> (words, bits of a word): a beat's thresholds."""
        bits = self.lanes * self.layer.levels * threshold_number(self.layer).width
        return {"thresholds": (self.beats, bits)}

    def facts(self, layer: MultiThresholdLayer) -> dict[str, object]:
        """What a layer that is written must share with this one."""
        return {**super().facts(layer), "levels": layer.levels}

    def words(self, layer: MultiThresholdLayer) -> list[Sequence[int]]:
        """A beat's thresholds in a word: lane 0 in the lowest bits, in a lane the lowest first."""
        padding = self.beats * self.lanes - layer.n
        rows = np.pad(layer.thresholds, ((0, padding), (0, 0)), "edge")
        number = threshold_number(layer)
        return [pack(number.encode(rows).reshape(self.beats, -1), number.width)]

    def compute(self, pipe: Pipeline, x: Sequence[Value], parameters: Mapping[str, Value]
                ) -> Sequence[Value]:
        """A register of comparisons."""
        width, levels = threshold_number(self.layer).width, self.layer.levels
        word = parameters["thresholds"]
        results = []
        for lane, value in enumerate(x):
            limits = [_slice(word, lane * levels + k, width) for k in range(levels)]
            reached = pipe.register(Cat(value >= limit for limit in limits), f"reached_{lane}")
            results.append(as_output(_count(reached), self.layer.output))
        return results


def _slice(word: Value, index: int, width: int) -> Value:
    if isinstance(word, Const):
        code = word.value >> index * width & (1 << width) - 1
        return Const(code - (code >> width - 1 << width))
    return word.word_select(index, width).as_signed()


def _count(reached: Value) -> Value:
    """How many bits are 1, where all below the highest 1 are: a bit of the count halves them."""
    bits: list[Value] = []
    for k in reversed(range(len(reached).bit_length())):
        size = 1 << k
        reached = Cat(reached, C(0, 2 * size - 1 - len(reached)))
        bits.append(reached[size - 1])
        reached = Mux(bits[-1], reached[size:], reached[:size - 1])
    return Cat(reversed(bits))
