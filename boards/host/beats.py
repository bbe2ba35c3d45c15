"""Frames as the beats of a stream on a processor's bus."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.host.frames import to_bytes, to_values
from golden.number import Number

__all__ = ["from_beats", "to_beats"]


def to_beats(x: NDArray[Any], number: Number, lanes: int, size: int) -> NDArray[np.uint8]:
    """Frames (frames, n) as bytes (frames, beats * size).

    A beat is ``size`` bytes, the lowest first: the codes of ``lanes`` elements without gaps, the
    first in the lowest bits, then zeros. Lanes beyond n are zero, too.
    """
    zero = number.decode(np.zeros(1, np.uint64))[0]
    padded = np.pad(x, ((0, 0), (0, -x.shape[1] % lanes)), constant_values=zero)
    raw = to_bytes(padded.reshape(-1, lanes), number)
    whole = np.pad(raw, ((0, 0), (0, size - raw.shape[1])))
    return whole.reshape(len(x), padded.shape[1] // lanes * size)


def from_beats(raw: NDArray[np.uint8], n: int, number: Number, lanes: int, size: int
               ) -> NDArray[np.int64]:
    """Inverse of ``to_beats``; bits that carry no element may be anything."""
    beats = raw.reshape(-1, size)[:, :-(-lanes * number.width // 8)]
    values = to_values(beats.tobytes(), lanes, number)
    return values.reshape(len(raw), raw.shape[1] // size * lanes)[:, :n]
