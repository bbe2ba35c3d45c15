"""A few steps of training on the digits, for tests of methods that training goes through."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from golden.data import load
from tb.harness import settings

__all__ = ["digits", "make_model", "train"]


def digits() -> tuple[Tensor, Tensor]:
    """Pixels (256, 64) in 0..1, and classes."""
    data = load("digits")
    return torch.tensor(data.train_x[:256]) / 255, torch.tensor(data.train_y[:256])


def make_model(activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """64-24-10, from the seed of the tests."""
    torch.manual_seed(settings.seed)
    return nn.Sequential(nn.Linear(64, 24), activation(), nn.Linear(24, 10))


def train(model: nn.Module, steps: int, optimiser: torch.optim.Optimizer | None = None
          ) -> list[float]:
    """Losses of ``steps`` steps on all digits at once, by Adam unless another is given.

    In one thread: for networks so small more would wait for each other.
    """
    x, y = digits()
    optimiser = optimiser or torch.optim.Adam(model.parameters(), 0.01)
    threads, losses = torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        for _ in range(steps):
            loss = functional.cross_entropy(model(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    finally:
        torch.set_num_threads(threads)
    return losses
