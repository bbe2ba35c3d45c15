"""Up-sampling, and with it transposed convolution."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.check import check_choice, check_count, check_name, check_number
from golden.convolution import Conv
from golden.geometry import MOST_CHANNELS, MOST_POSITIONS, Frame, check_sizes
from golden.number import Bipolar, Number, Ternary

__all__ = ["UpSample", "transposed_conv"]

_MODES = "nearest", "zeros"


@dataclass(frozen=True, eq=False)
class UpSample(Frame):
    """A tensor (\\*size, channels) with each place ``factor`` times as large.

    name : lower-case identifier
    input : Number of the inputs
    size : spatial size of the input, 1 to 3 dimensions
    channels : of input and output
    factor : a number for each dimension, or one for all
    mode : "nearest" repeats each value, ``size * factor`` places, as torch.nn.Upsample does;
        "zeros" puts factor - 1 zeros between two: ``(size - 1) * factor + 1`` places, and
        ``extra`` more zeros behind the last in each dimension

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Number
    size: tuple[int, ...]
    channels: int
    factor: int | tuple[int, ...]
    mode: str = "nearest"
    extra: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        check_choice(f"layer {self.name}", "mode", self.mode, _MODES)
        object.__setattr__(self, "channels", check_count(self.name, "channels", self.channels, 1,
                                                         MOST_CHANNELS))
        if not isinstance(self.size, list | tuple) or not 1 <= len(self.size) <= 3:
            raise ValueError(f"layer {self.name}: size must be (L,), (H, W) or (D, H, W), "
                             f"not {self.size}")
        for parameter, least in (("size", 1), ("factor", 1), ("extra", 0)):
            object.__setattr__(self, parameter, check_sizes(
                self.name, parameter, getattr(self, parameter), len(self.size), least))
        if self.mode == "nearest" and any(self.extra):  # type: ignore[arg-type]
            raise ValueError(f'layer {self.name}: extra must be 0 with mode "nearest", not '
                             f"{self.extra}")
        if self.positions_out > MOST_POSITIONS:
            raise ValueError(f"layer {self.name}: factor must give at most {MOST_POSITIONS} "
                             f"positions, not {self.positions_out}")

    @property
    def output_size(self) -> tuple[int, ...]:
        """Spatial size of the output."""
        factor, extra = np.array(self.factor), np.array(self.extra)
        size = np.array(self.size)
        out = size * factor if self.mode == "nearest" else (size - 1) * factor + 1 + extra
        return tuple(out.tolist())

    @property
    def sources(self) -> tuple[NDArray[np.int64], ...]:
        """For each dimension and place of the output, which input it shows, -1 for a zero."""
        found = []
        for out, factor, size in zip(self.output_size, self.factor,  # type: ignore[arg-type]
                                     self.size, strict=True):
            place = np.arange(out)
            shown = place // factor
            if self.mode == "zeros":
                shown = np.where((place % factor == 0) & (shown < size), shown, -1)
            found.append(shown)
        return tuple(found)

    @property
    def positions_in(self) -> int:
        """Places of the input."""
        return prod(self.size)

    @property
    def positions_out(self) -> int:
        """Places of the output."""
        return prod(self.output_size)

    @property
    def shape_in(self) -> tuple[int, ...]:
        """(*size, channels) of the input."""
        return (*self.size, self.channels_in)

    @property
    def shape_out(self) -> tuple[int, ...]:
        """(*size, channels) of the output."""
        return (*self.output_size, self.channels_out)

    @property
    def n_in(self) -> int:
        """Inputs a frame."""
        return self.positions_in * self.channels

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return self.positions_out * self.channels

    @property
    def output(self) -> Number:
        """As the input; ternary for bipolar inputs among zeros."""
        zeros = any(bool((place < 0).any()) for place in self.sources)
        return Ternary() if zeros and isinstance(self.input, Bipolar) else self.input


def transposed_conv(name: str, input: Number, size: tuple[int, ...], weights: NDArray[Any], *,
                    stride: int | tuple[int, ...] = 1, padding: int | tuple[int, ...] = 0,
                    output_padding: int | tuple[int, ...] = 0, dilation: int | tuple[int, ...] = 1,
                    groups: int = 1, **options: Any) -> tuple[UpSample, Conv]:
    """The two layers that compute torch.nn.ConvTranspose1d to 3d: zeros between, then a Conv.

    weights : (channels_in, channels_out // groups, \\*kernel), in PyTorch's order
    options : further fields of :class:`Conv`

    The first layer is called ``name`` with "_zeros" behind it.

    Raises ValueError where padding exceeds dilation * (kernel - 1), and what the layers raise.
    """
    weights = np.asarray(weights)
    dimensions = len(size)
    strides, pads, extras, gaps = (
        check_sizes(name, parameter, value, dimensions, least) for parameter, value, least in (
            ("stride", stride, 1), ("padding", padding, 0), ("output_padding", output_padding, 0),
            ("dilation", dilation, 1)))
    reach = [gap * (k - 1) for gap, k in zip(gaps, weights.shape[2:], strict=True)]
    if any(pad > most for pad, most in zip(pads, reach, strict=True)):
        raise ValueError(f"layer {name}: padding must be at most dilation * (kernel - 1), {reach}, "
                         f"not {pads}; crop the output")
    if len(weights) % groups:
        raise ValueError(f"layer {name}: groups must divide the {len(weights)} input channels, not "
                         f"{groups}")
    share = weights.reshape(groups, len(weights) // groups, *weights.shape[1:])
    turned = np.flip(np.swapaxes(share, 1, 2), tuple(range(3, share.ndim)))
    kernels = turned.reshape(-1, *turned.shape[2:])
    zeros = UpSample(f"{name}_zeros", input, size, len(weights), strides, "zeros", extras)
    conv = Conv(name, zeros.output, zeros.output_size, kernels,
                padding=tuple(most - pad for most, pad in zip(reach, pads, strict=True)),
                dilation=gaps, groups=groups, **options)
    return zeros, conv
