"""Ternary weights: codes, scales and gradients after their definitions, and a trained network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from golden.checkpoint import load_checkpoint, save_checkpoint
from golden.data import encode_pixels, load
from golden.layer import Dense
from golden.lower import lower
from golden.models import MODELS, BinaryMLP, ModelSpec
from golden.number import Codebook, Ternary
from golden.prediction import predict
from golden.recipes import Recipe
from golden.reference import run
from golden.ternary import TrainedTernary, ternarise, ternary_scale
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
    weight = torch.tensor([[2.0, -0.5, 0.05], [0.1, -1.5, 1.0]], requires_grad=True)
    layer = TrainedTernary()
    assert layer.codes(weight).tolist() == [[1, -1, 0], [0, -1, 1]]
    assert (layer.positive.item(), layer.negative.item()) == (1.5, 1.0)
    assert layer(weight).tolist() == [[1.5, -1.0, 0.0], [0.0, -1.0, 1.5]]
    layer(weight).backward(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    for parameter, gradient in ((layer.positive, 7.0), (layer.negative, -7.0),
                                (weight, [[1.5, 2.0, 3.0], [4.0, 5.0, 9.0]])):
        assert parameter.grad is not None and parameter.grad.tolist() == gradient
    assert layer(2 * weight).tolist() == layer(weight).tolist()  # set by the first weights alone


def test_learnt_scales_become_a_codebook() -> None:
    weight = torch.tensor([2.0, -0.3, 0.05])
    layer = TrainedTernary()
    layer(weight)
    with pytest.raises(ValueError, match=r"^TrainedTernary: scales 2 and 0.3 must have at most 16 "
                                         r"bits; call quantise\(width\) before$"):
        layer.integers(weight)
    with pytest.raises(ValueError, match=r"^TrainedTernary: scales 2 and 0.3 must stay above 0 in "
                                         r"fixed2.0; take more bits$"):
        layer.quantise(2)
    layer.quantise(8)  # a step of 2**-6: 2 is out of reach, 0.3 are 19.2 steps
    assert not layer.positive.requires_grad and not layer.negative.requires_grad
    values, kind, step = layer.integers(weight)
    assert (values.tolist(), kind, float(step)) == ([127, -19, 0], Codebook((-19, 0, 127)), 2**-6)
    assert (values * step).tolist() == layer(weight).tolist()


def test_a_sign_without_weights_needs_no_scale() -> None:
    for sign, entries in ((1, (0, 1)), (-1, (-1, 0, 1)), (0, (0, 1))):
        weight = sign * torch.tensor([0.7, 0.9])
        layer = TrainedTernary()
        layer(weight)
        layer.quantise(2)
        values, kind, step = layer.integers(weight)
        assert kind == Codebook(entries)
        assert (values * step).tolist() == layer(weight).tolist() == [sign * 0.5] * 2


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
