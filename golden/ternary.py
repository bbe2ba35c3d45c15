"""Ternary weights: fixed thresholds (TWN) and learnt scales (TTQ), with their gradients.

Sources: F. Li et al., "Ternary weight networks", NIPS workshop 2016, arXiv:1605.04711; C. Zhu et
al., "Trained ternary quantization", ICLR 2017, arXiv:1612.01064.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from golden.fixed import Fixed, whole_multiples
from golden.number import Codebook
from golden.quantise import straight_through
from golden.weighted_modules import IntegerWeights

__all__ = ["TrainedTernary", "ternarise", "ternary_scale"]

_TWN_THRESHOLD = 0.7  # of the mean magnitude
_TTQ_THRESHOLD = 0.05  # of the greatest magnitude


def ternarise(x: Tensor) -> Tensor:
    """-1, 0 or +1: the sign of ``x`` where |x| > 0.7 * mean |x|, else 0; shape and dtype of ``x``.

    Gradient: 1 where |x| <= 1, else 0.
    """
    return straight_through(x, torch.sign(x) * (x.abs() > _TWN_THRESHOLD * x.abs().mean()))


def ternary_scale(x: Tensor) -> Tensor:
    """The factor that brings ``ternarise(x)`` nearest to ``x`` in the square mean; 0 for no x.

    The mean of |x| over what is not 0.
    """
    kept = ternarise(x) != 0
    return (x.abs() * kept).sum() / kept.sum().clamp(min=1)


class _Scaled(torch.autograd.Function):
    """``positive`` times where the code is +1, minus ``negative`` times where it is -1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, code: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        ctx.save_for_backward(code, positive, negative)
        return torch.where(code > 0, positive, code * negative) + (x - x)  # NaN stays NaN

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        code, positive, negative = ctx.saved_tensors
        gradient = gradients[0]
        factor = torch.where(code > 0, positive, torch.where(code < 0, negative, 1.0))
        return (gradient * factor, None, (gradient * (code > 0)).sum(),
                -(gradient * (code < 0)).sum())


class TrainedTernary(nn.Module):
    """Latent weights -> ``+positive``, 0 or ``-negative``, two scales that are trained (TTQ).

    A weight counts from ``0.05 * max |weight|`` on. Gradients: the scales' are the sums over their
    weights; a latent weight's is multiplied by its scale, or by 1 where the weight is 0. The scales
    start as the means of the magnitudes that they stand for in the first weights that come. In
    hardware a codebook of three entries, with an accumulator for each sign; ``quantise`` brings
    the scales to few bits first.

    fixed : the format of the scales, once ``quantise`` was called
    """

    fixed: Fixed | None = None

    def __init__(self) -> None:
        super().__init__()
        self.positive, self.negative = (nn.Parameter(torch.zeros(())) for _ in range(2))

    def codes(self, weight: Tensor) -> Tensor:
        """-1, 0 or +1."""
        weight = weight.detach()
        codes = torch.sign(weight) * (weight.abs() > _TTQ_THRESHOLD * weight.abs().max())
        if not self.positive and not self.negative:
            with torch.no_grad():
                for scale, side in ((self.positive, codes > 0), (self.negative, codes < 0)):
                    scale.copy_((weight.abs() * side).sum() / side.sum().clamp(min=1))
        return codes

    def forward(self, weight: Tensor) -> Tensor:
        """The weights."""
        return _Scaled.apply(weight, self.codes(weight), self.positive, self.negative)

    def quantise(self, width: int) -> None:
        """Round the scales, half to even, to fixed point of ``width`` bits that fits the greater.

        They are not trained any more. Raises ValueError if one is rounded to 0.
        """
        scales = self._scales()
        fixed = Fixed.fitting(scales, width, signed=True)
        rounded = fixed.value(fixed.quantise(scales))
        if ((rounded == 0) & (np.array(scales) != 0)).any():
            raise ValueError(f"TrainedTernary: scales {scales[0]:g} and {scales[1]:g} must stay "
                             f"above 0 in {fixed}; take more bits")
        self.fixed = fixed
        for scale, value in zip((self.positive, self.negative), rounded, strict=True):
            scale.requires_grad_(False).fill_(value)

    def integers(self, weight: Tensor) -> IntegerWeights:
        """A codebook of the scales, in the greatest power of two that divides both.

        Raises ValueError for scales of more than 16 bits: ``quantise`` them before.
        """
        codes = self.codes(weight).cpu().numpy()
        scales = self._scales()
        step, (positive, negative) = whole_multiples(scales)
        entries = sorted({-negative, 0, positive or 1})  # a scale is 0 if no weight has its sign
        if max(map(abs, entries)) >= 2**15:
            raise ValueError(f"TrainedTernary: scales {scales[0]:g} and {scales[1]:g} must have at "
                             "most 16 bits; call quantise(width) before")
        values = np.where(codes > 0, positive, np.where(codes < 0, -negative, 0))
        return IntegerWeights(values, Codebook(tuple(entries)), np.array(step))

    def _scales(self) -> list[float]:
        return [float(self.positive.detach()), float(self.negative.detach())]
