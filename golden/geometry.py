"""Where the windows of a convolution or a pooling lie, in one, two or three dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.check import check_choice, check_count

__all__ = ["MOST_CHANNELS", "MOST_POSITIONS", "PADDING_MODES", "Frame", "Geometry", "Placed",
           "Windowed", "check_sizes"]

PADDING_MODES = "zeros", "replicate", "reflect"
MOST_CHANNELS, MOST_POSITIONS, _MOST_SIZE = 2**20, 2**24, 2**16


class Frame:
    """What all layers share: a frame is a tensor (positions, channels), channels fastest."""

    @property
    def positions_in(self) -> int:
        """Places of the input."""
        return 1

    @property
    def positions_out(self) -> int:
        """Places of the output."""
        return 1

    @property
    def channels_in(self) -> int:
        """Inputs at each place."""
        n_in: int = self.n_in  # type: ignore[attr-defined]
        return n_in // self.positions_in

    @property
    def channels_out(self) -> int:
        """Outputs at each place."""
        n_out: int = self.n_out  # type: ignore[attr-defined]
        return n_out // self.positions_out

    @property
    def shape_in(self) -> tuple[int, ...]:
        """Of the input: (*size, channels)."""
        return (*_positions(self.positions_in), self.channels_in)

    @property
    def shape_out(self) -> tuple[int, ...]:
        """Of the output, likewise."""
        return (*_positions(self.positions_out), self.channels_out)

    @property
    def operations(self) -> int:
        """None, unless a layer says otherwise."""
        return 0

    @property
    def weight_bits(self) -> int:
        """None, unless a layer says otherwise."""
        return 0


class Placed(Frame):
    """What layers share that do the same at each of ``positions`` places."""

    positions: int

    @property
    def positions_in(self) -> int:
        """Places."""
        return self.positions

    @property
    def positions_out(self) -> int:
        """Places."""
        return self.positions


def _positions(n: int) -> tuple[int, ...]:
    return (n,) if n > 1 else ()


def check_sizes(name: str, parameter: str, value: Any, dimensions: int, least: int,
                most: int = _MOST_SIZE) -> tuple[int, ...]:
    """A number for each dimension from one for all or from a sequence; TypeError or ValueError."""
    values = [value] * dimensions if not isinstance(value, Sequence | np.ndarray) else list(value)
    if len(values) != dimensions:
        raise ValueError(f"layer {name}: {parameter} must be one number or {dimensions}, one a "
                         f"dimension, not {value}")
    return tuple(check_count(name, parameter, n, least, most) for n in values)


@dataclass(frozen=True)
class Geometry:
    """Windows over an input, with PyTorch's meaning of each parameter.

    name : of the layer, for messages
    size : of the input, 1 to 3 dimensions: (L,), (H, W) or (D, H, W)
    kernel, stride, padding, dilation : a number for each dimension, or one for all
    mode : "zeros", "replicate" (of the border) or "reflect" (at the border, which is not repeated)

    A position is the place of a window, ``output`` of them in each dimension; what a stride leaves
    over at the end is left out, as PyTorch does. Raises TypeError and ValueError that name layer,
    parameter, rule and value.
    """

    name: str
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    mode: str = "zeros"

    def __post_init__(self) -> None:
        given: Any = self.size
        if not isinstance(given, Sequence) or not 1 <= len(given) <= 3:
            raise ValueError(f"layer {self.name}: size must be (L,), (H, W) or (D, H, W), "
                             f"not {given}")
        dimensions = len(given)
        for parameter, least in (("size", 1), ("kernel", 1), ("stride", 1), ("padding", 0),
                                 ("dilation", 1)):
            object.__setattr__(self, parameter, check_sizes(
                self.name, parameter, getattr(self, parameter), dimensions, least))
        check_choice(f"layer {self.name}", "padding_mode", self.mode, PADDING_MODES)
        if prod(self.size) > MOST_POSITIONS:
            raise ValueError(f"layer {self.name}: size must be at most {MOST_POSITIONS} positions,"
                             f" not {self.size}")
        for d, (n, extent, pad) in enumerate(zip(self.size, self.extent, self.padding,
                                                 strict=True)):
            if extent > n + 2 * pad:
                raise ValueError(
                    f"layer {self.name}: kernel must be at most the padded input, {n + 2 * pad} in "
                    f"dimension {d}, not {extent} (kernel {self.kernel[d]}, dilation "
                    f"{self.dilation[d]}); use a smaller kernel or more padding")
            if self.mode == "reflect" and pad >= n:
                raise ValueError(f"layer {self.name}: padding must be below the size {n} in "
                                 f'dimension {d} to reflect, not {pad}; use padding_mode "zeros"')

    @classmethod
    def of(cls, name: str, size: Any, kernel: Any, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1, mode: str = "zeros") -> "Geometry":
        """With a number for all dimensions in place of a tuple, wherever that is meant."""
        return cls(name, size, kernel, stride, padding, dilation, mode)

    @property
    def extent(self) -> tuple[int, ...]:
        """Inputs from a window's first to its last, in each dimension."""
        return tuple(gap * (k - 1) + 1 for k, gap in zip(self.kernel, self.dilation, strict=True))

    @property
    def output(self) -> tuple[int, ...]:
        """Positions in each dimension."""
        return tuple((n + 2 * pad - extent) // step + 1 for n, pad, extent, step in zip(
            self.size, self.padding, self.extent, self.stride, strict=True))

    @property
    def positions_in(self) -> int:
        """Places of the input."""
        return prod(self.size)

    @property
    def positions_out(self) -> int:
        """Windows a frame."""
        return prod(self.output)

    @property
    def taps(self) -> int:
        """Places in a window."""
        return prod(self.kernel)

    @cached_property
    def sources(self) -> tuple[NDArray[np.int64], ...]:
        """For each dimension (output, kernel): which input each tap reads, -1 for a zero."""
        found = []
        for n, out, k, step, pad, gap in zip(self.size, self.output, self.kernel, self.stride,
                                             self.padding, self.dilation, strict=True):
            place = np.arange(out)[:, None] * step + np.arange(k) * gap - pad
            if self.mode == "replicate":
                place = place.clip(0, n - 1)
            elif self.mode == "reflect":
                place = np.abs(place)
                place = np.minimum(place, 2 * (n - 1) - place)
            else:
                place = np.where((place < 0) | (place >= n), -1, place)
            found.append(place)
        return tuple(found)

    @property
    def pads_zeros(self) -> bool:
        """Does any window reach zeros beyond the border?"""
        return any(bool((place < 0).any()) for place in self.sources)

    @property
    def trivial(self) -> bool:
        """Is each window one input, in their order?"""
        return self.taps == 1 and self.output == self.size and not any(self.padding)


class Windowed(Frame):
    """What layers share that slide a window."""

    @property
    def geometry(self) -> Geometry:
        """Where the windows lie."""
        raise NotImplementedError

    @property
    def positions_in(self) -> int:
        """Places of the input."""
        return self.geometry.positions_in

    @property
    def positions_out(self) -> int:
        """Windows a frame."""
        return self.geometry.positions_out

    @property
    def shape_in(self) -> tuple[int, ...]:
        """(*size, channels) of the input."""
        return (*self.geometry.size, self.channels_in)

    @property
    def shape_out(self) -> tuple[int, ...]:
        """(*size, channels) of the output."""
        return (*self.geometry.output, self.channels_out)
