"""The steps of compression that change which weights a float network has: prune, share, factorise.

A step changes a ``FloatNet`` in place and says when it may be trained again; ``golden.compress``
runs those of a recipe file. The keys of a step in the file are the fields of its class. A step
refuses wrong values when it is made, and by ``check`` what does not fit the layers of the network,
both before anything is trained. ``golden.quantise_steps`` has the steps that quantise.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from golden.check import check_choice
from golden.data import Dataset
from golden.float_net import FloatNet
from golden.low_rank import check_rank, factorise
from golden.masking import SCHEDULES, Pruning, check_granularity, prune_weights, schedule
from golden.sharing import INITIALS, share

__all__ = ["Factorise", "KnownLayer", "Layers", "Prune", "Share", "Step", "check_names"]


@dataclass
class KnownLayer:
    """What is known of a layer before it is trained, and what steps have done to its weight.

    shape : of the weight, (n_out, n_in) of a dense layer
    """

    shape: tuple[int, ...]
    pruned: bool = False
    quantised: bool = False


Layers = dict[str, KnownLayer]


def check_names(names: Iterable[str], layers: Layers) -> None:
    """Raise ValueError for a name that no layer has."""
    for name in names:
        if name not in layers:
            raise ValueError(f"layers must be among {', '.join(layers)}, not {name!r}")


class Step:
    """A step of compression: what ``run`` yields may be trained, then ``finish`` is called."""

    def check(self, layers: Layers) -> None:
        """Raise ValueError for what does not fit the layers; note in them what the step does."""

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
        check_choice("prune", "schedule", self.schedule, SCHEDULES)
        schedule(self.schedule, 1.0, self.rounds)

    def check(self, layers: Layers) -> None:
        """Names, granularities, and that nothing is quantised yet."""
        check_names(self.layers, layers)
        for name, layer in layers.items():
            if self.layers.get(name, self.amount):
                check_granularity(name, self.granularity, len(layer.shape) == 2)
                if layer.quantised:
                    raise ValueError(f"layer {name}: weight must be pruned before it is shared or "
                                     "quantised; prune first")
                layer.pruned = True

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
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")

    def check(self, layers: Layers) -> None:
        """Names, and that nothing is quantised yet."""
        check_names(self.layers, layers)
        for name, layer in layers.items():
            if layer.quantised:
                raise ValueError(f"layer {name}: weight must be shared once, before it is "
                                 "quantised")
            layer.quantised = True

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title once weights are shared."""
        found = share(model, self.clusters, self.initial, self.seed, self.layers)
        wcss = sum(clustering.wcss for clustering in found.values())
        yield f"share {self.clusters} weights, WCSS {wcss:.4g}"


@dataclass(frozen=True)
class Factorise(Step):
    """Two dense layers of a low rank in the place of one (``golden.low_rank``)."""

    layer: str
    rank: int | None = None
    energy: float | None = None

    def check(self, layers: Layers) -> None:
        """That the layer is a dense one that nothing was done to, and that the rank saves."""
        dense = [name for name, layer in layers.items() if len(layer.shape) == 2]
        if self.layer not in dense:
            raise ValueError(f"layer must be a dense one, of {', '.join(dense)}, not "
                             f"{self.layer!r}")
        known = layers[self.layer]
        if known.pruned or known.quantised:
            raise ValueError(f"layer {self.layer}: factorise it before it is pruned or quantised")
        check_rank(self.layer, known.shape, self.rank, self.energy)
        n_out, n_in = known.shape
        rank = self.rank or min(known.shape)
        pair = {f"{self.layer}.0": KnownLayer((rank, n_in)),
                f"{self.layer}.1": KnownLayer((n_out, rank))}
        parts = [pair if name == self.layer else {name: layer} for name, layer in layers.items()]
        layers.clear()
        for part in parts:
            layers.update(part)

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title once the layer is two."""
        factorise(model, self.layer, self.rank, energy=self.energy)
        yield f"factorise {self.layer}"
