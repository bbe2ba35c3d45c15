"""Fixed point against exact rationals, for every code and every half between codes."""

import re
from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
import torch

from golden.fixed import OVERFLOWS, ROUNDINGS, Fixed, fit, round_shift, whole_multiples
from golden.number import Integer
from golden.quantise import fixed

untyped_fixed: Any = Fixed


def exactly(x: Fraction, rounding: str) -> int:
    """The definition of the three roundings, in rationals."""
    if rounding == "half_even":
        return round(x)
    return floor(x if rounding == "floor" else x + Fraction(1, 2))


def into(code: int, number: Integer, overflow: str) -> int:
    if overflow == "saturate":
        return min(max(code, number.minimum), number.maximum)
    return int(number.decode([code % 2**number.width])[0])


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("shift", [0, 1, 2, 7, 16])
def test_round_shift_of_every_16_bit_integer(shift: int, rounding: str) -> None:
    values = np.arange(-2**15, 2**16)
    expected = [exactly(Fraction(int(v), 2**shift), rounding) for v in values]
    assert round_shift(values, shift, rounding).tolist() == expected


def test_round_shift_of_extremes() -> None:
    ends = [-2**62, 2**62 - 1, -1, 0, 1]
    for rounding in ROUNDINGS:
        assert round_shift(ends, 62, rounding).tolist() == [
            exactly(Fraction(v, 2**62), rounding) for v in ends]


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("number", [Integer(1, True), Integer(3, False), Integer(8, True)], ids=str)
def test_fit_of_every_12_bit_integer(number: Integer, overflow: str) -> None:
    values = np.arange(-2**11, 2**11)
    assert fit(values, number, overflow).tolist() == [into(int(v), number, overflow)
                                                      for v in values]


@pytest.mark.parametrize("width", range(2, 17))
def test_every_code_comes_back(width: int) -> None:
    for signed in (False, True):
        for fraction in (-3, 0, width, 40):
            kind = Fixed(width, fraction, signed)
            codes = np.arange(kind.integer.minimum, kind.integer.maximum + 1)
            for rounding in ROUNDINGS:
                for overflow in OVERFLOWS:
                    assert (kind.quantise(kind.value(codes), rounding, overflow) == codes).all()


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("kind", [Fixed(2, 0, False), Fixed(5, 3, True), Fixed(7, -2, True),
                                  Fixed(6, 9, False)], ids=str)
def test_quantise_between_codes(kind: Fixed, rounding: str, overflow: str,
                                rng: np.random.Generator) -> None:
    """Quarters of steps far beyond the range, their float neighbours, and random floats."""
    quarters = np.arange(-12 * 2**kind.width, 12 * 2**kind.width) * kind.step / 4
    x = np.concatenate([quarters, np.nextafter(quarters, np.inf), np.nextafter(quarters, -np.inf),
                        rng.normal(0, 2.0**kind.width * kind.step, 500), [1e-300, -1e-300, 1e18]])
    expected = [into(exactly(Fraction(float(v)) * Fraction(2)**kind.fraction, rounding),
                     kind.integer, overflow) for v in x]
    assert kind.quantise(x, rounding, overflow).tolist() == expected


@pytest.mark.parametrize("x, width, signed, fraction", [
    ([0.7], 8, True, 7), ([-1.0], 8, True, 7), ([1.0, 0.2], 8, False, 8), ([1.1], 8, False, 7),
    ([100.0, -3], 8, True, 0), ([1000.0], 8, True, -3), ([0.0], 4, True, 3), ([0.01], 6, True, 11),
])
def test_fitting(x: list[float], width: int, signed: bool, fraction: int) -> None:
    kind = Fixed.fitting(x, width, signed)
    assert kind == Fixed(width, fraction, signed)
    top = max(map(abs, x))
    bits = width - signed - kind.fraction
    assert not top or Fraction(2)**(bits - 1) < Fraction(top) <= Fraction(2)**bits


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("kind", [Fixed(2, 0, False), Fixed(5, 3, True), Fixed(7, -64, True),
                                  Fixed(9, 64, False)], ids=str)
