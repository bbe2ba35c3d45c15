"""Ternary weights: codes, scales and gradients after their definitions, and a trained network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from golden.checkpoint import load_checkpoint, save_checkpoint
from golden.data import encode_pixels, load
from golden.fixed import Fixed
from golden.layer import Dense
from golden.lower import lower
from golden.models import MODELS, BinaryMLP, ModelSpec
from golden.number import Codebook, Ternary
from golden.prediction import predict
from golden.recipes import Recipe
from golden.reference import run
from golden.ternary import LearntTernary, ternarise, ternary_scale
from golden.train import train
from tb.harness import settings


def test_ternarise_at_seven_tenths_of_the_mean() -> None:
    x = torch.tensor([-2.0, -0.6875, 0.0, 0.75, 1.5625])  # mean |x| is 1
    assert x.abs().mean() == 1
    assert ternarise(x).tolist() == [-1, 0, 0, 1, 1]
    assert ternary_scale(x) == torch.tensor((2.0 + 0.75 + 1.5625) / 3)
    assert ternarise(torch.zeros(3)).tolist() == [0, 0, 0] and ternary_scale(torch.zeros(3)) == 0


def test_the_scale_is_the_best_one() -> None:
    generator = torch.Generator().manual_seed(settings.seed)
    x = torch.randn(1000, generator=generator, dtype=torch.float64)
    code, scale = ternarise(x), ternary_scale(x)

    def error(factor: torch.Tensor) -> float:
        return float(((x - factor * code) ** 2).sum())

    assert error(scale) < min(error(scale * 1.001), error(scale * 0.999))


def test_ternarise_hands_the_gradient_on() -> None:
    x = torch.tensor([-1.5, -1.0, 0.1, 0.9, 1.01]).requires_grad_()
    ternarise(x).backward(torch.arange(1.0, 6))
    assert x.grad is not None and x.grad.tolist() == [0, 2, 3, 4, 0]


def test_learnt_scales_and_their_gradients() -> None:
    layer = LearntTernary(torch.tensor([[2.0, -0.5, 0.05], [0.1, -1.5, 1.0]]))
    assert layer.codes().tolist() == [[1, -1, 0], [0, -1, 1]]
    assert (layer.positive.item(), layer.negative.item()) == (1.5, 1.0)
    assert layer().tolist() == [[1.5, -1.0, 0.0], [0.0, -1.0, 1.5]]
    layer().backward(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    for parameter, gradient in ((layer.positive, 7.0), (layer.negative, -7.0),
                                (layer.weight, [[1.5, 2.0, 3.0], [4.0, 5.0, 9.0]])):
        assert parameter.grad is not None and parameter.grad.tolist() == gradient


def test_learnt_scales_become_a_codebook() -> None:
    layer = LearntTernary(torch.tensor([2.0, -0.3, 0.05]))
    assert layer.codebook(Fixed(8, 4, True)) == Codebook((-5, 0, 32))
    with pytest.raises(ValueError, match=r"^scales 0.3 and 2 must stay above 0 in fixed4.0; "
                                         r"take more fraction bits$"):
        layer.codebook(Fixed(4, 0, True))


def test_a_trained_ternary_network_is_lowered_exactly(tmp_path: Path) -> None:
    digits = load("digits")
    spec = replace(MODELS["digits"], weights="ternary")
    model = train(spec, digits, Recipe(epochs=8, learning_rate=0.01))
    assert isinstance(model, BinaryMLP)
    network = lower(model)
    for layer in network.layers[:-1]:
        assert isinstance(layer, Dense) and layer.weight_kind == Ternary()
        assert len(np.unique(layer.weights)) == 3
    *_, scores, answers = run(network, encode_pixels(digits.test_x, network.input))
    assert (scores == predict(model, digits.test_x)).all()
    assert (answers[:, 0] == digits.test_y).mean() > 0.8
    save_checkpoint(tmp_path / "m.npz", model)
    loaded, _ = load_checkpoint(tmp_path / "m.npz")
    assert loaded.spec == spec and lower(loaded).digest == network.digest


@pytest.mark.parametrize("changes, message", [
    ({"weights": "int4"}, '^model m: weights must be "binary" or "ternary", not "int4"$'),
    ({"weights": "ternary", "stochastic_weights": True},
     "^model m: stochastic_weights must be False for ternary weights; take binary ones$"),
])
def test_rejects(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelSpec("m", (3, 2), "digits", **changes)
