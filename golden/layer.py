"""The integer layers a Network is made of: their shapes, kinds of numbers and exact meaning."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.number import Bipolar, Integer, Number

__all__ = ["ArgMax", "Dense", "Layer", "check_name"]


def check_name(name: str, what: str) -> None:
    """Raise TypeError or ValueError unless ``name`` is a lower-case identifier."""
    if not isinstance(name, str):
        raise TypeError(f"{what} name must be a string, not {name!r}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f'{what} name must be a lower-case identifier such as "dense_0", '
                         f'not "{name}"')


def _check_number(number: Number, name: str) -> None:
    if not isinstance(number, Bipolar | Integer):
        raise TypeError(f"layer {name}: input must be a Number, not {number!r}")


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """``array`` itself, made read-only, so that a validated layer stays valid."""
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Dense:
    """Fully connected layer with weights -1 and +1.

    ``accumulator[j] = sum over k of weights[j, k] * x[k]``; the output is the accumulators
    themselves, or with thresholds ``y[j] = +1 if accumulator[j] >= thresholds[j] else -1``.

    name : lower-case identifier
    input : Number of the n_in inputs
    weights : (n_out, n_in) of -1 and +1, kept as int8
    thresholds : (n_out,) integers, kept as int64, or None for raw accumulators. Row j's threshold
        lies from its least accumulator (output constant +1) to its greatest plus 1 (constant -1).

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Number
    weights: NDArray[np.int8]
    thresholds: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        _check_number(self.input, self.name)
        weights = np.asarray(self.weights)
        if weights.ndim != 2 or weights.size == 0:
            raise ValueError(f"layer {self.name}: weights must have shape (n_out, n_in), "
                             f"not {weights.shape}")
        wrong = np.argwhere((weights != -1) & (weights != 1))
        if len(wrong):
            j, k = (int(n) for n in wrong[0])
            raise ValueError(f"layer {self.name}: weights must be -1 or +1, "
                             f"not {weights[j, k]} at row {j}, column {k}")
        object.__setattr__(self, "weights", _frozen(weights.astype(np.int8)))
        # Python integers: this test itself must not overflow.
        if self.n_in * max(-self.input.minimum, self.input.maximum) >= 2**63:
            raise ValueError(f"layer {self.name}: accumulators of {self.n_in} inputs of kind "
                             f"{self.input} can exceed 64 bits; use narrower inputs")
        if self.thresholds is not None:
            object.__setattr__(self, "thresholds", self._checked_thresholds())

    def _checked_thresholds(self) -> NDArray[np.int64]:
        thresholds = np.asarray(self.thresholds)
        if thresholds.dtype.kind not in "iu":
            raise TypeError(f"layer {self.name}: thresholds must be integers, "
                            f"not {thresholds.dtype}")
        if thresholds.shape != (self.n_out,):
            raise ValueError(f"layer {self.name}: thresholds must have shape ({self.n_out},), "
                             f"one a row of weights, not {thresholds.shape}")
        low, high = self.accumulator_minimum, self.accumulator_maximum + 1
        wrong = np.flatnonzero((thresholds < low) | (thresholds > high))
        if wrong.size:
            j = wrong[0]
            raise ValueError(f"layer {self.name}: the threshold of row {j} must be from {low[j]} "
                             f"(always +1) to {high[j]} (always -1), not {thresholds[j]}")
        return _frozen(thresholds.astype(np.int64))

    @property
    def n_in(self) -> int:
        """Inputs a frame."""
        return int(self.weights.shape[1])

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return int(self.weights.shape[0])

    @cached_property
    def _positive(self) -> NDArray[np.int64]:
        return (self.weights > 0).sum(axis=1, dtype=np.int64)

    @property
    def accumulator_minimum(self) -> NDArray[np.int64]:
        """(n_out,) least accumulator of each row over all inputs."""
        negative = self.n_in - self._positive
        return self._positive * self.input.minimum - negative * self.input.maximum

    @property
    def accumulator_maximum(self) -> NDArray[np.int64]:
        """(n_out,) greatest accumulator of each row over all inputs."""
        negative = self.n_in - self._positive
        return self._positive * self.input.maximum - negative * self.input.minimum

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
        """Multiplications and additions a frame."""
        return 2 * self.n_in * self.n_out

    @property
    def weight_bits(self) -> int:
        """Bits of all weights."""
        return self.n_in * self.n_out


@dataclass(frozen=True)
class ArgMax:
    """Index of the greatest of ``n_in`` values of kind ``input``; of equals, the lowest index."""

    name: str
    input: Number
    n_in: int

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        _check_number(self.input, self.name)
        if not isinstance(self.n_in, int | np.integer) or isinstance(self.n_in, bool):
            raise TypeError(f"layer {self.name}: n_in must be an integer, not {self.n_in!r}")
        if self.n_in < 1:
            raise ValueError(f"layer {self.name}: n_in must be at least 1, not {self.n_in}")
        object.__setattr__(self, "n_in", int(self.n_in))

    @property
    def n_out(self) -> int:
        """One output a frame."""
        return 1

    @property
    def output(self) -> Integer:
        """Unsigned, just wide enough for the last index."""
        return Integer.holding(0, self.n_in - 1, signed=False)

    @property
    def operations(self) -> int:
        """Comparisons a frame."""
        return self.n_in - 1

    @property
    def weight_bits(self) -> int:
        """None are needed."""
        return 0


Layer = Dense | ArgMax
