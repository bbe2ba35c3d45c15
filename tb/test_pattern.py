"""Pattern: the frames of the golden generator, and what signs their answers."""

import zlib

import numpy as np
import pytest

from golden.number import Bipolar, Integer, Number, Ternary
from golden.pattern import SEED, pattern, signature
from hdl.pattern import Pattern
from tb.cases import rtl_only
from tb.harness import Frames, simulate


class OneAtATime(Pattern):
    """Each word of ``i`` asks for that many frames; nothing is promised of the next."""

    initiation_interval = 1


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, n, lanes", [
    rtl_only(Integer(8, False), 10, 3), (Integer(8, False), 64, 13), rtl_only(Bipolar(), 5, 1),
    rtl_only(Ternary(), 37, 37), rtl_only(Integer(5, True), 7, 7),
])
def test_matches_golden(number: Number, n: int, lanes: int, netlist: bool) -> None:
    """Three frames, and the same again, with the lanes beyond a frame's last element."""
    core = OneAtATime(number, n, lanes)
    beats = -(-n // lanes)
    whole = pattern(number, beats * lanes, lanes, 3)
    assert (whole[:, :n] == pattern(number, n, lanes, 3)).all()
    assert len(np.unique(whole, axis=0)) == 3
    out = Frames(number.encode(whole).reshape(1, -1).repeat(2, 0), number.width, lanes)
    simulate(core, Frames(np.array([[3], [3]]), 16, 1), out, starts=(), latency=1,
             interval=3 * beats, netlist=netlist)


def test_generator_is_the_published_one() -> None:
    """Marsaglia's step written out on Python's own numbers."""
    state, states = SEED, []
    for _ in range(5):
        states.append(state)
        state = (state ^ state << 13) % 2**32
        state = state ^ state // 2**17
        state = (state ^ state * 32) % 2**32
    assert pattern(Integer(32, False), 1, 1, 5)[:, 0].tolist() == states
    wide = pattern(Integer(32, False), 2, 2, 1)[0]
    assert int(wide[1]) == (SEED << 11 | SEED >> 21) % 2**32


def test_signature_is_the_checksum_of_beats() -> None:
    """Two lanes of 5 bits and a last beat of one: two bytes a beat, zeros above."""
    values = np.array([[1, 2, 3], [4, 5, 31]])
    beats = [1 | 2 << 5, 3, 4 | 5 << 5, 31]
    raw = b"".join(beat.to_bytes(2, "little") for beat in beats)
    number = Integer(5, False)
    assert signature(values, number, 2) == zlib.crc32(raw)
    assert signature(values[1:], number, 2, before=signature(values[:1], number, 2)) == (
        zlib.crc32(raw))
    spatial = np.array([[1, 2, 3, 4, 5, 6]])  # two positions of three channels
    assert signature(spatial, number, 2, positions=2) == zlib.crc32(
        b"".join(beat.to_bytes(2, "little") for beat in [1 | 2 << 5, 3, 4 | 5 << 5, 6]))
