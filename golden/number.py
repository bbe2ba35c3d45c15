"""Number kinds: which integers a wire carries and how they are coded in bits.

============================  ==============================  =============
kind                          code in a wire                  value
============================  ==============================  =============
``Bipolar()``                 1 bit: 0, 1                     -1, +1
``Ternary()``                 2 bits: 11, 00, 01              -1, 0, +1
``Integer(width, signed)``    two's complement or unsigned    the integer
``Codebook(entries)``         index                           entries[index]
============================  ==============================  =============

Values are ``int64`` NumPy arrays, codes ``uint64`` arrays of the same shape.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Bipolar", "Codebook", "Integer", "Number", "Ternary", "pack", "parse_number",
           "unpack"]


def _integers(array: ArrayLike, parameter: str) -> NDArray[Any]:
    array = np.asarray(array)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{parameter} must be integers, not {array.dtype}")
    return array


def _refuse(array: NDArray[Any], wrong: NDArray[np.bool_], rule: str) -> None:
    """Raise ValueError that names the first element of ``array`` for which ``wrong`` holds."""
    if wrong.any():
        index = tuple(int(k) for k in np.argwhere(wrong)[0])
        where = f" at index {index if len(index) != 1 else index[0]}" if index else ""
        raise ValueError(f"{rule}, not {array[index]}{where}")


def _checked_codes(codes: ArrayLike, number: "Number") -> NDArray[np.uint64]:
    array = _integers(codes, "codes")
    limit = 2**number.width - 1
    wrong = (array < 0) | (array > limit)
    _refuse(array, wrong, f"{number} codes must be from 0 to {limit}")
    return array.astype(np.uint64)


@dataclass(frozen=True)
class Bipolar:
    """-1 (code 0) or +1 (code 1) in one bit."""

    @property
    def width(self) -> int:
        """Bits in a wire."""
        return 1

    @property
    def minimum(self) -> int:
        """Least value."""
        return -1

    @property
    def maximum(self) -> int:
        """Greatest value."""
        return 1

    def encode(self, values: ArrayLike) -> NDArray[np.uint64]:
        """Codes of ``values`` (any shape); ValueError names the first that is not -1 or +1."""
        array = _integers(values, "values")
        _refuse(array, (array != -1) & (array != 1), "bipolar values must be -1 or +1")
        return (array > 0).astype(np.uint64)

    def decode(self, codes: ArrayLike) -> NDArray[np.int64]:
        """Values of ``codes`` (any shape); ValueError names the first that is not 0 or 1."""
        return 2 * _checked_codes(codes, self).astype(np.int64) - 1

    def __str__(self) -> str:
        return "bipolar"


@dataclass(frozen=True)
class Ternary:
    """-1, 0 or +1 in two bits of two's complement; code 10 stands for nothing."""

    @property
    def width(self) -> int:
        """Bits in a wire."""
        return 2

    @property
    def minimum(self) -> int:
        """Least value."""
        return -1

    @property
    def maximum(self) -> int:
        """Greatest value."""
        return 1

    def encode(self, values: ArrayLike) -> NDArray[np.uint64]:
        """Codes of ``values`` (any shape); ValueError names the first that is not -1, 0 or +1."""
        array = _integers(values, "values")
        _refuse(array, (array < -1) | (array > 1), "ternary values must be -1, 0 or +1")
        return (array.astype(np.int64) & 3).astype(np.uint64)

    def decode(self, codes: ArrayLike) -> NDArray[np.int64]:
        """Values of ``codes`` (any shape); ValueError names the first that is not 0, 1 or 3."""
        array = _checked_codes(codes, self).astype(np.int64)
        _refuse(array, array == 2, "ternary codes must be 0, 1 or 3")
        return np.where(array == 3, -1, array)

    def __str__(self) -> str:
        return "ternary"


