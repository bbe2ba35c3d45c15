"""Golden model of the fully connected layer, by a floating-point matrix product."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from golden.layer import Dense

__all__ = ["accumulate", "dense"]


def accumulate(x: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.int64]:
    """Sums ``x @ weights.T``.

    x : (frames, n_in) integers; weights : (n_out, n_in) integers. Returns (frames, n_out).
    Exact: float64 holds every sum below 2**53, and no partial sum is greater than
    ``n_in * max |x| * max |weight|``, for which that is checked (ValueError).
    """
    x, weights = np.asarray(x), np.asarray(weights)
    if x.ndim != 2 or weights.ndim != 2 or x.shape[1] != weights.shape[1]:
        raise ValueError("x must have shape (frames, n_in) and weights (n_out, n_in), "
                         f"not {x.shape} and {weights.shape}")
    greatest, weight = (max(int(a.max()), -int(a.min())) if a.size else 0 for a in (x, weights))
    if x.shape[1] * greatest * weight >= 2**53:
        raise ValueError("x must keep n_in * max |x| * max |weight| below 2**53, not "
                         f"{x.shape[1]} * {greatest} * {weight}")
    product = torch.tensor(x, dtype=torch.float64) @ torch.tensor(weights, dtype=torch.float64).T
    return product.to(torch.int64).numpy()


def dense(x: NDArray[Any], layer: Dense) -> NDArray[np.int64]:
    """Outputs of ``layer``: x (frames, n_in) values -> (frames, n_out) accumulators or -1, +1."""
    accumulator = accumulate(x, layer.weights)
    if layer.bias is not None:
        accumulator += layer.bias
    if layer.thresholds is None:
        return accumulator
    return np.where(accumulator >= layer.thresholds, np.int64(1), np.int64(-1))
