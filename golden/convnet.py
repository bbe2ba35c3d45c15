"""Trainable convolutional networks of few bits."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from golden.convspec import ConvSpec
from golden.number import Number, parse_number
from golden.trainable import (
    BatchNorm,
    BinaryActivation,
    BinaryConv,
    BinaryEmbedding,
    BinaryLinear,
    StepActivation,
    TernaryConv,
    TernaryLinear,
)

__all__ = ["Activate", "ConvNet", "Pool", "Residual", "Weighted"]

_CONVS = functional.conv1d, functional.conv2d, functional.conv3d
_POOLS = functional.max_pool1d, functional.max_pool2d, functional.max_pool3d


class Activate(nn.Module):
    """Batch norm of ``n`` channels and the activation of ``bits`` bits behind it."""

    def __init__(self, n: int, bits: int) -> None:
        super().__init__()
        self.norm = BatchNorm(n)
        self.activation = BinaryActivation() if bits == 1 else StepActivation(bits)

    def forward(self, x: Tensor) -> Tensor:
        """Codes of ``x`` (batch, n, \\*size)."""
        codes: Tensor = self.activation(self.norm(x))
        return codes


class Weighted(nn.Module):
    """A convolution or dense layer, and what stands behind it, if anything does."""

    def __init__(self, weights: BinaryLinear, bits: int | None) -> None:
        super().__init__()
        self.weights = weights
        self.activate = None if bits is None else Activate(weights.n_out, bits)

    def forward(self, x: Tensor) -> Tensor:
        """Dense layers take (batch, \\*size, channels) flattened, channels fastest."""
        if not isinstance(self.weights, BinaryConv) and x.ndim > 2:
            x = x.movedim(1, -1).flatten(1)
        sums: Tensor = self.weights(x)
        return sums if self.activate is None else self.activate(sums)


class Pool(nn.Module):
    """The greatest or the sum of each window."""

    def __init__(self, kernel: int, operation: str) -> None:
        super().__init__()
        self.kernel, self.operation = kernel, operation

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, \\*size) -> (batch, channels, \\*(size // kernel))."""
        d = x.ndim - 3
        if self.operation == "max":
            return _POOLS[d](x, self.kernel)
        ones = torch.ones(x.shape[1], 1, *[self.kernel] * (d + 1), dtype=x.dtype, device=x.device)
        return _CONVS[d](x, ones, None, self.kernel, groups=x.shape[1])


class Residual(nn.Module):
    """Codes of two convolutions added to the tensor that they take, or to codes of its projection.

    x -> activate -> first -> second -> + ; the other summand is x itself, or ``shortcut``, a
    convolution of one tap, where the shapes differ. ``activate`` is None where x is codes already.
    """

    def __init__(self, activate: Activate | None, first: Weighted, second: Weighted,
                 shortcut: Weighted | None) -> None:
        super().__init__()
        self.activate, self.first, self.second, self.shortcut = activate, first, second, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Sums of codes, (batch, channels, \\*size)."""
        codes = x if self.activate is None else self.activate(x)
        sums: Tensor = self.second(self.first(codes))
        return sums + (x if self.shortcut is None else self.shortcut(codes))


class ConvNet(nn.Module):
    """Convolutions of ±1 or ternary weights, with few-bit activations between them.

    Pixels (batch, n_in), channels fastest -> scores (batch, classes) float32. In eval mode on a CPU
    every value between layers is an integer below 2**24 and so exact: ``golden.lower`` gives the
    same answers in integers.
    """

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__()
        self.spec = spec
        layout = list(spec.layout())
        self.stages = nn.ModuleList(self._stage(k, size, channels)
                                    for k, (size, channels) in enumerate(layout[:-1]))

    def _stage(self, k: int, size: tuple[int, ...], channels: int) -> nn.Module:
        spec, stage = self.spec, self.spec.stages[k]
        ternary = spec.weights == "ternary"

        def conv(n_in: int, kernel: int, stride: int, padding: int) -> Weighted:
            made = (TernaryConv if ternary else BinaryConv)(
                n_in, stage.channels, (kernel,) * len(size), stride, padding)
            return Weighted(made, spec.bits)

        match stage.kind:
            case "conv":
                return conv(channels, stage.kernel, stage.stride, stage.padding)
            case "dense":
                make = TernaryLinear if ternary else BinaryLinear
                return Weighted(make(max(prod(size), 1) * channels, stage.channels),
                                spec.bits if k < len(spec.stages) - 1 else None)
            case "pool":
                return Pool(stage.kernel, stage.operation)
            case "activation":
                return Activate(channels, spec.bits)
            case "embedding":
                return BinaryEmbedding(2**parse_number(spec.input).width, stage.channels)
        summed = k > 0 and spec.stages[k - 1].kind == "residual"
        changed = stage.stride > 1 or stage.channels != channels
        half = stage.kernel // 2
        return Residual(Activate(channels, spec.bits) if summed else None,
                        conv(channels, stage.kernel, stage.stride, half),
                        conv(stage.channels, stage.kernel, 1, half),
                        conv(channels, 1, stage.stride, 0) if changed else None)

    @property
    def weight_kind(self) -> Number:
        """Number kind of all weights."""
        return self.spec.weight_kind

    def clip(self) -> None:
        """Bring latent weights into -1..1 and the batch norms' scales to 0 or more.

        A negative scale would do what turning the signs of a row of weights does.
        """
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, BinaryLinear):
                    module.clip()
                elif isinstance(module, BatchNorm):
                    module.scale.clamp_(min=0)

    def forward(self, pixels: Tensor) -> Tensor:
        """Integer scores of each class."""
        spec = self.spec
        if spec.stages[0].kind == "embedding":
            x = pixels.to(torch.int64)
        else:
            x = pixels.to(torch.float32).reshape(-1, *spec.size, spec.channels).movedim(-1, 1)
        for stage in self.stages:
            x = stage(x)
        return x
