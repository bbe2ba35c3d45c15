"""The training loop: any model, from labelled data, repeatable from a seed and resumable."""

import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from golden.augment import flipped, shifted
from golden.data import Dataset
from golden.prediction import accuracy, find_device, tensor
from golden.recipes import Recipe
from golden.trainable import BatchNorm
from golden.training_state import Progress, TrainingState, fingerprint

__all__ = ["Loss", "TrainingError", "fit"]

_GLANCE = 1000  # test images looked at between epochs
_SETTLING = 200  # batches

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


class TrainingError(RuntimeError):
    """Training went wrong numerically."""


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

    Running ones wander with the latest batches, which moves the thresholds of few-bit networks, and
    they know values that were drawn or dropped in training; all but the norms is in eval mode.
    """
    norms = [part for part in model.modules() if isinstance(part, BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    order = torch.randperm(len(x)).to(x.device)
    model.eval()
    for norm in norms:
        norm.train()
    for k in range(min(len(x) // batch, _SETTLING)):
        for norm in norms:
            norm.momentum = 1 / (k + 1)
        with torch.no_grad():
            model(x[order[k * batch:(k + 1) * batch]])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _epoch(run: TrainingState, images: Tensor, labels: Tensor, dataset: Dataset, recipe: Recipe,
           loss: Loss) -> tuple[float, float]:
    """Mean loss and share of right answers of an epoch's steps."""
    total, right, steps = 0.0, 0, 0
    model = run.model
    clip: Callable[[], None] | None = getattr(model, "clip", None)
    model.train()
    for x, y in _batches(images, labels, dataset, recipe):
        with torch.autocast(run.device.type, torch.bfloat16, enabled=recipe.bfloat16):
            scores = model(x)
        value = loss(scores.float(), y, x)
        run.optimiser.zero_grad()
        value.backward()
        run.optimiser.step()
        if clip:
            clip()
        run.schedule.step()
        total, steps = total + value.item(), steps + 1
        right += int((scores.argmax(dim=1) == y).sum())
    return total / steps, right / (steps * recipe.batch)


def _plain_loss(scores: Tensor, labels: Tensor, _images: Tensor) -> Tensor:
    return functional.cross_entropy(scores, labels)


def fit(model: nn.Module, dataset: Dataset, recipe: Recipe, *, name: str, seed: int | None = 1,
        threads: int = 1, device: str = "cpu", loss: Loss | None = None, settle: bool = False,
        state: str | os.PathLike[str] | None = None,
        progress: Callable[[Progress], None] | None = None) -> tuple[Progress, ...]:
    """Train ``model`` in place; it ends on the CPU in eval mode. What each epoch came to.

    name : of the model, for messages
    recipe : how; with ``patience`` the weights are those of the epoch that was best on the images
        held out, else those of the last epoch
    seed : equal seeds (and recipes, threads, machines) give equal weights; None goes on with
        torch's random numbers as they stand. Their state is left as it was.
    threads : of PyTorch, restored afterwards
    device : where it computes, see ``find_device``; on "cuda" a seed may not repeat a training to
        the last bit, since sums are made in any order there
    loss : (scores, labels, images) -> what is made small; cross entropy if None
    settle : whether the batch norms' statistics become plain means at the end
    state : file that keeps the training, written every few seconds and at the end. Where it is of
        this very training (model, its first weights, recipe, seed, data), training goes on from
        there and ends with the same weights as if nothing had interrupted it
    progress : called after every epoch, and first for those that ``state`` has; it may raise to
        stop

    Raises ValueError for data that do not suffice and for a damaged state, TrainingError if the
    loss is no number.
    """
    if len(dataset.train_x) - recipe.validation < recipe.batch:
        held = f" that are left of {len(dataset.train_x)}" if recipe.validation else ""
        raise ValueError(f"batch must be at most the {len(dataset.train_x) - recipe.validation} "
                         f"training images{held}, not {recipe.batch}")
    if (recipe.shift or recipe.flip) and len(dataset.shape) != 2:
        raise ValueError(f"shift and flip must be 0 and False for the data set {dataset.name}, "
                         "which holds no images")
    where = find_device(device)
    what = "" if state is None else fingerprint(model, dataset, recipe, seed,
                                                f"{name} {where.type} {threads}")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
            if seed is not None:
                torch.manual_seed(seed)
            history = _fit(model.to(where), dataset, recipe, name, what, where,
                           loss or _plain_loss, settle, None if state is None else Path(state),
                           progress)
    finally:
        torch.set_num_threads(before)
    model.cpu().eval()
    return history


def _fit(model: nn.Module, dataset: Dataset, recipe: Recipe, name: str, what: str,
         device: torch.device, loss: Loss, settle: bool, path: Path | None,
         progress: Callable[[Progress], None] | None) -> tuple[Progress, ...]:
    train_x, train_y = dataset.train_x, dataset.train_y
    order = torch.randperm(len(train_x)).numpy() if recipe.validation else np.arange(len(train_x))
    held, kept = order[:recipe.validation], order[recipe.validation:]
    images, labels = tensor(train_x[kept]).to(device), torch.tensor(train_y[kept]).to(device)
    run = TrainingState(model, recipe, len(kept) // recipe.batch, what, path, device)
    finished = run.resume()
    if progress:
        for past in run.history:
            progress(past)
    if finished:
        return tuple(run.history)
    passed = run.history[-1].seconds if run.history else 0.0
    start = time.perf_counter() - passed
    for epoch in range(len(run.history) + 1, recipe.epochs + 1):
        mean, right = _epoch(run, images, labels, dataset, recipe, loss)
        if not math.isfinite(mean):
            raise TrainingError(f"model {name}: the loss became {mean} in epoch {epoch}; lower "
                                f"the learning rate of {recipe.learning_rate}")
        if epoch == recipe.epochs and settle:
            _settle(model, images, recipe.batch)
        validated = accuracy(model, train_x[held], train_y[held]) if recipe.validation else None
        if recipe.patience and validated is not None and validated > max(
                (p.validation_accuracy or 0.0 for p in run.history), default=-1.0):
            run.best = {key: value.clone() for key, value in model.state_dict().items()}
        shown = slice(None if epoch == recipe.epochs else _GLANCE)
        run.history.append(Progress(
            epoch, recipe.epochs, mean, right,
            accuracy(model, dataset.test_x[shown], dataset.test_y[shown]),
            time.perf_counter() - start, validated))
        if progress:
            progress(run.history[-1])
        if run.is_stuck(recipe.patience):
            break
        run.keep(finished=False)
    if recipe.patience and run.best is not None:
        model.load_state_dict(run.best)
    run.keep(finished=True)
    return tuple(run.history)
