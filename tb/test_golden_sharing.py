"""Sharing: k-means against plain loops and scikit-learn, gradients by hand, integers, refusals."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from torch import nn

from golden.fixed import Fixed
from golden.masking import Pruning, prune_weights
from golden.number import Codebook, Integer
from golden.quantised import integer_weights
from golden.quantisers import TernaryWeights, quantise_weights
from golden.sharing import Shared, cluster, share
from tb.digits_training import digits, make_model, train

INITIALS = "linear", "density", "random"


def holding(*values: float) -> Any:
    """A dense layer of one output with these weights."""
    layer = nn.Linear(len(values), 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([values]))
    return layer


def sections(values: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The place of each value's centroid: how many borders between centroids it has reached."""
    borders = (centroids[1:] + centroids[:-1]) / 2
    return (values[:, None] >= borders).sum(1)


def lloyd(weights: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Lloyd's algorithm on all weights; sums are exact for the weights used here."""
    while True:
        member = sections(weights, centroids)
        means = np.array([weights[member == k].sum() / (member == k).sum()
                          for k in range(len(centroids))])
        if (means == centroids).all():
            return means
        centroids = means


@pytest.mark.parametrize("initial", INITIALS)
def test_a_worked_example(initial: str) -> None:
    """Evenly, 0, 5.5, 11: {0, 1, 2}, {4, 6}, {9, 10, 11}; nothing moves from there."""
    weights = np.array([10, 0, 1, 2, 4, 6, 9, 11])
    found = cluster(weights, 3, initial, seed=1)
    assert (found.centroids.tolist(), found.wcss) == ([1, 5, 10], 6)
    assert cluster(np.repeat(weights, 9), 3).wcss == 54
    assert cluster(weights, 8).wcss == 0 < cluster(weights, 8).iterations


def test_first_centroids(rng: np.random.Generator) -> None:
    """Plain loops come to the same clusters from the same start; so does scikit-learn alone."""
    weights = rng.integers(-1000, 1000, 400) / 64
    order = np.sort(weights)
    for initial, start in (("linear", order[0] + (order[-1] - order[0]) * np.arange(5) / 4),
                           ("density", order[400 * (2 * np.arange(5) + 1) // 10])):
        found = cluster(weights, 5, initial)
        assert found.centroids.tolist() == lloyd(weights, start).tolist()
        alone = KMeans(5, init=start[:, None], n_init=1, tol=0).fit_predict(weights[:, None])
        assert alone.tolist() == sections(weights, found.centroids).tolist()
    drawn = [tuple(cluster(weights, 5, "random", seed).centroids) for seed in (0, 1, 2, 3, 0)]
    assert drawn[0] == drawn[-1] and len(set(drawn)) > 1


@example_settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.integers(-50, 50), min_size=4, max_size=60).filter(lambda x: len(set(x)) > 1),
       st.integers(2, 8), st.sampled_from(INITIALS), st.integers(0, 3))
def test_clusters_are_full_and_at_rest(numbers: list[int], clusters: int, initial: str, seed: int
                                       ) -> None:
    weights = np.array(numbers, np.float32)
    clusters = min(clusters, len(set(numbers)))
    found = cluster(weights, clusters, initial, seed)
    member = sections(weights, found.centroids)
    assert len(found.centroids) == clusters and set(member) == set(range(clusters))
    for k, centroid in enumerate(found.centroids):
        assert centroid == weights[member == k].sum(dtype=float) / (member == k).sum()
    if clusters == len(set(numbers)):
        assert found.wcss == 0


def test_a_large_layer(rng: np.random.Generator) -> None:
    """300,000 weights and 256 clusters, of which evenly spread ones are empty at first."""
    weights = rng.integers(-2**20, 2**20, 300_000)**3 / 2.0**60
    found = cluster(weights.astype(np.float32), 256)
    member = sections(weights.astype(np.float32), found.centroids)
    assert np.bincount(member, minlength=256).all()
    assert found.wcss < 300_000 * (2 / 255)**2 / 12  # what even centroids would leave


def test_centroids_get_the_sum_of_their_gradients() -> None:
    """Centroids 1, 5, 10 at places 4 2 | 3 | 1 5; zeros have none."""
    layer = holding(10, 0, 5, 1, 0, 1, 10)
    shared = share(layer, 3)
    assert shared[""].centroids.tolist() == [1, 5, 10]
    part = layer.parametrizations.weight[0]
    assert part.index.tolist() == [[3, 0, 2, 1, 0, 1, 3]]
    (layer.weight * torch.tensor([[1.0, 2, 4, 8, 16, 32, 64]])).sum().backward()
    assert part.centroids.grad.tolist() == [8 + 32, 4, 1 + 64]
    original = layer.parametrizations.weight.original
    assert original.grad is None and not original.requires_grad
    with torch.no_grad():
        part.centroids.copy_(torch.tensor([2.0, 0.5, -3]))
    assert layer.weight.tolist() == [[-3, 0, 0.5, 2, 0, 2, -3]]


@pytest.mark.parametrize("make", [
    lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1),
    lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.01)], ids=["adam", "sgd"])
