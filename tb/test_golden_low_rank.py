"""Low rank: integer matrices come back exactly, counts, the nearest one, and what is refused."""

import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.low_rank import factorise
from golden.quantisers import TernaryWeights, quantise_weights


def holding(weight: np.ndarray, bias: bool = True) -> Any:
    """A model with the matrix (n_out, n_in) in its layer ``body.0``."""
    dense = nn.Linear(weight.shape[1], weight.shape[0], bias=bias)
    with torch.no_grad():
        dense.weight.copy_(torch.tensor(weight))
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(dense, nn.ReLU()))
    return model


def product(pair: Any) -> np.ndarray:
    first, second = (layer.weight.detach().double().numpy() for layer in pair)
    return second @ first


@pytest.mark.parametrize("n_out, n_in, rank, bias", [
    (1, 1, 1, True), (7, 5, 1, True), (12, 20, 3, False), (30, 9, 4, True), (6, 6, 6, True)])
def test_an_integer_matrix_of_that_rank_comes_back(n_out: int, n_in: int, rank: int, bias: bool,
                                                   rng: np.random.Generator) -> None:
    weight = rng.integers(-5, 6, (n_out, rank)) @ rng.integers(-5, 6, (rank, n_in))
    model = holding(weight, bias)
    old = model.body[0].bias
    pair = factorise(model, "body.0", rank, anyway=True)
    assert model.body[0] is pair
    assert (product(pair).round() == weight).all()
    first, second = pair
    assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
    assert first.weight.shape == (rank, n_in) and second.weight.shape == (n_out, rank)
    assert first.bias is None and second.bias is old
    assert sum(parameter.numel() for parameter in model.parameters()) == (
        rank * (n_in + n_out) + bias * n_out)
    x = torch.tensor(rng.integers(-5, 6, (10, n_in)), dtype=torch.float32)
    with torch.no_grad():
        expected = x @ torch.tensor(weight.T, dtype=torch.float32)
        assert torch.equal((pair(x) - (0 if old is None else old)).round(), expected)


def test_the_greatest_values_are_kept() -> None:
    """Of a diagonal the greatest entries; the error is the square sum of the others."""
    weight = np.zeros((4, 5))
    weight[[0, 1, 2, 3], [2, 0, 4, 1]] = 3, -8, 1, 5
    pair = factorise(holding(weight), "body.0", 2)
    kept = np.where(abs(weight) > 4, weight, 0)
    assert (product(pair).round() == kept).all()
    assert ((weight - product(pair)).round()**2).sum() == 3**2 + 1**2


def test_none_of_that_rank_is_nearer(rng: np.random.Generator) -> None:
    weight = rng.normal(0, 1, (12, 9))
    ours = ((weight - product(factorise(holding(weight), "body.0", 3)))**2).sum()
    right = np.linalg.svd(weight)[2]
    others = [right[list(chosen)].T for chosen in combinations(range(9), 3) if chosen != (0, 1, 2)]
    others += [np.linalg.qr(rng.normal(0, 1, (9, 3)))[0] for _ in range(50)]
    for first in others:  # orthogonal columns; weight @ first is the best second factor for them
        assert ((weight - weight @ first @ first.T)**2).sum() > ours


@pytest.mark.parametrize("energy, rank", [(0.5, 1), (0.64, 1), (0.65, 2), (0.9, 3), (0.99, 3),
                                          (0.9951, 4), (1.0, 4)])
def test_energy(energy: float, rank: int) -> None:
    """Squares 64, 25, 10 and 0.5 of 99.5: shares 0.643, 0.894, 0.995, 1."""
    weight = np.diag([8, 5, 10**0.5, 0.5**0.5, 0, 0, 0, 0, 0])
    pair = factorise(holding(weight), "body.0", energy=energy)
    assert pair[0].weight.shape == (rank, 9)
    assert factorise(holding(0 * weight), "body.0", energy=energy)[0].weight.shape == (1, 9)


def test_mode_and_dtype_stay(rng: np.random.Generator) -> None:
    model = holding(rng.normal(0, 1, (9, 9))).double().eval()
    pair = factorise(model, "body.0", 2)
    assert not any(module.training for module in pair.modules())
    assert all(parameter.dtype == torch.float64 for parameter in pair.parameters())
    assert list(model.state_dict()) == ["body.0.0.weight", "body.0.1.weight", "body.0.1.bias"]


def quantised() -> Any:
    model = holding(np.eye(9))
    quantise_weights(model, TernaryWeights)
    return model


@pytest.mark.parametrize("call, message", [
    (lambda: factorise(nn.Linear(9, 9), "", 2),
     "name must be that of a dense layer in the model, but '' is the model itself"),
    (lambda: factorise(holding(np.eye(9)), "body.2", 2),
     "name must be that of a dense layer in the model, but 'body.2' is none of its layers"),
    (lambda: factorise(nn.Sequential(nn.Conv2d(9, 9, 3)), "0", 2),
     "name must be that of a dense layer in the model, but '0' is a Conv2d"),
    (lambda: factorise(quantised(), "body.0", 2),
     "layer body.0: factorise it before it is pruned or quantised"),
    (lambda: factorise(holding(np.eye(9)), "body.0"), "layer body.0: give either rank or energy"),
    (lambda: factorise(holding(np.eye(9)), "body.0", 2, energy=0.5),
     "layer body.0: give either rank or energy"),
    (lambda: factorise(holding(np.eye(9)), "body.0", 10),
     "layer body.0: rank must be from 1 to 9, not 10"),
    (lambda: factorise(holding(np.eye(9)), "body.0", energy=1.01),
     "layer body.0: energy must be above 0 and at most 1, not 1.01"),
    (lambda: factorise(holding(np.eye(8)), "body.0", 4),
     ("layer body.0: rank 4 needs 64 weights, not fewer than the 64 there are; take a rank below "
      "4")),
    (lambda: factorise(holding(np.eye(9)), "body.0", 5),
     ("layer body.0: rank 5 needs 90 weights, not fewer than the 81 there are; take a rank below "
      "5")),
])
def test_rejects(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
