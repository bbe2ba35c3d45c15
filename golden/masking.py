"""Pruning of float models: masks that hold weights at zero while the rest is trained.

Weights go by magnitude, one by one or in groups of a filter, kernel and so on. ``golden.pruning``
is the counterpart behind training: it prunes the integer layers of a finished ``Network``, and its
``compact`` takes out the channels that masks of whole filters have left empty.

Sources: S. Han et al., "Learning both weights and connections for efficient neural networks", NIPS
2015, arXiv:1506.02626 (thresholds by standard deviation, rounds of training); H. Li et al.,
"Pruning filters for efficient ConvNets", ICLR 2017, arXiv:1608.08710 (mean magnitude of a group);
M. Zhu, S. Gupta, "To prune, or not to prune", 2017, arXiv:1710.01878 (cubic schedule).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.check import check_choice
from golden.quantised import weight_chain
from golden.weighted_modules import WeightedModule, weighted_modules

__all__ = ["GRANULARITIES", "SCHEDULES", "Mask", "Pruning", "Sparsity", "check_granularity",
           "prune_weights", "schedule", "sparsity", "total_sparsity"]

CRITERIA = "percentile", "deviation", "threshold"
SCHEDULES = "one_shot", "linear", "cubic"
GRANULARITIES = "weight", "vector", "kernel", "filter", "channel"


class Mask(nn.Module):
    """Weights where ``kept`` (bool, in the shape of the weight), exactly 0 elsewhere.

    A parametrization: what the layer computes with is masked, so whatever an optimiser makes of
    the latent weight, a pruned one stays 0. It gets no gradient.
    """

    def __init__(self, kept: Tensor) -> None:
        super().__init__()
        self.kept: Tensor
        self.register_buffer("kept", kept)

    def forward(self, weight: Tensor) -> Tensor:
        """The masked weights."""
        return weight.where(self.kept, 0)


@dataclass(frozen=True)
class Pruning:
    """What is taken from a layer.

    by : "percentile": ``amount`` is the percentage of the layer's weights (or groups) that are 0
        afterwards, rounded to whole ones, least magnitudes first, of equal ones the first;
        "deviation": magnitudes below ``amount`` standard deviations of the layer's weights that are
        not 0; "threshold": magnitudes below ``amount``
    amount : 0 to 100 for percentiles, else at least 0; 0 leaves a layer as it is
    granularity : "weight", or groups, whose magnitude is the mean of their weights' magnitudes:
        "vector" (a row of a kernel, along its last dimension; in a dense layer a filter), "kernel"
        (of one input and one output channel), "filter" (all weights of an output), "channel" (all
        weights of an input; in grouped convolutions those of its group)

    Raises TypeError or ValueError that names the parameter.
    """

    by: str
    amount: float
    granularity: str = "weight"

    def __post_init__(self) -> None:
        check_choice("Pruning", "by", self.by, CRITERIA)
        check_choice("Pruning", "granularity", self.granularity, GRANULARITIES)
        self.check("Pruning", self.amount)

    def check(self, where: str, amount: float) -> None:
        """Raise TypeError or ValueError unless ``amount`` is one for ``by``."""
        if not isinstance(amount, int | float) or isinstance(amount, bool):
            raise TypeError(f"{where}: amount must be a number, not {amount!r}")
        top = 100 if self.by == "percentile" else inf
        if not isfinite(amount) or not 0 <= amount <= top:
            rule = "from 0 to 100" if self.by == "percentile" else "finite and at least 0"
            raise ValueError(f"{where}: amount must be {rule} by {self.by}, not {amount}")


def prune_weights(model: nn.Module, pruning: Pruning, layers: Mapping[str, float] | None = None
                  ) -> None:
    """Put masks before the weights of ``model``, or let those that are there keep less.

    layers : amounts of single layers in the place of ``pruning.amount``, by name

    What a mask has taken stays 0; it counts as a magnitude of 0. Raises ValueError for unknown
    layers, dense ones by "kernel", for what is shared or quantised already, and where a layer would
    lose all weights; nothing is pruned then.
    """
    modules, layers = weighted_modules(model), layers or {}
    for name, amount in layers.items():
        if name not in modules:
            raise ValueError(f"layers must be among {', '.join(modules)}, not {name!r}")
        pruning.check(f"layer {name}", amount)
    masks = {name: _kept(name, module, pruning, amount) for name, module in modules.items()
             if (amount := layers.get(name, pruning.amount))}
    for name, kept in masks.items():
        chain = weight_chain(modules[name])
        if chain:
            chain[0].kept = kept
        else:
            parametrize.register_parametrization(modules[name], "weight", Mask(kept))


def check_granularity(name: str, granularity: str, dense: bool) -> None:
    """Raise ValueError for kernels of a dense layer."""
    if dense and granularity == "kernel":
        raise ValueError(f"layer {name}: granularity must not be kernel, of which a dense layer "
                         f'has none; take "weight" or "filter", or layers={{{name!r}: 0}}')


def _kept(name: str, module: WeightedModule, pruning: Pruning, amount: float) -> Tensor:
    """(shape of the weight) what the layer keeps."""
    for part in weight_chain(module):
        if not isinstance(part, Mask):
            raise ValueError(f"layer {name}: weight must be pruned before it passes "
                             f"{type(part).__name__}; prune first")
    check_granularity(name, pruning.granularity, isinstance(module, nn.Linear))
    weight = module.weight.detach()
    if not weight.isfinite().all():
        raise ValueError(f"layer {name}: weight must be finite")
    groups = 1 if isinstance(module, nn.Linear) else module.groups
    split = weight.double().abs().unflatten(0, (groups, -1))  # groups, n_out, n_in, *kernel
    kernel = range(3, split.ndim)
    group = {"weight": (), "vector": (-1,), "kernel": kernel, "filter": (2, *kernel),
             "channel": (1, *kernel)}[pruning.granularity]
    magnitude = split.mean(tuple(group), keepdim=True) if group else split
    kept = _chosen(magnitude, weight, pruning.by, amount).expand_as(split).flatten(0, 1)
    kept = kept & weight.ne(0)
    if not kept.any():
        raise ValueError(f"layer {name}: pruning must leave a weight, but none of {weight.numel()} "
                         f"is left by {pruning.by} {amount:g}; take a smaller amount, for this "
                         f"layer alone with layers={{{name!r}: ...}}")
    return kept


def _chosen(magnitude: Tensor, weight: Tensor, by: str, amount: float) -> Tensor:
    """Which of the magnitudes are kept."""
    if by == "percentile":
        order = magnitude.flatten().argsort(stable=True)
        kept = torch.ones_like(order, dtype=torch.bool)
        kept[order[:round(len(order) * amount / 100)]] = False
        return kept.reshape(magnitude.shape)
    rest = weight[weight != 0].double()
    deviation = float(rest.std(correction=0)) if by == "deviation" and rest.numel() else 1.0
    return magnitude >= amount * deviation


def schedule(kind: str, final: float, rounds: int, initial: float = 0.0) -> tuple[float, ...]:
    """Amounts for so many ``rounds`` of pruning with a training behind each, the last ``final``.

    kind : "one_shot" (one round); "linear": ``initial + (final - initial) k / rounds`` for k from 1
        on; "cubic": ``final + (initial - final) (1 - k / rounds)**3``, fast first and slow last

    Raises TypeError or ValueError that names the parameter.
    """
    check_choice("schedule", "kind", kind, SCHEDULES)
    if not isinstance(rounds, int) or rounds < 1 or kind == "one_shot" and rounds > 1:
        raise ValueError(f"schedule: rounds must be {1 if kind == 'one_shot' else 'at least 1'} "
                         f"for {kind}, not {rounds!r}")
    for parameter, value in (("initial", initial), ("final", final)):
        if not isfinite(value) or value < 0:
            raise ValueError(f"schedule: {parameter} must be finite and at least 0, not {value}")
    power = 3 if kind == "cubic" else 1
    return tuple(final + (initial - final) * (1 - k / rounds)**power for k in range(1, rounds + 1))


class Sparsity(NamedTuple):
    """What is left of a layer: name, shape of the weight, and counts of its weights."""

    name: str
    shape: tuple[int, ...]
    weights: int
    non_zeros: int

    @property
    def pruned(self) -> int:
        """Weights that are 0."""
        return self.weights - self.non_zeros

    @property
    def rate(self) -> float:
        """Weights for each that is not 0; infinite if none is left."""
        return self.weights / self.non_zeros if self.non_zeros else inf


def sparsity(model: nn.Module) -> tuple[Sparsity, ...]:
    """A row for each dense layer and convolution: what it computes with, masks applied."""
    weights = {name: module.weight.detach() for name, module in weighted_modules(model).items()}
    return tuple(Sparsity(name, tuple(weight.shape), weight.numel(), int(weight.count_nonzero()))
                 for name, weight in weights.items())


def total_sparsity(rows: Iterable[Sparsity]) -> Sparsity:
    """The row "total" of all weights, of shape ()."""
    rows = tuple(rows)
    return Sparsity("total", (), sum(row.weights for row in rows),
                    sum(row.non_zeros for row in rows))
