"""Float networks: the counterparts of the named models, and what compression starts from."""

from itertools import pairwise
from math import ceil, log2, prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from golden.convnet import Pool
from golden.convspec import ConvSpec, Stage
from golden.data import WHITE
from golden.fixed import Fixed
from golden.models import ModelSpec
from golden.number import parse_number
from golden.trainable import BatchNorm

__all__ = ["PIXEL_STEP", "FloatNet", "fold_norms"]

PIXEL_STEP = 2.0**-8  # what a step of a pixel is worth in a float network

_CONVS = nn.Conv1d, nn.Conv2d, nn.Conv3d


class Pixels(nn.Module):
    """Pixels (batch, n_in), channels fastest -> floats in 0..1, channels first; or -1 and +1."""

    def __init__(self, size: tuple[int, ...], channels: int, signs: bool) -> None:
        super().__init__()
        self.shape, self.signs = (*size, channels), signs
        self.step: Tensor
        self.register_buffer("step", torch.tensor(PIXEL_STEP), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The values that the first layer takes."""
        one = torch.ones_like(self.step)
        values = torch.where(x >= WHITE, one, -one) if self.signs else x * self.step
        return values if len(self.shape) == 1 else values.reshape(-1, *self.shape).movedim(-1, 1)


class Words(nn.Embedding):
    """A trained row for each index x (batch, length) -> (batch, channels, length).

    fixed : the format of its values, once ``round`` was called
    """

    fixed: Fixed | None = None

    def round(self, width: int) -> None:
        """Make the table fixed point of ``width`` bits, signed; it is not trained any more."""
        self.fixed = Fixed.fitting(self.weight.detach().numpy(), width, signed=True)
        with torch.no_grad():
            self.weight.copy_(torch.from_numpy(self.fixed.value(self.codes())))
        self.weight.requires_grad_(False)

    def codes(self) -> NDArray[np.int64]:
        """(entries, channels) integers of the fixed format."""
        assert self.fixed is not None
        return self.fixed.quantise(self.weight.detach().numpy())

    def forward(self, x: Tensor) -> Tensor:
        """Rows of the indices, channels first."""
        return super().forward(x.long()).movedim(-1, 1)


class SumPool(Pool):
    """Sums of windows, halved as often as brings their mean below 1: exact in fixed point."""

    def __init__(self, kernel: int, dimensions: int) -> None:
        super().__init__(kernel, "sum")
        self.step = 2.0 ** -ceil(log2(kernel**dimensions))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, \\*size) -> (batch, channels, \\*(size // kernel))."""
        return super().forward(x) * self.step


class Flatten(nn.Module):
    """(batch, channels, \\*size) -> (batch, n), channels fastest, as the hardware streams them."""

    def forward(self, x: Tensor) -> Tensor:
        """Values of each frame in a row."""
        return x.movedim(1, -1).flatten(1)


class FloatNet(nn.Sequential):
    """Dense layers and convolutions of torch.nn, with biases and ReLU between them.

    Pixels (batch, n_in), channels fastest -> logits (batch, classes), float32. Its modules are
    called after their place: conv_0, norm_0, relu_0, pool_1, dense_4. Methods of compression work
    on it (``golden.weighted_modules``), and ``golden.lower_float`` makes a Network of what they
    leave.

    spec : widths and shapes; what it says of bits, weights and stochastic values is not taken
    norm : whether batch norm stands behind all weighted layers but the last

    Raises ValueError for a spec with residual stages.
    """

    def __init__(self, spec: ModelSpec | ConvSpec, norm: bool = True) -> None:
        modules: dict[str, nn.Module] = {}
        layout: list[tuple[tuple[int, ...], int]]
        if isinstance(spec, ModelSpec):
            stages = [Stage("dense", n) for n in spec.widths[1:]]
            layout = [((), n) for n in spec.widths]
            dropout, signs = spec.dropout, spec.input == "binarised"
            modules["input"] = Pixels((), spec.n_in, signs)
        else:
            stages, layout, dropout = list(spec.stages), list(spec.layout()), 0.0
            if stages[0].kind != "embedding":
                modules["input"] = Pixels(spec.size, spec.channels, False)
        for k, (stage, ((size, channels), _)) in enumerate(
                zip(stages, pairwise(layout), strict=True)):
            d, last = len(size), k == len(stages) - 1
            if stage.kind == "residual":
                raise ValueError(f"model {spec.name}: stage {k} must not be residual in a float "
                                 "network; take the network of few bits")
            if stage.kind == "dense" and d:
                modules[f"flatten_{k}"] = Flatten()
            made = self._stage(spec, stage, size, channels)
            if made is not None:
                modules[f"{stage.kind}_{k}"] = made
            if stage.kind in ("conv", "dense", "activation") and not last:
                if norm:
                    modules[f"norm_{k}"] = BatchNorm(stage.channels or channels)
                modules[f"relu_{k}"] = nn.ReLU()
                if dropout:
                    modules[f"dropout_{k}"] = nn.Dropout(dropout)
        super().__init__()
        self.spec, self.norm = spec, norm
        for name, module in modules.items():
            self.add_module(name, module)

    @staticmethod
    def _stage(spec: ModelSpec | ConvSpec, stage: Stage, size: tuple[int, ...], channels: int
               ) -> nn.Module | None:
        d = len(size) - 1
        match stage.kind:
            case "conv":
                return _CONVS[d](channels, stage.channels, stage.kernel, stage.stride,
                                 stage.padding)
            case "dense":
                return nn.Linear(prod(size) * channels, stage.channels)
            case "pool" if stage.operation == "max":
                return Pool(stage.kernel, "max")
            case "pool":
                return SumPool(stage.kernel, d + 1)
            case "embedding":
                assert isinstance(spec, ConvSpec)
                return Words(2**parse_number(spec.input).width, stage.channels)
        return None


def fold_norms(model: FloatNet) -> FloatNet:
    """A network without batch norm that computes what ``model`` does in eval mode, but rounding.

    Each norm's slope multiplies the weights in front of it; its shift becomes their bias. Raises
    ValueError for a norm without a weighted layer directly in front of it, and in training mode.
    """
    if model.training:
        raise ValueError(f"model {model.spec.name} must be in eval mode; call model.eval()")
    folded = FloatNet(model.spec, norm=False)
    modules = dict(model.named_children())
    state = {name: value for name, value in model.state_dict().items()
             if not name.startswith("norm_")}
    for name, norm in modules.items():
        if not isinstance(norm, BatchNorm):
            continue
        k = name.removeprefix("norm_")
        before = next((kind for kind in (f"conv_{k}", f"dense_{k}") if kind in modules), None)
        if before is None:
            raise ValueError(f"model {model.spec.name}: {name} must stand behind a convolution or "
                             "dense layer to be folded; train without batch norm")
        with torch.no_grad():
            slope = norm.slope()
            weight, bias = state[f"{before}.weight"], state[f"{before}.bias"]
            state[f"{before}.weight"] = weight * slope.reshape(-1, *[1] * (weight.ndim - 1))
            state[f"{before}.bias"] = (bias - norm.mean) * slope + norm.shift
    folded.load_state_dict(state)
    return folded.eval()
