"""Compression step by step: prune, share, quantise, factorise, code, with trainings between.

``compress`` runs the steps (``golden.recipe_steps``) of a recipe file (``golden.recipe_file``).
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from golden.data import Dataset
from golden.distillation import Distillation, distillation_loss
from golden.fit import Loss, fit
from golden.float_net import FloatNet, fold_norms
from golden.prediction import accuracy
from golden.recipe_file import RecipeFile
from golden.recipes import Recipe
from golden.training_state import Progress
from golden.weighted_modules import weighted_modules

__all__ = ["Outcome", "compress", "weights_of"]


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


def _distilled(teacher: FloatNet, how: Distillation) -> Loss:
    def loss(scores: torch.Tensor, labels: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            wanted = teacher.to(scores.device)(images)
        return distillation_loss(scores, wanted, labels, how.temperature, how.weight)

    return loss


def compress(recipe: RecipeFile, model: FloatNet, dataset: Dataset, *, device: str = "cpu",
             folder: Path | None = None,
             progress: Callable[[str, Recipe, Progress], None] | None = None
             ) -> Iterator[Outcome]:
    """Run the steps of a recipe on a trained float network; yield what each round came to.

    Batch norm is folded first. Trainings are seeded with the recipe's seed; with ``folder`` each
    keeps its state there, so that what was interrupted comes to the same end (steps themselves are
    quick and repeatable).
    """
    model = fold_norms(model) if model.norm else copy.deepcopy(model)
    teacher = copy.deepcopy(model)
    rounds = 0
    for step, training, distil in recipe.steps:
        for title in step.run(model, dataset):
            history: tuple[Progress, ...] = ()
            if training is not None:
                rounds += 1
                told = partial(progress, title, training) if progress else None
                history = fit(
                    model, dataset, training, name=recipe.spec.name, seed=recipe.seed,
                    device=device, loss=None if distil is None else _distilled(teacher, distil),
                    state=None if folder is None else folder / f"step_{rounds}.training",
                    progress=told)
            step.finish(model)
            yield Outcome(title, accuracy(model, dataset.test_x, dataset.test_y), model, history)
