"""Products, roundings and overflows of fixed-point cores."""

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import C, Cat, Mux, Value, signed

from golden.number import Integer
from hdl.digit_logic import signed_digits

__all__ = ["fitted", "half", "product", "rounded"]


def half(shift: int, rounding: str) -> int:
    """What must be added to a sum before :func:`rounded` shifts it."""
    return 1 << shift - 1 if shift and rounding != "floor" else 0


def rounded(total: Value, shift: int, rounding: str) -> Value:
    """``sum / 2**shift`` for a signed ``total = sum + half(shift, rounding)``."""
    quotient = total[shift:].as_signed() if shift < len(total) else total[-1:].as_signed()
    if rounding != "half_even" or not shift:
        return quotient
    # With the half added, a tie has gone up and left nothing below the point.
    tie = ~total[:shift].any()
    return Cat(quotient[0] & ~tie, quotient[1:]).as_signed()


def fitted(value: Value, number: Integer, overflow: str) -> Value:
    """Code of ``number`` for any signed value."""
    if overflow == "wrap":
        extended = Cat(value, value[-1].replicate(number.width))
        return extended[:number.width]
    return Mux(value < number.minimum, C(number.minimum & 2**number.width - 1, number.width),
               Mux(value > number.maximum, C(number.maximum, number.width),
                   value[:number.width] if len(value) >= number.width else
                   Cat(value, value[-1].replicate(number.width - len(value)))))


def product(x: Value, by: Value | int, multiplier: str) -> Value:
    """``x * by``, signed; with "lut" as additions, which no mapper puts into a multiplier block.

    A constant ``by`` is taken apart into signed digits of which no two neighbours differ from 0.
    """
    if multiplier == "dsp":
        return _signed(x * by)
    if isinstance(by, int):
        digits = signed_digits(np.array(by)).tolist()
        terms = [-(x << k) if digit < 0 else x << k for k, digit in enumerate(digits) if digit]
    else:
        terms = [Mux(bit, x << k, 0) for k, bit in enumerate(by)]
        if by.shape().signed:
            terms[-1] = Mux(by[-1], -(x << len(by) - 1), 0)
    return _signed(_sum(terms))


def _signed(value: Value) -> Value:
    """The same number."""
    return value if value.shape().signed else Cat(value, C(0, 1)).as_signed()


def _sum(terms: Sequence[Value]) -> Value:
    """Of any number of terms, in a tree."""
    if not terms:
        return C(0, signed(1))
    while len(terms) > 1:
        terms = [terms[k] + terms[k + 1] if k + 1 < len(terms) else terms[k]
                 for k in range(0, len(terms), 2)]
    return terms[0]
