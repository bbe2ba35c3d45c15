"""Canonical Huffman codes: shortest prefix codes that are known from their lengths alone."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LONGEST", "WORD_BITS", "HuffmanCode", "Sizes", "entropy_bits", "pack_block",
           "unpack_block"]

LONGEST = 15  # bits of a code: a length is then kept in four bits
WORD_BITS = 32


@dataclass(frozen=True)
class Sizes:
    """Bits of something compressed.

    payload: of all codes; table: of the code lengths; entropy: least payload of any code that
    takes symbol by symbol, from the counts; total: what is stored, payload and table.
    """

    payload: int
    table: int
    entropy: float

    @property
    def total(self) -> int:
        """Bits that have to be stored."""
        return self.payload + self.table


def entropy_bits(counts: ArrayLike) -> float:
    """``sum of count * log2(total / count)``: least bits for symbols that occur so often."""
    array = np.asarray(counts, np.float64)
    array = array[array > 0]
    return float((array * np.log2(array.sum() / array)).sum()) if array.size else 0.0


def _lengths(counts: list[int], longest: int) -> tuple[int, ...]:
    """Lengths of the cheapest prefix code of at most ``longest`` bits, by package-merge."""
    used = [symbol for symbol, count in enumerate(counts) if count]
    lengths = np.zeros(len(counts), np.int64)
    if len(used) == 1:  # a code of no bits could not be counted
        lengths[used] = 1
        return tuple(lengths.tolist())
    singles = sorted((counts[symbol], symbol) for symbol in used)
    coins: list[tuple[int, NDArray[np.int64]]] = [
        (count, np.eye(1, len(counts), symbol, dtype=np.int64)[0]) for count, symbol in singles]
    packages: list[tuple[int, NDArray[np.int64]]] = []
    for _ in range(longest):
        row = sorted(coins + packages, key=lambda coin: coin[0])
        packages = [(a[0] + b[0], a[1] + b[1])
                    for a, b in zip(row[::2], row[1::2], strict=False)]
    for _, symbols in packages[:len(used) - 1]:
        lengths += symbols
    return tuple(lengths.tolist())


@dataclass(frozen=True)
class HuffmanCode:
    """A prefix code of the symbols 0 .. len(lengths) - 1 (at most 256).

    lengths: bits of each symbol's code, 1 to 15, or 0 for a symbol that has none. Shorter codes
    come first, equally long ones in the order of their symbols; codes are counted up from 0 and
    read from their highest bit on (the canonical code, as in RFC 1951, 3.2.2).

    Raises TypeError or ValueError for other lengths, and for those no prefix code has.
    Source: Huffman 1952; length limit by package-merge, Larmore and Hirschberg, J. ACM 37(3) 1990.
    """

    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        array = np.asarray(self.lengths)
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise TypeError(f"Huffman lengths must be a list of integers, not {self.lengths!r}")
        if not 1 <= array.size <= 256:
            raise ValueError(f"Huffman lengths must be of 1 to 256 symbols, not {array.size}")
        if array.min() < 0 or array.max() > LONGEST:
            wrong = array[(array < 0) | (array > LONGEST)][0]
            raise ValueError(f"Huffman lengths must be from 0 to {LONGEST}, not {wrong}")
        room = int((1 << LONGEST - array[array > 0]).sum())
        if not 0 < room <= 1 << LONGEST:
            raise ValueError("Huffman lengths must keep the sum of 2**-length above 0 and at "
                             f"most 1, not {room / (1 << LONGEST)}")
        object.__setattr__(self, "lengths", tuple(array.tolist()))

    @classmethod
    def of(cls, counts: ArrayLike, longest: int = LONGEST) -> "HuffmanCode":
        """The cheapest code for symbols that occur ``counts[symbol]`` times.

        No code is longer than ``longest`` bits, a symbol that does not occur has none, a single
        one has one bit. Raises ValueError if nothing occurs or ``longest`` bits are too few.
        """
        array = np.asarray(counts)
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise TypeError("Huffman counts must be a list of integers")
        if array.size > 256 or not array.any() or array.min() < 0:
            raise ValueError("Huffman counts must be of 1 to 256 symbols, at least 0, and not "
                             "all 0")
        if not 1 <= longest <= LONGEST or np.count_nonzero(array) > 1 << longest:
            raise ValueError(f"Huffman longest must be from 1 to {LONGEST} and leave room for "
                             f"{np.count_nonzero(array)} codes, not {longest}")
        return cls(_lengths(array.tolist(), longest))

    @cached_property
    def symbols(self) -> tuple[int, ...]:
        """Symbols that have a code, in the order of their codes."""
        return tuple(sorted((s for s, length in enumerate(self.lengths) if length),
                            key=lambda symbol: (self.lengths[symbol], symbol)))

    @cached_property
    def longest(self) -> int:
        """Bits of the longest code."""
        return max(self.lengths)

    @cached_property
    def codes(self) -> dict[int, str]:
        """Code of each symbol as a string of 0 and 1, first bit first."""
        codes, code, before = {}, 0, 0
        for symbol in self.symbols:
            length = self.lengths[symbol]
            code, before = code << length - before, length
            codes[symbol] = f"{code:0{length}b}"
            code += 1
        return codes

    @property
    def table_bits(self) -> int:
        """Bits that describe the code: four for the length of each symbol."""
        return 4 * len(self.lengths)

    def encode(self, symbols: ArrayLike) -> NDArray[np.uint8]:
        """Bits of all symbols' codes, in order; ValueError names the first without a code."""
        array = np.asarray(symbols)
        for index, symbol in enumerate(array.tolist()):
            if symbol not in self.codes:
                raise ValueError(f"symbols must have a Huffman code, not {symbol} at index {index}")
        text = "".join(self.codes[symbol] for symbol in array.tolist())
        return np.frombuffer(text.encode(), np.uint8) - ord("0")

    def decode(self, bits: Iterable[Any], n: int) -> NDArray[np.int64]:
        """``n`` symbols out of exactly all ``bits``, by looking codes up bit by bit.

        Raises ValueError if bits are no code, too few or too many.
        """
        book = {code: symbol for symbol, code in self.codes.items()}
        found: list[int] = []
        code = ""
        for place, bit in enumerate(bits):
            if len(found) == n:
                raise ValueError(f"bits must end after {n} symbols, not go on at bit {place}")
            code += "1" if bit else "0"
            if code in book:
                found.append(book[code])
                code = ""
            elif len(code) >= self.longest:
                raise ValueError(f"bits must be codes, not {code} up to bit {place}")
        if code or len(found) != n:
            raise ValueError(f"bits must hold {n} symbols, not {len(found)}"
                             + f" and the beginning {code} of another" * bool(code))
        return np.array(found, np.int64)

    def sizes(self, symbols: ArrayLike) -> Sizes:
        """Bits that ``symbols`` (all of them with a code) take."""
        counts = np.bincount(np.asarray(symbols), minlength=len(self.lengths))
        return Sizes(int(counts @ np.array(self.lengths)), self.table_bits, entropy_bits(counts))


