"""Golden models of the elementwise layers: x (frames, n) integers -> (frames, n)."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from golden.activation import Clamp, LeakyReLU, MultiThreshold, Scale
from golden.fixed import fit, round_shift
from golden.number import Bipolar
from golden.tabulated import PiecewiseLinear, Table

__all__ = ["clamp", "leaky_relu", "multi_threshold", "piecewise_linear", "scale", "table"]


def multi_threshold(x: NDArray[Any], layer: MultiThreshold) -> NDArray[np.int64]:
    """Counts by PyTorch's binary search in each row of thresholds; exact, it only compares."""
    columns = torch.tensor(np.ascontiguousarray(np.asarray(x).T), dtype=torch.int64)
    rows = torch.tensor(layer.thresholds)
    counts = torch.searchsorted(rows, columns, right=True).numpy().T
    step = 2 if isinstance(layer.output, Bipolar) else 1
    return layer.output.minimum + step * counts.astype(np.int64)


def scale(x: NDArray[Any], layer: Scale) -> NDArray[np.int64]:
    """In int64, which the layer's own check keeps from overflowing."""
    sums = np.asarray(x, np.int64) * layer.multiplier + layer.bias
    return fit(round_shift(sums, layer.shift, layer.rounding), layer.output, layer.overflow)


def clamp(x: NDArray[Any], layer: Clamp) -> NDArray[np.int64]:
    """By PyTorch's operator."""
    return torch.tensor(x, dtype=torch.int64).clamp(layer.low, layer.high).numpy()


def leaky_relu(x: NDArray[Any], layer: LeakyReLU) -> NDArray[np.int64]:
    """Both branches in int64."""
    x = np.asarray(x, np.int64)
    return np.where(x >= 0, x, round_shift(x * layer.multiplier, layer.shift, layer.rounding))


def table(x: NDArray[Any], layer: Table) -> NDArray[np.int64]:
    """By indexing."""
    return layer.table[np.asarray(x, np.int64) - layer.input.minimum]


def piecewise_linear(x: NDArray[Any], layer: PiecewiseLinear) -> NDArray[np.int64]:
    """By floor division; 48 bits and 16 bits times 32 bits fit int64."""
    piece, place = np.divmod(np.asarray(x, np.int64) - layer.input.minimum, layer.length)
    sums = layer.slopes[piece] * place + layer.offsets[piece]
    return fit(round_shift(sums, layer.shift, layer.rounding), layer.output, layer.overflow)
