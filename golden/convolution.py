"""Convolution with weights of any kind, in one, two or three dimensions."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.check import check_divisor, check_name, check_number, frozen
from golden.geometry import Geometry, Windowed
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.weighted import Dense

__all__ = ["Conv"]


@dataclass(frozen=True, eq=False)
class Conv(Windowed):
    """A :class:`Dense` layer applied to each window of a tensor (\\*size, channels).

    name : lower-case identifier
    input : Number of the inputs
    size : spatial size of the input: (L,), (H, W) or (D, H, W)
    weights : (channels_out, channels_in // groups, \\*kernel) values of kind ``weight_kind``, in
        PyTorch's order
    stride, padding, dilation : a number for each dimension, or one for all
    groups : of channels; an output sees its own group alone. As many as channels: depthwise
    padding_mode : "zeros", "replicate" or "reflect". Zeros are zeros for bipolar inputs, too.
    thresholds, weight_kind, bias : as of Dense, one an output channel

    Outputs are (\\*geometry.output, channels_out), as torch.nn.Conv1d to Conv3d give them. Raises
    TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Number
    size: tuple[int, ...]
    weights: NDArray[Any]
    stride: int | tuple[int, ...] = 1
    padding: int | tuple[int, ...] = 0
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    padding_mode: str = "zeros"
    thresholds: NDArray[np.int64] | None = None
    weight_kind: Number = Bipolar()
    bias: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        weights = np.asarray(self.weights)
        dimensions = np.size(self.size) if isinstance(self.size, list | tuple) else 0
        if weights.ndim != dimensions + 2 or weights.size == 0:
            raise ValueError(f"layer {self.name}: weights must have shape (channels_out, "
                             f"channels_in // groups, *kernel) with a kernel of {dimensions} "
                             f"dimensions as size {self.size} has, not {weights.shape}")
        check_divisor(self.name, "groups", self.groups, len(weights), "output channels")
        geometry = Geometry.of(self.name, self.size, weights.shape[2:], self.stride, self.padding,
                               self.dilation, self.padding_mode)
        for parameter in ("size", "stride", "padding", "dilation"):
            object.__setattr__(self, parameter, getattr(geometry, parameter))
        # Checks the weights; what a row sees of the other groups is 0 and no weight.
        own = Dense(self.name, self.input, weights.reshape(len(weights), -1),
                    weight_kind=self.weight_kind)
        object.__setattr__(self, "weights", frozen(own.weights.reshape(weights.shape)))
        for parameter in ("thresholds", "bias"):
            object.__setattr__(self, parameter, getattr(self.dense, parameter))

    @cached_property
    def geometry(self) -> Geometry:
        """Where the windows lie."""
        return Geometry.of(self.name, self.size, self.weights.shape[2:], self.stride, self.padding,
                           self.dilation, self.padding_mode)

    @property
    def window_input(self) -> Number:
        """Number of a window's elements: ternary for bipolar inputs among zeros."""
        padded = isinstance(self.input, Bipolar) and self.geometry.pads_zeros
        return Ternary() if padded else self.input

    @cached_property
    def own(self) -> Dense:
        """``dense`` without zeros for other groups: a row takes the inputs of its group alone.

        Those are ``tap * share + channel`` of the group's share of the channels; the rows of group
        g are the g-th ``channels_out / groups``.
        """
        weights = np.moveaxis(self.weights, 1, -1)
        return Dense(self.name, self.window_input, weights.reshape(len(weights), -1),
                     self.thresholds, self.weight_kind, self.bias)

    @cached_property
    def dense(self) -> Dense:
        """The layer that meets each window, whose input ``tap * channels_in + channel`` it is.

        Taps are counted row-major. Weights of other groups are 0; bipolar ones become ternary.
        """
        weights, groups, kind = np.moveaxis(self.weights, 1, -1), self.groups, self.weight_kind
        rows, *_, share = weights.shape
        matrix: NDArray[Any] = weights.reshape(rows, -1, share)
        if groups > 1:
            if isinstance(kind, Bipolar):
                kind = Ternary()
            elif isinstance(kind, Codebook):
                kind = Codebook(tuple(sorted({*kind.entries, 0})))
            group = np.arange(rows) // (rows // groups)
            own, matrix = matrix, np.zeros((*matrix.shape[:2], groups, share), np.int64)
            matrix[np.arange(rows), :, group] = own
        return Dense(self.name, self.window_input, matrix.reshape(rows, -1), self.thresholds, kind,
                     self.bias)

    @property
    def n_in(self) -> int:
        """Inputs a frame."""
        return self.positions_in * self.weights.shape[1] * self.groups

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return self.positions_out * len(self.weights)

    @property
    def accumulator_minimum(self) -> NDArray[np.int64]:
        """(channels_out,) least accumulator of each channel over all inputs."""
        return self.dense.accumulator_minimum

    @property
    def accumulator_maximum(self) -> NDArray[np.int64]:
        """(channels_out,) greatest accumulator of each channel over all inputs."""
        return self.dense.accumulator_maximum

    @property
    def accumulator(self) -> Integer:
        """The narrowest signed Integer that holds every accumulator of every channel."""
        return self.dense.accumulator

    @property
    def output(self) -> Number:
        """Bipolar with thresholds, else ``accumulator``."""
        return self.dense.output

    @property
    def non_zeros(self) -> int:
        """Weights that are not 0."""
        return int(np.count_nonzero(self.weights))

    @property
    def operations(self) -> int:
        """Multiplications and additions a frame; those of zero weights are none."""
        return 2 * self.non_zeros * self.positions_out

    @property
    def weight_bits(self) -> int:
        """Bits of all weights, zeros included, without the entries of a codebook."""
        return prod(self.weights.shape) * self.weight_kind.width
