"""What a model answers, and where it computes."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from golden.data import Values

__all__ = ["accuracy", "find_device", "predict", "tensor"]


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


def tensor(x: Values) -> Tensor:
    """Images or texts as PyTorch takes them."""
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
        scores = [model(tensor(x[k:k + batch]).to(device)).cpu() for k in range(0, len(x), batch)]
    model.train(was_training)
    return torch.cat(scores).numpy()


def accuracy(model: nn.Module, x: Values, y: NDArray[np.int64]) -> float:
    """Share of images whose greatest score (the first of equals) is that of their class."""
    return float((predict(model, x).argmax(axis=1) == y).mean())
