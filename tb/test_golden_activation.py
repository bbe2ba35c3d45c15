"""Elementwise layers and top-k against plain Python and PyTorch; every rejected parameter."""

import re
from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
import torch

from golden.activation import Clamp, LeakyReLU, MultiThreshold, Scale
from golden.elementwise import (
    clamp,
    leaky_relu,
    multi_threshold,
    piecewise_linear,
    scale,
    table,
)
from golden.fixed import Fixed
from golden.layer import TopK
from golden.number import Bipolar, Integer, Number, Ternary
from golden.tabulated import PiecewiseLinear, Table, fit_pieces, sigmoid, tabulate
from golden.topk import topk

BYTE, NIBBLE = Integer(8, True), Integer(4, True)
ROW = np.array([[-3, 0, 5]])
untyped_scale: Any = Scale
untyped_table: Any = Table
untyped_threshold: Any = MultiThreshold


def every(number: Integer, n: int = 1) -> np.ndarray:
    return np.arange(number.minimum, number.maximum + 1).reshape(-1, n)


@pytest.mark.parametrize("output, levels", [
    (Bipolar(), 1), (Ternary(), 2), (Integer(2, False), 3), (Integer(3, True), 5),
    (Integer(8, True), 255),
], ids=str)
def test_multi_threshold_counts(output: Number, levels: int, rng: np.random.Generator) -> None:
    rows = np.sort(rng.integers(-128, 129, (2, levels)), axis=1)
    x = every(BYTE, 2)
    got = multi_threshold(x, MultiThreshold("m", BYTE, rows, output))
    assert output.decode(output.encode(got)).tolist() == got.tolist()
    steps = [-1, 1] if output == Bipolar() else range(output.minimum, output.maximum + 1)
    assert got.tolist() == [[steps[sum(t <= v for t in row)] for v, row in zip(
        frame, rows.tolist(), strict=True)] for frame in x.tolist()]


def test_scale_is_the_rational(rng: np.random.Generator) -> None:
    layer = Scale("s", BYTE, 2, np.array([3, -5]), np.array([1, 7]), 4, "half_up", "saturate",
                  NIBBLE)
    x = every(BYTE, 2)
    assert scale(x, layer).tolist() == [
        [min(max(floor(Fraction(a * v + b, 16) + Fraction(1, 2)), -8), 7)
         for a, v, b in zip((3, -5), frame, (1, 7), strict=True)] for frame in x.tolist()]


def test_clamp_and_leaky_relu_are_pytorchs() -> None:
    x = every(BYTE)
    values = torch.tensor(x)
    relu = Clamp("c", BYTE, 1, low=0)
    assert relu.output == Integer(7, False)
    assert clamp(x, relu).tolist() == torch.relu(values).tolist()
    six = Clamp("c", BYTE, 1, 0, 6)
    assert clamp(x, six).tolist() == torch.nn.functional.relu6(values).tolist()
    leaky = torch.floor(torch.nn.functional.leaky_relu(values.double(), 3 / 16))
    assert leaky_relu(x, LeakyReLU("l", BYTE, 1, 3, 4, "floor")).tolist() == leaky.tolist()


def test_tables_follow_the_function() -> None:
    input_, output = Fixed(9, 6, True), Fixed(8, 7, True)
    for function, exact in ((np.tanh, torch.tanh), (sigmoid, torch.sigmoid)):
        layer = Table("t", input_.integer, 1, tabulate(function, input_, output), output.integer)
        x = every(input_.integer)
        true = exact(torch.tensor(input_.value(x))).numpy()
        error = np.abs(table(x, layer) - true.clip(-1, 127 / 128) / output.step)
        assert error.max() <= 0.5 + 1e-9  # the function itself is a float
    cube = tabulate(lambda v: v**3, Fixed(3, 0, True), Fixed(4, 0, True), overflow="wrap")
    assert cube.tolist() == [0, 5, -8, -1, 0, 1, -8, -5]


@pytest.mark.parametrize("rounding", ["floor", "half_up", "half_even"])
@pytest.mark.parametrize("pieces", [1, 4, 32, 256])
def test_error_of_pieces_is_reported(pieces: int, rounding: str) -> None:
    """The reported error is what the golden model has, and falls to that of rounding."""
    input_, output = Fixed(8, 5, True), Fixed(10, 9, True)
    found = fit_pieces(np.tanh, input_, output, pieces, rounding=rounding)
    layer = PiecewiseLinear("p", input_.integer, 1, found.slopes, found.offsets, found.shift,
                            found.rounding, found.overflow, output.integer)
    x = every(input_.integer)
    exact = (np.tanh(input_.value(x)) / output.step).clip(-512, 511)
    assert found.error == np.abs(piecewise_linear(x, layer) - exact).max()
    assert found.error < {1: 400, 4: 80, 32: 2, 256: 0.51}[pieces]


