"""Binarisation, steps and fixed point, with straight-through gradients.

Sources: of binarisation M. Courbariaux et al., "Binarized Neural Networks", NIPS 2016,
arXiv:1602.02830; of steps Z. Cai et al., "Deep Learning with Low Precision by Half-wave Gaussian
Quantization", CVPR 2017, arXiv:1702.00953.
"""

from typing import Any

import torch
from torch import Tensor

from golden.fixed import Fixed

__all__ = ["binarise", "binarise_stochastic", "fixed", "steps", "straight_through"]


class _StraightThrough(torch.autograd.Function):
    """Hands ``quantised`` on; the gradient goes to ``x`` as if it had only been clipped."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, quantised: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return quantised

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gradients[0] * (x.abs() <= 1), None


def straight_through(x: Tensor, quantised: Tensor) -> Tensor:
    """``quantised``, in the dtype of ``x``; gradient to ``x``: 1 where |x| <= 1, else 0."""
    return _StraightThrough.apply(x, quantised.to(x.dtype))


def binarise(x: Tensor) -> Tensor:
    """+1 where x >= 0 (zero of either sign included), else -1; shape and dtype of ``x``.

    Gradient: 1 where |x| <= 1, else 0.
    """
    # In place and in one dtype: activations are the bulk of what a step touches.
    return straight_through(x, (x >= 0).to(x.dtype).mul_(2).sub_(1))


def binarise_stochastic(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """+1 with probability (x + 1) / 2, clipped to 0..1, else -1; shape and dtype of ``x``.

    Gradient: 1 where |x| <= 1, else 0. Its mean over many draws is ``x`` clipped to -1..1.
    """
    drawn = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    # A draw lies in [0, 1): x <= -1 never gives +1, x >= 1 always does.
    return straight_through(x, torch.where(drawn < (x + 1) / 2, 1.0, -1.0))


class _Steps(torch.autograd.Function):
    """The number of thresholds reached in the forward direction, a line through them backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: float, top: int) -> Tensor:
        ctx.save_for_backward((x >= 0) & (x <= step * top))
        ctx.step = step
        count = torch.zeros_like(x)
        for k in range(top):
            count += x >= (k + 0.5) * step
        return count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside / ctx.step, None, None


def steps(x: Tensor, step: float, top: int) -> Tensor:
    """Codes 0 to ``top``: how many of 0.5, 1.5, ... ``step`` are at most x; shape and dtype of x.

    Gradient: 1 / step where 0 <= x <= step * top, else 0.
    """
    result: Tensor = _Steps.apply(x, step, top)
    return result


class _Fixed(torch.autograd.Function):
    """The nearest values in the forward direction, a straight line through them backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kind: Fixed, rounding: str, overflow: str) -> Tensor:
        codes = kind.quantise(x.detach().cpu().numpy(), rounding, overflow)
        ends = kind.value([kind.integer.minimum, kind.integer.maximum])
        inside = (x >= ends[0]) & (x <= ends[1])
        ctx.save_for_backward(inside | torch.tensor(overflow == "wrap", device=x.device))
        return torch.from_numpy(kind.value(codes)).to(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (passes,) = ctx.saved_tensors
        return gradients[0] * passes, None, None, None


def fixed(x: Tensor, kind: Fixed, rounding: str = "half_even", overflow: str = "saturate"
          ) -> Tensor:
    """What ``kind.quantise(x)`` stands for, with the shape and dtype of ``x``.

    Gradient: 1, but 0 beyond the range where that saturates.
    """
    result: Tensor = _Fixed.apply(x, kind, rounding, overflow)
    return result
