"""The fully connected layer, with weights of any kind."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.check import check_name, check_number, frozen
from golden.geometry import Frame
from golden.number import Bipolar, Codebook, Integer, Number, Ternary

__all__ = ["Dense"]

_RULES: dict[Number, str] = {Bipolar(): "-1 or +1", Ternary(): "-1, 0 or +1"}


@dataclass(frozen=True, eq=False)
class Dense(Frame):
    """Fully connected layer with weights of any kind.

    ``accumulator[j] = sum over k of weights[j, k] * x[k] + bias[j]``; the output is the
    accumulators themselves, or with thresholds ``y[j] = +1 if accumulator[j] >= thresholds[j] else
    -1``.

    name : lower-case identifier
    input : Number of the n_in inputs
    weights : (n_out, n_in) values of kind ``weight_kind``, kept in the narrowest of int8, 16, 32
    thresholds : (n_out,) integers, kept as int64, or None for raw accumulators. Row j's threshold
        lies from its least accumulator (output constant +1) to its greatest plus 1 (constant -1).
    weight_kind : Number of the weights: bipolar, ternary, integers of 2 to 16 bits, or a codebook
    bias : (n_out,) integers of at most 32 bits, kept as int64, or None

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Number
    weights: NDArray[Any]
    thresholds: NDArray[np.int64] | None = None
    weight_kind: Number = Bipolar()
    bias: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        object.__setattr__(self, "weights", frozen(self._checked_weights()))
        if self.bias is not None:
            bias = self._integers("bias", self.bias)
            wrong = np.flatnonzero((bias < -2**31) | (bias >= 2**31))
            if wrong.size:
                raise ValueError(f"layer {self.name}: bias must have at most 32 bits, not "
                                 f"{bias[wrong[0]]} at row {wrong[0]}")
            object.__setattr__(self, "bias", frozen(bias))
        # Python integers: this test itself must not overflow.
        weight = max(self.weight_kind.maximum, -self.weight_kind.minimum)
        if 2**31 + self.n_in * weight * max(-self.input.minimum, self.input.maximum) >= 2**63:
            raise ValueError(f"layer {self.name}: accumulators of {self.n_in} inputs of kind "
                             f"{self.input} can exceed 64 bits; use narrower inputs")
        if self.thresholds is not None:
            object.__setattr__(self, "thresholds", self._checked_thresholds())

    def _checked_weights(self) -> NDArray[Any]:
        kind = self.weight_kind
        if not isinstance(kind, Number) or isinstance(kind, Integer) and not 2 <= kind.width <= 16:
            raise ValueError(f"layer {self.name}: weight_kind must be bipolar, ternary, an integer "
                             f"of 2 to 16 bits or a codebook, not {kind}")
        weights = np.asarray(self.weights)
        if weights.ndim != 2 or weights.size == 0:
            raise ValueError(f"layer {self.name}: weights must have shape (n_out, n_in), "
                             f"not {weights.shape}")
        if isinstance(kind, Codebook):
            wrong = ~np.isin(weights, kind.entries)
        else:
            wrong = (weights < kind.minimum) | (weights > kind.maximum) | (weights % 1 != 0)
            if isinstance(kind, Bipolar):
                wrong |= weights == 0
        if wrong.any():
            j, k = (int(n) for n in np.argwhere(wrong)[0])
            raise ValueError(f"layer {self.name}: weights must be {_RULES.get(kind, f'of {kind}')},"
                             f" not {weights[j, k]} at row {j}, column {k}")
        return weights.astype(np.result_type(
            np.int8, *(np.min_scalar_type(end) for end in (kind.minimum, ~kind.maximum))))

    def _integers(self, parameter: str, values: Any) -> NDArray[np.int64]:
        """One integer a row."""
        array = np.asarray(values)
        if array.dtype.kind not in "iu":
            raise TypeError(f"layer {self.name}: {parameter} must be integers, not {array.dtype}")
        if array.shape != (self.n_out,):
            raise ValueError(f"layer {self.name}: {parameter} must have shape ({self.n_out},), "
                             f"one a row of weights, not {array.shape}")
        return array.astype(np.int64)

    def _checked_thresholds(self) -> NDArray[np.int64]:
        thresholds = self._integers("thresholds", self.thresholds)
        low, high = self.accumulator_minimum, self.accumulator_maximum + 1
        wrong = np.flatnonzero((thresholds < low) | (thresholds > high))
        if wrong.size:
            j = wrong[0]
            raise ValueError(f"layer {self.name}: the threshold of row {j} must be from {low[j]} "
                             f"(always +1) to {high[j]} (always -1), not {thresholds[j]}")
        return frozen(thresholds)

    @property
    def dense(self) -> "Dense":
        """Itself; of a convolution, the layer that meets each window."""
        return self

    @property
    def own(self) -> "Dense":
        """Itself; of a convolution, each row with the inputs of its group alone."""
        return self

    @property
    def n_in(self) -> int:
        """Inputs a frame."""
        return int(self.weights.shape[1])

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return int(self.weights.shape[0])

    @cached_property
    def non_zeros(self) -> int:
        """Weights that are not 0."""
        return int(np.count_nonzero(self.weights))

    @cached_property
    def _reach(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        wide = self.weights.astype(np.int64)
        up, down = wide.clip(min=0).sum(1), wide.clip(max=0).sum(1)
        low, high, bias = self.input.minimum, self.input.maximum, self.bias
        bias = np.zeros(self.n_out, np.int64) if bias is None else bias
        return up * low + down * high + bias, up * high + down * low + bias

    @property
    def accumulator_minimum(self) -> NDArray[np.int64]:
        """(n_out,) least accumulator of each row over all inputs."""
        return self._reach[0]

    @property
    def accumulator_maximum(self) -> NDArray[np.int64]:
        """(n_out,) greatest accumulator of each row over all inputs."""
        return self._reach[1]

    @property
    def accumulator(self) -> Integer:
        """The narrowest signed Integer that holds every accumulator of every row."""
        return Integer.holding(int(self.accumulator_minimum.min()),
                               int(self.accumulator_maximum.max()), signed=True)

    @property
    def output(self) -> Number:
        """Bipolar with thresholds, else ``accumulator``."""
        return self.accumulator if self.thresholds is None else Bipolar()

    @property
    def operations(self) -> int:
        """Multiplications and additions a frame; those of zero weights are none."""
        return 2 * self.non_zeros

    @property
    def weight_bits(self) -> int:
        """Bits of all weights, zeros included, without the entries of a codebook."""
        return self.n_in * self.n_out * self.weight_kind.width