def test_tensors_are_quantised_as_arrays(kind: Fixed, rounding: str, overflow: str,
                                         dtype: torch.dtype, rng: np.random.Generator) -> None:
    """Quarters of steps far beyond the range, their neighbours, and what all but vanishes."""
    quarters = torch.arange(-12 * 2**kind.width, 12 * 2**kind.width).to(dtype) * (kind.step / 4)
    tiny = torch.tensor([1e-300, 5e-324, 1e-45, 2.0**60], dtype=dtype)
    x = torch.cat([quarters, tiny, -tiny, *(quarters.nextafter(torch.tensor(end, dtype=dtype))
                                            for end in (torch.inf, -torch.inf))])
    exact = kind.value(kind.quantise(x.numpy(), rounding, overflow))
    assert (fixed(x, kind, rounding, overflow).numpy() == exact).all()
    assert fixed(x[:0], kind, rounding, overflow).shape == (0,)


@pytest.mark.parametrize("values, step, multiples", [
    ([0.75, -0.5], 0.25, [3, -2]), ([24.0, 40.0], 8.0, [3, 5]), ([0.0, 0.0], 1.0, [0, 0]),
    ([0.0, 6.0], 2.0, [0, 3]), ([2.0**-40, 1.0], 2.0**-40, [1, 2**40])])
def test_whole_multiples(values: list[float], step: float, multiples: list[int]) -> None:
    assert whole_multiples(values) == (step, multiples)


def test_straight_through() -> None:
    x = torch.tensor([-3.0, -1.0, 0.3, 0.874, 0.9, 5.0], requires_grad=True)
    kind = Fixed(4, 3, True)
    y = fixed(x, kind, "half_up")
    assert y.tolist() == [-1.0, -1.0, 0.25, 0.875, 0.875, 0.875] and y.dtype == x.dtype
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 1, 1, 1, 0, 0]
    gradient, = torch.autograd.grad(fixed(x, kind, overflow="wrap").sum(), x)
    assert gradient.tolist() == [1] * 6
    for rounding in ROUNDINGS:
        y = fixed(torch.tensor([torch.nan, torch.inf]), kind, rounding)
        assert y[0].isnan() and y[1] == 0.875


@pytest.mark.parametrize("make, error, message", [
    (lambda: Fixed(1, 0, True), ValueError, "Fixed width must be from 2 to 16, not 1"),
    (lambda: Fixed(17, 0, True), ValueError, "Fixed width must be from 2 to 16, not 17"),
    (lambda: Fixed(8, 65, True), ValueError, "Fixed fraction must be from -64 to 64, not 65"),
    (lambda: untyped_fixed(8.0, 1, True), TypeError, "Fixed width must be an integer, not 8.0"),
    (lambda: untyped_fixed(8, 1, 1), TypeError, "Fixed signed must be True or False, not 1"),
    (lambda: Fixed(8, 1, True).quantise([0.0, float("nan")]), ValueError,
     "Fixed x must be finite, not nan at index (1,)"),
    (lambda: Fixed(8, 64, True).quantise([1e308]), ValueError,
     "Fixed x must be finite, not inf at index (0,)"),
    (lambda: fixed(torch.zeros(1), Fixed(8, 1, True), "up"), ValueError,
     "Fixed: rounding must be one of floor, half_up, half_even, not 'up'"),
    (lambda: fixed(torch.zeros(1), Fixed(8, 1, True), overflow="clip"), ValueError,
     "Fixed: overflow must be one of saturate, wrap, not 'clip'"),
    (lambda: Fixed.fitting([[float("-inf")]], 8, True), ValueError,
     "Fixed x must be finite, not -inf at index (0, 0)"),
    (lambda: Fixed.fitting([], 8, True), ValueError, "Fixed x must hold at least one value"),
    (lambda: Fixed.fitting([-1.0], 8, False), ValueError,
     "Fixed x must not be below 0 for unsigned codes, not -1.0; take signed ones"),
    (lambda: Fixed(8, 1, True).quantise(0.0, "up"), ValueError,
     "Fixed: rounding must be one of floor, half_up, half_even, not 'up'"),
    (lambda: Fixed(8, 1, True).quantise(0.0, overflow="clip"), ValueError,
     "Fixed: overflow must be one of saturate, wrap, not 'clip'"),
    (lambda: round_shift([1], 63, "floor"), ValueError,
     "round_shift: shift must be from 0 to 62, not 63"),
    (lambda: round_shift([1], 1, "even"), ValueError,
     "round_shift: rounding must be one of floor, half_up, half_even, not 'even'"),
    (lambda: fit([1], Integer(2, True), "none"), ValueError,
     "fit: overflow must be one of saturate, wrap, not 'none'"),
])
def test_rejects(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        make()
