"""Golden model of arg-max, by a stable sort."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["argmax"]


def argmax(x: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the greatest value of each row: x (frames, n) integers -> (frames, 1).

    Of equal values the lowest index wins: a stable sort keeps equals in their order. Exact, no
    arithmetic is done. Raises ValueError for other shapes.
    """
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(f"x must have shape (frames, n) with n at least 1, not {x.shape}")
    values = torch.tensor(x, dtype=torch.int64)
    order = torch.sort(values, dim=1, descending=True, stable=True).indices
    return order[:, :1].numpy()
