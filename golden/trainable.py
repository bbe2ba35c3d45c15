"""Trainable layers: dense with ±1 or ternary weights, batch norm, ±1 activation."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from golden.quantise import binarise, binarise_stochastic
from golden.ternary import ternarise

__all__ = ["BatchNorm", "BinaryActivation", "BinaryLinear", "TernaryLinear"]


class BinaryLinear(nn.Module):
    """``x @ integers().T``: x (batch, n_in) -> (batch, n_out).

    ``weight`` (n_out, n_in) holds the latent real weights, kept in -1..1 by ``clip``. In eval mode
    the result is exact for integer ``x`` while ``n_in * max |x| < 2**24``, whatever the order of
    the float32 sums. With ``stochastic`` the signs are drawn anew in every training step.
    """

    def __init__(self, n_in: int, n_out: int, stochastic: bool = False) -> None:
        super().__init__()
        self.n_in, self.n_out, self.stochastic = n_in, n_out, stochastic
        self.weight = nn.Parameter(torch.empty(n_out, n_in).uniform_(-1, 1))

    def integers(self) -> Tensor:
        """The weights of eval mode, (n_out, n_in): the signs of the latent ones."""
        return binarise(self.weight)

    def clip(self) -> None:
        """Bring the latent weights back into -1..1, where their gradient is alive."""
        with torch.no_grad():
            self.weight.clamp_(-1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Sums of ``x`` with binarised weights."""
        if self.stochastic and self.training:
            return functional.linear(x, binarise_stochastic(self.weight))
        return functional.linear(x, self.integers())


class TernaryLinear(BinaryLinear):
    """The same with weights -1, 0, +1 after TWN, which are not drawn."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out)

    def integers(self) -> Tensor:
        """The weights of eval mode, (n_out, n_in)."""
        return ternarise(self.weight)


class BatchNorm(nn.Module):
    """Batch norm whose eval mode is three float32 operations an element: -, *, +.

    ``y = (x - mean) * (scale / sqrt(variance + epsilon)) + shift`` with the running statistics.
    Each operation rounds to nearest and so is monotone; none depends on the batch's size or
    layout. That makes the sign of ``y`` one comparison of ``x`` with a threshold, exactly.
    """

    def __init__(self, n: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.scale, self.shift = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("variance", torch.ones(n))

    def slope(self) -> Tensor:
        """Factor of eval mode, (n,) float32; its sign is that of ``scale``, or it is 0."""
        return self.scale / torch.sqrt(self.variance + self.epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``x`` (batch, n)."""
        if self.training:
            return functional.batch_norm(x, self.mean, self.variance, self.scale, self.shift,
                                         True, self.momentum, self.epsilon)
        return (x - self.mean) * self.slope() + self.shift


class BinaryActivation(nn.Module):
    """+1 where x >= 0, else -1; with ``stochastic`` drawn at random in training mode."""

    def __init__(self, stochastic: bool = False) -> None:
        super().__init__()
        self.stochastic = stochastic

    def forward(self, x: Tensor) -> Tensor:
        """Signs of ``x``, shape kept."""
        return binarise_stochastic(x) if self.stochastic and self.training else binarise(x)
