"""Compression step by step: each does what its keys say, and ends in a network that is exact."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from golden.coded import CodedModel
from golden.compress import Outcome, Share, Step, compress, steps_of, weights_of
from golden.data import load
from golden.float_net import FloatNet
from golden.layer import Dense
from golden.lower import lower
from golden.masking import sparsity
from golden.models import named
from golden.number import Codebook, Integer, Ternary
from golden.recipe_file import RecipeFile
from golden.recipes import Recipe
from golden.reference import run
from golden.train import train

DIGITS = load("digits")
SHORT = Recipe(1, batch=50, learning_rate=2e-3)
PRUNE = {"step": "prune", "by": "percentile", "amount": 60}
SHARE = {"step": "share", "clusters": 8}


@pytest.fixture(scope="module")
def model() -> FloatNet:
    trained = train("digits", DIGITS, Recipe(3, batch=50, learning_rate=0.01), kind="float")
    assert isinstance(trained, FloatNet)
    return trained


def outcomes(model: FloatNet, *steps: Any, **options: Any) -> list[Outcome]:
    recipe = RecipeFile("r", "t", named("digits"), SHORT, "float", steps=steps)
    return list(compress(recipe, model, DIGITS, **options))


def layers(model: FloatNet) -> list[Dense]:
    return [layer for layer in lower(model).layers if isinstance(layer, Dense)]


def check_equal(model: FloatNet) -> None:
    """The Network of the model gives its answers, in float64."""
    network = lower(model, classify=False)
    got = run(network, DIGITS.test_x.astype(np.int64))[-1]
    with torch.no_grad():
        wanted = model.double()(torch.tensor(DIGITS.test_x)).numpy()
    ratio = got[wanted != 0] / wanted[wanted != 0]
    assert len(np.unique(ratio)) == 1 and (got[wanted == 0] == 0).all()


def test_prune_share_quantise(model: FloatNet) -> None:
    before = weights_of(model)
    pruned, shared, final = outcomes(
        model, (PRUNE, SHORT), (SHARE, SHORT),
        ({"step": "quantise", "weights": "shared", "width": 6, "activations": 5}, None))
    assert [len(out.history) for out in (pruned, shared, final)] == [1, 1, 0]
    assert final.title == "quantise: shared weights, 5-bit activations"
    for row in sparsity(final.model):
        assert row.pruned == round(row.weights * 0.6)
    for layer in layers(final.model):
        assert isinstance(layer.weight_kind, Codebook) and len(layer.weight_kind.entries) <= 9
        assert max(map(abs, layer.weight_kind.entries)) <= 32
    assert CodedModel.of(final.model).total.rate > 12
    assert final.accuracy > 0.85
    check_equal(final.model)
    assert all((now == then).all() for now, then in
               zip(weights_of(model).values(), before.values(), strict=True))


def test_rounds_of_a_schedule(model: FloatNet) -> None:
    seen: list[int] = []
    results = []
    recipe = RecipeFile("r", "t", named("digits"), SHORT, "float", steps=((
        {**PRUNE, "schedule": "linear", "rounds": 3, "layers": {"dense_0": 30}}, SHORT),))
    for outcome in compress(recipe, model, DIGITS, progress=lambda *told: seen.append(
            told[2].epoch)):
        results.append([row.pruned for row in sparsity(outcome.model)])
    counts = [row.weights for row in sparsity(model)]
    assert results == [[round(n * amount) for n, amount in zip(
        counts, (part / 2, part, part, part), strict=True)] for part in (0.2, 0.4, 0.6)]
    assert seen == [1, 1, 1]


def test_incremental_and_distilled(model: FloatNet) -> None:
    results = outcomes(
        model, ({"step": "incremental", "bits": 4, "shares": (0.5, 1.0),
                 "distil": {"temperature": 3.0, "weight": 0.5}}, SHORT),
        ({"step": "quantise", "weights": "shared", "activations": 8}, None))
    assert [out.title for out in results] == [
        "freeze 50.0% at powers of two", "freeze 100.0% at powers of two",
        "quantise: shared weights, 8-bit activations"]
    for layer in layers(results[-1].model):
        magnitudes = np.abs(layer.weights[layer.weights != 0].astype(np.int64))
        assert (magnitudes & magnitudes - 1 == 0).all()
    check_equal(results[-1].model)


@pytest.mark.parametrize("weights, kind", [
    ("fixed", Integer(3, True)), ("fixed_per_channel", Integer(3, True)), ("ternary", Ternary()),
    ("learnt_step", Integer(3, True)), ("trained_ternary", None)])
def test_quantisers(model: FloatNet, weights: str, kind: Any) -> None:
    last = {"step": "quantise", "weights": "fixed", "width": 8, "layers": ("dense_3",)}
    *_, final = outcomes(model, (last, None), (
        {"step": "quantise", "weights": weights, "width": 3}, SHORT))
    for layer in layers(final.model)[:-1]:
        assert kind in (None, layer.weight_kind)
    assert layers(final.model)[-1].weight_kind == Integer(8, True)


def test_factorise(model: FloatNet) -> None:
    (low,) = outcomes(model, ({"step": "factorise", "layer": "dense_1", "rank": 5}, SHORT))
    shapes = {name: weight.shape for name, weight in weights_of(low.model).items()}
    assert shapes["dense_1.0"] == (5, 64) and shapes["dense_1.1"] == (64, 5)
    *_, final = outcomes(model, ({"step": "factorise", "layer": "dense_1", "rank": 5}, None),
                         ({"step": "quantise", "weights": "fixed"}, None))
    check_equal(final.model)


def test_interrupted_steps_come_to_the_same_end(model: FloatNet, tmp_path: Path) -> None:
    steps = ({**PRUNE, "schedule": "linear", "rounds": 2}, SHORT), (SHARE, SHORT)
    expected = outcomes(model, *steps)[-1]

    def interrupt(title: str, training: Recipe, now: Any) -> None:
        if title.startswith("share"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outcomes(model, *steps, folder=tmp_path, progress=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step_1.training", "step_2.training"]
    resumed = outcomes(model, *steps, folder=tmp_path)[-1]
    assert all((a == b).all() for a, b in zip(
        weights_of(resumed.model).values(), weights_of(expected.model).values(), strict=True))


def test_steps_have_the_values_of_their_keys() -> None:
    recipe = RecipeFile("r", "t", named("digits"), SHORT, "float", steps=(
        ({**SHARE, "initial": "density", "layers": {"dense_0": 4}}, None),))
    assert steps_of(recipe) == [(Share(8, "density", 0, {"dense_0": 4}), None, None)]
    with pytest.raises(NotImplementedError):
        Step().run(FloatNet(named("digits")), DIGITS)


@pytest.mark.parametrize("step, message", [
    ({**PRUNE, "amount": 120},
     "Pruning: amount must be from 0 to 100 by percentile, not 120.0"),
    ({"step": "share", "clusters": 300},
     "layer dense_0: clusters must be from 2 to 256, not 300"),
    ({"step": "quantise", "weights": "octal"},
     ("step quantise: weights must be one of shared, binary, stochastic_binary, ternary, "
      "trained_ternary, fixed, fixed_per_channel, learnt_step, powers_of_two, not 'octal'")),
])
def test_wrong_values_are_refused(model: FloatNet, step: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        outcomes(model, (step, None))
