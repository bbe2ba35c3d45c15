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

from golden.data import Dataset
from golden.models import MODELS, BinaryMLP, FloatMLP, ModelSpec

__all__ = ["RECIPES", "Progress", "Recipe", "TrainingError", "accuracy", "predict", "train"]


class TrainingError(RuntimeError):
    """Training went wrong numerically."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: Adam, the learning rate falling to zero along a cosine.

    epochs : passes over the training images
    batch : images a step; the rest of an epoch that fills no batch is left out
    learning_rate : of the first step
    shift : each image is moved by up to so many pixels in each direction, anew in every epoch
    temperature : standard deviation the scores of an untrained binary network have in the loss

    Raises TypeError and ValueError that name parameter, rule and value.
    """

    epochs: int
    batch: int = 100
    learning_rate: float = 3e-3
    shift: int = 0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 2), ("shift", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an integer, not {value!r}")
            if value < least:
                raise ValueError(f"{name} must be at least {least}, not {value}")
        for name in ("learning_rate", "temperature"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise TypeError(f"{name} must be a number, not {value!r}")
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be greater than 0 and finite, not {value}")


RECIPES = {
    "tfc": Recipe(epochs=60, learning_rate=0.03, temperature=0.5),
    "sfc": Recipe(epochs=40, learning_rate=0.03, temperature=0.5, shift=1),
    "lfc": Recipe(epochs=50, learning_rate=0.02, temperature=0.5, shift=1, batch=200),
    "digits": Recipe(epochs=200, learning_rate=0.01, temperature=0.5),
}


@dataclass(frozen=True)
class Progress:
    """Where training stands after an epoch (1 is the first) of ``epochs``.

    loss and train_accuracy are means over the epoch's steps, with dropout and the like in force;
    test_accuracy is that of eval mode, for display: nothing is chosen by it. seconds count from
    the start.
    """

    epoch: int
    epochs: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float


def predict(model: nn.Module, x: NDArray[np.uint8], batch: int = 1000) -> NDArray[np.float32]:
    """Scores of eval mode: x (images, n_in) -> (images, classes). The model's mode is kept."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        scores = [model(torch.tensor(x[k:k + batch])) for k in range(0, len(x), batch)]
    model.train(was_training)
    return torch.cat(scores).numpy()


def accuracy(model: nn.Module, x: NDArray[np.uint8], y: NDArray[np.int64]) -> float:
    """Share of images whose greatest score (the first of equals) is that of their class."""
    return float((predict(model, x).argmax(axis=1) == y).mean())


def _shifted(x: Tensor, shape: tuple[int, ...], shift: int) -> Tensor:
    """Images (batch, pixels) each moved by its own random offset, zeros moving in."""
    rows, columns = shape
    padded = functional.pad(x.reshape(-1, rows, columns), (shift,) * 4)
    windows = padded.unfold(1, rows, 1).unfold(2, columns, 1)
    down, right = torch.randint(0, 2 * shift + 1, (2, len(x)))
    return windows[torch.arange(len(x)), down, right].reshape(len(x), -1)


def _batches(dataset: Dataset, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    x, y = torch.tensor(dataset.train_x), torch.tensor(dataset.train_y)
    order = torch.randperm(len(x))
    for start in range(0, len(x) - recipe.batch + 1, recipe.batch):
        chosen = order[start:start + recipe.batch]
        images = x[chosen]
        if recipe.shift:
            images = _shifted(images, dataset.shape, recipe.shift)
        yield images, y[chosen]


def _run(model: BinaryMLP | FloatMLP, dataset: Dataset, recipe: Recipe,
         progress: Callable[[Progress], None] | None) -> None:
    steps = len(dataset.train_x) // recipe.batch
    optimiser = torch.optim.Adam(model.parameters(), recipe.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps * recipe.epochs)
    # A sum of n random signs has standard deviation sqrt(n); the class is not changed by a scale.
    binary = isinstance(model, BinaryMLP)
    factor = recipe.temperature / math.sqrt(model.spec.widths[-2]) if binary else 1.0
    start = time.perf_counter()
    for epoch in range(1, recipe.epochs + 1):
        total, right = 0.0, 0
        model.train()
        for x, y in _batches(dataset, recipe):
            scores = model(x) * factor
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
        if progress:
            progress(Progress(epoch, recipe.epochs, total / steps, right / (steps * recipe.batch),
                              accuracy(model, dataset.test_x, dataset.test_y),
                              time.perf_counter() - start))


def train(spec: ModelSpec | str, dataset: Dataset, recipe: Recipe | None = None, *, seed: int = 1,
          kind: str = "binary", threads: int = 1,
          progress: Callable[[Progress], None] | None = None) -> BinaryMLP | FloatMLP:
    """A trained model, in eval mode, with the weights of the last epoch.

    spec : the model, or the name of one of ``MODELS``
    dataset : images of as many pixels, and at most as many classes, as the model has
    recipe : how; the model's own of ``RECIPES`` if None
    seed : equal seeds (and recipes, threads, machines) give equal weights; torch's global random
        state is left as it was
    kind : "binary" for a BinaryMLP, "float" for a FloatMLP of the same widths
    threads : of PyTorch, restored afterwards
    progress : called after every epoch; it may raise to stop

    Raises TypeError and ValueError for wrong arguments, TrainingError if the loss is no number.
    """
    if isinstance(spec, str):
        if spec not in MODELS:
            raise ValueError(f'model must be one of {", ".join(MODELS)}, not "{spec}"')
        spec = MODELS[spec]
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
    if dataset.n_in != spec.widths[0]:
        raise ValueError(f"model {spec.name} takes {spec.widths[0]} pixels, but images of the "
                         f"data set {dataset.name} have {dataset.n_in}")
    if len(dataset.classes) > spec.widths[-1]:
        raise ValueError(f"model {spec.name} knows {spec.widths[-1]} classes, but the data set "
                         f"{dataset.name} has {len(dataset.classes)}")
    if len(dataset.train_x) < recipe.batch:
        raise ValueError(f"batch must be at most the {len(dataset.train_x)} training images, "
                         f"not {recipe.batch}")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = BinaryMLP(spec) if kind == "binary" else FloatMLP(spec)
            _run(model, dataset, recipe, progress)
    finally:
        torch.set_num_threads(before)
    return model.eval()
