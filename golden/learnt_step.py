"""Steps that are trained: quantisers of weights and of activations.

Source: S. Esser et al., "Learned step size quantization", ICLR 2020, arXiv:1902.08153.
"""

from math import frexp, isfinite, ldexp

import numpy as np
import torch
from torch import Tensor, nn

from golden.fixed import Fixed
from golden.quantise import learnt_step
from golden.weighted_modules import IntegerWeights

__all__ = ["LearntStep", "LearntStepActivation"]

_SIGNIFICAND = 24  # bits of float32
_MOST_BITS = 8  # of activations


class _Stepped(nn.Module):
    """Codes of ``width`` bits times ``|step|``.

    The step starts as 2 mean |x| / sqrt(q_max) of the first x that comes, and is rounded so that
    its product with any code is exact in float32.
    """

    def __init__(self, width: int, signed: bool) -> None:
        super().__init__()
        self.kind = Fixed(width, 0, signed).integer
        self.step = nn.Parameter(torch.zeros(()))

    def exact_step(self) -> float:
        """The step's magnitude in its ``24 - width`` highest bits."""
        step = abs(float(self.step.detach()))
        if not isfinite(step):
            return step  # a failed training shows in its loss
        mantissa, exponent = frexp(step)
        bits = _SIGNIFICAND - self.kind.width
        return ldexp(round(ldexp(mantissa, bits)), exponent - bits)

    def quantised(self, x: Tensor, n: int) -> Tensor:
        """``x`` quantised; the gradient to the step is divided by sqrt(n q_max)."""
        low, high = self.kind.minimum, self.kind.maximum
        if not self.step:
            mean = float((x if low else x.relu()).detach().abs().mean())
            with torch.no_grad():
                self.step.fill_(2 * mean / high**0.5 or 1)
        step = self.step.abs()
        exact = self.exact_step() + (step - step.detach())  # plus 0
        return learnt_step(x, exact, low, high, (n * high)**-0.5)


class LearntStep(_Stepped):
    """Weights: multiples of a learnt step, codes of ``width`` bits (2 to 16), two's complement.

    Weights are divided by the step, rounded half to even and kept in the range of the codes.
    Gradient to a weight: 1 inside that range, else 0. To the step, times 1 / sqrt(n q_max): the sum
    of code - weight / step inside, and of the code outside.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, signed=True)

    def forward(self, weight: Tensor) -> Tensor:
        """The quantised weights."""
        return self.quantised(weight, weight.numel())

    def integers(self, weight: Tensor) -> IntegerWeights:
        """Codes, and the step."""
        step = self.exact_step()
        codes = (self(weight).detach().double() / step).round().to(torch.int64)
        return IntegerWeights(codes.cpu().numpy(), self.kind, np.array(step))


class LearntStepActivation(_Stepped):
    """Activations: the same, unsigned unless ``signed``; n is the number of values of a frame.

    x of any shape, frames first. Unsigned codes make it a ReLU that saturates. In hardware codes
    have thresholds (``golden.lower_float``), so ``width`` is 2 to 8; ValueError for more.
    """

    def __init__(self, width: int, signed: bool = False) -> None:
        super().__init__(width, signed)
        if width > _MOST_BITS:
            raise ValueError(f"LearntStepActivation width must be from 2 to {_MOST_BITS}, not "
                             f"{width}; take FixedActivation for more bits")

    def forward(self, x: Tensor) -> Tensor:
        """The quantised values."""
        return self.quantised(x, x[0].numel())
