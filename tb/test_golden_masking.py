"""Masks: what goes by each criterion and granularity, zeros that stay, what is refused."""

import re
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.masking import (
    GRANULARITIES,
    Mask,
    Pruning,
    Sparsity,
    prune_weights,
    schedule,
    sparsity,
    total_sparsity,
)
from golden.quantisers import FixedWeights, quantise_weights
from tb.digits_training import make_model, train

LAYERS: dict[str, Callable[[], Any]] = {
    "dense": lambda: nn.Linear(6, 5), "conv1": lambda: nn.Conv1d(3, 4, 5),
    "conv2": lambda: nn.Conv2d(3, 5, (2, 3)), "conv3": lambda: nn.Conv3d(2, 3, (2, 1, 3)),
    "grouped": lambda: nn.Conv2d(4, 6, 3, groups=2),
    "depthwise": lambda: nn.Conv1d(5, 5, 3, groups=5)}


def holding(module: Any, values: Any) -> Any:
    """The module with these weights."""
    with torch.no_grad():
        module.weight.copy_(torch.as_tensor(np.array(values)).reshape(module.weight.shape))
    return module


def group(granularity: str, place: tuple[int, ...], layer: Any) -> tuple[int, ...]:
    """Which group a weight belongs to, by its place."""
    rows = layer.weight.shape[0] // getattr(layer, "groups", 1)
    match granularity:
        case "vector":
            return place[:-1]
        case "kernel":
            return place[:2]
        case "filter":
            return place[:1]
        case "channel":
            return place[0] // rows, place[1]
    return place


def expected(layer: Any, granularity: str, amount: float) -> np.ndarray:
    """(shape) what is kept: groups in a list, in rationals."""
    weight = layer.weight.detach().numpy()
    members = defaultdict(list)
    for place in np.ndindex(weight.shape):
        members[group(granularity, place, layer)].append(place)
    ranked = sorted(members.values(), key=lambda places: sum(
        Fraction(float(abs(weight[place]))) for place in places) / len(places))
    kept = np.ones(weight.shape, bool)
    for places in ranked[:round(len(ranked) * amount / 100)]:
        for place in places:
            kept[place] = False
    return kept


@pytest.mark.parametrize("name, granularity", [
    pair for pair in product(LAYERS, GRANULARITIES) if pair != ("dense", "kernel")])
def test_percentiles_of_groups(name: str, granularity: str, rng: np.random.Generator) -> None:
    layer = LAYERS[name]()
    shape = tuple(layer.weight.shape)
    values = rng.integers(1, 2**12, shape) * rng.choice([-1, 1], shape) / 2.0**10
    for amount in (40, 50, 65):
        model = nn.Sequential(holding(layer, values))
        kept = expected(layer, granularity, amount)
        prune_weights(model, Pruning("percentile", amount, granularity))
        assert (layer.weight.detach().numpy() == np.where(kept, values, 0)).all()
        assert 0 < kept.sum() < kept.size
        parametrize.remove_parametrizations(layer, "weight")


@example_settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(-9, 9).filter(bool), min_size=2, max_size=30),
       st.floats(0, 100, allow_subnormal=False))
def test_percentile_takes_the_exact_number(values: list[int], amount: float) -> None:
    """Of equal magnitudes the first."""
    layer = holding(nn.Linear(len(values), 1), values)
    n = round(len(values) * amount / 100)
    if n == len(values):
        return
    prune_weights(layer, Pruning("percentile", amount))
    gone = sorted(range(len(values)), key=lambda k: abs(values[k]))[:n]
    assert layer.weight[0].tolist() == [0 if k in gone else v for k, v in enumerate(values)]


def test_deviation_and_threshold() -> None:
    """Of 1, -2, 3, -4 and zeros: mean -0.5, variance 7.5 - 0.25, deviation 2.69..."""
    values = [1, 0, -2, 3, 0, -4]
    for pruning, left in ((Pruning("deviation", 1), [0, 0, 0, 3, 0, -4]),
                          (Pruning("deviation", 2 / 7.25**0.5 + 1e-9), [0, 0, 0, 3, 0, -4]),
                          (Pruning("deviation", 2 / 7.25**0.5 - 1e-9), [0, 0, -2, 3, 0, -4]),
                          (Pruning("threshold", 3), [0, 0, 0, 3, 0, -4]),
                          (Pruning("threshold", 3.0001), [0, 0, 0, 0, 0, -4])):
        layer = holding(nn.Linear(6, 1), values)
        prune_weights(layer, pruning)
        assert layer.weight[0].tolist() == left
    layer = holding(nn.Conv1d(1, 3, 2), values)  # means of the filters: 0.5, 2.5, 2
    prune_weights(layer, Pruning("threshold", 2.25, "filter"))
    assert layer.weight.flatten().tolist() == [0, 0, -2, 3, 0, 0]


