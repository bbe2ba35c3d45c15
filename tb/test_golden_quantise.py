"""Binarisation: values, gradients, probabilities, and the trainable layers made of it."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from golden.quantise import binarise, binarise_stochastic
from golden.trainable import BatchNorm, BinaryActivation, BinaryLinear
from tb.harness import settings

X = torch.tensor([-torch.inf, -1.5, -1.0, -0.5, -1e-45, -0.0, 0.0, 1e-45, 0.5, 1.0, 1.5])
ALIVE = [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]  # where |x| <= 1


def test_binarise_takes_the_sign() -> None:
    assert binarise(X).tolist() == [-1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1]
    assert binarise(X.double()).dtype == torch.float64


@pytest.mark.parametrize("quantise", [binarise, binarise_stochastic])
def test_gradient_goes_straight_through(quantise: Callable[[torch.Tensor], torch.Tensor]
                                           ) -> None:
    x = X.clone().requires_grad_()
    incoming = torch.arange(1.0, len(X) + 1)
    quantise(x).backward(incoming)
    assert x.grad is not None
    assert x.grad.tolist() == (incoming * torch.tensor(ALIVE)).tolist()


def test_stochastic_draws_follow_the_probability() -> None:
    generator = torch.Generator().manual_seed(settings.seed)
    x = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
    draws = binarise_stochastic(x.expand(10_000, -1), generator)
    assert set(draws.unique().tolist()) == {-1.0, 1.0}
    ones = (draws > 0).sum(dim=0).tolist()
    assert ones[:2] == [0, 0] and ones[5:] == [10_000, 10_000]
    # Binomial: six standard deviations are at most 300; a wrong p of any quarter is 2500 away.
    assert all(abs(n - p) < 300 for n, p in zip(ones[2:5], (2500, 5000, 7500), strict=True))


def test_stochastic_draws_repeat_from_a_seed() -> None:
    draws = [binarise_stochastic(torch.zeros(100), torch.Generator().manual_seed(seed)).tolist()
             for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_layers_draw_in_training_only() -> None:
    torch.manual_seed(settings.seed)
    dense, activation = BinaryLinear(50, 20, stochastic=True), BinaryActivation(stochastic=True)
    x = torch.zeros(30, 50)
    assert not torch.equal(dense(x + 1), dense(x + 1))
    assert not torch.equal(activation(x), activation(x))
    dense.eval(), activation.eval()
    assert torch.equal(dense(x + 1), (x + 1) @ dense.integers().T)
    assert torch.equal(activation(x), x + 1)


def test_latent_weights_stay_clipped() -> None:
    dense = BinaryLinear(3, 2)
    with torch.no_grad():
        dense.weight.copy_(torch.tensor([[-3.0, -1.0, 0.5], [0.0, 1.0, 7.0]]))
    dense.clip()
    assert dense.weight.tolist() == [[-1.0, -1.0, 0.5], [0.0, 1.0, 1.0]]
    assert dense.integers().tolist() == [[-1, -1, 1], [1, 1, 1]]


def test_batch_norm_trains_as_pytorchs() -> None:
    torch.manual_seed(settings.seed)
    ours, theirs = BatchNorm(6, momentum=0.3), torch.nn.BatchNorm1d(6, momentum=0.3)
    for _ in range(3):
        x = torch.randn(40, 6) * 5 + 2
        assert torch.equal(ours(x), theirs(x))
    assert theirs.running_mean is not None and theirs.running_var is not None
    assert torch.equal(ours.mean, theirs.running_mean)
    assert torch.equal(ours.variance, theirs.running_var)


def test_batch_norm_evaluates_the_formula() -> None:
    norm = BatchNorm(3, epsilon=0.0).eval()
    with torch.no_grad():
        for name, values in (("scale", [1.0, -2.0, 0.0]), ("shift", [0.5, 1.0, -1.0]),
                             ("mean", [1.0, -1.0, 4.0]), ("variance", [4.0, 16.0, 1.0])):
            getattr(norm, name).copy_(torch.tensor(values))
    # Powers of two only, so that any order of the operations gives these numbers.
    assert norm(torch.tensor([[3.0, 1.0, 9.0]])).tolist() == [[1.5, 0.0, -1.0]]
    x = torch.tensor([[3.0, 1.0, 9.0], [-5.0, 2.0, 0.0]])
    assert torch.equal(norm(x), functional.batch_norm(x, norm.mean, norm.variance, norm.scale,
                                                      norm.shift, eps=0.0))


@pytest.mark.parametrize("n", [1, 7, 64, 1000])
def test_batch_norm_is_independent_of_the_batch(n: int) -> None:
    torch.manual_seed(settings.seed)
    norm = BatchNorm(n)
    norm(torch.randn(50, n) * 100)
    norm.eval()
    x = torch.randint(-500, 500, (37, n)).float()
    assert torch.equal(norm(x), torch.cat([norm(row[None]) for row in x]))
    assert torch.equal(norm(x), norm(x.T.contiguous().T))
