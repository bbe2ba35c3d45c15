"""Layers and inputs for the testbenches of the dense cores."""

import numpy as np
from numpy.typing import NDArray

from golden.layer import Dense
from golden.number import Bipolar, Codebook, Number, Ternary

__all__ = ["draw_inputs", "draw_layer"]

BIPOLAR = Bipolar()


def draw_layer(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
               thresholds: bool, kind: Number = BIPOLAR, density: float = 1.0) -> Dense:
    """Random weights of a kind, of which about the share ``density`` is not 0.

    Rows 0 and 1 are all the greatest and all the least weight, and a pruned layer's row 2 is empty;
    other kinds than bipolar have a bias. Thresholds near the middle, but a third of the rows' are
    the least or the greatest that the layer allows, which are never crossed.
    """
    codes = rng.integers(0, len(kind.entries) if isinstance(kind, Codebook) else 2**kind.width,
                         (n_out, n_in))
    if kind == Ternary():
        codes[codes == 2] = 0
    weights = kind.decode(codes)
    weights[rng.random(weights.shape) >= density] = 0
    weights[:1], weights[1:2] = kind.maximum, kind.minimum
    bias = None if kind == BIPOLAR else rng.integers(-100, 100, n_out)
    if density < 1:
        weights[2:3] = 0
    raw = Dense("layer", number, weights, None, kind, bias)
    if not thresholds:
        return raw
    low, high = raw.accumulator_minimum, raw.accumulator_maximum
    middle = (low + high) // 2
    spread = np.maximum((high - low) // 8, 1)
    chosen = np.clip(middle + rng.integers(-spread, spread, endpoint=True), low, high + 1)
    extreme = rng.permutation(n_out)[:n_out // 3]
    chosen[extreme] = rng.choice([0, 1], len(extreme)) * (high - low + 1)[extreme] + low[extreme]
    return Dense("layer", number, weights, chosen, kind, bias)


def draw_inputs(rng: np.random.Generator, n: int, number: Number, layer: Dense,
                frames: int = 24) -> NDArray[np.int64]:
    """Random values, all the least, all the greatest, and those that drive rows to their ends."""
    low, high = number.minimum, number.maximum
    values = rng.integers(low, high, (frames, n), endpoint=True)
    if isinstance(number, Bipolar):
        values = np.where(values > 0, 1, -1)
    ends = np.where(layer.weights[:4] > 0, high, low)
    return np.concatenate([values, np.full((1, n), low), np.full((1, n), high),
                           ends, low + high - ends])