def test_masks_tighten_and_never_loosen() -> None:
    model: Any = nn.Sequential(holding(nn.Linear(10, 1), range(1, 11)), nn.Linear(4, 3))
    prune_weights(model, Pruning("percentile", 30), layers={"1": 0})
    assert not parametrize.is_parametrized(model[1])
    left = [0] * 3 + list(range(4, 11))
    assert model[0].weight[0].tolist() == left
    prune_weights(model, Pruning("percentile", 20), {"1": 50})
    assert model[0].weight[0].tolist() == left and model[1].weight.count_nonzero() == 6
    prune_weights(model, Pruning("percentile", 60), {"1": 0})
    assert model[0].weight[0].tolist() == [0] * 6 + list(range(7, 11))
    assert len(model[0].parametrizations.weight) == 1


def optimisers(model: nn.Module) -> dict[str, torch.optim.Optimizer]:
    return {"adam": torch.optim.Adam(model.parameters(), 0.01, weight_decay=0.1),
            "adamw": torch.optim.AdamW(model.parameters(), 0.01, weight_decay=0.1),
            "sgd": torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01)}


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_pruned_weights_stay_zero(name: str) -> None:
    model: Any = make_model()
    optimiser = optimisers(model)[name]
    train(model, 5, optimiser)  # momentum, before anything is masked
    masks: list[Tensor] = []
    for amount in schedule("cubic", 80, 3):
        prune_weights(model, Pruning("percentile", amount))
        losses = train(model, 10, optimiser)
        new = [layer.weight == 0 for layer in (model[0], model[2])]
        assert all((now | ~before).all() for now, before in zip(new, masks, strict=False))
        masks = new
    assert [int(mask.sum()) for mask in masks] == [round(0.8 * 1536), round(0.8 * 240)]
    assert losses[-1] < losses[0]
    latent = model[0].parametrizations.weight.original
    assert latent[masks[0]].any() and not latent.grad[masks[0]].any()
    assert [row.non_zeros for row in sparsity(model)] == [307, 48]


def test_a_quantiser_behind_keeps_zeros() -> None:
    model: Any = make_model()
    prune_weights(model, Pruning("percentile", 60))
    quantise_weights(model, lambda: FixedWeights(4))
    train(model, 5)
    kept = model[0].parametrizations.weight[0].kept
    assert not model[0].weight[~kept].any() and int(kept.sum()) == 614


def test_masks_are_kept_with_the_model() -> None:
    model: Any = make_model()
    again: Any = make_model()
    prune_weights(model, Pruning("percentile", 75))
    prune_weights(again, Pruning("percentile", 5))
    again.load_state_dict(model.state_dict())
    assert torch.equal(again[0].weight, model[0].weight)
    weight = torch.tensor([nan, inf, -2.0])
    assert Mask(torch.tensor([False, False, True]))(weight).tolist() == [0, 0, -2]


def test_schedule() -> None:
    assert schedule("one_shot", 90, 1) == (90,)
    assert schedule("linear", 80, 4, initial=40) == (50, 60, 70, 80)
    assert schedule("cubic", 64, 4) == (64 - 27, 64 - 8, 64 - 1, 64)
    assert schedule("cubic", 90, 2, initial=50) == (85, 90)


def test_sparsity() -> None:
    """The table of S. Han et al. for LeNet-300-100: 8 %, 9 %, 26 %, 12 times smaller."""
    model = nn.Sequential(nn.Linear(784, 300), nn.Linear(300, 100), nn.Linear(100, 10))
    prune_weights(model, Pruning("percentile", 92), {"1": 91, "2": 74})
    rows = sparsity(model)
    assert rows == (Sparsity("0", (300, 784), 235_200, 18_816),
                    Sparsity("1", (100, 300), 30_000, 2_700), Sparsity("2", (10, 100), 1_000, 260))
    assert (rows[0].pruned, rows[0].rate) == (216_384, 12.5)
    total = total_sparsity(rows)
    assert total == Sparsity("total", (), 266_200, 21_776) and 12 < total.rate < 12.5
    assert Sparsity("dead", (2,), 2, 0).rate == inf