def pack_block(bits: ArrayLike) -> list[int]:
    """Words of 32 bits that carry a block of bits: their number, the bits, and a checksum.

    The first bit is the lowest of the second word; the last word of bits is filled up with 0. The
    checksum is the CRC-32 of IEEE 802.3 over all words before it, each as four bytes, the lowest
    first. ``ceil(bits / 32) + 2`` words.
    """
    array = np.asarray(bits, np.uint8)
    raw = len(array).to_bytes(4, "little") + np.packbits(array, bitorder="little").tobytes()
    raw += bytes(-len(raw) % 4)
    raw += zlib.crc32(raw).to_bytes(4, "little")
    return np.frombuffer(raw, "<u4").tolist()


def unpack_block(words: Sequence[int]) -> NDArray[np.uint8]:
    """Inverse of ``pack_block``; ValueError for a wrong number of words or a wrong checksum."""
    raw = np.array(words, "<u4").tobytes()
    if len(words) < 2 or len(words) != -(-words[0] // WORD_BITS) + 2:
        raise ValueError(f"a block must have as many words as its first says, not {len(words)}")
    if zlib.crc32(raw[:-4]) != words[-1]:
        raise ValueError("a block's last word must be the CRC-32 of those before")
    bits = np.frombuffer(raw[4:-4], np.uint8)
    return np.unpackbits(bits, count=words[0], bitorder="little")
