"""The golden answers against plain NumPy and Python on small, extreme and random data."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from golden.argmax import argmax
from golden.dense import accumulate, dense
from golden.lane_converter import from_beats, lane_converter, to_beats
from golden.layer import ArgMax, Dense
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.popcount import popcount
from golden.reference import run


@pytest.mark.parametrize("n_in, n_out", [(1, 1), (2, 3), (3, 2), (13, 7), (784, 5)])
def test_dense_is_the_integer_product(n_in: int, n_out: int, rng: np.random.Generator) -> None:
    weights = rng.choice([-1, 1], (n_out, n_in))
    for number in (Bipolar(), Integer(8, False), Integer(12, True), Integer(42, True)):
        extremes = np.repeat([[number.minimum], [number.maximum]], n_in, axis=1)
        drawn = number.decode(rng.integers(0, 2**number.width, (20, n_in)))
        x = np.concatenate([extremes, drawn])
        expected = [[sum(int(w) * int(v) for w, v in zip(row, frame, strict=True))
                     for row in weights] for frame in x]
        assert accumulate(x, weights).tolist() == expected
        layer = Dense("d", number, weights)
        assert dense(x, layer).tolist() == expected
        middle = rng.integers(layer.accumulator_minimum, layer.accumulator_maximum + 2)
        fired = dense(x, Dense("d", number, weights, middle))
        assert fired.tolist() == [[1 if a >= t else -1 for a, t in zip(row, middle, strict=True)]
                                  for row in expected]


@pytest.mark.parametrize("kind", [
    Ternary(), Integer(2, True), Integer(8, True), Integer(16, False),
    Codebook((-900, 0, 1, 70000)),
], ids=str)
def test_dense_of_every_weight_kind(kind: Number, rng: np.random.Generator) -> None:
    drawn = rng.integers(0, min(2**kind.width, 3 if kind == Ternary() else 2**20), (5, 7))
    weights = kind.decode(np.where(drawn == 2, 3, drawn) if kind == Ternary() else drawn)
    weights[0, :2] = kind.minimum, kind.maximum
    bias = rng.integers(-1000, 1000, 5)
    for number in (Bipolar(), Ternary(), Integer(8, False), Integer(5, True)):
        layer = Dense("d", number, weights, None, kind, bias)
        ends = np.array([[number.minimum] * 7, [number.maximum] * 7,
                         *np.where(weights > 0, number.maximum, number.minimum),
                         *np.where(weights > 0, number.minimum, number.maximum)])
        expected = np.array([[sum(int(w) * int(v) for w, v in zip(row, frame, strict=True)) + b
                              for row, b in zip(weights, bias, strict=True)] for frame in ends])
        assert dense(ends, layer).tolist() == expected.tolist()
        assert layer.accumulator_minimum.tolist() == expected.min(0).tolist()
        assert layer.accumulator_maximum.tolist() == expected.max(0).tolist()


def test_thresholds_out_of_reach_are_constant(rng: np.random.Generator) -> None:
    weights = rng.choice([-1, 1], (4, 9))
    x = Bipolar().decode(rng.integers(0, 2, (50, 9)))
    free = Dense("d", Bipolar(), weights)
    always = Dense("d", Bipolar(), weights, free.accumulator_minimum)
    never = Dense("d", Bipolar(), weights, free.accumulator_maximum + 1)
    assert (dense(x, always) == 1).all() and (dense(x, never) == -1).all()


def test_argmax_takes_the_lowest_of_equals() -> None:
    x = np.array([[3, 3, 1], [1, 3, 3], [0, 0, 0], [-5, -7, -5], [1, 2, 3]])
    assert argmax(x).tolist() == [[0], [1], [0], [0], [2]]
    extremes = np.array([[-2**63, 2**63 - 1, 2**63 - 2]])
    assert argmax(extremes).tolist() == [[1]]


@pytest.mark.parametrize("n", [1, 2, 10, 101])
def test_argmax_is_numpys(n: int, rng: np.random.Generator) -> None:
    x = rng.integers(-3, 4, (300, n))
    assert argmax(x)[:, 0].tolist() == np.argmax(x, axis=1).tolist()


@pytest.mark.parametrize("n", [1, 7, 64, 784])
def test_popcount_counts(n: int, rng: np.random.Generator) -> None:
    bits = np.concatenate([np.zeros((1, n), int), np.ones((1, n), int),
                           rng.integers(0, 2, (30, n))])
    assert popcount(bits).tolist() == [sum(row) for row in bits.tolist()]


@pytest.mark.parametrize("n, lanes_in, lanes_out", [(1, 1, 1), (7, 3, 2), (8, 4, 2), (5, 8, 1),
                                                    (13, 1, 5), (10, 10, 3)])
def test_lane_converter_keeps_the_elements(n: int, lanes_in: int, lanes_out: int,
                                           rng: np.random.Generator) -> None:
    x = rng.integers(1, 100, (4, n))
    beats = to_beats(x, lanes_in)
    assert beats.shape == (4 * -(-n // lanes_in), lanes_in)
    dirty = beats + 100 * (beats == 0)  # what padding lanes hold must not come through
    for source in (beats, dirty):
        assert from_beats(source, n).tolist() == x.tolist()
        assert lane_converter(source, n, lanes_out).tolist() == to_beats(x, lanes_out).tolist()
    assert to_beats(np.array([[1, 2, 3]]), 2).tolist() == [[1, 2], [3, 0]]


def test_run_gives_every_layer(rng: np.random.Generator) -> None:
    first = Dense("first", Integer(8, False), rng.choice([-1, 1], (5, 7)), np.zeros(5, int))
    last = Dense("last", Bipolar(), rng.choice([-1, 1], (3, 5)))
    network = Network("n", (first, last, ArgMax("best", last.output, 3)))
    x = rng.integers(0, 256, (23, 7), dtype=np.uint8)
    hidden, scores, best = run(network, x)
    assert hidden.tolist() == np.where(x.astype(int) @ first.weights.T >= 0, 1, -1).tolist()
    assert scores.tolist() == (hidden @ last.weights.T).tolist()
    assert best.tolist() == np.argmax(scores, axis=1)[:, None].tolist()
    for batch in (1, 10, 23):
        for got, expected in zip(run(network, x, batch), (hidden, scores, best), strict=True):
            assert got.dtype == np.int64 and got.tolist() == expected.tolist()
    assert [output.shape for output in run(network, x[:0])] == [(0, 5), (0, 3), (0, 1)]


NETWORK = Network("n", (ArgMax("a", Integer(2, False), 3),))


@pytest.mark.parametrize("call, message", [
    (lambda: accumulate(np.ones((2, 3)), np.ones((2, 2))),
     "x must have shape (frames, n_in) and weights (n_out, n_in), not (2, 3) and (2, 2)"),
    (lambda: accumulate(np.full((1, 4), 2**51), np.ones((1, 4))),
     f"x must keep n_in * max |x| * max |weight| below 2**53, not 4 * {2**51} * 1"),
    (lambda: argmax(np.ones((3, 0))),
     "x must have shape (frames, n) with n at least 1, not (3, 0)"),
    (lambda: popcount(np.ones(3)), "bits must have shape (frames, n), not (3,)"),
    (lambda: popcount(np.array([[2]])), "bits must be 0 or 1"),
    (lambda: to_beats(np.ones((1, 3)), 0), "lanes must be at least 1, not 0"),
    (lambda: to_beats(np.ones(3), 1), "x must have shape (frames, n) with n at least 1, not (3,)"),
    (lambda: from_beats(np.ones((3, 2)), 0),
     "beats must have shape (beats, lanes) and n be at least 1, not (3, 2) and 0"),
    (lambda: from_beats(np.ones((3, 2)), 3),
     "beats must be a multiple of 2, those of one frame, not 3"),
    (lambda: run(NETWORK, np.ones((2, 2), int)),
     "x must have shape (frames, 3) for network n, not (2, 2)"),
    (lambda: run(NETWORK, np.ones((2, 3), int), 0), "batch must be at least 1, not 0"),
    (lambda: run(NETWORK, np.array([[0, 4, 1]])),
     "uint2 values must be from 0 to 3, not 4 at index (0, 1)"),
])
def test_rejects(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
