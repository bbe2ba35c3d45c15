"""Steps of compression as a recipe file has them: tables, checked before anything is trained."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from golden.compress_steps import Factorise, KnownLayer, Prune, Share, Step
from golden.convspec import ConvSpec
from golden.distillation import Distillation
from golden.float_net import FloatNet, fold_norms
from golden.models import ModelSpec
from golden.quantise_steps import Grow, Quantise
from golden.recipe_keys import checked, kinds_of, made
from golden.recipes import Recipe
from golden.weighted_modules import weighted_modules

__all__ = ["STEPS", "RecipeStep", "read_steps"]

STEPS: dict[str, type[Any]] = {"prune": Prune, "share": Share, "quantise": Quantise,
                               "incremental": Grow, "factorise": Factorise}


class RecipeStep(NamedTuple):
    """A step, the training behind each of its rounds, and how that learns of the float network."""

    step: Step
    training: Recipe | None = None
    distil: Distillation | None = None


def _read(where: str, table: dict[str, Any]) -> tuple[str, RecipeStep]:
    """The step that a table describes, and where it stands."""
    values = dict(table)
    name, training, distil = (values.pop(key, None) for key in ("step", "train", "distil"))
    if not isinstance(name, str) or name not in STEPS:
        raise ValueError(f"{where}: step must be one of {', '.join(STEPS)}, not {name!r}")
    where = f"{where} ({name})"
    checked(where, values, {**kinds_of(STEPS[name]), "train": dict, "distil": dict})
    step = made(where, values, STEPS[name])
    if training is None and distil is not None:
        raise ValueError(f"{where}: distil must have a training to guide; give train")
    return where, RecipeStep(
        step, None if training is None else made(f"{where}, train", training, Recipe),
        None if distil is None else made(f"{where}, distil", distil, Distillation))


def read_steps(where: str, spec: ModelSpec | ConvSpec, norm: bool, tables: Sequence[dict[str, Any]]
               ) -> tuple[RecipeStep, ...]:
    """Steps on the float network of ``spec``, each from a table.

    where : names the recipe in messages
    norm : whether the network is trained with batch norm

    Raises ValueError that names step, key, rule and value, also for what does not fit the network's
    layers or comes in an order that cannot be.
    """
    with torch.device("meta"):  # shapes alone
        model = FloatNet(spec, norm).eval()
        model = fold_norms(model) if tables and norm else model
    layers = {name: KnownLayer(tuple(module.weight.shape))
              for name, module in weighted_modules(model).items()}
    steps = []
    for k, table in enumerate(tables, 1):
        place, step = _read(f"{where}, compress step {k}", table)
        try:
            step.step.check(layers)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{place}: {error}") from error
        steps.append(step)
    return tuple(steps)
