"""Multiply, add, shift, round and saturate: the requantiser."""

from collections.abc import Mapping, Sequence

import numpy as np
from amaranth.hdl import Const, Shape, Value, signed

from golden.activation import Scale as ScaleLayer
from golden.activation import narrowest
from golden.number import Integer, pack
from hdl.elementwise import ElementwiseCore, Pipeline
from hdl.multipliers import check_multiplier
from hdl.rounding import fitted, half, product, rounded

__all__ = ["Scale"]


class Scale(ElementwiseCore[ScaleLayer]):
    """``overflow(round((multiplier * x + bias) / 2**shift))``, bit-exact to
    :func:`golden.elementwise.scale`.

    Latency 4 cycles, one beat a cycle; everything else as :class:`hdl.elementwise.ElementwiseCore`.
    With storage "ram" multipliers and biases can be written; they keep the widths that the layer
    itself needs.

    multiplier : "lut" for multiplications made of additions, "dsp" to leave them to the
        multiplier blocks of the family
    """

    depth = 2

    def __init__(self, layer: ScaleLayer, *, lanes: int, storage: str = "rom",
                 memory: str = "auto", multiplier: str = "lut", variant: str = "portable"):
        check_multiplier(layer.name, multiplier)
        self._multiplier = multiplier
        self.uses_dsp = multiplier == "dsp"
        self._factor, self._addend = self._operands(layer)
        super().__init__(layer, lanes=lanes, storage=storage, memory=memory, variant=variant)

    def _operands(self, layer: ScaleLayer) -> tuple[Integer, Integer]:
        """Number kinds of the multipliers, and of the biases with one half added."""
        return narrowest(layer.multiplier), narrowest(
            layer.bias + half(layer.shift, layer.rounding))

    @property
    def memories(self) -> Mapping[str, tuple[int, int]]:
        """Name -> (words, bits of a word): a beat's multipliers, its biases."""
        return {"multipliers": (self.beats, self.lanes * self._factor.width),
                "biases": (self.beats, self.lanes * self._addend.width)}

    def facts(self, layer: ScaleLayer) -> dict[str, object]:
        """What a layer that is written must share with this one."""
        return {**super().facts(layer), "shift": layer.shift, "rounding": layer.rounding,
                "overflow": layer.overflow}

    def words(self, layer: ScaleLayer) -> list[Sequence[int]]:
        """A beat's multipliers in a word, and its biases, lane 0 in the lowest bits."""
        contents: list[Sequence[int]] = []
        for parameter, values, number, own in zip(
                ("multiplier", "bias"),
                (layer.multiplier, layer.bias + half(layer.shift, layer.rounding)),
                self._operands(layer), (self._factor, self._addend), strict=True):
            if number.width > own.width:
                raise ValueError(f"layer {self.layer.name}: {parameter} must fit the {own.width} "
                                 f"bits kept for it, not {number.width} as of layer {layer.name}; "
                                 "make the core for the widest")
            padding = self.beats * self.lanes - layer.n
            # The last value again: where all are equal, so are all words.
            codes = own.encode(np.pad(values, (0, padding), "edge"))
            contents.append(pack(codes.reshape(self.beats, self.lanes), own.width))
        return contents

    def compute(self, pipe: Pipeline, x: Sequence[Value], parameters: Mapping[str, Value]
                ) -> Sequence[Value]:
        """A register of products, a register of sums."""
        layer, results = self.layer, []
        low, high = layer.sums
        width = Integer.holding(low, high + half(layer.shift, layer.rounding), signed=True).width
        for lane, value in enumerate(x):
            factor = self._operand(parameters["multipliers"], lane, self._factor.width)
            addend = self._operand(parameters["biases"], lane, self._addend.width)
            times = pipe.register(product(value, factor, self._multiplier), f"product_{lane}")
            if not isinstance(addend, int):
                addend = pipe.register(addend, f"bias_{lane}")
            exact = None if self.is_ram else Shape.cast(signed(width))
            total = pipe.register(times + addend, f"sum_{lane}", exact)
            results.append(fitted(rounded(total, layer.shift, layer.rounding), layer.output,
                                  layer.overflow))
        return results

    @staticmethod
    def _operand(word: Value, lane: int, width: int) -> Value | int:
        if isinstance(word, Const):
            code = word.value >> lane * width & (1 << width) - 1
            return code - (code >> width - 1 << width)
        return word.word_select(lane, width).as_signed()
