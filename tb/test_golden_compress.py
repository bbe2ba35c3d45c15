"""Compression step by step: each does what its keys say, and ends in a network that is exact."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from golden.coded import CodedModel
from golden.compress import Outcome, compress, weights_of
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
from golden.recipe_steps import RecipeStep, read_steps
from golden.recipes import Recipe
from golden.reference import run
from golden.train import train

DIGITS = load("digits")
TRAIN: dict[str, Any] = {"epochs": 1, "batch": 50, "learning_rate": 2e-3}
SHORT = Recipe(**TRAIN)
PRUNE = {"step": "prune", "by": "percentile", "amount": 60}
SHARE = {"step": "share", "clusters": 8}


@pytest.fixture(scope="module")
def model() -> FloatNet:
    trained = train("digits", DIGITS, Recipe(3, batch=50, learning_rate=0.01), kind="float")
    assert isinstance(trained, FloatNet)
    return trained


def recipe_of(*steps: Any) -> RecipeFile:
    """Of (table of a step, whether a training is behind it) each."""
    spec = named("digits")
    tables = [{**table, "train": TRAIN} if training else table for table, training in steps]
    return RecipeFile("r", "t", spec, SHORT, "float",
                      steps=read_steps("recipe r", spec, True, tables))


def outcomes(model: FloatNet, *steps: Any, **options: Any) -> list[Outcome]:
    return list(compress(recipe_of(*steps), model, DIGITS, **options))


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
    recipe = recipe_of(
        ({**PRUNE, "schedule": "linear", "rounds": 3, "layers": {"dense_0": 30}}, SHORT))
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
        "freeze 50.0 % at powers of two", "freeze 100.0 % at powers of two",
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
    recipe = recipe_of(({**SHARE, "initial": "density", "layers": {"dense_0": 4}}, None))
    assert recipe.steps == (RecipeStep(Share(8, "density", 0, {"dense_0": 4})),)
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
    ({**PRUNE, "rounds": 2}, "(prune): schedule: rounds must be 1 for one_shot, not 2"),
    ({**PRUNE, "schedule": "cubic", "rounds": 0},
     "(prune): schedule: rounds must be at least 1 for cubic, not 0"),
    ({**PRUNE, "rounds": 2.5}, "(prune): rounds must be an integer, not 2.5"),
    ({**PRUNE, "schedule": "slow"},
     "(prune): prune: schedule must be one of one_shot, linear, cubic, not 'slow'"),
    ({**PRUNE, "layers": 3}, "(prune): layers must be a table of numbers, not 3"),
    ({**PRUNE, "layers": {"conv_9": 40}},
     ("(prune): layers must be among dense_0, dense_1, dense_2, dense_3, not 'conv_9'")),
    ({**PRUNE, "granularity": "kernel"},
     ("(prune): layer dense_0: granularity must not be kernel, of which a dense layer has none; "
      "take \"weight\" or \"filter\", or layers={'dense_0': 0}")),
    ({"step": "share", "clusters": 8, "seed": -1}, "(share): seed must be at least 0, not -1"),
    ({"step": "share", "clusters": 8, "layers": {"dense_9": 2}},
     "(share): layers must be among dense_0, dense_1, dense_2, dense_3, not 'dense_9'"),
    ({"step": "factorise", "layer": "dense_9", "rank": 2},
     ("(factorise): layer must be a dense one, of dense_0, dense_1, dense_2, dense_3, not "
      "'dense_9'")),
    ({"step": "factorise", "layer": "dense_0", "rank": 5000},
     "(factorise): layer dense_0: rank must be from 1 to 64, not 5000"),
    ({"step": "factorise", "layer": "dense_0", "rank": 40},
     ("(factorise): layer dense_0: rank 40 needs 5120 weights, not fewer than the 4096 there are; "
      "take a rank below 32")),
    ({"step": "quantise", "weights": "fixed", "layers": "dense_0"},
     "(quantise): layers must be a list of texts, not 'dense_0'"),
    ({"step": "quantise", "weights": "fixed", "layers": ["dense_9"]},
     "(quantise): layers must be among dense_0, dense_1, dense_2, dense_3, not 'dense_9'"),
    ({"step": "quantise", "weights": "fixed", "activations": 60},
     "(quantise): activations must be from 2 to 16 for power_of_two steps, not 60"),
    ({"step": "quantise", "weights": "powers_of_two", "width": 7},
     "(quantise): width must be from 2 to 6 for powers_of_two weights, not 7"),
    ({"step": "incremental", "shares": [0.5, 0.75]},
     "(incremental): shares must ascend from above 0 to 1, not [0.5, 0.75]"),
    ({**SHARE, "distil": {"weight": 0.5}},
     "(share): distil must have a training to guide; give train"),
    ({**SHARE, "train": TRAIN, "distil": {"weight": 2.0}},
     "(share), distil: weight must be from 0 to 1, not 2.0"),
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
     "(quantise): width must be from 2 to 16 for fixed weights, not 17"),
    ({"step": "quantise", "weights": "fixed", "activation_steps": "even"},
     "(quantise): step quantise: activation_steps must be one of power_of_two, learnt, not 'even'"),
    ({"step": "incremental", "bits": 7},
     "(incremental): bits must be from 2 to 6 for powers of two, not 7"),
])
def test_wrong_values_are_refused(step: Any, message: str) -> None:
    """Before anything is trained."""
    with pytest.raises(ValueError, match=f"^recipe r, compress step 1 {re.escape(message)}$"):
        recipe_of((step, None))


QUANTISE = {"step": "quantise", "weights": "fixed"}


@pytest.mark.parametrize("steps, message", [
    ((SHARE, SHARE), ("(share): layer dense_0: weight must be shared once, before it is "
                      "quantised")),
    ((QUANTISE, PRUNE), ("(prune): layer dense_0: weight must be pruned before it is shared or "
                         "quantised; prune first")),
    (({**QUANTISE, "layers": ["dense_1"]}, {**QUANTISE, "layers": ["dense_1"]}),
     "(quantise): layer dense_1: weight must not be quantised twice"),
    ((QUANTISE, QUANTISE), "(quantise): a layer must be left to quantise"),
    ((SHARE, {"step": "incremental"}), "(incremental): a layer must be left to quantise"),
    ((PRUNE, {**QUANTISE, "weights": "binary"}),
     ("(quantise): layer dense_0: weights must not be pruned before they are binary, which has no "
      '0; take "ternary"')),
    ((PRUNE, {"step": "factorise", "layer": "dense_0", "rank": 2}),
     "(factorise): layer dense_0: factorise it before it is pruned or quantised"),
])
def test_steps_that_do_not_follow_each_other_are_refused(steps: Any, message: str) -> None:
    """Before anything is trained, too."""
    with pytest.raises(ValueError, match=f"^recipe r, compress step 2 {re.escape(message)}$"):
        recipe_of(*((step, None) for step in steps))


def test_steps_know_what_is_factorised() -> None:
    low = {"step": "factorise", "layer": "dense_1", "rank": 2}
    assert len(recipe_of((low, None), ({**SHARE, "layers": {"dense_1.1": 4}}, None)).steps) == 2
    with pytest.raises(ValueError, match=re.escape(
            "recipe r, compress step 2 (share): layers must be among dense_0, dense_1.0, "
            "dense_1.1, dense_2, dense_3, not 'dense_1'") + "$"):
        recipe_of((low, None), ({**SHARE, "layers": {"dense_1": 4}}, None))


def test_shared_needs_a_step_share() -> None:
    with pytest.raises(ValueError, match=re.escape(
            'recipe r, compress step 1 (quantise): layer dense_0: weights must not be "shared" '
            'before a step "share"; put one in front, or take "fixed"') + "$"):
        recipe_of(({**QUANTISE, "weights": "shared"}, None))


def test_clusters_that_the_weights_cannot_fill_are_refused(model: FloatNet) -> None:
    with pytest.raises(ValueError, match="^layer dense_0: clusters must be at most the 41 "
                                         "different weights other than 0, not 200; .*$"):
        outcomes(model, ({**PRUNE, "amount": 99}, None), ({**SHARE, "clusters": 200}, None))
