"""Training of the named models on labelled images, repeatable from a seed."""

import math
import os
from collections.abc import Callable

import torch
from torch.nn import functional

from golden.convnet import ConvNet
from golden.convspec import ConvSpec
from golden.data import Dataset
from golden.fit import fit
from golden.float_net import FloatNet
from golden.models import BinaryMLP, ModelSpec, named
from golden.prediction import find_device
from golden.recipes import RECIPES, Recipe
from golden.training_state import Progress

__all__ = ["Trained", "train"]

Trained = BinaryMLP | ConvNet | FloatNet


def train(spec: ModelSpec | ConvSpec | str, dataset: Dataset, recipe: Recipe | None = None, *,
          seed: int = 1, kind: str = "binary", threads: int = 1, device: str = "cpu",
          norm: bool = True, state: str | os.PathLike[str] | None = None,
          progress: Callable[[Progress], None] | None = None) -> Trained:
    """A trained model, in eval mode and on the CPU, with the weights of the last epoch.

    The batch norms of a ConvNet, and of networks with values that are drawn in training, then have
    the plain means of the training images' statistics.

    spec : the model, or the name of one of ``MODELS`` or ``CONVNETS``
    dataset : images of as many pixels, and at most as many classes, as the model has
    recipe : how; the model's own of ``RECIPES`` if None
    seed : equal seeds (and recipes, threads, machines) give equal weights; torch's global random
        state is left as it was
    kind : "binary" for a BinaryMLP or ConvNet, "float" for a FloatNet of the same shape
    threads : of PyTorch, restored afterwards
    device : where it computes, see ``find_device``; on "cuda" a seed may not repeat a training to
        the last bit, since sums are made in any order there
    norm : whether a float network has batch norm
    state : file by which an interrupted training goes on, see ``golden.fit``
    progress : called after every epoch; it may raise to stop

    Raises TypeError and ValueError for wrong arguments, TrainingError if the loss is no number.
    """
    if isinstance(spec, str):
        spec = named(spec)
    if recipe is None:
        if spec.name not in RECIPES:
            raise ValueError(f"model {spec.name} has no recipe of its own; give one")
        recipe = RECIPES[spec.name]
    if kind not in ("binary", "float"):
        raise ValueError(f'kind must be "binary" or "float", not "{kind}"')
    for name, value, least in (("seed", seed, 0), ("threads", threads, 1)):
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name} must be an integer, not {value!r}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    where = find_device(device)
    if dataset.n_in != spec.n_in:
        raise ValueError(f"model {spec.name} takes {spec.n_in} pixels, but images of the "
                         f"data set {dataset.name} have {dataset.n_in}")
    if len(dataset.classes) > spec.n_out:
        raise ValueError(f"model {spec.name} knows {spec.n_out} classes, but the data set "
                         f"{dataset.name} has {len(dataset.classes)}")
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.manual_seed(seed)
        model: Trained
        if kind == "float":
            model = FloatNet(spec, norm)
        else:
            model = ConvNet(spec) if isinstance(spec, ConvSpec) else BinaryMLP(spec)
        # A sum of n random signs has standard deviation sqrt(n); the class is not changed by a
        # scale.
        factor = 1.0 if kind == "float" else recipe.temperature / math.sqrt(spec.fan_in)
        fit(model, dataset, recipe, name=spec.name, seed=None, threads=threads, device=device,
            loss=lambda scores, labels, _: functional.cross_entropy(scores * factor, labels),
            settle=isinstance(spec, ConvSpec) or (kind == "binary" and spec.stochastic),
            state=state, progress=progress)
    return model
