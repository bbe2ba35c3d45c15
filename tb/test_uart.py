"""UART: bytes there and back at awkward rates, and a line on which everything happens."""

import re

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from golden.packet import EVENT, Event
from hdl.fifo import StreamFIFO
from hdl.uart import UARTReceiver, UARTTransmitter, bit_period
from tb.cases import rtl_only
from tb.harness import Frames, simulate

GAP, FRAMING, OVERFLOW = (EVENT | event for event in Event)
NO_GAP = 10**6


class Loop(wiring.Component):
    """A transmitter to a receiver, with room for what comes while the output stalls."""

    def __init__(self, period: int, room: int) -> None:
        self._period, self._room = period, room
        self.initiation_interval = UARTTransmitter(period).initiation_interval
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(9))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.there = there = UARTTransmitter(self._period)
        m.submodules.back = back = UARTReceiver(self._period, NO_GAP)
        m.submodules.room = room = StreamFIFO(9, self._room)
        wiring.connect(m, wiring.flipped(self.i), there.i)
        m.d.comb += back.line.eq(there.line)
        wiring.connect(m, back.o, room.i)
        wiring.connect(m, room.o, wiring.flipped(self.o))
        return m


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("cycles", [4, rtl_only(5), rtl_only(13)])
def test_bytes_come_back(rng: np.random.Generator, cycles: int, netlist: bool) -> None:
    """A byte is sent every 10 bits; it is there 9.5 bits after it was taken, and a few cycles."""
    x = np.concatenate([[0, 255, 0x55, 0xAA, 1, 128], rng.integers(0, 256, 10)])[:, None]
    simulate(Loop(64 * cycles, 64), Frames(x, 8, 1), Frames(x, 9, 1), interval=10 * cycles,
             latency=9 * cycles + cycles // 2 + 6, scenarios=("none", "source", "sink", "both"),
             netlist=netlist)


@pytest.mark.parametrize("period", [256, 257, 319, 533, 1001])
def test_transmitter_keeps_the_rate(period: int) -> None:
    """Byte k is taken 10 k bits after the first, rounded down to cycles, and all come back."""
    transmitter, receiver = UARTTransmitter(period), UARTReceiver(period, NO_GAP)
    taken: list[int] = []
    seen: list[int] = []
    m = Module()
    m.submodules.transmitter, m.submodules.receiver = transmitter, receiver
    m.d.comb += receiver.line.eq(transmitter.line)

    async def bench(context):
        context.set(transmitter.i.valid, 1)
        context.set(receiver.o.ready, 1)
        for cycle in range(75 * period // 64):
            context.set(transmitter.i.payload, 17 * len(taken))
            if context.get(transmitter.i.ready):
                taken.append(cycle)
            if context.get(receiver.o.valid):
                seen.append(context.get(receiver.o.payload))
            await context.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert taken == [10 * period * k // 64 for k in range(8)]
    assert seen == [17 * k for k in range(7)]


def levels(words: list[int | str], period: float) -> list[int]:
    """Levels of a line, a cycle each: a byte, or a number of bits of rest ("8") or break ("-8")."""
    found: list[int] = []
    end = 0.0

    def hold(level: int, bits: float) -> None:
        nonlocal end
        end += bits * period
        found.extend([level] * (round(end) - len(found)))

    for word in words:
        if isinstance(word, str):
            hold(int(float(word) > 0), abs(float(word)))
        else:
            for bit in [0, *(word >> k & 1 for k in range(8)), 1]:
                hold(bit, 1)
    return found


def receive(words: list[int | str], gap_cycles: int, period: float = 8.0, *,
            deaf: range = range(0), actual: float = 8.0) -> list[int]:
    """What a receiver of ``period`` tells of a line of ``actual`` cycles a bit.

    deaf: cycles in which nobody takes its words.
    """
    receiver = UARTReceiver(round(64 * period), gap_cycles)
    seen: list[int] = []

    async def bench(context):
        for cycle, level in enumerate(levels([*words, "30"], actual)):
            context.set(receiver.line, level)
            context.set(receiver.o.ready, cycle not in deaf)
            if context.get(receiver.o.valid) and cycle not in deaf:
                seen.append(context.get(receiver.o.payload))
            await context.tick()

    simulator = Simulator(receiver)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


@pytest.mark.parametrize("actual", [8 * 0.97, 8, 8 * 1.03], ids=["fast", "equal", "slow"])
@pytest.mark.parametrize("period", [8.0, 8 + 1 / 64])
def test_rates_may_differ(rng: np.random.Generator, period: float, actual: float) -> None:
    words = [int(byte) for byte in rng.integers(0, 256, 20)]
    assert receive(["3", *words], NO_GAP, period, actual=actual) == words


def test_gap_is_told_once_after_bytes_and_not_before() -> None:
    """Rest before the first byte is no gap, nor is one that is a bit too short."""
    words: list[int | str] = ["60", 1, 2, "9", 3, "11", 4, "40", 5]
    assert receive(words, 84) == [1, 2, 3, GAP, 4, GAP, 5, GAP]


def test_a_byte_without_stop_bit() -> None:
    """It is told, and the next byte begins with the next fall of the line."""
    assert receive(["3", 1, "-9.9", "2", 2, "-30", "3", 3], NO_GAP) == [1, FRAMING, 2, FRAMING, 3]


def test_spikes_are_no_start_bits() -> None:
    assert receive(["3", 7, "2", "-0.4", "2", "-0.3", "9", 8], NO_GAP) == [7, 8]


def test_bytes_that_nobody_takes() -> None:
    """The first waits, the others are lost: one word tells of them, and the gap comes behind."""
    words: list[int | str] = ["1", 1, 2, 3, 4, "20", 5]
    assert receive(words, 100, deaf=range(40 * 8)) == [1, OVERFLOW, 4, GAP, 5, GAP]


def test_a_gap_that_nobody_takes_comes_late_or_not_at_all() -> None:
    assert receive(["1", 1, "40", 2, "40"], 100, deaf=range(35 * 8)) == [1, GAP, 2, GAP]
    assert receive(["1", 1, "20", 2, "40"], 100, deaf=range(45 * 8)) == [1, OVERFLOW, GAP]


@pytest.mark.parametrize("clock_hz, baud, period", [
    (12e6, 1_000_000, 768), (25e6, 115_200, 13889), (100e6, 12_000_000, 533), (48e6, 12e6, 256),
])
def test_period(clock_hz: float, baud: float, period: int) -> None:
    assert bit_period(clock_hz, baud) == period


def test_rejects() -> None:
    message = ("baud must be at most a quarter of the clock, 3,000,000, not 3,100,000; take a "
               "faster clock")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        bit_period(12e6, 3_100_000)
    with pytest.raises(ValueError, match="^UARTReceiver gap_cycles must be at least 1, not 0$"):
        UARTReceiver(256, 0)
