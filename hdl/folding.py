"""How a dense layer is cut into passes and beats, and what its memories then hold."""

from functools import cached_property

import numpy as np

from golden.layer import Dense
from golden.number import Integer, Number, pack
from hdl.dense_logic import unsigned_form
from hdl.folded_logic import recode

__all__ = ["Folding"]


class Folding:
    """``pe`` neurons and ``simd`` inputs a cycle.

    A frame takes ``passes * beats`` cycles: in each pass over the input's ``beats`` beats, ``pe``
    neurons add up ``w * x``. In the unsigned form u of the inputs (:func:`unsigned_form`), m their
    maximum, the hardware adds ``s = sum(u if w > 0 else m - u)``, so that the accumulator is
    ``scale * s`` plus a constant of the row. That constant, or minus the least s that reaches the
    threshold, is the row's *preload*. Lanes beyond n_in add 0, neurons beyond n_out give 0.

    layer : golden.layer.Dense; pe, simd : at least 1. Raises TypeError or ValueError otherwise.
    """

    def __init__(self, layer: Dense, pe: int, simd: int, *, worst_case: bool = False):
        if not isinstance(layer, Dense):
            raise TypeError(f"layer must be a golden.layer.Dense, not {layer!r}")
        for name, value in (("pe", pe), ("simd", simd)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"layer {layer.name}: {name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"layer {layer.name}: {name} must be at least 1, not {value}")
        self.layer, self.pe, self.simd = layer, pe, simd
        self.beats = -(-layer.n_in // simd)
        self.passes = -(-layer.n_out // pe)
        self.form = unsigned_form(layer.input)
        self._maximum = (1 << layer.input.width) - 1
        self._worst_case = worst_case

    @property
    def cycles(self) -> int:
        """Cycles a frame."""
        return self.passes * self.beats

    @property
    def has_thresholds(self) -> bool:
        """Whether outputs are bipolar; else they are the accumulators."""
        return self.layer.thresholds is not None

    @property
    def output(self) -> Number:
        """Number kind of the outputs; in the worst case over all weights if so asked for."""
        if not self._worst_case or self.has_thresholds:
            return self.layer.output
        reach = self.layer.n_in * max(self.layer.input.maximum, -self.layer.input.minimum)
        return Integer.holding(-reach, reach, signed=True)

    @property
    def sum_width(self) -> int:
        """Bits of the sum of one beat."""
        return (self.simd * self._maximum).bit_length()

    @property
    def accumulator_width(self) -> int:
        """Bits of the accumulator; with a bipolar input's low bit, a constant, left out."""
        if self.has_thresholds:
            reach = self.layer.n_in * self._maximum
            return Integer.holding(-reach - 1, reach, signed=True).width
        return max(self.output.width - (self.form.scale == 2), 1)

    @cached_property
    def preload(self) -> np.ndarray:
        """(n_out,) int64: where each row's accumulator starts."""
        layer, scale = self.layer, self.form.scale
        negative = (layer.weights < 0).sum(1, dtype=np.int64)
        weight_sum = layer.n_in - 2 * negative
        constant = self.form.offset * weight_sum - scale * self._maximum * negative
        if layer.thresholds is None:
            return constant >> (scale - 1)  # scale is 1 or 2
        return (constant - layer.thresholds) // scale  # scale * s + constant >= threshold

    def _folded(self, rows: np.ndarray, fill: int) -> np.ndarray:
        """Pad rows (n_out, ...) to whole passes: (passes, pe, ...)."""
        padded = np.full((self.passes * self.pe, *rows.shape[1:]), fill, rows.dtype)
        padded[:len(rows)] = rows
        return padded.reshape(self.passes, self.pe, *rows.shape[1:])

    def weight_words(self) -> list[int]:
        """``cycles`` words of pe * simd stored weights, in order of use; lane 0 lowest."""
        bits = np.ones((self.layer.n_out, self.beats * self.simd), np.uint8)
        bits[:, :self.layer.n_in] = self.layer.weights > 0
        folded = self._folded(bits, 1).reshape(self.passes, self.pe, self.beats, self.simd)
        words = recode(folded.transpose(0, 2, 1, 3)).reshape(self.cycles, self.pe * self.simd)
        return pack(words, 1)

    def preload_words(self) -> list[int]:
        """``passes`` words of pe preloads in two's complement, neuron 0 lowest."""
        never = -self.layer.n_in * self._maximum - 1
        folded = self._folded(self.preload, never if self.has_thresholds else 0)
        width = self.accumulator_width
        return pack(folded.astype(np.int64).view(np.uint64) & np.uint64((1 << width) - 1), width)
