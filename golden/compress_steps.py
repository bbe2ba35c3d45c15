"""The steps of compression: prune, share, quantise, grow and factorise a float network.

A step changes a ``FloatNet`` in place and says when it may be trained again; ``golden.compress``
runs those of a recipe file. The keys of a step in the file are the fields of its class. A step
refuses wrong values when it is made, before anything is trained.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from golden.activations import calibrate, make_activation
from golden.check import check_choice
from golden.data import Dataset
from golden.float_net import FloatNet
from golden.incremental import Incremental, freeze
from golden.low_rank import factorise
from golden.lower_float import quantise_activations, round_biases
from golden.masking import Pruning, prune_weights, schedule
from golden.prediction import tensor
from golden.quantised import weight_quantisers
from golden.quantisers import (
    Binary,
    FixedWeights,
    LearntStep,
    PowersOfTwo,
    TernaryWeights,
    TrainedTernary,
    quantise_weights,
)
from golden.sharing import INITIALS, Shared, share
from golden.weighted_modules import weighted_modules

__all__ = ["STEPS", "Factorise", "Grow", "Prune", "Quantise", "Share", "Step", "is_quantised"]

_CALIBRATION = 1000  # training images

_QUANTISERS: dict[str, Callable[..., nn.Module]] = {
    "binary": lambda _: Binary(), "stochastic_binary": lambda _: Binary(stochastic=True),
    "ternary": lambda _: TernaryWeights(), "trained_ternary": lambda _: TrainedTernary(),
    "fixed": FixedWeights, "fixed_per_channel": lambda width: FixedWeights(width, True),
    "learnt_step": LearntStep, "powers_of_two": PowersOfTwo}


def _codebooks(model: FloatNet) -> dict[str, Shared | TrainedTernary]:
    """Layers whose weights are entries that have to be rounded."""
    return {name: quantiser for name, (quantiser, _) in weight_quantisers(model).items()
            if isinstance(quantiser, Shared | TrainedTernary)}


def is_quantised(model: FloatNet) -> bool:
    """Are all weights and activations of few bits, so that a Network can be made?"""
    return (weight_quantisers(model).keys() == weighted_modules(model).keys()
            and all(codebook.fixed is not None for codebook in _codebooks(model).values())
            and not any(isinstance(part, nn.ReLU) for part in model.modules()))


class Step:
    """A step of compression: what ``run`` yields may be trained, then ``finish`` is called."""

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Change the model; yield a title after each round."""
        raise NotImplementedError

    def finish(self, model: FloatNet) -> None:
        """What is to be done behind the training of a round."""


@dataclass(frozen=True)
class Prune(Step):
    """Masks (``golden.masking``), at once or in ``rounds`` with a training behind each.

    layers : amounts of single layers in the place of ``amount``
    """

    by: str
    amount: float
    granularity: str = "weight"
    schedule: str = "one_shot"
    rounds: int = 1
    layers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pruning = Pruning(self.by, self.amount, self.granularity)
        for name, amount in self.layers.items():
            pruning.check(f"layer {name}", amount)
        schedule(self.schedule, 1.0, self.rounds)

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title after each round."""
        for part in schedule(self.schedule, 1.0, self.rounds):
            amount = self.amount * part
            layers = {name: own * part for name, own in self.layers.items()}
            prune_weights(model, Pruning(self.by, amount, self.granularity), layers)
            yield f"prune {self.granularity}s by {self.by}, {amount:.4g}"


@dataclass(frozen=True)
class Share(Step):
    """Codebooks by k-means (``golden.sharing``); a training then moves the centroids."""

    clusters: int
    initial: str = "linear"
    seed: int = 0
    layers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("share", "initial", self.initial, INITIALS)
        for clusters in (self.clusters, *self.layers.values()):
            if clusters not in range(2, 257):
                raise ValueError(f"clusters must be from 2 to 256, not {clusters!r}")

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title once weights are shared."""
        found = share(model, self.clusters, self.initial, self.seed, self.layers)
        wcss = sum(clustering.wcss for clustering in found.values())
        yield f"share {self.clusters} weights, WCSS {wcss:.4g}"


@dataclass(frozen=True)
class Quantise(Step):
    """Weights and activations of few bits, so that a Network can be made.

    weights : "fixed", "fixed_per_channel", "learnt_step", "ternary", "trained_ternary", "binary",
        "stochastic_binary", "powers_of_two" (``golden.quantisers``), or "shared": codebooks that
        are there get entries of ``width`` bits
    width : bits of the weights
    activations : bits; what an earlier step has quantised keeps its own
    activation_steps : "power_of_two" or "learnt" (``golden.activations``)
    layers : names of the layers whose weights are quantised so; none named: all that are not yet
    """

    weights: str
    width: int = 8
    activations: int = 8
    activation_steps: str = "power_of_two"
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_choice("step quantise", "weights", self.weights, ("shared", *_QUANTISERS))
        _QUANTISERS.get(self.weights, FixedWeights)(self.width)
        make_activation(self.activations, self.activation_steps)

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title once quantised."""
        if self.weights != "shared":
            quantise_weights(model, lambda: _QUANTISERS[self.weights](self.width),
                             self.layers or None)
        for name in self.layers:
            if name not in weight_quantisers(model):
                raise ValueError(f"layer {name}: weight must be shared to get entries of "
                                 f"{self.width} bits; share it in a step before")
        quantise_activations(model, self.activations, self.activation_steps)
        calibrate(model, [tensor(dataset.train_x[:_CALIBRATION])])
        yield f"quantise: {self.weights} weights, {self.activations}-bit activations"

    def finish(self, model: FloatNet) -> None:
        """Behind the training: round codebooks once, and biases once all weights are quantised."""
        for name, codebook in _codebooks(model).items():
            if codebook.fixed is None and (not self.layers or name in self.layers):
                codebook.quantise(self.width)
        if is_quantised(model):
            round_biases(model)


@dataclass(frozen=True)
class Grow(Step):
    """Incremental quantisation to powers of two, with a training behind each share but the last."""

    bits: int = 5
    shares: tuple[float, ...] = (0.5, 0.75, 0.875, 1.0)

    def __post_init__(self) -> None:
        Incremental(self.bits)

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title after each share."""
        quantise_weights(model, lambda: Incremental(self.bits))
        for part in self.shares:
            freeze(model, part)
            yield f"freeze {part:.1%} at powers of two"


@dataclass(frozen=True)
class Factorise(Step):
    """Two dense layers of a low rank in the place of one (``golden.low_rank``)."""

    layer: str
    rank: int | None = None
    energy: float | None = None

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title once the layer is two."""
        factorise(model, self.layer, self.rank, energy=self.energy)
        yield f"factorise {self.layer}"


STEPS: dict[str, type[Any]] = {"prune": Prune, "share": Share, "quantise": Quantise,
                               "incremental": Grow, "factorise": Factorise}
