"""Trainable layers: dense and convolution with ±1 or ternary weights, batch norm, activations."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from golden.quantise import binarise, binarise_stochastic, steps
from golden.ternary import ternarise

__all__ = ["BatchNorm", "BinaryActivation", "BinaryConv", "BinaryEmbedding", "BinaryLinear",
           "StepActivation", "TernaryConv", "TernaryLinear"]

_CONV = functional.conv1d, functional.conv2d, functional.conv3d


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


class BinaryConv(BinaryLinear):
    """The convolution of ``x`` with ``integers()``, zeros beyond the border.

    x (batch, n_in, \\*size) -> (batch, n_out, \\*output size), 1 to 3 dimensions. ``weight``
    (n_out, n_in, \\*kernel). Exact in eval mode while the sums stay below 2**24.

    kernel : its size, one number a dimension
    stride, padding : the same in all dimensions
    """

    def __init__(self, n_in: int, n_out: int, kernel: tuple[int, ...], stride: int = 1,
                 padding: int = 0) -> None:
        super().__init__(n_in * prod(kernel), n_out)
        self.weight = nn.Parameter(self.weight.detach().reshape(n_out, n_in, *kernel))
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """Sums of each window of ``x`` with quantised weights."""
        return _CONV[len(self.kernel) - 1](x, self.integers(), None, self.stride, self.padding)


class TernaryConv(BinaryConv):
    """The same with weights -1, 0, +1 after TWN."""

    def integers(self) -> Tensor:
        """The weights of eval mode, (n_out, n_in, \\*kernel)."""
        return ternarise(self.weight)


class BinaryEmbedding(BinaryLinear):
    """A row of ±1 for each index x (batch, length) -> (batch, n_out, length), channels first.

    ``integers()`` (n_out, n_in) has the rows as columns.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Rows of the indices."""
        return functional.embedding(x, self.integers().T).movedim(-1, 1)


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
        """Normalised ``x`` (batch, n) or (batch, n, \\*size)."""
        if self.training:
            return functional.batch_norm(x, self.mean, self.variance, self.scale, self.shift,
                                         True, self.momentum, self.epsilon)
        mean, slope, shift = (values.reshape(-1, *[1] * (x.ndim - 2))
                              for values in (self.mean, self.slope(), self.shift))
        return (x - mean) * slope + shift


class BinaryActivation(nn.Module):
    """+1 where x >= 0, else -1; with ``stochastic`` drawn at random in training mode."""

    def __init__(self, stochastic: bool = False) -> None:
        super().__init__()
        self.stochastic = stochastic

    def forward(self, x: Tensor) -> Tensor:
        """Signs of ``x``, shape kept."""
        return binarise_stochastic(x) if self.stochastic and self.training else binarise(x)


class StepActivation(nn.Module):
    """Codes 0 to ``2**bits - 1`` of evenly spaced thresholds (see ``golden.quantise.steps``).

    The greatest code stands for 1.614: for two bits the steps of 0.538 that come nearest to the
    positive half of normally distributed values (Cai et al.). Batch norm in front of it learns the
    rest.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.top = 2**bits - 1

    def forward(self, x: Tensor) -> Tensor:
        """Codes of ``x``, shape and dtype kept."""
        return steps(x, 1.614 / self.top, self.top)
