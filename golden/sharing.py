"""Weights shared by clusters: a layer's weights become the entries of a codebook, which is trained.

Source: S. Han et al., "Deep compression", ICLR 2016, arXiv:1510.00149, section 3.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.check import check_choice, check_count
from golden.fixed import Fixed
from golden.number import Codebook
from golden.quantised import quantises, weight_chain
from golden.weighted_modules import IntegerWeights, weighted_modules

__all__ = ["Clustering", "Shared", "cluster", "share"]

INITIALS = "linear", "density", "random"
_STEPS = 10_000

Floats = NDArray[np.float64]


class Shared(nn.Module):
    """Weights that are entries of a codebook: ``weight = (0, *centroids)[index]``.

    A parametrization that takes the latent weight's place: that gets no gradient any more, and a
    centroid that of all weights which share it, summed.

    index : (shape of the weight) int64; 0 for weights that are 0 and stay so
    centroids : (clusters,) trained until ``quantise``
    fixed : their format, once ``quantise`` was called
    """

    fixed: Fixed | None = None

    def __init__(self, index: Tensor, centroids: Tensor) -> None:
        super().__init__()
        self.index: Tensor
        self.register_buffer("index", index)
        self.centroids = nn.Parameter(centroids)

    def forward(self, _weight: Tensor) -> Tensor:
        """The shared weights."""
        book = torch.cat((self.centroids.new_zeros(1), self.centroids))
        return book.index_select(0, self.index.flatten()).reshape(self.index.shape)

    def quantise(self, width: int) -> None:
        """Round the centroids, half to even, to fixed point of ``width`` bits that fits them.

        ``Fixed.fitting(centroids, width, signed=True)``. They are not trained any more.
        """
        centroids = self.centroids.detach().cpu().numpy()
        self.fixed = Fixed.fitting(centroids, width, signed=True)
        with torch.no_grad():
            self.centroids.copy_(torch.from_numpy(self.fixed.value(
                self.fixed.quantise(centroids))))
        self.centroids.requires_grad_(False)

    def integers(self, weight: Tensor) -> IntegerWeights:
        """Codes of the fixed-point format: a codebook of those that occur, 0 among them if it does.

        Where only one occurs, or more than a codebook holds, the kind is the format's Integer.
        Raises ValueError before ``quantise``.
        """
        if self.fixed is None:
            raise ValueError("Shared: centroids must be fixed point to become integers; call "
                             "quantise(width) before")
        values = self.fixed.quantise(self(weight).detach().cpu().numpy())
        entries = np.unique(values)
        kind = (Codebook(tuple(entries.tolist())) if 2 <= entries.size <= 256
                else self.fixed.integer)
        return IntegerWeights(values, kind, np.array(self.fixed.step))


class Clustering(NamedTuple):
    """What k-means found for a layer.

    centroids : (clusters,) float64, ascending
    wcss : sum of the squares of all weights' distances to their centroids
    iterations : steps of k-means
    """

    centroids: Floats
    wcss: float
    iterations: int


def _start(values: Floats, counts: Floats, clusters: int, initial: str, seed: int) -> Floats:
    """First centroids, ascending."""
    if initial == "linear":
        return np.linspace(values[0], values[-1], clusters)
    if initial == "random":
        return np.sort(np.random.default_rng(seed).choice(
            values, clusters, replace=False, p=counts / counts.sum()))
    places = (np.arange(clusters) + 0.5) / clusters * counts.sum()
    return values[np.searchsorted(np.cumsum(counts), places)]


def _nearest(values: Floats, centroids: Floats) -> NDArray[np.int64]:
    """Place of the nearest of ascending centroids, of two as near the greater."""
    return np.searchsorted((centroids[1:] + centroids[:-1]) / 2, values, side="right")


def _settled(values: Floats, counts: Floats, centroids: Floats) -> tuple[Floats, int]:
    """Where k-means comes to rest from ``centroids`` on, with the number of its steps.

    The clusters of ascending values are their sections, so a step costs no more than to find the
    borders: their sums are differences of running sums. A cluster without a value takes the value
    farthest from its centroid.
    """
    weight, total = (np.concatenate([[0], np.cumsum(x)]) for x in (counts, counts * values))
    for k in range(_STEPS):
        borders = np.searchsorted(values, (centroids[1:] + centroids[:-1]) / 2)
        ends = np.concatenate([[0], borders, [values.size]])
        sizes = np.diff(weight[ends])
        means = np.diff(total[ends]) / np.maximum(sizes, 1)
        if empty := int((sizes == 0).sum()):
            distances = np.abs(values - centroids[_nearest(values, centroids)])
            means[sizes == 0] = values[np.argsort(distances, kind="stable")[-empty:]]
            means.sort()
        if (means == centroids).all():
            return centroids, k
        centroids = means
    return centroids, _STEPS


def cluster(weights: NDArray[Any], clusters: int, initial: str = "linear", seed: int = 0
            ) -> Clustering:
    """k-means in one dimension: of ``weights``, any shape, at least ``clusters`` different ones.

    initial : first centroids: "linear": evenly from the least weight to the greatest; "density":
        evenly in the distribution of the weights; "random": different weights, drawn with ``seed``

    The sorted weights settle first, in less than a millisecond a step; scikit-learn's KMeans, which
    takes seconds for each step of a large layer, goes on from there and has little left to do.
    """
    values, numbers = np.unique(weights.astype(np.float64), return_counts=True)
    counts = numbers.astype(np.float64)
    start, steps = _settled(values, counts, _start(values, counts, clusters, initial, seed))
    from sklearn.cluster import KMeans  # imported late: it costs a second

    means = KMeans(clusters, init=start[:, None], n_init=1)
    means.fit(values[:, None], sample_weight=counts)
    # Sums in one order whatever the number of threads, so that a seed repeats every bit.
    member = _nearest(values, np.sort(means.cluster_centers_[:, 0]))
    centroids = np.bincount(member, counts * values) / np.bincount(member, counts)
    return Clustering(centroids, float(counts @ (values - centroids[member])**2),
                      steps + int(means.n_iter_))


def share(model: nn.Module, clusters: int, initial: str = "linear", seed: int = 0,
          layers: Mapping[str, int] | None = None) -> dict[str, Clustering]:
    """Let the weights of each layer share ``clusters`` (2 to 256) values, found by ``cluster``.

    layers : numbers of clusters of single layers, by name

    Weights of 0 stay 0 and belong to no cluster. Centroids are new parameters, so make the
    optimiser afterwards. Returns what was found, by name. Raises TypeError or ValueError for
    unknown layers, numbers and names, for more clusters than different weights and for layers that
    are shared or quantised already; none is shared then.
    """
    check_choice("share", "initial", initial, INITIALS)
    modules, layers, found = weighted_modules(model), layers or {}, {}
    for name in layers:
        if name not in modules:
            raise ValueError(f"layers must be among {', '.join(modules)}, not {name!r}")
    for name, module in modules.items():
        number = check_count(name, "clusters", layers.get(name, clusters), 2, 256)
        for part in filter(quantises, weight_chain(module)):
            raise ValueError(f"layer {name}: weight must have one quantiser at most, but has "
                             f"{type(part).__name__} before Shared")
        weight = module.weight.detach().cpu().numpy()
        if not np.isfinite(weight).all():
            raise ValueError(f"layer {name}: weight must be finite")
        different = np.unique(weight[weight != 0]).size
        if number > different:
            raise ValueError(f"layer {name}: clusters must be at most the {different} different "
                             f"weights other than 0, not {number}; give the layer a number of its "
                             f"own with layers={{{name!r}: ...}}")
        found[name] = cluster(weight[weight != 0], number, initial, seed)
    for name, (centroids, _, _) in found.items():
        latent = modules[name].weight.detach()
        values = latent.cpu().double().numpy()
        index = np.where(values != 0, _nearest(values, centroids) + 1, 0)
        shared = Shared(torch.from_numpy(index), torch.from_numpy(centroids).to(latent.dtype))
        parametrize.register_parametrization(modules[name], "weight", shared.to(latent.device))
        modules[name].parametrizations.weight.original.requires_grad_(False)  # type: ignore
    return found
