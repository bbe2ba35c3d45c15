"""Fixed point: quantisers of floats, and the integer roundings and overflows of all layers.

A float x becomes the code ``round((x - mu) / sigma)`` that stands for
``mu + sigma * code`` with ``sigma = 2**-fraction`` and ``mu = 0``.

============  =============================================================
rounding      of a half                of anything else
============  =============================================================
"floor"       down                     down
"half_up"     up, towards +infinity    to the nearest
"half_even"   to the even neighbour    to the nearest
============  =============================================================

An overflow either goes to the nearest end of the range ("saturate") or keeps the lowest bits alone
("wrap").
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golden.check import check_choice
from golden.number import Integer

__all__ = ["OVERFLOWS", "ROUNDINGS", "Fixed", "fit", "round_shift", "whole_multiples"]

ROUNDINGS = "floor", "half_up", "half_even"
OVERFLOWS = "saturate", "wrap"


def round_shift(values: ArrayLike, shift: int, rounding: str) -> NDArray[np.int64]:
    """``values / 2**shift``, rounded: integers of any shape -> int64 of the same.

    Exact: quotient and remainder of a floor division, and a comparison of the remainder with one
    half. Raises ValueError for a shift outside 0..62 or an unknown rounding.
    """
    check_choice("round_shift", "rounding", rounding, ROUNDINGS)
    if not 0 <= shift <= 62:
        raise ValueError(f"round_shift: shift must be from 0 to 62, not {shift}")
    quotient, remainder = np.divmod(np.asarray(values, np.int64), np.int64(1) << shift)
    if rounding == "floor" or not shift:
        return quotient
    half = np.int64(1) << shift - 1
    up = remainder >= half
    if rounding == "half_even":
        up &= (remainder != half) | (quotient % 2 == 1)
    return quotient + up


def whole_multiples(values: Iterable[float]) -> tuple[float, list[int]]:
    """The greatest power of two that divides all finite ``values``, and how often; of zeros 1."""
    ratios = [float(value).as_integer_ratio() for value in values]
    below = max(denominator for _, denominator in ratios)  # powers of two, all of them
    multiples = [numerator * (below // denominator) for numerator, denominator in ratios]
    common = gcd(*multiples) or below
    common &= -common
    return common / below, [multiple // common for multiple in multiples]


def fit(values: ArrayLike, number: Integer, overflow: str) -> NDArray[np.int64]:
    """``values`` (int64, any shape) brought into the range of ``number``."""
    check_choice("fit", "overflow", overflow, OVERFLOWS)
    array = np.asarray(values, np.int64)
    if overflow == "saturate":
        return array.clip(number.minimum, number.maximum)
    low = np.int64(number.minimum)
    return (array - low) % (np.int64(1) << number.width) + low


@dataclass(frozen=True)
class Fixed:
    """Fixed-point numbers ``code * 2**-fraction`` of 2 to 16 bits.

    width : bits of a code
    fraction : bits after the point, from -64 to 64; more than ``width`` or below 0 as well
    signed : two's complement or unsigned codes

    Raises TypeError or ValueError that names the parameter.
    """

    width: int
    fraction: int
    signed: bool

    def __post_init__(self) -> None:
        for name, low, high in (("width", 2, 16), ("fraction", -64, 64)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool):
                raise TypeError(f"Fixed {name} must be an integer, not {value!r}")
            if not low <= value <= high:
                raise ValueError(f"Fixed {name} must be from {low} to {high}, not {value}")
            object.__setattr__(self, name, int(value))
        if not isinstance(self.signed, bool):
            raise TypeError(f"Fixed signed must be True or False, not {self.signed!r}")

    @property
    def integer(self) -> Integer:
        """Number kind of the codes."""
        return Integer(self.width, self.signed)

    @property
    def step(self) -> float:
        """Distance of neighbours, sigma."""
        return float(2.0 ** -self.fraction)

    @classmethod
    def fitting(cls, x: ArrayLike, width: int, signed: bool) -> "Fixed":
        """With ``ceil(log2(max |x|))`` bits before the point, and a sign bit if ``signed``.

        A greatest |x| that is a power of two lies one step outside the range. All zeros need no
        bit before the point. Raises ValueError for NaN, infinity, nothing at all, and for values
        below zero if not ``signed``.
        """
        array = _finite(x)
        if not array.size:
            raise ValueError("Fixed x must hold at least one value")
        if not signed and (array < 0).any():
            raise ValueError(f"Fixed x must not be below 0 for unsigned codes, not {array.min()}; "
                             "take signed ones")
        mantissa, exponent = np.frexp(np.abs(array).max())
        return cls(width, width - bool(signed) - int(exponent - (mantissa == 0.5)), signed)

    def quantise(self, x: ArrayLike, rounding: str = "half_even", overflow: str = "saturate"
                 ) -> NDArray[np.int64]:
        """Codes of floats, any shape; exact, since scaling by a power of two is.

        Raises ValueError for NaN and infinity, named with its index, and for unknown names.
        """
        check_choice("Fixed", "rounding", rounding, ROUNDINGS)
        check_choice("Fixed", "overflow", overflow, OVERFLOWS)
        x = _finite(x)
        with np.errstate(over="ignore", under="ignore"):  # infinity is refused
            y = _finite(np.ldexp(x, self.fraction))
        y = np.where((y == 0) & (x != 0), np.copysign(0.25, x), y)  # as good as what vanished
        down = np.floor(y)
        # The difference is rounded, but never across one half.
        rounded = {"floor": down, "half_up": down + (y - down >= 0.5),
                   "half_even": np.rint(y)}[rounding]
        low, high = self.integer.minimum, self.integer.maximum
        if overflow == "saturate":
            return rounded.clip(low, high).astype(np.int64)
        return fit(np.fmod(rounded, 2.0 ** self.width).astype(np.int64), self.integer, overflow)

    def value(self, codes: ArrayLike) -> NDArray[np.float64]:
        """What codes (integers of any shape) stand for; exact."""
        codes = self.integer.decode(self.integer.encode(codes))
        return np.ldexp(codes.astype(np.float64), -self.fraction)

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}fixed{self.width}.{self.fraction}"


def _finite(x: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(x, np.float64)
    if not np.isfinite(array).all():
        index = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"Fixed x must be finite, not {array[index]} at index {index}")
    return array
