"""Elementwise layers: multi-threshold, scale (the requantiser), clamp and leaky ReLU.

Each is an exact function of integers, applied to each value of a tensor (positions, n) alone.
Parameters are those of the ``n`` channels, the same in all positions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.check import (
    check_choice,
    check_count,
    check_integer_kind,
    check_integers,
    check_name,
)
from golden.fixed import OVERFLOWS, ROUNDINGS
from golden.geometry import MOST_CHANNELS, MOST_POSITIONS, Placed
from golden.number import Bipolar, Integer, Number, Ternary

__all__ = ["Clamp", "Elementwise", "LeakyReLU", "MultiThreshold", "Scale", "constant",
           "narrowest"]

_MOST_BITS = 48  # of an input: what fits the 62 bits of a product is checked with the parameters


class Elementwise(Placed):
    """What all elementwise layers share: ``n`` channels at each of ``positions``."""

    name: str
    n: int

    @property
    def n_in(self) -> int:
        """Inputs a frame."""
        return self.positions * self.n

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return self.positions * self.n

    @property
    def operations(self) -> int:
        """One an element."""
        return self.n_out

    def _check(self, input_: Any, most_bits: int = _MOST_BITS) -> None:
        check_name(self.name, "layer")
        check_integer_kind(self.name, "input", input_, most_bits)
        object.__setattr__(self, "n", check_count(self.name, "n", self.n, 1, MOST_CHANNELS))
        self._check_positions()

    def _check_positions(self) -> None:
        object.__setattr__(self, "positions", check_count(
            self.name, "positions", self.positions, 1, MOST_POSITIONS))


@dataclass(frozen=True, eq=False)
class MultiThreshold(Elementwise):
    """``y[j] = output's value number (count of thresholds[j] <= x[j])``, counted from its least.

    name : lower-case identifier
    input : Integer of at most 48 bits
    thresholds : (n, levels) integers, kept as int64, ascending in each row (equal ones are
        allowed), from the least input (always reached) to the greatest plus 1 (never)
    output : Bipolar (1 level), Ternary (2) or an Integer of 2 to 8 bits (at most 2**width - 1)
    positions : places with n values each

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Integer
    thresholds: NDArray[np.int64]
    output: Number
    positions: int = 1

    @property
    def n(self) -> int:  # type: ignore[override]
        """Channels."""
        return int(self.thresholds.shape[0])

    @property
    def levels(self) -> int:
        """Thresholds an element."""
        return int(self.thresholds.shape[1])

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_integer_kind(self.name, "input", self.input, _MOST_BITS)
        self._check_positions()
        given = np.asarray(self.thresholds)
        if given.ndim != 2 or not given.size:
            raise ValueError(f"layer {self.name}: thresholds must have shape (n, levels), "
                             f"not {given.shape}")
        array = check_integers(self.name, "thresholds", given, given.shape)
        object.__setattr__(self, "thresholds", array)
        low, high = self.input.minimum, self.input.maximum + 1
        reach = f"be from {low} (always reached) to {high} (never)"
        for wrong, rule in (((array < low) | (array > high), reach),
                            (np.diff(array, axis=1, prepend=low) < 0, "ascend in each row")):
            if wrong.any():
                j, k = (int(index) for index in np.argwhere(wrong)[0])
                raise ValueError(f"layer {self.name}: thresholds must {rule}, not {array[j, k]} "
                                 f"at row {j}, level {k}")
        match self.output:
            case Bipolar() | Ternary():
                fits, rule = self.levels == self.output.width, f"exactly {self.output.width}"
            case Integer(width=width) if 2 <= width <= 8:
                fits, rule = self.levels < 2**width, f"at most {2**width - 1}"
            case _:
                raise ValueError(f"layer {self.name}: output must be bipolar, ternary or an "
                                 f"integer of 2 to 8 bits, not {self.output}; for more bits take "
                                 "a Scale layer")
        if not fits:
            raise ValueError(f"layer {self.name}: thresholds must have {rule} levels for output "
                             f"{self.output}, not {self.levels}")

    @property
    def weight_bits(self) -> int:
        """Bits of all thresholds."""
        return self.thresholds.size * self.input.width


