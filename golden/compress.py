"""Compression step by step: prune, share, quantise, factorise, code, with trainings between.

A step changes a float network in place and says when it may be trained again; ``compress`` runs
those of a recipe file (``golden.recipe_file``). The keys of a step in the file are the fields of
its class.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from golden.activations import calibrate
from golden.check import check_choice
from golden.data import Dataset
from golden.distillation import distillation_loss
from golden.fit import Loss, fit
from golden.float_net import FloatNet, fold_norms
from golden.incremental import Incremental, freeze
from golden.low_rank import factorise
from golden.lower_float import quantise_activations, round_biases
from golden.masking import Pruning, prune_weights, schedule
from golden.prediction import accuracy, tensor
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
from golden.recipe_file import RecipeFile, checked_keys
from golden.recipes import Recipe
from golden.sharing import Shared, share
from golden.training_state import Progress
from golden.weighted_modules import weighted_modules

__all__ = ["STEPS", "Factorise", "Outcome", "Prune", "Quantise", "Share", "compress", "steps_of",
           "weights_of"]

_CALIBRATION = 1000  # training images

_QUANTISERS: dict[str, Callable[..., nn.Module]] = {
    "binary": lambda _: Binary(), "stochastic_binary": lambda _: Binary(stochastic=True),
    "ternary": lambda _: TernaryWeights(), "trained_ternary": lambda _: TrainedTernary(),
    "fixed": FixedWeights, "fixed_per_channel": lambda width: FixedWeights(width, True),
    "learnt_step": LearntStep, "powers_of_two": PowersOfTwo}


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
    activations : bits
    layers : names of the layers whose weights are quantised so; none named: all that are not yet
    """

    weights: str
    width: int = 8
    activations: int = 8
    layers: tuple[str, ...] = ()

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title once quantised."""
        check_choice("step quantise", "weights", self.weights, ("shared", *_QUANTISERS))
        if self.weights != "shared":
            quantise_weights(model, lambda: _QUANTISERS[self.weights](self.width),
                             self.layers or None)
        quantise_activations(model, self.activations)
        calibrate(model, [tensor(dataset.train_x[:_CALIBRATION])])
        yield f"quantise: {self.weights} weights, {self.activations}-bit activations"

    def finish(self, model: FloatNet) -> None:
        """Behind the training: round codebooks, and biases once all weights are quantised."""
        quantisers = weight_quantisers(model)
        for quantiser, _ in quantisers.values():
            if isinstance(quantiser, Shared | TrainedTernary):
                quantiser.quantise(self.width)
        if quantisers.keys() == weighted_modules(model).keys():
            round_biases(model)


@dataclass(frozen=True)
class Grow(Step):
    """Incremental quantisation to powers of two, with a training behind each share but the last."""

    bits: int = 5
    shares: tuple[float, ...] = (0.5, 0.75, 0.875, 1.0)

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


@dataclass(frozen=True)
class Outcome:
    """A network after a step and its training.

    title : of the step; accuracy : on all test images; history : of the training, if there was one
    """

    title: str
    accuracy: float
    model: FloatNet
    history: tuple[Progress, ...] = ()


def weights_of(model: nn.Module) -> dict[str, NDArray[np.float32]]:
    """What each layer of a model computes with, by name."""
    with torch.no_grad():
        return {name: module.weight.detach().clone().numpy()
                for name, module in weighted_modules(model).items()}


def _made(where: str, table: Mapping[str, Any]) -> tuple[Step, Mapping[str, float] | None]:
    """The step that a table of a recipe file describes, and how it is distilled."""
    values = dict(table)
    name, distil = values.pop("step"), values.pop("distil", None)
    if name not in STEPS:
        raise ValueError(f'{where}: step must be one of {", ".join(STEPS)}, not "{name}"')
    checked_keys(f"{where} ({name})", values, [f.name for f in fields(STEPS[name])])
    if distil is not None:
        checked_keys(f"{where}, distil", distil, ("temperature", "weight"))
    try:
        return STEPS[name](**values), distil
    except TypeError as error:
        raise ValueError(f"{where} ({name}): {error}") from error


def steps_of(recipe: RecipeFile) -> list[tuple[Step, Mapping[str, float] | None, Recipe | None]]:
    """(step, how it is distilled or None, training behind it or None) for each of a recipe's.

    Raises ValueError that names step, key, rule and value for an unknown step or key.
    """
    return [(*_made(f"recipe {recipe.name}, compress step {k}", table), training)
            for k, (table, training) in enumerate(recipe.steps, 1)]


def _distilled(teacher: FloatNet, temperature: float = 4.0, weight: float = 0.7) -> Loss:
    def loss(scores: torch.Tensor, labels: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            wanted = teacher.to(scores.device)(images)
        return distillation_loss(scores, wanted, labels, temperature, weight)

    return loss


def compress(recipe: RecipeFile, model: FloatNet, dataset: Dataset, *, device: str = "cpu",
             folder: Path | None = None,
             progress: Callable[[str, Recipe, Progress], None] | None = None
             ) -> Iterator[Outcome]:
    """Run the steps of a recipe on a trained float network; yield what each round came to.

    Batch norm is folded first. Trainings are seeded with the recipe's seed; with ``folder`` each
    keeps its state there, so that what was interrupted comes to the same end (steps themselves are
    quick and repeatable). Raises ValueError that names step, key, rule and value, before anything
    is done where a key or a step is unknown.
    """
    steps = steps_of(recipe)
    model = fold_norms(model) if model.norm else copy.deepcopy(model)
    teacher = copy.deepcopy(model)
    rounds = 0
    for step, distil, training in steps:
        for title in step.run(model, dataset):
            history: tuple[Progress, ...] = ()
            if training is not None:
                rounds += 1
                told = partial(progress, title, training) if progress else None
                history = fit(
                    model, dataset, training, name=recipe.spec.name, seed=recipe.seed,
                    device=device, loss=None if distil is None else _distilled(teacher, **distil),
                    state=None if folder is None else folder / f"step_{rounds}.training",
                    progress=told)
            step.finish(model)
            yield Outcome(title, accuracy(model, dataset.test_x, dataset.test_y), model, history)
