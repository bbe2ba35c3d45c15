"""Compression step by step: prune, share, quantise, factorise, code, with trainings between.

``compress`` runs the steps (``golden.compress_steps``) of a recipe file (``golden.recipe_file``).
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from golden.compress_steps import STEPS, Step
from golden.data import Dataset
from golden.distillation import distillation_loss
from golden.fit import Loss, fit
from golden.float_net import FloatNet, fold_norms
from golden.prediction import accuracy
from golden.recipe_file import RecipeFile, checked_keys
from golden.recipes import Recipe
from golden.training_state import Progress
from golden.weighted_modules import weighted_modules

__all__ = ["Outcome", "compress", "steps_of", "weights_of"]


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
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} ({name}): {error}") from error


def steps_of(recipe: RecipeFile) -> list[tuple[Step, Mapping[str, float] | None, Recipe | None]]:
    """(step, how it is distilled or None, training behind it or None) for each of a recipe's.

    Raises ValueError that names step, key, rule and value for an unknown step or key and for
    values that no network could take.
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
