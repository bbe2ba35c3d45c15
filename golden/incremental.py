"""Incremental quantisation: weights become powers of two share by share, the rest trains on.

Source: A. Zhou et al., "Incremental network quantization", ICLR 2017, arXiv:1702.03044.
"""

import torch
from torch import Tensor, nn

from golden.quantised import weight_quantisers
from golden.quantisers import PowersOfTwo
from golden.weighted_modules import IntegerWeights

__all__ = ["Incremental", "freeze"]


class Incremental(nn.Module):
    """Weights of which a share is frozen at powers of two; the others pass as they are.

    What is frozen never changes again, and no gradient reaches its latent weight. Powers and their
    range are those of ``PowersOfTwo(bits)`` for the weights of the first ``freeze``. Once all are
    frozen this is a quantiser.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.powers = PowersOfTwo(bits)
        self.frozen: Tensor
        self.register_buffer("frozen", torch.empty(0))

    def forward(self, weight: Tensor) -> Tensor:
        """Frozen weights and latent ones."""
        if not self.frozen.numel():
            self.frozen = torch.full_like(weight.detach(), torch.nan)  # nan: not frozen
        return torch.where(self.frozen.isnan(), weight, self.frozen)

    def freeze(self, weight: Tensor, share: float) -> None:
        """Freeze the greatest magnitudes of the rest until ``share`` (0 to 1) is frozen.

        It is the share of weights that are not 0, so that what a mask has pruned does not count; 0s
        are frozen with the last. Of equal ones the first. Raises ValueError for a share that is
        less than what is frozen.
        """
        weight = self(weight).detach()
        free = self.frozen.isnan()
        least, n = int((~free).sum()), int((~free | (weight != 0)).sum())
        if not 0 <= share <= 1 or round(share * n) < least:
            raise ValueError(f"Incremental share must be from {least / max(n, 1):g}, which is "
                             f"frozen already, to 1, not {share}")
        count = (weight.numel() if share == 1 else round(share * n)) - least
        if not free.all():  # the range is that of the first share
            top = self.frozen[~free].abs().max()
            weight = weight.clamp(-top, top)
        magnitude = torch.where(free, weight.abs(), -1.0).flatten()
        chosen = magnitude.argsort(descending=True, stable=True)[:count]
        self.frozen.view(-1)[chosen] = self.powers(weight).flatten()[chosen]

    def integers(self, weight: Tensor) -> IntegerWeights:
        """Those of ``PowersOfTwo``; ValueError until all weights are frozen."""
        free = int(self(weight).numel() - self.frozen.isfinite().sum())
        if free:
            raise ValueError(f"Incremental: all weights must be frozen, but {free} are not; "
                             "freeze(model, 1) before")
        return self.powers.integers(self.frozen)


def freeze(model: nn.Module, share: float) -> None:
    """Freeze that share of the weights of every layer of ``model`` with an ``Incremental``.

    The shares of the paper are 0.5, 0.75, 0.875 and 1, with a training behind each but the last.
    Masks in front should stay as they are from the first share on. Raises ValueError if there is no
    such layer or if more is frozen already.
    """
    found = [(quantiser, weight) for quantiser, weight in weight_quantisers(model).values()
             if isinstance(quantiser, Incremental)]
    if not found:
        raise ValueError("a model to freeze must have weights behind Incremental; see "
                         "quantise_weights")
    for quantiser, weight in found:
        quantiser.freeze(weight, share)
