"""Quantisers in their places: behind masks, in named layers, one a layer, and as integers."""

import re
from collections.abc import Callable
from math import inf, nan, prod
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from golden.masking import Mask
from golden.number import Bipolar, Integer
from golden.quantised import integer_weights, weight_quantisers
from golden.quantisers import (
    Binary,
    FixedWeights,
    LearntStep,
    PowersOfTwo,
    TernaryWeights,
    TrainedTernary,
    quantise_weights,
)
from tb.harness import settings


def mask(*shape: int) -> Mask:
    """Every third weight becomes 0."""
    return Mask(torch.arange(prod(shape)).reshape(shape) % 3 != 0)


@pytest.mark.parametrize("make", [
    TernaryWeights, TrainedTernary, lambda: FixedWeights(4), lambda: FixedWeights(4, True),
    lambda: LearntStep(3), lambda: PowersOfTwo(4)])
def test_behind_a_mask(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(settings.seed)
    model = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Conv1d(2, 3, 3))
    layers: list[Any] = [model[0], model[2]]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", mask(*layer.weight.shape))
    quantise_weights(model, make)
    for quantiser, _ in weight_quantisers(model).values():
        if isinstance(quantiser, TrainedTernary):
            quantiser.quantise(6)
    integers = integer_weights(model)
    assert list(integers) == ["0", "2"]
    for layer, (values, _, step) in zip(layers, integers.values(), strict=True):
        weight = layer.weight.detach().double().numpy()
        assert (weight == values * step.reshape(-1, *[1] * (values.ndim - 1))).all()
        assert not weight.flat[::3].any() and weight.any()
        layer.weight.sum().backward()
        gradient = layer.parametrizations.weight.original.grad
        assert not gradient.flatten()[::3].any() and gradient.any()


def test_named_layers() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)).double()
    quantise_weights(model, lambda: LearntStep(4), layers=("0", "2"))
    found = weight_quantisers(model)
    assert list(found) == ["0", "2"] and found["0"][0] is not found["2"][0]
    assert all(parameter.dtype == torch.float64 for parameter in model.parameters())
    quantise_weights(model, Binary)  # what is left
    assert [kind for _, kind, _ in integer_weights(model).values()] == [
        Integer(4, True), Bipolar(), Integer(4, True)]


def two() -> Any:
    return nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))


def two_with(*parts: nn.Module) -> Any:
    model = two()
    for part in parts:
        parametrize.register_parametrization(model[0], "weight", part)
    return model


def two_of(value: float) -> Any:
    model = two()
    quantise_weights(model, TernaryWeights)
    nn.init.constant_(model[0].parametrizations.weight.original, value)
    return model


@pytest.mark.parametrize("call, error, message", [
    (lambda: quantise_weights(two(), Binary, ["0", "fc"]), ValueError,
     "layers must be among 0, 1, not 'fc'"),
    (lambda: quantise_weights(two(), nn.ReLU), TypeError,
     "make must give a quantiser of weights, not ReLU()"),
    (lambda: quantise_weights(two_of(1.0), Binary), ValueError,
     "a model to quantise must have a layer without a quantiser"),
    (lambda: quantise_weights(two_with(mask(3, 3), TernaryWeights()), Binary, ["0"]), ValueError,
     "layer 0: weight must have one quantiser at most, but has TernaryWeights before Binary"),
    (lambda: quantise_weights(two_with(mask(3, 3)), Binary), ValueError,
     "layer 0: weight must not be pruned before Binary, which has no 0; take TernaryWeights"),
    (lambda: weight_quantisers(two_with(TernaryWeights(), mask(3, 3))), ValueError,
     "layer 0: the quantiser of weight must be its last parametrization, not followed by Mask"),
    (lambda: integer_weights(two_with(TernaryWeights())), ValueError,
     ("layer 1: weight must have a quantiser, such as FixedWeights(8); see "
      "golden.quantisers.quantise_weights")),
    (lambda: integer_weights(two_of(nan)), ValueError, "layer 0: weight must be finite"),
    (lambda: integer_weights(two_of(inf)), ValueError, "layer 0: weight must be finite"),
])
def test_rejects(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_nothing_is_quantised_where_one_layer_is_refused() -> None:
    model = two()
    with pytest.raises(ValueError):
        quantise_weights(model, Binary, ["0", "fc"])
    assert weight_quantisers(model) == {}
