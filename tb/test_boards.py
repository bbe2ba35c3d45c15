# amaranth: UnusedElaboratable=no
"""The self-test that runs on a board, and the flow to a bitstream."""

import re
from itertools import pairwise

import numpy as np
import pytest
from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from boards.flow import DoesNotFit, build
from boards.platforms import BOARDS
from boards.selftest import BoardTest, SelfTest, beats
from golden.number import Bipolar, Integer
from hdl.yosys import ToolError


class Inverter(wiring.Component):
    """o = ~i, n bits, after one register; `jammed` lets nothing through."""

    def __init__(self, n: int, jammed: bool = False) -> None:
        self._jammed = jammed
        super().__init__({"i": In(stream.Signature(n)), "o": Out(stream.Signature(n))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if not self._jammed:
            with m.If(~self.o.valid | self.o.ready):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(~self.i.payload)]
        return m


class Hog(wiring.Component):
    """6000 flip-flops between i and o: more than a small part has."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stages = [Signal(8, name=f"stage_{k}", reset_less=True) for k in range(750)]
        for before, after in pairwise([self.i.payload, *stages]):
            m.d.sync += after.eq(before)
        m.d.comb += [self.o.payload.eq(stages[-1]), self.o.valid.eq(1), self.i.ready.eq(1)]
        return m


def lamps(test: SelfTest, cycles: int) -> list[tuple[int, int, int]]:
    """(heartbeat, equal, mismatch) in each cycle after power-up."""
    seen = []

    async def watch(context):
        for _ in range(cycles):
            seen.append((context.get(test.heartbeat), context.get(test.equal),
                         context.get(test.mismatch)))
            await context.tick()

    simulator = Simulator(test)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    return seen


@pytest.mark.parametrize("n_words", [1, 2, 3, 7])
def test_equal_frames(n_words, rng):
    words = [int(word) for word in rng.integers(0, 256, n_words)]
    seen = lamps(SelfTest(Inverter(8), words, [255 - word for word in words], beat_bits=3), 60)
    # The first word is offered in cycle 1, its answer is compared in cycle 2.
    assert [equal for _, equal, _ in seen] == [cycle > n_words + 1 for cycle in range(60)]
    assert [heart for heart, _, _ in seen] == [cycle // 8 % 2 for cycle in range(60)]
    assert not any(mismatch for _, _, mismatch in seen)


@pytest.mark.parametrize("wrong", range(5))
def test_a_wrong_word_lights_mismatch_for_ever(wrong, rng):
    words = [int(word) for word in rng.integers(0, 256, 5)]
    expected = [255 - word for word in words]
    expected[wrong] ^= 1 << int(rng.integers(8))
    seen = lamps(SelfTest(Inverter(8), words, expected, beat_bits=3), 40)
    assert [mismatch for _, _, mismatch in seen] == [cycle > wrong + 2 for cycle in range(40)]
    assert not any(equal for _, equal, _ in seen)


def test_a_jammed_core_has_no_heartbeat():
    seen = lamps(SelfTest(Inverter(8, jammed=True), [1], [254], beat_bits=3), 40)
    assert set(seen) == {(0, 0, 0)}


def test_beats_pad_the_last_beat_with_zeros():
    port = Inverter(2 * 4).i
    values = np.array([[-1, 2, 3], [7, -8, 0]])
    assert beats(values, Integer(4, signed=True), port) == [0x2F, 0x03, 0x87, 0x00]
    assert beats(np.array([[1, -1, 1] * 3]), Bipolar(), port) == [0b01101101, 0b1]


@pytest.mark.parametrize("inputs, outputs, message", [
    ([], [1], r"^inputs must hold at least one word$"),
    ([1], [], r"^outputs must hold at least one word$"),
    ([16], [1], r"^inputs must fit the 4 bits of the port, not 0x10$"),
    ([1], [1, 17], r"^outputs must fit the 4 bits of the port, not 0x11$"),
])
def test_rejects_words(inputs, outputs, message):
    with pytest.raises(ValueError, match=message):
        SelfTest(Inverter(4), inputs, outputs)


@pytest.mark.parametrize("board, flip_flops", [
    ("ulx3s-25f", "TRELLIS_FF"), ("icebreaker", "ICESTORM_LC"), ("tang-nano-9k", "DFF")])
def test_bitstream(tmp_path, board, flip_flops):
    built = build(BoardTest(SelfTest(Inverter(8), [1, 2, 3], [254, 253, 252]), board), board,
                  tmp_path)
    # Synchronisation marks that a part looks for at the start of its bitstream; Gowin's is text.
    mark = {"ulx3s-25f": bytes.fromhex("bdb3"), "icebreaker": bytes.fromhex("7eaa997e"),
            "tang-nano-9k": b"\n1010010111000011\n"}[board]
    assert mark in built.bitstream.read_bytes()[:200]
    assert built.clock_hz == {"ulx3s-25f": 25e6, "icebreaker": 12e6, "tang-nano-9k": 27e6}[board]
    assert built.meets_timing
    assert 8 < built.utilisation[flip_flops].used < 200
    family = BOARDS[board].family
    place, pack = {"ecp5": ("nextpnr-ecp5", "ecppack"), "ice40": ("nextpnr-ice40", "icepack"),
                   "gowin": ("nextpnr-himbaechel", "gowin_pack")}[family]
    assert set(built.logs) == {"yosys", place, pack}
    # The packers say nothing, unless it is their first use and they are compiled.
    assert all(log.stat().st_size for tool, log in built.logs.items() if tool != pack)


def test_too_large_says_by_how_much(tmp_path):
    one_hot = [1 << k for k in range(8)]
    with pytest.raises(DoesNotFit) as caught:
        build(BoardTest(SelfTest(Hog(), one_hot, one_hot), "icebreaker"), "icebreaker",
              tmp_path)
    use = caught.value.over["ICESTORM_LC"]
    assert use.available == 5280
    assert use.used >= 6000
    assert str(caught.value) == (
        f"the design does not fit iCEBreaker, iCE40UP5K: ICESTORM_LC: {use.used} needed, 5280 "
        f"available ({use.used - 5280} or {use.used / 5280 - 1:.0%} too many)")


def test_a_failing_tool_shows_its_log(tmp_path):
    (tmp_path / "seed-1.bin").mkdir()  # in the way of the bitstream
    with pytest.raises(ToolError, match=re.escape(str(tmp_path / "icepack.log"))):
        build(BoardTest(SelfTest(Inverter(4), [1], [14]), "icebreaker"), "icebreaker", tmp_path)


def test_rejects_unknown_board(tmp_path):
    with pytest.raises(ValueError, match=re.escape(f"board must be one of {', '.join(BOARDS)}, "
                                                   "not 'arty'")):
        build(BoardTest(SelfTest(Inverter(4), [1], [14]), "icebreaker"), "arty", tmp_path)


def test_every_board_has_its_leds():
    for board in BOARDS.values():
        platform = board.platform()
        assert len({id(platform.request(*led, dir="-")) for led in board.leds}) == 3
