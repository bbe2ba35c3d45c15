"""A training in progress: all that decides how it goes on, and the file that keeps it."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from golden.archive import digest, replacing
from golden.data import Dataset
from golden.recipes import Recipe

__all__ = ["Progress", "TrainingState", "fingerprint"]

_PAUSE = 10.0  # seconds at least between two states written


@dataclass(frozen=True)
class Progress:
    """Where training stands after an epoch (1 is the first) of ``epochs``.

    loss and train_accuracy are means over the epoch's steps, with dropout and the like in force;
    test_accuracy is that of eval mode, for display: nothing is chosen by it. seconds count from
    the start. Before the last epoch only the first thousand test images are looked at.
    validation_accuracy is that of the images held out, if the recipe holds out any.
    """

    epoch: int
    epochs: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float
    validation_accuracy: float | None = None


def fingerprint(model: nn.Module, dataset: Dataset, recipe: Recipe, seed: int | None, what: str
                ) -> str:
    """A text that differs where two trainings could end with different weights."""
    arrays = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    data = [dataset.name, list(dataset.train_x.shape), list(dataset.test_x.shape)]
    return digest({"recipe": asdict(recipe), "seed": seed, "data": data, "what": what,
                   "torch": str(torch.__version__)}, arrays)


class TrainingState:
    """Model, optimiser, schedule and history of a training, and its file.

    steps : of an epoch; fingerprint : a file with another one is of another training; path : of
    the file, or None for none; device : where the model is
    """

    def __init__(self, model: nn.Module, recipe: Recipe, steps: int, fingerprint: str,
                 path: Path | None, device: torch.device) -> None:
        self.model, self.path, self.device, self.fingerprint = model, path, device, fingerprint
        self.optimiser = torch.optim.Adam(
            (p for p in model.parameters() if p.requires_grad), recipe.learning_rate,
            weight_decay=recipe.weight_decay, fused=True)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimiser, steps * recipe.epochs)
        self.history: list[Progress] = []
        self.best: dict[str, Tensor] | None = None
        self._written = time.monotonic()

    def keep(self, finished: bool) -> None:
        """Write the state, if the last one is old; readers see the old file or the whole new."""
        if self.path is None or not finished and time.monotonic() - self._written < _PAUSE:
            return
        content = {
            "fingerprint": self.fingerprint, "finished": finished, "best": self.best,
            "model": self.model.state_dict(), "history": [asdict(p) for p in self.history],
            "optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state(self.device)
            if self.device.type == "cuda" else None}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as unfinished:
            torch.save(content, unfinished)
        self._written = time.monotonic()

    def resume(self) -> bool:
        """Go on where the file stands, if it is of this very training; is that its end?"""
        if self.path is None or not self.path.is_file():
            return False
        try:
            content: dict[str, Any] = torch.load(self.path, self.device, weights_only=True)
            if content["fingerprint"] != self.fingerprint:
                return False
        except Exception as error:  # of what a damaged file may raise there is no list
            raise ValueError(f"{self.path}: damaged, or no state of a training ({error}); remove "
                             "it to start anew") from error
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.schedule.load_state_dict(content["schedule"])
        self.history, self.best = [Progress(**p) for p in content["history"]], content["best"]
        torch.set_rng_state(content["random"].cpu())
        if content["cuda"] is not None:
            torch.cuda.set_rng_state(content["cuda"].cpu(), self.device)
        return bool(content["finished"])

    def is_stuck(self, patience: int) -> bool:
        """Is the best epoch on the images held out more than ``patience`` epochs ago?"""
        reached = [p.validation_accuracy or 0.0 for p in self.history]
        return bool(patience) and len(reached) - reached.index(max(reached)) > patience