def test_training_moves_centroids_alone(make: Callable[..., torch.optim.Optimizer]) -> None:
    model: Any = make_model()
    train(model, 20)
    prune_weights(model, Pruning("percentile", 70))
    zeros = [model[k].weight == 0 for k in (0, 2)]
    found = share(model, 16, layers={"2": 8})
    assert [len(found[name].centroids) for name in ("0", "2")] == [16, 8]
    before = [model[k].weight.detach().clone() for k in (0, 2)]
    losses = train(model, 20, make(model.parameters()))
    assert losses[-1] < losses[0]
    for k, zero, old, clusters in zip((0, 2), zeros, before, (16, 8), strict=True):
        weight = model[k].weight
        assert torch.equal(weight == 0, zero) and not torch.equal(weight, old)
        pairs = set(zip(old[~zero].tolist(), weight[~zero].tolist(), strict=True))
        assert len(pairs) == clusters  # what was equal is equal
    again: Any = make_model()
    prune_weights(again, Pruning("percentile", 1))
    share(again, 16, layers={"2": 8})
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(digits()[0]), model(digits()[0]))


def test_integers() -> None:
    model: Any = nn.Sequential(holding(0, 0.9, -0.5, 0, 0.26, 0.9), holding(3, 3.001, -7, -7.125))
    share(model, 2, layers={"0": 3})
    for layer in model:
        layer.parametrizations.weight[0].quantise(4)
    found = integer_weights(model)
    values, kind, step = found["0"]  # fixed4.3: 7, -4, 2 eighths
    assert values.tolist() == [[0, 7, -4, 0, 2, 7]] and values.dtype == np.int64
    assert kind == Codebook((-4, 0, 2, 7)) and step == 0.125 and step.dtype == np.float64
    assert (found["1"].values.tolist(), found["1"].kind) == ([[3, 3, -7, -7]], Codebook((-7, 3)))
    for layer, (values, _, step) in zip(model, found.values(), strict=True):
        assert layer.weight.tolist() == (values * step).tolist()
        part = layer.parametrizations.weight[0]
        assert not part.centroids.requires_grad
        assert part.fixed == Fixed.fitting(part.centroids.numpy(), 4, signed=True)


def test_integers_without_a_codebook() -> None:
    """One entry, and more than 256, are plain integers of the fixed-point format."""
    layer = holding(0.5, 0.51, -0.5)
    share(layer, 2)
    part = layer.parametrizations.weight[0]
    with torch.no_grad():
        part.centroids.fill_(0.75)
    part.quantise(3)
    assert part.integers(layer.weight).kind == Integer(3, True)
    many = holding(*range(256), 300)
    share(many, 256)
    many.parametrizations.weight[0].quantise(16)
    values, kind, step = many.parametrizations.weight[0].integers(many.weight)
    assert kind == Integer(16, True) and (values * step)[0].tolist() == [*range(256), 300]


def with_first(change: Callable[[Any], object]) -> nn.Sequential:
    model = nn.Sequential(holding(1, 2, 3, 4), nn.Linear(4, 3))
    change(model[0])
    return model


@pytest.mark.parametrize("call, error, message", [
    (lambda: share(with_first(id), 5), ValueError,
     ("layer 0: clusters must be at most the 4 different weights other than 0, not 5; give the "
      "layer a number of its own with layers={'0': ...}")),
    (lambda: share(with_first(id), 1), ValueError,
     "layer 0: clusters must be from 2 to 256, not 1"),
    (lambda: share(with_first(id), 2, layers={"1": 257}), ValueError,
     "layer 1: clusters must be from 2 to 256, not 257"),
    (lambda: share(with_first(id), 2.5), TypeError,  # type: ignore[arg-type]
     "layer 0: clusters must be an integer, not 2.5"),
    (lambda: share(with_first(id), 2, "even"), ValueError,
     "share: initial must be one of linear, density, random, not 'even'"),
    (lambda: share(with_first(id), 2, layers={"fc": 2}), ValueError,
     "layers must be among 0, 1, not 'fc'"),
    (lambda: share(with_first(lambda layer: nn.init.constant_(layer.weight, np.inf)), 2),
     ValueError, "layer 0: weight must be finite"),
    (lambda: share(with_first(lambda layer: share(layer, 2)), 2), ValueError,
     "layer 0: weight must have one quantiser at most, but has Shared before Shared"),
    (lambda: quantise_weights(with_first(lambda layer: share(layer, 2)), TernaryWeights, ["0"]),
     ValueError,
     "layer 0: weight must have one quantiser at most, but has Shared before TernaryWeights"),
    (lambda: prune_weights(with_first(lambda layer: share(layer, 2)), Pruning("threshold", 1)),
     ValueError, "layer 0: weight must be pruned before it passes Shared; prune first"),
    (lambda: Shared(torch.tensor([[1]]), torch.ones(1)).integers(torch.ones(1, 1)), ValueError,
     ("Shared: centroids must be fixed point to become integers; call quantise(width) "
      "before")),
    (lambda: Shared(torch.tensor([[1]]), torch.ones(1)).quantise(17), ValueError,
     "Fixed width must be from 2 to 16, not 17"),
])
def test_rejects(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_nothing_is_shared_where_one_layer_is_refused() -> None:
    model = with_first(id)
    with pytest.raises(ValueError):
        share(model, 2, layers={"1": 13})
    assert not any(map(torch.nn.utils.parametrize.is_parametrized, model))
