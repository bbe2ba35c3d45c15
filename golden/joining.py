"""Layers where branches meet: sums and concatenations of tensors (positions, channels)."""

from dataclasses import dataclass

import numpy as np

from golden.check import check_count, check_name, check_number
from golden.geometry import MOST_CHANNELS, MOST_POSITIONS, Placed
from golden.number import Integer, Number

__all__ = ["Add", "Concatenate"]


@dataclass(frozen=True, eq=False)
class Add(Placed):
    """Sum of two tensors (positions, n): a residual connection.

    name : lower-case identifier
    input, other : Numbers of the two
    n : channels; positions : places

    Its ``sources`` in the Network name the two layers. Raises TypeError and ValueError that name
    layer, parameter, rule and value.
    """

    name: str
    input: Number
    other: Number
    n: int
    positions: int = 1

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        check_number(self.other, self.name)
        for parameter, most in (("n", MOST_CHANNELS), ("positions", MOST_POSITIONS)):
            object.__setattr__(self, parameter, check_count(
                self.name, parameter, getattr(self, parameter), 1, most))
        if max(self.input.width, self.other.width) > 48:
            raise ValueError(f"layer {self.name}: input and other must have at most 48 bits, not "
                             f"{self.input.width} and {self.other.width}")

    @property
    def takes(self) -> tuple[tuple[int, Number], ...]:
        """(values a frame, their kind) of each source."""
        return (self.n_in, self.input), (self.n_in, self.other)

    @property
    def n_in(self) -> int:
        """Inputs a frame, of each of the two."""
        return self.positions * self.n

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return self.positions * self.n

    @property
    def output(self) -> Integer:
        """The narrowest Integer of all sums."""
        low = self.input.minimum + self.other.minimum
        return Integer.holding(low, self.input.maximum + self.other.maximum, signed=low < 0)

    @property
    def operations(self) -> int:
        """Additions a frame."""
        return self.n_out


@dataclass(frozen=True, eq=False)
class Concatenate(Placed):
    """Tensors (positions, channels[k]) side by side: (positions, sum of channels).

    name : lower-case identifier
    input : Number of all of them
    channels : of each, in their order; at least two
    positions : places

    Its ``sources`` in the Network name the layers. Raises TypeError and ValueError that name
    layer, parameter, rule and value.
    """

    name: str
    input: Number
    channels: tuple[int, ...]
    positions: int = 1

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        if not isinstance(self.channels, list | tuple | np.ndarray) or len(self.channels) < 2:
            raise ValueError(f"layer {self.name}: channels must be at least two numbers, one a "
                             f"source, not {self.channels}")
        object.__setattr__(self, "channels", tuple(
            check_count(self.name, "channels", n, 1, MOST_CHANNELS) for n in self.channels))
        object.__setattr__(self, "positions", check_count(
            self.name, "positions", self.positions, 1, MOST_POSITIONS))

    @property
    def takes(self) -> tuple[tuple[int, Number], ...]:
        """(values a frame, their kind) of each source."""
        return tuple((self.positions * n, self.input) for n in self.channels)

    @property
    def n_in(self) -> int:
        """Inputs a frame, of all sources."""
        return self.positions * sum(self.channels)

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return self.n_in

    @property
    def output(self) -> Number:
        """As the input."""
        return self.input
