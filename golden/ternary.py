"""Ternary weights: fixed thresholds (TWN) and learnt scales (TTQ), with their gradients.

Sources: F. Li et al., "Ternary weight networks", NIPS workshop 2016, arXiv:1605.04711; C. Zhu et
al., "Trained ternary quantization", ICLR 2017, arXiv:1612.01064.
"""

from typing import Any

import torch
from torch import Tensor, nn

from golden.fixed import Fixed
from golden.number import Codebook
from golden.quantise import straight_through

__all__ = ["LearntTernary", "ternarise", "ternary_scale"]

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
        return torch.where(code > 0, positive, torch.where(code < 0, -negative, 0.0))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        code, positive, negative = ctx.saved_tensors
        gradient = gradients[0]
        factor = torch.where(code > 0, positive, torch.where(code < 0, negative, 1.0))
        return (gradient * factor, None, (gradient * (code > 0)).sum(),
                -(gradient * (code < 0)).sum())


class LearntTernary(nn.Module):
    """Latent weights -> ``+positive``, 0 or ``-negative``, two scales that are trained.

    A weight counts from ``0.05 * max |weight|`` on. Gradients: the scales' are the sums over their
    weights; a latent weight's is multiplied by its scale, or by 1 where the weight is 0. The scales
    start as the means of the magnitudes that they stand for. In hardware a codebook of three
    entries, with an accumulator for each sign.

    weight : latent weights, any shape; they define the first codes
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone())
        code = self.codes()
        self.positive, self.negative = (nn.Parameter(
            (self.weight.detach().abs() * side).sum() / side.sum().clamp(min=1))
            for side in (code > 0, code < 0))

    def codes(self) -> Tensor:
        """-1, 0 or +1."""
        weight = self.weight.detach()
        return torch.sign(weight) * (weight.abs() > _TTQ_THRESHOLD * weight.abs().max())

    def forward(self) -> Tensor:
        """The weights."""
        return _Scaled.apply(self.weight, self.codes(), self.positive, self.negative)

    def codebook(self, fixed: Fixed) -> Codebook:
        """The entries in fixed point, rounded half to even.

        Raises ValueError if a scale is rounded to 0: take more fraction bits.
        """
        ends = [-float(self.negative.detach()), 0.0, float(self.positive.detach())]
        entries = tuple(fixed.quantise(ends, "half_even", "saturate").tolist())
        if not entries[0] < 0 < entries[2]:
            raise ValueError(f"scales {-ends[0]:g} and {ends[2]:g} must stay above 0 in {fixed}; "
                             "take more fraction bits")
        return Codebook(entries)
