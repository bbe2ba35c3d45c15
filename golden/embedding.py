"""Embedding: a row of a table for each index."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.check import check_count, check_name, check_number, frozen
from golden.geometry import MOST_POSITIONS, Placed
from golden.number import Integer, Number

__all__ = ["Embedding"]


@dataclass(frozen=True, eq=False)
class Embedding(Placed):
    """``y[p] = table[x[p]]``: a row of channels for the index at each of ``positions``.

    name : lower-case identifier
    table : (entries, channels) values of kind ``output``, 2 to 65536 entries; indices beyond the
        last entry show the last
    output : Number of the table's values
    positions : indices a frame

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    table: NDArray[np.int64]
    output: Number
    positions: int = 1

    def __post_init__(self) -> None:
        check_name(self.name, "layer")
        check_number(self.output, self.name)
        table = np.asarray(self.table)
        if table.ndim != 2 or not 2 <= len(table) <= 2**16 or not table.size:
            raise ValueError(f"layer {self.name}: table must have shape (entries, channels) with 2 "
                             f"to 65536 entries, not {table.shape}")
        try:
            self.output.encode(table)
        except (TypeError, ValueError) as error:
            raise type(error)(f"layer {self.name}: table: {error}") from error
        object.__setattr__(self, "table", frozen(table.astype(np.int64)))
        object.__setattr__(self, "positions", check_count(
            self.name, "positions", self.positions, 1, MOST_POSITIONS))

    @property
    def input(self) -> Integer:
        """Unsigned, just wide enough for the last entry's index."""
        return Integer.holding(0, len(self.table) - 1, signed=False)

    @property
    def n_in(self) -> int:
        """Indices a frame."""
        return self.positions

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return self.positions * self.table.shape[1]

    @property
    def operations(self) -> int:
        """One an output."""
        return self.n_out

    @property
    def weight_bits(self) -> int:
        """Bits of the table."""
        return self.table.size * self.output.width
