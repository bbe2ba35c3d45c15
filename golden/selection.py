"""Layers that select values: their places, greatest first."""

from dataclasses import dataclass

from golden.check import check_count, check_name, check_number
from golden.geometry import Frame
from golden.number import Integer, Number

__all__ = ["ArgMax", "TopK"]


@dataclass(frozen=True)
class ArgMax(Frame):
    """Index of the greatest of ``n_in`` values of kind ``input``; of equals, the lowest index."""

    name: str
    input: Number
    n_in: int

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        object.__setattr__(self, "n_in", check_count(self.name, "n_in", self.n_in, 1, 2**20))

    @property
    def n_out(self) -> int:
        """One output a frame."""
        return 1

    @property
    def output(self) -> Integer:
        """Unsigned, just wide enough for the last index."""
        return Integer.holding(0, self.n_in - 1, signed=False)

    @property
    def operations(self) -> int:
        """Comparisons a frame."""
        return self.n_in - 1


@dataclass(frozen=True)
class TopK(Frame):
    """Indices of the ``k`` greatest of ``n_in`` values of kind ``input``, the greatest first.

    Of equal values the lower index comes first. Raises TypeError and ValueError that name layer,
    parameter, rule and value.
    """

    name: str
    input: Number
    n_in: int
    k: int

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.input, self.name)
        object.__setattr__(self, "n_in", check_count(self.name, "n_in", self.n_in, 1, 2**20))
        object.__setattr__(self, "k", check_count(self.name, "k", self.k, 1, self.n_in))

    @property
    def n_out(self) -> int:
        """``k`` outputs a frame."""
        return self.k

    @property
    def output(self) -> Integer:
        """Unsigned, just wide enough for the last index."""
        return Integer.holding(0, self.n_in - 1, signed=False)

    @property
    def operations(self) -> int:
        """Comparisons a frame."""
        return self.n_in * self.k
