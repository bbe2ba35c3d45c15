"""Golden model of the popcount, by counting non-zeros."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["popcount"]


def popcount(bits: NDArray[Any]) -> NDArray[np.int64]:
    """Number of ones of each row: bits (frames, n) of 0 and 1 -> (frames,), exact.

    Raises ValueError for other shapes and values.
    """
    bits = np.asarray(bits)
    if bits.ndim != 2:
        raise ValueError(f"bits must have shape (frames, n), not {bits.shape}")
    if ((bits != 0) & (bits != 1)).any():
        raise ValueError("bits must be 0 or 1")
    return torch.count_nonzero(torch.tensor(bits.astype(np.uint8)), dim=1).numpy()