def two() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 3, 3), nn.Linear(4, 3))


def with_first(change: Callable[[Any], object]) -> nn.Sequential:
    model = two()
    change(model[0])
    return model


HALF = Pruning("percentile", 50)


@pytest.mark.parametrize("call, error, message", [
    (lambda: Pruning("percentile", 120), ValueError,
     "Pruning: amount must be from 0 to 100 by percentile, not 120"),
    (lambda: Pruning("percentile", -1), ValueError,
     "Pruning: amount must be from 0 to 100 by percentile, not -1"),
    (lambda: Pruning("deviation", -0.5), ValueError,
     "Pruning: amount must be finite and at least 0 by deviation, not -0.5"),
    (lambda: Pruning("threshold", nan), ValueError,
     "Pruning: amount must be finite and at least 0 by threshold, not nan"),
    (lambda: Pruning("threshold", inf), ValueError,
     "Pruning: amount must be finite and at least 0 by threshold, not inf"),
    (lambda: Pruning("threshold", "1"), TypeError,  # type: ignore[arg-type]
     "Pruning: amount must be a number, not '1'"),
    (lambda: Pruning("size", 1), ValueError,
     "Pruning: by must be one of percentile, deviation, threshold, not 'size'"),
    (lambda: Pruning("threshold", 1, "row"), ValueError,
     ("Pruning: granularity must be one of weight, vector, kernel, filter, channel, "
      "not 'row'")),
    (lambda: prune_weights(two(), HALF, {"fc": 1}), ValueError,
     "layers must be among 0, 1, not 'fc'"),
    (lambda: prune_weights(two(), HALF, {"1": 101}), ValueError,
     "layer 1: amount must be from 0 to 100 by percentile, not 101"),
    (lambda: prune_weights(two(), Pruning("percentile", 50, "kernel")), ValueError,
     ("layer 1: granularity must not be kernel, of which a dense layer has none; take \"weight\" "
      "or \"filter\", or layers={'1': 0}")),
    (lambda: prune_weights(two(), HALF, {"1": 100}), ValueError,
     ("layer 1: pruning must leave a weight, but none of 12 is left by percentile 100; take a "
      "smaller amount, for this layer alone with layers={'1': ...}")),
    (lambda: prune_weights(with_first(lambda layer: nn.init.zeros_(layer.weight)),
                           Pruning("deviation", 0.1)), ValueError,
     ("layer 0: pruning must leave a weight, but none of 18 is left by deviation 0.1; take a "
      "smaller amount, for this layer alone with layers={'0': ...}")),
    (lambda: prune_weights(with_first(lambda layer: nn.init.constant_(layer.weight, nan)), HALF),
     ValueError, "layer 0: weight must be finite"),
    (lambda: prune_weights(with_first(lambda layer: quantise_weights(
        layer, lambda: FixedWeights(4))), HALF), ValueError,
     "layer 0: weight must be pruned before it passes FixedWeights; prune first"),
    (lambda: schedule("slow", 50, 2), ValueError,
     "schedule: kind must be one of one_shot, linear, cubic, not 'slow'"),
    (lambda: schedule("cubic", 50, 0), ValueError,
     "schedule: rounds must be at least 1 for cubic, not 0"),
    (lambda: schedule("one_shot", 50, 2), ValueError,
     "schedule: rounds must be 1 for one_shot, not 2"),
    (lambda: schedule("linear", nan, 2), ValueError,
     "schedule: final must be finite and at least 0, not nan"),
    (lambda: schedule("linear", 5, 2, -1), ValueError,
     "schedule: initial must be finite and at least 0, not -1"),
])
def test_rejects(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_nothing_is_pruned_where_one_layer_is_refused() -> None:
    model = two()
    with pytest.raises(ValueError):
        prune_weights(model, HALF, {"1": 100})
    assert not any(map(parametrize.is_parametrized, model))
