"""Layers and inputs for the testbenches of the dense cores."""

import numpy as np
from numpy.typing import NDArray

from golden.layer import Dense
from golden.number import Bipolar, Number

__all__ = ["draw_inputs", "draw_layer"]


def draw_layer(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
               thresholds: bool) -> Dense:
    """Random weights; rows 0 and 1 are all +1 and all -1. Thresholds near the middle, but the
    first rows' are the least and the greatest that the layer allows, which are never crossed."""
    weights = rng.choice([-1, 1], (n_out, n_in))
    weights[:1], weights[1:2] = 1, -1
    raw = Dense("layer", number, weights)
    if not thresholds:
        return raw
    low, high = raw.accumulator_minimum, raw.accumulator_maximum
    middle = (low + high) // 2
    spread = np.maximum((high - low) // 8, 1)
    chosen = np.clip(middle + rng.integers(-spread, spread, endpoint=True), low, high + 1)
    extreme = rng.permutation(n_out)[:n_out // 3]
    chosen[extreme] = rng.choice([0, 1], len(extreme)) * (high - low + 1)[extreme] + low[extreme]
    return Dense("layer", number, weights, chosen)


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