@dataclass(frozen=True, eq=False)
class Scale(Elementwise):
    """``y[j] = overflow(round((multiplier[j] * x[j] + bias[j]) / 2**shift))``: the requantiser.

    name : lower-case identifier
    input : Integer of at most 48 bits
    n : channels
    multiplier, bias : an integer for all elements or (n,) integers; kept as (n,) int64. Sums must
        stay within 62 bits.
    shift : 0 to 62
    rounding, overflow : see :mod:`golden.fixed`
    output : Integer
    positions : places with n values each

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Integer
    n: int
    multiplier: NDArray[np.int64]
    bias: NDArray[np.int64]
    shift: int
    rounding: str
    overflow: str
    output: Integer
    positions: int = 1

    def __post_init__(self) -> None:
        self._check(self.input)
        check_integer_kind(self.name, "output", self.output, 62)
        for parameter in ("multiplier", "bias"):
            given = np.asarray(getattr(self, parameter))
            if given.ndim == 0:
                given = np.full(self.n, given)
            object.__setattr__(self, parameter, check_integers(self.name, parameter, given,
                                                               (self.n,)))
        object.__setattr__(self, "shift", check_count(self.name, "shift", self.shift, 0, 62))
        check_choice(f"layer {self.name}", "rounding", self.rounding, ROUNDINGS)
        check_choice(f"layer {self.name}", "overflow", self.overflow, OVERFLOWS)
        low, high = self.sums
        if not -2**61 <= low <= high < 2**61 - 2**max(self.shift - 1, 0):
            raise ValueError(f"layer {self.name}: multiplier * input + bias must stay within 62 "
                             f"bits with rounding, not reach {low} and {high}; use a smaller "
                             "multiplier")

    @property
    def sums(self) -> tuple[int, int]:
        """Least and greatest ``multiplier * x + bias`` over all inputs and elements."""
        # Python integers: this must not overflow itself.
        ends = [int(a) * x + int(b)
                for a, b in {*zip(self.multiplier.tolist(), self.bias.tolist(), strict=True)}
                for x in (self.input.minimum, self.input.maximum)]
        return min(ends), max(ends)

    @property
    def weight_bits(self) -> int:
        """Bits of all multipliers and biases."""
        return self.n * sum(narrowest(values).width for values in (self.multiplier, self.bias))


@dataclass(frozen=True, eq=False)
class Clamp(Elementwise):
    """``y = min(max(x, low), high)``; ReLU is ``low = 0``.

    name : lower-case identifier
    input : Integer of at most 48 bits
    n : channels
    low, high : integers within the input's range, low at most high, or None for the input's ends
    positions : places with n values each

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Integer
    n: int
    low: int | None = None
    high: int | None = None
    positions: int = 1

    def __post_init__(self) -> None:
        self._check(self.input)
        least, most = self.input.minimum, self.input.maximum
        for parameter, end in (("low", least), ("high", most)):
            value = getattr(self, parameter)
            value = end if value is None else check_count(self.name, parameter, value, least, most)
            object.__setattr__(self, parameter, value)
            least = value  # high must not be below low

    @property
    def output(self) -> Integer:
        """The narrowest Integer from ``low`` to ``high``; unsigned unless ``low`` is negative."""
        assert self.low is not None and self.high is not None
        return Integer.holding(self.low, self.high, signed=self.low < 0)


@dataclass(frozen=True, eq=False)
class LeakyReLU(Elementwise):
    """``y = x`` for x at least 0, else ``round(multiplier * x / 2**shift)``.

    name : lower-case identifier
    input : signed Integer of at most 48 bits; the output is of the same kind
    n : channels
    multiplier : 0 to 2**shift, so that no negative number grows
    shift : 0 to 12
    rounding : see :mod:`golden.fixed`
    positions : places with n values each

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Integer
    n: int
    multiplier: int
    shift: int
    rounding: str
    positions: int = 1

    def __post_init__(self) -> None:
        self._check(self.input)
        if not self.input.signed:
            raise ValueError(f"layer {self.name}: input must be signed, not {self.input}; "
                             "without negative numbers the layer does nothing")
        object.__setattr__(self, "shift", check_count(self.name, "shift", self.shift, 0, 12))
        object.__setattr__(self, "multiplier", check_count(
            self.name, "multiplier", self.multiplier, 0, 2**self.shift))
        check_choice(f"layer {self.name}", "rounding", self.rounding, ROUNDINGS)

    @property
    def output(self) -> Integer:
        """As the input."""
        return self.input


def narrowest(values: NDArray[np.int64]) -> Integer:
    """The narrowest signed Integer of all values."""
    return Integer.holding(int(values.min()), int(values.max()), signed=True)


def constant(values: NDArray[Any]) -> bool:
    """Are the parameters of all elements, along the first axis, the same?"""
    return bool((values == values[:1]).all())
