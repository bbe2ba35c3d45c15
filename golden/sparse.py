"""Sparse layers with shared weights in interleaved compressed columns, as EIE keeps them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.huffman import HuffmanCode, Sizes
from golden.layer import Dense
from golden.number import Codebook, Integer

__all__ = ["FARTHEST", "Columns", "InterleavedColumns", "sparse"]

FARTHEST = 15  # zeros that an entry can leave out before it: four bits


@dataclass(frozen=True, eq=False)
class Columns:
    """Entries of one element, column by column, each column from its first row down.

    starts : (n_in + 1,) column k has the entries from ``starts[k]`` to below ``starts[k + 1]``
    zeros : (entries,) 0..15, how many zeros lie between an entry and the one before in its column
    codes : (entries,) 0..15, index of its value; 0, the value 0, fills gaps of more than 15 zeros
    """

    starts: NDArray[np.int64]
    zeros: NDArray[np.int64]
    codes: NDArray[np.int64]

    @classmethod
    def of(cls, codes: NDArray[np.int64]) -> "Columns":
        """Compress a matrix of codes (rows, n_in)."""
        column, row = np.nonzero(codes.T)
        first = np.diff(column, prepend=-1) != 0
        gap = row - np.where(first, -1, np.roll(row, 1)) - 1
        entries = gap // (FARTHEST + 1) + 1  # with those that fill its gap
        places = np.cumsum(entries) - 1
        zeros = np.full(entries.sum(), FARTHEST, np.int64)
        kept = np.zeros(entries.sum(), np.int64)
        zeros[places], kept[places] = gap % (FARTHEST + 1), codes[row, column]
        counts = np.zeros(codes.shape[1], np.int64)
        np.add.at(counts, column, entries)
        return cls(np.concatenate([[0], np.cumsum(counts)]), zeros, kept)

    def decode(self, rows: int) -> NDArray[np.int64]:
        """Matrix of codes (rows, n_in), entry by entry as the column is walked down."""
        codes = np.zeros((rows, len(self.starts) - 1), np.int64)
        for k, (start, end) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            row = np.cumsum(self.zeros[start:end] + 1) - 1
            codes[row, k] = self.codes[start:end]
        return codes

    @cached_property
    def words(self) -> NDArray[np.int64]:
        """(entries,) bytes: ``zeros`` in the lower four bits, the code in the upper four."""
        return self.zeros | self.codes << 4


@dataclass(frozen=True, eq=False)
class InterleavedColumns:
    """Weights of a layer over ``pe`` elements: row r belongs to element ``r % pe``, as its row
    ``r // pe``.

    values : up to 16 integers, ``values[0] == 0``, that codes stand for
    elements : the Columns of each element

    Source: Han et al., "EIE: Efficient Inference Engine on Compressed Deep Neural Network", ISCA
    2016, arXiv:1602.01528, section III.
    """

    n_out: int
    values: tuple[int, ...]
    elements: tuple[Columns, ...]

    @classmethod
    def of(cls, layer: Dense, pe: int) -> "InterleavedColumns":
        """Compress a layer with codebook weights.

        Raises ValueError for other weights, for more than 15 entries beside 0 and for entries of
        more than 16 bits.
        """
        kind = layer.weight_kind
        if not isinstance(kind, Codebook):
            raise ValueError(f"layer {layer.name}: weight_kind must be a codebook to be compressed "
                             f"into columns, not {kind}; cluster the weights")
        values = 0, *(entry for entry in kind.entries if entry)
        if len(values) > 16:
            raise ValueError(f"layer {layer.name}: weight_kind must have at most 15 entries beside "
                             f"0, not {len(values) - 1}")
        if kind.entry.width > 16:
            raise ValueError(f"layer {layer.name}: weight_kind must have entries of at most 16 "
                             f"bits, not {kind.entry.width}")
        order = np.argsort(values)
        codes = order[np.searchsorted(values, layer.weights, sorter=order)]
        return cls(layer.n_out, values, tuple(Columns.of(codes[p::pe]) for p in range(pe)))

    def decode(self) -> NDArray[np.int64]:
        """Weights (n_out, n_in)."""
        pe, n_in = len(self.elements), len(self.elements[0].starts) - 1
        codes = np.zeros((self.n_out, n_in), np.int64)
        for p, columns in enumerate(self.elements):
            codes[p::pe] = columns.decode(len(range(p, self.n_out, pe)))
        return np.array(self.values, np.int64)[codes]

    @cached_property
    def words(self) -> NDArray[np.int64]:
        """(entries,) bytes of all elements, one element after the other."""
        return np.concatenate([columns.words for columns in self.elements])

    @property
    def value(self) -> Integer:
        """The narrowest signed Integer of all values."""
        return Integer.holding(min(self.values), max(self.values), signed=True)

    @property
    def longest(self) -> int:
        """Entries of the element that has most."""
        return max(len(columns.zeros) for columns in self.elements)

    @property
    def padding(self) -> int:
        """Entries that are there only because of gaps."""
        return sum(int((columns.codes == 0).sum()) for columns in self.elements)

    @property
    def bits(self) -> dict[str, int]:
        """Exact bits uncompressed: of entries, of starts (as wide as the largest), of values."""
        starts = [int(columns.starts[-1]).bit_length() for columns in self.elements]
        n_starts = len(self.elements[0].starts)
        return {"entries": 8 * len(self.words), "values": self.value.width * len(self.values),
                "starts": n_starts * len(self.elements) * max(starts)}

    @cached_property
    def code(self) -> HuffmanCode:
        """The code of the entries' bytes; ValueError if there are none."""
        return HuffmanCode.of(np.bincount(self.words, minlength=256))

    def huffman(self) -> dict[str, Sizes]:
        """Exact bits of ``zeros`` and ``codes`` in a Huffman code each, and of both in one."""
        parts = {"zeros": self.words & 15, "codes": self.words >> 4}
        sizes = {name: HuffmanCode.of(np.bincount(part, minlength=16)).sizes(part)
                 for name, part in parts.items()}
        return sizes | {"together": self.code.sizes(self.words)}


def sparse(x: NDArray[Any], columns: InterleavedColumns, relu: bool = False) -> NDArray[np.int64]:
    """Sums over the decoded weights: x (frames, n_in) -> (frames, n_out), below 0 cut with relu.

    A dense float64 matrix product, exact as :func:`golden.dense.accumulate` says.
    """
    from golden.dense import accumulate  # PyTorch: two seconds, which the format does without

    total = accumulate(x, columns.decode())
    return np.maximum(total, 0) if relu else total
