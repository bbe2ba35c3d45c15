"""Augmentation: images changed at random, so that none is seen twice."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["flipped", "shifted"]


def shifted(x: Tensor, shape: tuple[int, ...], shift: int, channels: int = 1) -> Tensor:
    """Images (batch, pixels) each moved by its own random offset, zeros moving in."""
    rows, columns = shape
    padded = functional.pad(x.reshape(-1, rows, columns, channels), (0, 0, *(shift,) * 4))
    windows = padded.unfold(1, rows, 1).unfold(2, columns, 1)
    down, right = torch.randint(0, 2 * shift + 1, (2, len(x))).to(x.device)
    chosen = windows[torch.arange(len(x), device=x.device), down, right]
    return chosen.movedim(1, -1).reshape(len(x), -1)


def flipped(x: Tensor, shape: tuple[int, ...], channels: int = 1) -> Tensor:
    """Images (batch, pixels), half of them mirrored from left to right, drawn at random."""
    images = x.reshape(-1, *shape, channels)
    mirrored = torch.randint(0, 2, (len(x), 1, 1, 1)).to(x.device)
    return torch.where(mirrored > 0, images.flip(2), images).reshape(len(x), -1)