@dataclass(frozen=True)
class Integer:
    """An integer of ``width`` bits, two's complement if ``signed``.

    ``width`` is 1..64 if signed and 1..63 if not, so that every value fits NumPy's int64.
    """

    width: int
    signed: bool

    def __post_init__(self) -> None:
        if not isinstance(self.width, int | np.integer) or isinstance(self.width, bool):
            raise TypeError(f"width must be an integer, not {self.width!r}")
        if not isinstance(self.signed, bool | np.bool_):
            raise TypeError(f"signed must be True or False, not {self.signed!r}")
        limit = 64 if self.signed else 63
        if not 1 <= self.width <= limit:
            kind = "a signed" if self.signed else "an unsigned"
            raise ValueError(f"width of {kind} integer must be from 1 to {limit}, "
                             f"not {self.width}")
        object.__setattr__(self, "width", int(self.width))
        object.__setattr__(self, "signed", bool(self.signed))

    @property
    def minimum(self) -> int:
        """Least value."""
        return -2 ** (self.width - 1) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Greatest value."""
        return 2 ** (self.width - self.signed) - 1

    @classmethod
    def holding(cls, minimum: int, maximum: int, *, signed: bool) -> "Integer":
        """The narrowest Integer that holds every value from ``minimum`` to ``maximum``."""
        minimum, maximum = int(minimum), int(maximum)
        if minimum > maximum or (minimum < 0 and not signed):
            raise ValueError(f"no {'' if signed else 'un'}signed integer holds the range "
                             f"{minimum} to {maximum}")
        bits = max(maximum.bit_length(), (~minimum).bit_length() if minimum < 0 else 0)
        return cls(max(1, bits + signed), signed)

    def encode(self, values: ArrayLike) -> NDArray[np.uint64]:
        """Codes of ``values`` (any shape); ValueError names the first that is out of range."""
        array = _integers(values, "values")
        wrong = (array < self.minimum) | (array > self.maximum)
        _refuse(array, wrong, f"{self} values must be from {self.minimum} to {self.maximum}")
        return array.astype(np.int64).astype(np.uint64) & np.uint64(2**self.width - 1)

    def decode(self, codes: ArrayLike) -> NDArray[np.int64]:
        """Values of ``codes`` (any shape); ValueError names the first of more than width bits."""
        shift = np.uint64(64 - self.width if self.signed else 0)
        # The sign bit is moved to the top of the word; the arithmetic shift back copies it.
        return (_checked_codes(codes, self) << shift).astype(np.int64) >> np.int64(shift)

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.width}"


@dataclass(frozen=True)
class Codebook:
    """One of 2 to 256 different integers of up to 32 bits, coded as its place in ``entries``.

    entries: ascending. Codes beyond the last entry stand for nothing.
    """

    entries: tuple[int, ...]

    def __post_init__(self) -> None:
        array = _integers(np.asarray(self.entries), "codebook entries")
        if array.ndim != 1 or not 2 <= array.size <= 256:
            raise ValueError("codebook entries must be a list of 2 to 256 integers, "
                             f"not of shape {array.shape}")
        _refuse(array, np.abs(array.astype(object)) >= 2**31,
                "codebook entries must have at most 32 bits")
        entries = tuple(array.tolist())
        for k, (before, after) in enumerate(zip(entries, entries[1:], strict=False)):
            if before >= after:
                raise ValueError(f"codebook entries must ascend, but entry {k + 1}, {after}, "
                                 f"follows {before}; sort them and drop equal ones")
        object.__setattr__(self, "entries", entries)

    @property
    def width(self) -> int:
        """Bits of an index."""
        return (len(self.entries) - 1).bit_length()

    @property
    def minimum(self) -> int:
        """Least entry."""
        return self.entries[0]

    @property
    def maximum(self) -> int:
        """Greatest entry."""
        return self.entries[-1]

    @property
    def entry(self) -> Integer:
        """The narrowest signed Integer of all entries."""
        return Integer.holding(self.minimum, self.maximum, signed=True)

    def encode(self, values: ArrayLike) -> NDArray[np.uint64]:
        """Indices of ``values`` (any shape); ValueError names the first that is no entry."""
        array, entries = _integers(values, "values"), np.array(self.entries)
        index = np.searchsorted(entries, array).clip(max=len(entries) - 1)
        _refuse(array, entries[index] != array, f"{self} values must be entries")
        return index.astype(np.uint64)

    def decode(self, codes: ArrayLike) -> NDArray[np.int64]:
        """Entries at ``codes`` (any shape); ValueError names the first beyond the last entry."""
        array = _checked_codes(codes, self).astype(np.int64)
        _refuse(array, array >= len(self.entries),
                f"{self} codes must be below {len(self.entries)}")
        return np.array(self.entries, np.int64)[array]

    def __str__(self) -> str:
        return f"codebook({','.join(map(str, self.entries))})"


Number = Bipolar | Ternary | Integer | Codebook


def parse_number(text: str) -> Number:
    """The Number whose ``str()`` is ``text``: "bipolar", "ternary", "uint8", "codebook(-3,0,5)".

    Raises TypeError if ``text`` is no string, ValueError if it names no number.
    """
    if not isinstance(text, str):
        raise TypeError(f"a number kind must be a string, not {text!r}")
    if text == "bipolar":
        return Bipolar()
    if text == "ternary":
        return Ternary()
    if match := re.fullmatch(r"(u?)int([1-9][0-9]?)", text):
        return Integer(int(match[2]), not match[1])
    if match := re.fullmatch(r"codebook\((-?\d{1,10}(?:,-?\d{1,10})*)\)", text):
        return Codebook(tuple(map(int, match[1].split(","))))
    raise ValueError('number kind must be "bipolar", "ternary", "intN", "uintN" or '
                     f'"codebook(A,B,...)", not "{text}"')


def pack(codes: ArrayLike, width: int) -> list[int]:
    """Words of several lanes: ``codes`` (frames, lanes) -> one Python int a row.

    Lane 0 stands in the lowest ``width`` bits. Raises ValueError for other shapes and for codes
    of more than ``width`` bits.
    """
    array = _integers(codes, "codes")
    if array.ndim != 2:
        raise ValueError(f"codes must have shape (frames, lanes), not {array.shape}")
    if not 1 <= width <= 64:
        raise ValueError(f"width must be from 1 to 64, not {width}")
    wrong = (array < 0) | (array > 2**width - 1)
    _refuse(array, wrong, f"codes must be from 0 to {2**width - 1}")
    shifts = np.arange(width, dtype=np.uint64)
    bits = (array.astype(np.uint64)[:, :, None] >> shifts).astype(np.uint8) & 1
    rows = np.packbits(bits.reshape(len(array), array.shape[1] * width), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def unpack(words: Iterable[int], lanes: int, width: int) -> NDArray[np.uint64]:
    """Inverse of ``pack``: words of ``lanes * width`` bits -> codes (frames, lanes), uint64.

    Raises ValueError for a negative word or one of more bits.
    """
    if lanes < 1 or not 1 <= width <= 64:
        raise ValueError("lanes must be at least 1 and width from 1 to 64, "
                         f"not {lanes} and {width}")
    n_bytes, words = (lanes * width + 7) // 8, [int(word) for word in words]
    for k, word in enumerate(words):
        if not 0 <= word < 1 << lanes * width:
            raise ValueError(f"words must have at most {lanes * width} bits, "
                             f"not {word} at index {k}")
    raw = np.frombuffer(b"".join(word.to_bytes(n_bytes, "little") for word in words), np.uint8)
    bits = np.unpackbits(raw.reshape(len(words), n_bytes), axis=1, count=lanes * width,
                         bitorder="little").reshape(len(words), lanes, width).astype(np.uint64)
    shifted = bits << np.arange(width, dtype=np.uint64)
    return np.bitwise_or.reduce(shifted, axis=2)
