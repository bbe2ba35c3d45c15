"""Training of the models on labelled images, repeatable from a seed."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from golden.augment import flipped, shifted
from golden.convnet import ConvNet
from golden.convspec import ConvSpec
from golden.data import Dataset, Values
from golden.models import BinaryMLP, FloatMLP, ModelSpec, named
from golden.recipes import RECIPES, Recipe
from golden.trainable import BatchNorm

__all__ = ["RECIPES", "Progress", "Recipe", "TrainingError", "accuracy", "find_device", "predict",
           "train"]

_GLANCE = 1000  # test images looked at between epochs
_SETTLING = 200  # batches


class TrainingError(RuntimeError):
    """Training went wrong numerically."""


@dataclass(frozen=True)
class Progress:
    """Where training stands after an epoch (1 is the first) of ``epochs``.

    loss and train_accuracy are means over the epoch's steps, with dropout and the like in force;
    test_accuracy is that of eval mode, for display: nothing is chosen by it. seconds count from
    the start. Before the last epoch only the first thousand test images are looked at.
    """

    epoch: int
    epochs: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float


def find_device(name: str = "auto") -> torch.device:
    """The device of that name: "cpu", "cuda", or "auto" for the latter where there is one.

    Raises ValueError for another name, and for "cuda" where there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f'device must be one of auto, cpu, cuda, not "{name}"')
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ValueError('device must be "cpu" on a machine without a CUDA device, not "cuda"')
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def _tensor(x: Values) -> Tensor:
    # Of uint16 PyTorch knows too few operations.
    return torch.tensor(x.astype(np.int32) if x.dtype == np.uint16 else x)


def predict(model: nn.Module, x: Values, batch: int = 1000) -> NDArray[np.float32]:
    """Scores of eval mode: x (images, n_in) -> (images, classes). The model's mode is kept.

    Exact where the model is on a CPU; other devices may have convolutions that are not.
    """
    was_training = model.training
    device = next((parameter.device for parameter in model.parameters()), None)
    model.eval()
    with torch.no_grad():
        scores = [model(_tensor(x[k:k + batch]).to(device)).cpu() for k in range(0, len(x), batch)]
    model.train(was_training)
    return torch.cat(scores).numpy()


def accuracy(model: nn.Module, x: Values, y: NDArray[np.int64]) -> float:
    """Share of images whose greatest score (the first of equals) is that of their class."""
    return float((predict(model, x).argmax(axis=1) == y).mean())


def _batches(x: Tensor, y: Tensor, dataset: Dataset, recipe: Recipe
             ) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(x)).to(x.device)
    for start in range(0, len(x) - recipe.batch + 1, recipe.batch):
        chosen = order[start:start + recipe.batch]
        images = x[chosen]
        if recipe.shift:
            images = shifted(images, dataset.shape, recipe.shift, dataset.channels)
        if recipe.flip:
            images = flipped(images, dataset.shape, dataset.channels)
        yield images, y[chosen]


def _settle(model: nn.Module, x: Tensor, batch: int) -> None:
    """Make the batch norms' statistics the plain means over up to ``_SETTLING`` batches.

    Running ones wander with the latest batches, which moves the thresholds of few-bit networks.
    """
    norms = [part for part in model.modules() if isinstance(part, BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    order = torch.randperm(len(x)).to(x.device)
    model.train()
    for k in range(min(len(x) // batch, _SETTLING)):
        for norm in norms:
            norm.momentum = 1 / (k + 1)
        with torch.no_grad():
            model(x[order[k * batch:(k + 1) * batch]])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _run(model: BinaryMLP | FloatMLP | ConvNet, dataset: Dataset, recipe: Recipe,
         device: torch.device, progress: Callable[[Progress], None] | None) -> None:
    steps = len(dataset.train_x) // recipe.batch
    images, labels = _tensor(dataset.train_x).to(device), torch.tensor(dataset.train_y).to(device)
    optimiser = torch.optim.Adam(model.parameters(), recipe.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps * recipe.epochs)
    # A sum of n random signs has standard deviation sqrt(n); the class is not changed by a scale.
    binary = not isinstance(model, FloatMLP)
    factor = recipe.temperature / math.sqrt(model.spec.fan_in) if binary else 1.0
    start = time.perf_counter()
    for epoch in range(1, recipe.epochs + 1):
        total, right = 0.0, 0
        model.train()
        for x, y in _batches(images, labels, dataset, recipe):
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.bfloat16):
                scores = model(x)
            scores = scores.float() * factor
            loss = functional.cross_entropy(scores, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            model.clip()
            schedule.step()
            total += loss.item()
            right += int((scores.argmax(dim=1) == y).sum())
        if not math.isfinite(total):
            raise TrainingError(f"model {model.spec.name}: the loss became {total} in epoch "
                                f"{epoch}; lower the learning rate of {recipe.learning_rate}")
        if epoch == recipe.epochs and isinstance(model, ConvNet):
            _settle(model, images, recipe.batch)
        if progress:
            shown = slice(None if epoch == recipe.epochs else _GLANCE)
            progress(Progress(epoch, recipe.epochs, total / steps, right / (steps * recipe.batch),
                              accuracy(model, dataset.test_x[shown], dataset.test_y[shown]),
                              time.perf_counter() - start))


def train(spec: ModelSpec | ConvSpec | str, dataset: Dataset, recipe: Recipe | None = None, *,
          seed: int = 1, kind: str = "binary", threads: int = 1, device: str = "cpu",
          progress: Callable[[Progress], None] | None = None) -> BinaryMLP | FloatMLP | ConvNet:
    """A trained model, in eval mode and on the CPU, with the weights of the last epoch.

    The batch norms of a ConvNet then have the plain means of the training images' statistics.

    spec : the model, or the name of one of ``MODELS`` or ``CONVNETS``
    dataset : images of as many pixels, and at most as many classes, as the model has
    recipe : how; the model's own of ``RECIPES`` if None
    seed : equal seeds (and recipes, threads, machines) give equal weights; torch's global random
        state is left as it was
    kind : "binary" for a BinaryMLP or ConvNet, "float" for a FloatMLP of the same widths
    threads : of PyTorch, restored afterwards
    device : where it computes, see ``find_device``; on "cuda" a seed may not repeat a training to
        the last bit, since sums are made in any order there
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
    if kind == "float" and isinstance(spec, ConvSpec):
        raise ValueError(f'kind must be "binary" for the convolutional network {spec.name}, '
                         'not "float"')
    where = find_device(device)
    if dataset.n_in != spec.n_in:
        raise ValueError(f"model {spec.name} takes {spec.n_in} pixels, but images of the "
                         f"data set {dataset.name} have {dataset.n_in}")
    if len(dataset.classes) > spec.n_out:
        raise ValueError(f"model {spec.name} knows {spec.n_out} classes, but the data set "
                         f"{dataset.name} has {len(dataset.classes)}")
    if len(dataset.train_x) < recipe.batch:
        raise ValueError(f"batch must be at most the {len(dataset.train_x)} training images, "
                         f"not {recipe.batch}")
    if (recipe.shift or recipe.flip) and len(dataset.shape) != 2:
        raise ValueError(f"shift and flip must be 0 and False for the data set {dataset.name}, "
                         "which holds no images")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
            torch.manual_seed(seed)
            model: BinaryMLP | FloatMLP | ConvNet
            if isinstance(spec, ConvSpec):
                model = ConvNet(spec)
            else:
                model = BinaryMLP(spec) if kind == "binary" else FloatMLP(spec)
            _run(model.to(where), dataset, recipe, where, progress)
    finally:
        torch.set_num_threads(before)
    return model.cpu().eval()
