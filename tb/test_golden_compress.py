"""Compression step by step: each does what its keys say, and ends in a network that is exact."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from golden.coded import CodedModel
from golden.compress import Outcome, compress, steps_of, weights_of
from golden.compress_steps import Share, Step
from golden.data import load
from golden.float_net import FloatNet, fold_norms
from golden.layer import Dense
from golden.lower import lower
from golden.masking import sparsity
from golden.models import named
from golden.number import Codebook, Integer, Ternary
from golden.quantised import weight_quantisers
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


def test_wcss_is_reported(model: FloatNet) -> None:
    (shared,) = outcomes(model, (SHARE, None))
    before, after = weights_of(fold_norms(model)), weights_of(shared.model)
    wcss = sum(((before[name].astype(float) - after[name])**2).sum() for name in before)
    assert shared.title == f"share 8 weights, WCSS {wcss:.4g}" and wcss > 1


@pytest.mark.parametrize("first, second, expected", [
    # What the first step has rounded to 6 bits is not rounded again to 2.
    ({"weights": "shared", "width": 6, "layers": ("dense_0", "dense_1")},
     {"weights": "shared", "width": 2}, (6, 6, 2, 2)),
    ({"weights": "trained_ternary", "width": 7, "layers": ("dense_0",)},
     {"weights": "trained_ternary", "width": 3}, (7, 3, 3, 3))])
def test_codebooks_are_rounded_once(model: FloatNet, first: Any, second: Any, expected: Any
                                    ) -> None:
    sharing = [(SHARE, None)] if first["weights"] == "shared" else []
    *_, final = outcomes(model, *sharing, *(({"step": "quantise", **keys}, None)
                                            for keys in (first, second)))
    quantisers: dict[str, Any] = weight_quantisers(final.model)
    assert [quantiser.fixed.width for quantiser, _ in quantisers.values()] == list(expected)
    check_equal(final.model)


def test_learnt_activations_are_lowered_exactly(model: FloatNet) -> None:
    (final,) = outcomes(model, ({"step": "quantise", "weights": "learnt_step", "width": 4,
                                 "activations": 3, "activation_steps": "learnt"}, SHORT))
    network = lower(final.model)
    kinds = {layer.name: layer.output for layer in network.layers}
    assert [kinds[f"relu_{k}"] for k in range(3)] == [Integer(3, False)] * 3
    answers = run(network, DIGITS.test_x.astype(np.int64))[-1][:, 0]
    with torch.no_grad():
        scores = final.model.double()(torch.tensor(DIGITS.test_x))
    assert (answers == scores.argmax(1).numpy()).all()
    assert final.accuracy > 0.8


@pytest.mark.parametrize("step, message", [
    ({**PRUNE, "amount": 120},
     "(prune): Pruning: amount must be from 0 to 100 by percentile, not 120"),
    ({**PRUNE, "layers": {"dense_0": -1}},
     "(prune): layer dense_0: amount must be from 0 to 100 by percentile, not -1"),
    ({**PRUNE, "rounds": 2}, "(prune): schedule: steps must be 1 for one_shot, not 2"),
    ({"step": "share", "clusters": 300}, "(share): clusters must be from 2 to 256, not 300"),
    ({"step": "share", "clusters": 8, "layers": {"dense_0": 1}},
     "(share): clusters must be from 2 to 256, not 1"),
    ({"step": "share", "clusters": 8, "initial": "even"},
     "(share): share: initial must be one of linear, density, random, not 'even'"),
    ({"step": "quantise", "weights": "octal"},
     ("(quantise): step quantise: weights must be one of shared, binary, stochastic_binary, "
      "ternary, trained_ternary, fixed, fixed_per_channel, learnt_step, powers_of_two, not "
      "'octal'")),
    ({"step": "quantise", "weights": "fixed", "width": 17},
     "(quantise): Fixed width must be from 2 to 16, not 17"),
    ({"step": "quantise", "weights": "fixed", "activation_steps": "even"},
     "(quantise): activations: steps must be one of power_of_two, learnt, not 'even'"),
    ({"step": "incremental", "bits": 7},
     "(incremental): PowersOfTwo bits must be from 2 to 6, not 7"),
])
def test_wrong_values_are_refused(step: Any, message: str) -> None:
    """Before anything is trained."""
    recipe = RecipeFile("r", "t", named("digits"), SHORT, "float", steps=((step, None),))
    with pytest.raises(ValueError, match=f"^recipe r, compress step 1 {re.escape(message)}$"):
        steps_of(recipe)


@pytest.mark.parametrize("steps, message", [
    (((SHARE, None), ({**SHARE, "layers": {"dense_3": 2}}, None)),
     "layer dense_0: weight must have one quantiser at most, but has Shared before Shared"),
    ((({**PRUNE, "amount": 99}, None), ({"step": "share", "clusters": 200}, None)),
     ("layer dense_0: clusters must be at most the 41 different weights other than 0, not 200; "
      "give the layer a number of its own with layers={'dense_0': ...}")),
    ((({"step": "quantise", "weights": "shared", "layers": ("dense_0",)}, None),),
     ("layer dense_0: weight must be shared to get entries of 8 bits; share it in a step "
      "before")),
])
def test_steps_that_do_not_fit_the_model_are_refused(model: FloatNet, steps: Any, message: str
                                                     ) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        outcomes(model, *steps)
