"""Binarisation, steps and fixed point, with straight-through gradients.

Sources: of binarisation M. Courbariaux et al., "Binarized Neural Networks", NIPS 2016,
arXiv:1602.02830; of steps Z. Cai et al., "Deep Learning with Low Precision by Half-wave Gaussian
Quantization", CVPR 2017, arXiv:1702.00953; of learnt ones S. Esser et al., "Learned step size
quantization", ICLR 2020, arXiv:1902.08153.
"""

from typing import Any

import torch
from torch import Tensor

from golden.check import check_choice
from golden.fixed import OVERFLOWS, ROUNDINGS, Fixed

__all__ = ["binarise", "binarise_stochastic", "fixed", "learnt_step", "steps", "straight_through"]


class _StraightThrough(torch.autograd.Function):
    """Hands ``quantised`` on; the gradient goes to ``x`` where it passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, quantised: Tensor, passes: Tensor) -> Tensor:
        ctx.save_for_backward(passes)
        return quantised

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (passes,) = ctx.saved_tensors
        return gradients[0] * passes, None, None


def straight_through(x: Tensor, quantised: Tensor, passes: Tensor | None = None) -> Tensor:
    """``quantised``, in the dtype of ``x``; gradient to ``x``: 1 where ``passes``, else 0.

    passes : truth values that broadcast to ``x``; None: where |x| <= 1
    """
    return _StraightThrough.apply(x, quantised.to(x.dtype),
                                  x.abs() <= 1 if passes is None else passes)


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


def fixed(x: Tensor, kind: Fixed, rounding: str = "half_even", overflow: str = "saturate"
          ) -> Tensor:
    """What ``kind.quantise(x)`` stands for, with the shape and dtype of ``x``.

    Gradient: 1, but 0 beyond the range where that saturates. Exact, since scaling by a power of
    two is; computed where ``x`` lies. NaN stays NaN, so that a training that fails shows in its
    loss. Raises ValueError for unknown names.
    """
    check_choice("Fixed", "rounding", rounding, ROUNDINGS)
    check_choice("Fixed", "overflow", overflow, OVERFLOWS)
    x_scaled = x.detach().double() * 2.0**kind.fraction
    low, high = kind.integer.minimum, kind.integer.maximum
    passes = (x_scaled >= low) & (x_scaled <= high)
    if rounding == "half_even":
        codes = x_scaled.round()
    else:
        codes = x_scaled.floor()
        if rounding == "half_up":
            codes += x_scaled.sub_(codes) >= 0.5  # the difference never crosses one half
        else:
            codes[(x_scaled == 0) & (x < 0)] = -1  # what vanished
    if overflow == "saturate":
        return straight_through(x, codes.clamp_(low, high).mul_(kind.step), passes)
    codes = (codes.fmod(2.0**kind.width) - low).remainder(2.0**kind.width) + low
    return straight_through(x, codes * kind.step, torch.tensor(True))


class _LearntStep(torch.autograd.Function):
    """The nearest multiples of a step; gradients to ``x`` and, times ``factor``, to the step."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, low: int, high: int, factor: float) -> Tensor:
        ratio = x / step
        codes = ratio.round().clamp_(low, high)
        inside = (ratio > low) & (ratio < high)
        ctx.save_for_backward(inside, torch.where(inside, codes - ratio, codes))
        ctx.factor = factor
        return codes * step

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        inside, slope = ctx.saved_tensors
        return gradients[0] * inside, (gradients[0] * slope).sum() * ctx.factor, None, None, None


def learnt_step(x: Tensor, step: Tensor, low: int, high: int, factor: float = 1.0) -> Tensor:
    """``step`` times ``x / step``, rounded half to even and kept in ``low`` to ``high``.

    Gradient to ``x``: 1 where low < x / step < high, else 0. To ``step``, a scalar: ``factor``
    times the sum of code - x / step there, and of the code elsewhere.
    """
    return _LearntStep.apply(x, step, low, high, factor)
