"""Incremental quantisation: what is frozen stays, what is chosen, and the quantiser at the end."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from golden.incremental import Incremental, freeze
from golden.masking import Mask
from golden.number import Codebook, Integer
from golden.quantised import integer_weights
from golden.quantisers import PowersOfTwo, quantise_weights
from tb.digits_training import digits, make_model, train


def dense(values: list[float], bits: int = 4) -> Any:
    model: Any = nn.Sequential(nn.Linear(len(values), 1, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([values]))
    quantise_weights(model, lambda: Incremental(bits))
    return model


def weights(model: Any) -> list[float]:
    return model[0].weight[0].tolist()


def test_the_greatest_are_frozen_first() -> None:
    values = [0.3, -1.2, 0.05, 0.7, -0.7, 0.0, 0.11, 0.02]
    model = dense(values)  # 1, 0.5, 0.25 and 0.125
    assert weights(model) == torch.tensor(values).tolist()
    freeze(model, 0.0)
    assert weights(model) == torch.tensor(values).tolist()
    freeze(model, 0.25)  # the first of two equal ones
    assert weights(model) == torch.tensor([0.3, -1, 0.05, 0.5, -0.7, 0, 0.11, 0.02]).tolist()
    freeze(model, 0.5)
    assert weights(model) == torch.tensor([0.25, -1, 0.05, 0.5, -0.5, 0, 0.11, 0.02]).tolist()
    freeze(model, 1)
    assert weights(model) == [0.25, -1, 0, 0.5, -0.5, 0, 0.125, 0]
    values_, kind, step = integer_weights(model)["0"]
    assert (values_ * step).tolist() == [weights(model)] and step == 0.125
    assert kind == Codebook((-8, -4, -2, -1, 0, 1, 2, 4, 8))


def test_the_range_is_that_of_the_first_share() -> None:
    """What grows beyond it later becomes its greatest power."""
    model = dense([1.0, 0.5, 0.2, 0.1], 3)
    freeze(model, 0.25)
    with torch.no_grad():
        model[0].parametrizations.weight.original.copy_(torch.tensor([[9.0, -7.0, 0.2, 0.3]]))
    freeze(model, 1.0)
    assert weights(model) == [1.0, -1.0, 0.0, 0.5]
    values, kind, step = integer_weights(model)["0"]
    assert (values.tolist(), kind, float(step)) == ([[2, -2, 0, 1]], Integer(3, True), 0.5)


@pytest.mark.parametrize("bits", range(2, 7))
def test_all_at_once_is_powers_of_two(bits: int, rng: np.random.Generator) -> None:
    latent = torch.tensor(rng.normal(0, 1, (4, 3, 5)), dtype=torch.float32)
    quantiser, powers = Incremental(bits), PowersOfTwo(bits)
    quantiser.freeze(latent, 1.0)
    assert torch.equal(quantiser(latent), powers(latent))
    ours, theirs = quantiser.integers(latent), powers.integers(latent)
    assert (ours.values == theirs.values).all() and ours[1:] == theirs[1:]


def masked_model() -> Any:
    model: Any = make_model()
    for layer in (model[0], model[2]):
        kept = torch.arange(layer.weight.numel()).reshape(layer.weight.shape) % 3 != 0
        parametrize.register_parametrization(layer, "weight", Mask(kept))
    quantise_weights(model, lambda: Incremental(5))
    return model


def test_frozen_weights_outlast_training() -> None:
    """Momentum and decay move latent weights, never frozen ones; zeros of a mask stay."""
    model, (x, _) = masked_model(), digits()
    layers: list[Any] = [model[0], model[2]]
    optimiser = torch.optim.SGD(model.parameters(), 0.2, momentum=0.9, weight_decay=1e-4)
    losses, frozen = [], [torch.zeros_like(layer.weight, dtype=torch.bool) for layer in layers]
    for share in (0.0, 0.5, 0.75, 0.875):
        freeze(model, share)
        before = [layer.weight.detach().clone() for layer in layers]
        chosen = [~layer.parametrizations.weight[1].frozen.isnan() for layer in layers]
        losses += train(model, 10, optimiser)
        for layer, old, mask, earlier in zip(layers, before, chosen, frozen, strict=True):
            nonzero = mask.numel() - len(mask.flatten()[::3])
            assert mask.sum() == round(share * nonzero) and (mask | ~earlier).all()
            assert torch.equal(layer.weight[mask], old[mask])
            assert not torch.equal(layer.weight[~mask], old[~mask])
            assert not layer.weight.flatten()[::3].any()
            latent = layer.parametrizations.weight.original
            assert not latent.grad[mask].any() and latent.grad[~mask].any()
            assert not share or not torch.equal(latent[mask], old[mask])
        frozen = chosen
    freeze(model, 1)
    assert train(model, 1, optimiser)[0] < 0.9 * losses[0]
    for layer, (values, _, step) in zip(layers, integer_weights(model).values(), strict=True):
        assert (values * step == layer.weight.detach().double().numpy()).all()
    again = masked_model()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(x), model(x))


def half(share: float) -> None:
    model = dense([1.0, 2.0, 3.0, 4.0])
    freeze(model, 0.5)
    freeze(model, share)


@pytest.mark.parametrize("call, message", [
    (lambda: Incremental(1), "PowersOfTwo bits must be from 2 to 6, not 1"),
    (lambda: half(0.25),
     "Incremental share must be from 0.5, which is frozen already, to 1, not 0.25"),
    (lambda: half(1.01),
     "Incremental share must be from 0.5, which is frozen already, to 1, not 1.01"),
    (lambda: half(float("nan")),
     "Incremental share must be from 0.5, which is frozen already, to 1, not nan"),
    (lambda: freeze(nn.Sequential(nn.Linear(2, 2)), 0.5),
     "a model to freeze must have weights behind Incremental; see quantise_weights"),
    (lambda: integer_weights(dense([1.0, 2.0])),
     "Incremental: all weights must be frozen, but 2 are not; freeze(model, 1) before"),
])
def test_rejects(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
