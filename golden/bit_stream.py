"""Streams of symbols: Huffman-coded where that makes them shorter, else of one width."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from golden.huffman import HuffmanCode, Sizes

__all__ = ["Stream", "best_code"]

_HUFFMAN_SYMBOLS = 256  # at most
_LENGTH_BITS = 4  # of a code's length in a table
_WORD_BITS = 32  # of a symbol, at most

Integers = NDArray[np.int64]


def best_code(symbols: Integers, width: int) -> tuple[HuffmanCode | None, Sizes]:
    """The code that needs fewer bits for ``symbols`` of ``width`` bits, table and all; its size.

    None stands for codes of ``width`` bits. The table ends at the greatest symbol. The size's
    entropy is that of the symbols, or all bits where they are too many for a Huffman code.
    """
    plain = Sizes(symbols.size * width, 0, symbols.size * width)
    if not symbols.size or symbols.max() >= _HUFFMAN_SYMBOLS:
        return None, plain
    code = HuffmanCode.of(np.bincount(symbols))
    coded = code.sizes(symbols)
    if coded.total < plain.total:
        return code, coded
    return None, Sizes(plain.payload, 0, coded.entropy)


def _pack(symbols: Integers, width: int) -> bytes:
    words = symbols.astype(">u4").view(np.uint8).reshape(symbols.size, 4)
    return np.packbits(np.unpackbits(words, axis=1)[:, _WORD_BITS - width:]).tobytes()


def _unpack(data: bytes, n: int, width: int) -> Integers:
    bits = np.zeros((n, _WORD_BITS), np.uint8)
    bits[:, _WORD_BITS - width:] = np.unpackbits(
        np.frombuffer(data, np.uint8), count=n * width).reshape(n, width)
    return np.packbits(bits, axis=1).view(">u4").reshape(n).astype(np.int64)


@dataclass(frozen=True)
class Stream:
    """``n`` symbols in a row.

    width : bits of a symbol without a Huffman code
    code : Huffman code, or None
    bits : of all codes
    data : bytes of the codes, the first bit of each code and byte being the highest; what is left
        of the last byte is 0
    """

    n: int
    width: int
    code: HuffmanCode | None
    bits: int
    data: bytes

    @classmethod
    def of(cls, symbols: Integers, width: int) -> "Stream":
        """The shortest stream of ``symbols`` (n,), from 0 to below 2**width (at most 2**32)."""
        code, size = best_code(symbols, width)
        data = (_pack(symbols, width) if code is None
                else np.packbits(code.encode(symbols)).tobytes())
        return cls(symbols.size, width, code, size.payload, data)

    @cached_property
    def symbols(self) -> Integers:
        """(n,) what was coded; ValueError for bits that no such stream has."""
        if self.code is None:
            return _unpack(self.data, self.n, self.width)
        bits = np.unpackbits(np.frombuffer(self.data, np.uint8), count=self.bits)
        return self.code.decode(bits.tolist(), self.n)

    @property
    def table_bits(self) -> int:
        """Bits of the code's lengths."""
        return 0 if self.code is None else self.code.table_bits

    def pack(self) -> tuple[list[int], bytes]:
        """What ``unpack`` reads: n, width, lengths in the table and bits; table and codes."""
        lengths = () if self.code is None else self.code.lengths
        table = _pack(np.array(lengths, np.int64), _LENGTH_BITS)
        return [self.n, self.width, len(lengths), self.bits], table + self.data

    @classmethod
    def unpack(cls, facts: Sequence[int], data: bytes) -> tuple["Stream", bytes]:
        """Inverse of ``pack``, and the bytes behind the stream; ValueError if there are too few."""
        n, width, lengths, bits = facts
        start = (lengths * _LENGTH_BITS + 7) // 8
        end = start + (bits + 7) // 8
        if min(facts) < 0 or not 1 <= width <= _WORD_BITS or len(data) < end or (
                not lengths and bits != n * width):
            raise ValueError(f"no stream of {n} symbols of {width} bits, {lengths} lengths and "
                             f"{bits} bits begins in {len(data)} bytes")
        table = _unpack(data[:start], lengths, _LENGTH_BITS)
        code = HuffmanCode(tuple(table.tolist())) if lengths else None
        return cls(n, width, code, bits, data[start:end]), data[end:]
