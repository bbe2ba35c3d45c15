"""Pooling: the greatest or the sum of each window, channel by channel."""

from dataclasses import dataclass
from functools import cached_property

from golden.check import check_choice, check_count, check_name, check_number
from golden.geometry import MOST_CHANNELS, Geometry, Windowed
from golden.number import Integer, Number

__all__ = ["Pool"]

_OPERATIONS = "max", "sum"


@dataclass(frozen=True, eq=False)
class Pool(Windowed):
    """The greatest, or the sum, of each channel over each window of a tensor (\\*size, channels).

    name : lower-case identifier
    input : Number of the inputs
    size : spatial size of the input: (L,), (H, W) or (D, H, W)
    channels : of input and output
    kernel, stride, padding, dilation : a number for each dimension, or one for all; the stride is
        the kernel's size unless given
    operation : "max", for which padding is never the greatest, or "sum", for which it is 0. An
        average is a sum of which a Scale or a MultiThreshold that follows takes the share.

    Padding is at most half a kernel, as PyTorch has it. Raises TypeError and ValueError that name
    layer, parameter, rule and value.
    """

    name: str
    input: Number
    size: tuple[int, ...]
    channels: int
    kernel: int | tuple[int, ...]
    operation: str = "max"
    stride: int | tuple[int, ...] | None = None
    padding: int | tuple[int, ...] = 0
    dilation: int | tuple[int, ...] = 1

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        check_choice(f"layer {self.name}", "operation", self.operation, _OPERATIONS)
        object.__setattr__(self, "channels", check_count(self.name, "channels", self.channels, 1,
                                                         MOST_CHANNELS))
        stride = self.kernel if self.stride is None else self.stride
        geometry = Geometry.of(self.name, self.size, self.kernel, stride, self.padding,
                               self.dilation)
        for parameter in ("size", "kernel", "stride", "padding", "dilation"):
            object.__setattr__(self, parameter, getattr(geometry, parameter))
        for pad, size in zip(geometry.padding, geometry.kernel, strict=True):
            if pad > size // 2:
                raise ValueError(f"layer {self.name}: padding must be at most half the kernel, "
                                 f"{size // 2}, not {pad}")

    @cached_property
    def geometry(self) -> Geometry:
        """Where the windows lie."""
        return Geometry.of(self.name, self.size, self.kernel, self.stride, self.padding,
                           self.dilation)

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
        """Of "max" the input's kind; of "sum" the narrowest Integer of all sums."""
        if self.operation == "max":
            return self.input
        low, high = (self.geometry.taps * end for end in (self.input.minimum, self.input.maximum))
        return Integer.holding(min(low, 0), high, signed=low < 0)

    @property
    def operations(self) -> int:
        """Comparisons or additions a frame."""
        return self.n_out * (self.geometry.taps - 1)