def test_topk() -> None:
    x = np.array([[3, 5, 5, 1], [0, 0, 0, 0], [-2, -1, -3, -1]])
    assert topk(x, 3).tolist() == [[1, 2, 0], [0, 1, 2], [1, 3, 0]]
    assert topk(x, 4)[0].tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize("make, error, message", [
    (lambda: MultiThreshold("m", BYTE, ROW[0], NIBBLE), ValueError,
     "layer m: thresholds must have shape (n, levels), not (3,)"),
    (lambda: untyped_threshold("m", BYTE, ROW * 1.5, NIBBLE), TypeError,
     "layer m: thresholds must be integers, not float64"),
    (lambda: MultiThreshold("m", BYTE, ROW * 30, NIBBLE), ValueError,
     ("layer m: thresholds must be from -128 (always reached) to 128 (never), not 150 at row 0, "
     "level 2")),
    (lambda: MultiThreshold("m", BYTE, -ROW, NIBBLE), ValueError,
     "layer m: thresholds must ascend in each row, not 0 at row 0, level 1"),
    (lambda: MultiThreshold("m", BYTE, ROW, Ternary()), ValueError,
     "layer m: thresholds must have exactly 2 levels for output ternary, not 3"),
    (lambda: MultiThreshold("m", BYTE, np.tile(ROW[:, :1], 4), Integer(2, True)), ValueError,
     "layer m: thresholds must have at most 3 levels for output int2, not 4"),
    (lambda: MultiThreshold("m", BYTE, ROW, Integer(9, True)), ValueError,
     ("layer m: output must be bipolar, ternary or an integer of 2 to 8 bits, not int9; for more "
     "bits take a Scale layer")),
    (lambda: Scale("s", Integer(49, True), 1, ROW[0, :1], ROW[0, :1], 0, "floor", "wrap", BYTE),
     ValueError, ("layer s: input must have at most 48 bits, not 49; put a Scale layer between")),
    (lambda: untyped_scale("s", Bipolar(), 1, 1, 0, 0, "floor", "wrap", BYTE), TypeError,
     "layer s: input must be an Integer, not bipolar; raw accumulators of a Dense layer are"),
    (lambda: untyped_scale("s", BYTE, 2, [1, 2, 3], 0, 0, "floor", "wrap", BYTE), ValueError,
     "layer s: multiplier must have shape (2,), not (3,)"),
    (lambda: untyped_scale("s", BYTE, 2, 1, 0.5, 0, "floor", "wrap", BYTE), TypeError,
     "layer s: bias must be integers, not float64"),
    (lambda: untyped_scale("s", BYTE, 2, 1, 0, 63, "floor", "wrap", BYTE), ValueError,
     "layer s: shift must be from 0 to 62, not 63"),
    (lambda: untyped_scale("s", BYTE, 0, 1, 0, 1, "floor", "wrap", BYTE), ValueError,
     "layer s: n must be from 1 to 1048576, not 0"),
    (lambda: untyped_scale("s", BYTE, 1, 1, 0, 1, "up", "wrap", BYTE), ValueError,
     "layer s: rounding must be one of floor, half_up, half_even, not 'up'"),
    (lambda: untyped_scale("s", BYTE, 1, 1, 0, 1, "floor", "clip", BYTE), ValueError,
     "layer s: overflow must be one of saturate, wrap, not 'clip'"),
    (lambda: untyped_scale("s", BYTE, 1, 2**60, 0, 1, "floor", "wrap", BYTE), ValueError,
     ("layer s: multiplier * input + bias must stay within 62 bits with rounding, not reach "
     "-147573952589676412928 and 146421031085069565952; use a smaller multiplier")),
    (lambda: Clamp("c", BYTE, 1, 5, 4), ValueError, "layer c: high must be from 5 to 127, not 4"),
    (lambda: Clamp("c", BYTE, 1, -129), ValueError,
     "layer c: low must be from -128 to 127, not -129"),
    (lambda: LeakyReLU("l", Integer(8, False), 1, 1, 1, "floor"), ValueError,
     "layer l: input must be signed, not uint8; without negative numbers the layer does nothing"),
    (lambda: LeakyReLU("l", BYTE, 1, 9, 3, "floor"), ValueError,
     "layer l: multiplier must be from 0 to 8, not 9"),
    (lambda: untyped_table("t", Integer(17, True), 1, [0], BYTE), ValueError,
     "layer t: input must have at most 16 bits, not 17; put a Scale layer between"),
    (lambda: untyped_table("t", NIBBLE, 1, [0], BYTE), ValueError,
     "layer t: table must have shape (16,), not (1,)"),
    (lambda: untyped_table("t", NIBBLE, 1, [0, 200] + [0] * 14, BYTE), ValueError,
     "layer t: table must be of int8, not 200 at index 1"),
    (lambda: PiecewiseLinear("p", NIBBLE, 1, ROW[0], ROW[0], 1, "floor", "wrap", BYTE), ValueError,
     "layer p: slopes must be as many as a power of two, at most 16, not 3"),
    (lambda: fit_pieces(np.tanh, Fixed(4, 2, True), Fixed(4, 2, True), 3), ValueError,
     "pieces must be a power of two, at most 16, not 3"),
    (lambda: fit_pieces(lambda v: v * np.inf, Fixed(4, 2, False), Fixed(4, 2, True), 2), ValueError,
     "function must be finite, not nan"),
    (lambda: tabulate(lambda v: v[:3], Fixed(4, 2, True), Fixed(4, 2, True)), ValueError,
     "function must give one value for each of 16 inputs, not an array of shape (3,)"),
    (lambda: TopK("k", BYTE, 3, 4), ValueError, "layer k: k must be from 1 to 3, not 4"),
    (lambda: topk(ROW, 4), ValueError,
     "x must have shape (frames, n) with n at least k = 4, not (1, 3)"),
])
@pytest.mark.filterwarnings("ignore:invalid value encountered in multiply")
def test_rejects(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        make()
