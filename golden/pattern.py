"""Pseudo-random frames that hardware and host make alike, and the signature of what comes of them.

With them a board is tested at its full rate, without a line in the way.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from golden.number import Number, Ternary, unpack

__all__ = ["SEED", "pattern", "signature"]

SEED = 0x2545F491  # of the generator, not 0
_TURN = 11  # bits by which each further word of a beat is rotated


def pattern(number: Number, n: int, lanes: int, frames: int) -> NDArray[np.int64]:
    """Values (frames, n) of kind ``number``, ``lanes`` elements a beat, lane 0 lowest.

    A beat takes one number of 32 bits from a xorshift generator (G. Marsaglia, "Xorshift RNGs",
    Journal of Statistical Software 8(14), 2003: 13 left, 17 right, 5 left): its first word is that
    number, the next one the same rotated by 11 to the left, and so on. The generator begins anew
    with each call and gives ``SEED`` first. Of ternary codes, 10, which is none, becomes 00.
    """
    width, beats = lanes * number.width, -(-n // lanes)
    words, state = [], SEED
    for _ in range(frames * beats):
        word = 0
        for k in range(-(-width // 32)):
            turn = _TURN * k % 32
            word |= ((state << turn | state >> (32 - turn)) & 0xFFFF_FFFF) << 32 * k
        words.append(word & (1 << width) - 1)
        state ^= state << 13 & 0xFFFF_FFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFF_FFFF
    codes = unpack(words, lanes, number.width).reshape(frames, beats * lanes)[:, :n]
    if isinstance(number, Ternary):
        codes = np.where(codes == 2, 0, codes)
    return number.decode(codes)


def signature(values: NDArray[np.int64], number: Number, lanes: int, positions: int = 1,
              before: int = 0) -> int:
    """CRC-32 of a stream of frames: of its beats one after the other, each as whole bytes.

    values: (frames, n) of kind ``number``; positions: parts of a frame, each of which begins on a
    beat of its own; lanes beyond the last element are zero; before: signature of frames before.
    """
    codes = number.encode(values).reshape(len(values) * positions, -1)
    codes = np.pad(codes, ((0, 0), (0, -codes.shape[1] % lanes))).reshape(-1, lanes)
    bits = (codes[:, :, None] >> np.arange(number.width, dtype=np.uint64)).astype(np.uint8) & 1
    beats = np.packbits(bits.reshape(len(codes), -1), axis=1, bitorder="little")
    return zlib.crc32(beats.tobytes(), before)
