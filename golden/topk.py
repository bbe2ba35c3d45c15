"""The indices of the k greatest values, by a stable sort."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from golden.check import check_count, check_name, check_number
from golden.number import Integer, Number

__all__ = ["TopK", "topk"]


@dataclass(frozen=True)
class TopK:
    """Indices of the ``k`` greatest of ``n_in`` values of kind ``input``, the greatest first.

    Of equal values the lower index comes first. Raises TypeError and ValueError that name layer,
    parameter, rule and value.
    """

    name: str
    input: Number
    n_in: int
    k: int

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        object.__setattr__(self, "n_in", check_count(self.name, "n_in", self.n_in, 1, 2**20))
        object.__setattr__(self, "k", check_count(self.name, "k", self.k, 1, self.n_in))

    @property
    def n_out(self) -> int:
        """``k`` outputs a frame."""
        return self.k

    @property
    def output(self) -> Integer:
        """Unsigned, just wide enough for the last index."""
        return Integer.holding(0, self.n_in - 1, signed=False)

    @property
    def operations(self) -> int:
        """Comparisons a frame."""
        return self.n_in * self.k

    @property
    def weight_bits(self) -> int:
        """None are needed."""
        return 0


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
