"""Dense layers of low rank: one matrix becomes the product of two smaller ones."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.check import check_count

__all__ = ["check_rank", "factorise"]


def factorise(model: nn.Module, name: str, rank: int | None = None, *,
              energy: float | None = None, anyway: bool = False) -> nn.Sequential:
    """Replace the dense layer ``name`` of ``model`` by two; returns them.

    The first, n_in to ``rank`` and without a bias, and the second, ``rank`` to n_out with the
    bias of the old layer, come from the singular value decomposition W = U diag(s) V of the
    weight (n_out, n_in), cut off behind the greatest ``rank`` values: sqrt(s) V and U sqrt(s). No
    other two layers of that size come nearer to W in the square sum, which is then that of the
    values left out (C. Eckart, G. Young, "The approximation of one matrix by another of lower
    rank", Psychometrika 1, 1936). Computed in float64, then rounded to the layer's dtype.

    rank : 1 to min(n_in, n_out)
    energy : instead of ``rank``: the lowest rank that keeps this share of the sum of s**2
    anyway : also if the two layers have no fewer weights than the one

    Raises ValueError for another layer than a dense one in another module, for one with
    parametrizations (factorise before pruning and quantising), and for a rank that saves nothing.
    """
    modules = dict(model.named_modules())
    dense = modules.get(name)
    if not name or not isinstance(dense, nn.Linear):
        what = ("the model itself" if not name else "none of its layers" if dense is None
                else f"a {type(dense).__name__}")
        raise ValueError("name must be that of a dense layer in the model, but "
                         f"{name!r} is {what}")
    if parametrize.is_parametrized(dense):
        raise ValueError(f"layer {name}: factorise it before it is pruned or quantised")
    shape = tuple(dense.weight.shape)
    check_rank(name, shape, rank, energy, anyway)
    left, values, right = torch.linalg.svd(dense.weight.detach().double(), full_matrices=False)
    if energy is not None:
        rank = _rank(values, energy)
        check_rank(name, shape, rank, None, anyway)
    assert rank is not None
    n_out, n_in = shape
    first, second = nn.Linear(n_in, rank, bias=False), nn.Linear(rank, n_out)
    root = values[:rank].sqrt()
    pair = nn.Sequential(first, second).to(dense.weight).train(dense.training)
    with torch.no_grad():
        first.weight.copy_(root[:, None] * right[:rank])
        second.weight.copy_(left[:, :rank] * root)
    second.bias = dense.bias
    parent, _, child = name.rpartition(".")
    setattr(modules[parent], child, pair)
    return pair


def check_rank(name: str, shape: tuple[int, ...], rank: int | None, energy: float | None,
               anyway: bool = False) -> None:
    """Raise TypeError or ValueError for what ``factorise`` refuses of a weight of that shape."""
    if (rank is None) == (energy is None):
        raise ValueError(f"layer {name}: give either rank or energy")
    if energy is not None:
        if not 0 < energy <= 1:
            raise ValueError(f"layer {name}: energy must be above 0 and at most 1, not {energy}")
        return
    weights = check_count(name, "rank", rank, 1, min(shape)) * sum(shape)
    if weights >= prod(shape) and not anyway:
        raise ValueError(f"layer {name}: rank {rank} needs {weights} weights, not fewer than the "
                         f"{prod(shape)} there are; take a rank below "
                         f"{-(-prod(shape) // sum(shape))}")


def _rank(values: Tensor, energy: float) -> int:
    """The lowest rank, at least 1, whose squares of singular ``values`` sum up to the share."""
    sums = (values**2).cumsum(0)
    return int((sums < energy * sums[-1]).sum()) + 1
