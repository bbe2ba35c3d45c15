"""ArgMax against a stable sort."""

import numpy as np
import pytest

from golden.argmax import argmax
from golden.number import Bipolar, Integer, Number
from hdl.argmax import ArgMax
from tb.cases import rtl_only
from tb.harness import Frames, simulate


def draw(rng: np.random.Generator, n: int, number: Number) -> np.ndarray:
    """Rows of random values, of few different ones (ties), of extremes, rising and falling."""
    values = np.array([-1, 1]) if isinstance(number, Bipolar) else None
    low, high = number.minimum, number.maximum
    span = rng.integers(low, high, (40, n), endpoint=True) if values is None else (
        rng.choice(values, (40, n)))
    ties = rng.choice(span[0], (40, n))
    extremes = rng.choice([low, high], (20, n))
    one = np.full((n, n), low)
    np.fill_diagonal(one, high)
    # First, and so after each reset, numbers below zero that rise: a best of zero would beat them.
    below = np.sort(rng.choice(span[span <= (low + high) // 2], (1, n)))
    return np.concatenate([below, span, ties, extremes, one, np.sort(span[:2]), -np.sort(-span[:2]),
                           np.full((1, n), low), np.full((1, n), high)])


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, number, lanes, levels", [
    (1, Bipolar(), 1, 3), rtl_only(1, Integer(5, False), 3, 1),
    rtl_only(2, Integer(1, True), 1, 3), (2, Integer(1, False), 2, 1),
    rtl_only(3, Bipolar(), 2, 2), rtl_only(5, Integer(8, True), 1, 4), (7, Integer(3, True), 3, 3),
    (10, Integer(9, True), 10, 4), rtl_only(10, Integer(9, False), 1, 3),
    (13, Integer(16, True), 4, 3), rtl_only(37, Integer(6, True), 5, 4),
    rtl_only(9, Integer(64, True), 2, 3), rtl_only(9, Integer(3, True), 9, 99),
])
def test_matches_golden(rng: np.random.Generator, n: int, number: Number, lanes: int, levels: int,
                        netlist: bool) -> None:
    x = draw(rng, n, number)
    core = ArgMax(n, number, lanes, levels)
    simulate(core, Frames.of(x, number, lanes),
             Frames.of(argmax(x), Integer(core.index_width, False)), netlist=netlist)


@pytest.mark.parametrize("n, lanes, levels, latency", [
    (10, 1, 3, 10), (10, 10, 1, 4), (10, 10, 4, 2), (10, 10, 6, 2), (10, 10, 8, 1), (10, 4, 3, 5),
    (10, 4, 4, 4), (1, 1, 1, 1)])
def test_latency(n: int, lanes: int, levels: int, latency: int) -> None:
    assert ArgMax(n, Bipolar(), lanes, levels).latency == latency


@pytest.mark.parametrize("arguments, error, message", [
    ((0, Bipolar()), ValueError, r"^ArgMax n must be at least 1, not 0$"),
    ((1, Bipolar(), 0), ValueError, r"^ArgMax lanes must be at least 1, not 0$"),
    ((1.0, Bipolar()), TypeError, r"^ArgMax n must be an integer, not 1.0$"),
    ((1, Bipolar(), False), TypeError, r"^ArgMax lanes must be an integer, not False$"),
    ((1, Bipolar(), 1, 0), ValueError, r"^ArgMax levels must be at least 1, not 0$"),
    ((1, 8), TypeError, r"^ArgMax number must be a Number, not 8$"),
])
def test_rejects(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ArgMax(*arguments)
