"""The indices of the k greatest values, by a stable sort."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["topk"]


def topk(x: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Indices of the ``k`` greatest values of each row: x (frames, n) integers -> (frames, k).

    A stable sort keeps equals in their order. Exact, no arithmetic is done. Raises ValueError for
    other shapes and for k outside 1..n.
    """
    x = np.asarray(x)
    if x.ndim != 2 or not 1 <= k <= x.shape[1]:
        raise ValueError(f"x must have shape (frames, n) with n at least k = {k}, not {x.shape}")
    values = torch.tensor(x, dtype=torch.int64)
    order = torch.sort(values, dim=1, descending=True, stable=True).indices
    return order[:, :k].numpy()
