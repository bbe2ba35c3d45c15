"""Frames as the bytes that travel to a board and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.number import Number

__all__ = ["to_bytes", "to_values"]


def to_bytes(x: NDArray[Any], number: Number) -> NDArray[np.uint8]:
    """Frames (frames, n) as bytes (frames, ceil(n * width / 8)): codes without gaps.

    The first code is in the lowest bits of the first byte; what the last byte has beyond is 0.
    """
    bits = (number.encode(x)[:, :, None] >> np.arange(number.width, dtype=np.uint64)).astype(
        np.uint8) & 1
    return np.packbits(bits.reshape(len(x), x.shape[1] * number.width), axis=1, bitorder="little")


def to_values(raw: bytes | bytearray, n: int, number: Number) -> NDArray[np.int64]:
    """Inverse of ``to_bytes``."""
    size = -(-n * number.width // 8)
    bits = np.unpackbits(np.frombuffer(raw, np.uint8).reshape(-1, size), axis=1, bitorder="little",
                         count=n * number.width).reshape(-1, n, number.width).astype(np.uint64)
    return number.decode((bits << np.arange(number.width, dtype=np.uint64)).sum(
        axis=2, dtype=np.uint64))
