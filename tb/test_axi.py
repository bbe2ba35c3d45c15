"""Accelerators behind AXI and Avalon: results, packets of wrong lengths, registers, resets."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from boards.host.beats import from_beats, to_beats
from golden.layer import ArgMax, Dense
from golden.network import Network
from golden.number import Bipolar, Integer, Ternary
from golden.reference import run
from golden.registers import MAGIC, OFFSETS, REGISTERS, Control, Status
from hdl.accelerator import Accelerator
from hdl.address_map import BEGIN, COMMIT
from hdl.bus_tops import bus_top
from hdl.plan import LayerPlan, Plan
from hdl.processor_port import ProcessorPort
from hdl.verilog import port_names
from tb.bus_case import Step, carry_out, read, write
from tb.harness import Frames, simulate

BUSES = pytest.mark.parametrize("kind", ["axi", "avalon"])
FLAGS = Status.SHORT | Status.LONG | Status.START | Status.REFUSED


def draw_network(rng: np.random.Generator) -> Network:
    """5 inputs of 3 bits, 4 neurons, 3 scores, weights of 3 bits."""
    kind = Integer(3, True)
    first, second = (rng.integers(-4, 4, shape) for shape in ((4, 5), (3, 4)))
    return Network("tiny", (Dense("first", kind, first, rng.integers(-4, 5, 4), kind),
                            Dense("second", Bipolar(), second, None, kind)))


def writable(network: Network) -> Accelerator:
    """3 beats of a byte in, 2 of 2 bytes out."""
    return Accelerator(network, Plan({"first": LayerPlan(2, 3, "ram"),
                                      "second": LayerPlan(2, 2, "ram")}, lanes=2))


def ternary(rng: np.random.Generator) -> Accelerator:
    """9 ternary inputs in a beat of 18 bits, 4 bytes; a class in a byte."""
    dense = Dense("dense", Ternary(), rng.integers(-1, 2, (3, 9)), weight_kind=Ternary())
    network = Network("ternary", (dense, ArgMax("argmax", dense.accumulator, 3)))
    return Accelerator(network, Plan({"dense": LayerPlan(storage="logic"),
                                      "argmax": LayerPlan(simd=3)}, lanes=9))


def window_of(core: Accelerator) -> int:
    return bus_top(core, "axi").inner.port.registers.window


class Golden:
    """What comes of packets."""

    def __init__(self, core: Accelerator, frames: int = 1, network: Network | None = None) -> None:
        self.core, self.frames, self.network = core, frames, network or core.network
        framed = bus_top(core, "axi").inner.port.framed
        self.framed, self.packet_bytes = framed, framed.beats_in * framed.bytes_in * frames

    def result(self, packet: bytes) -> str:
        """Hexadecimal digits of the result of a packet of any length."""
        core, network = self.core, self.network
        whole = packet[:self.packet_bytes].ljust(self.packet_bytes, b"\0")
        raw = np.frombuffer(whole, np.uint8).reshape(self.frames, -1)
        x = from_beats(raw, network.n_in, network.input, core.plan.lanes, self.framed.bytes_in)
        return to_beats(run(network, x)[-1], core.output, core.lanes_out,
                        self.framed.bytes_out).tobytes().hex()

    def draw(self, rng: np.random.Generator, beats: int | None = None) -> bytes:
        """A packet of random bits, of as many beats as it should have or of others."""
        size = self.packet_bytes if beats is None else beats * self.framed.bytes_in
        if self.network.input != Ternary():
            return rng.bytes(size)
        x = rng.integers(-1, 2, (self.frames, self.network.n_in))
        return to_beats(x, Ternary(), self.core.plan.lanes, self.framed.bytes_in).tobytes()[:size]


def sends(packets: Sequence[bytes]) -> list[Step]:
    return [("send", packet.hex()) for packet in packets]


@BUSES
@pytest.mark.parametrize("frames, make, netlist", [
    (1, "writable", False), (3, "writable", False), (2, "ternary", False), (2, "ternary", True)],
    ids=["single", "three", "ternary", "ternary-netlist"])
def test_frames_back_to_back(rng: np.random.Generator, kind: str, frames: int, make: str,
                             netlist: bool) -> None:
    """Without stalls, then with stalls on all channels, registers read in between."""
    core = writable(draw_network(rng)) if make == "writable" else ternary(rng)
    golden, steps = Golden(core, frames), [write("packet_frames", frames)]
    packets = [golden.draw(rng) for _ in range(12)]
    expected: list[Any] = []
    for stalled in (False, True):
        steps += [("stall", stalled, stalled), *sends(packets)]
        for packet in packets:
            steps += [read("magic"), ("receive",)]
            expected += [MAGIC, golden.result(packet)]
    steps += [("wait", 50), ("waiting",), *map(read, ("status", "frames_in", "frames_out"))]
    expected += [0, Status.IDLE, 24 * frames, 24 * frames]
    assert carry_out(core, kind, steps, netlist) == expected


def test_rate_and_latency(rng: np.random.Generator) -> None:
    """Two cycles more than the accelerator's, frames as often, whatever is stalled."""
    core = writable(draw_network(rng))
    golden, port = Golden(core), ProcessorPort(core)
    packets = [golden.draw(rng) for _ in range(8)]
    results = [np.frombuffer(bytes.fromhex(golden.result(packet)), "<u2") for packet in packets]
    taken = np.array([[*packet[:2], packet[2] | 1 << 8] for packet in packets])
    given = np.array([[low | 1 << 16, high | 2 << 16] for low, high in np.array(results, int)])
    simulate(port, Frames(taken, 9, 1), Frames(given, 18, 1), latency=port.framed.latency,
             interval=core.initiation_interval)


@BUSES
@pytest.mark.parametrize("frames", [1, 2])
def test_packets_of_wrong_lengths(rng: np.random.Generator, kind: str, frames: int) -> None:
    """Each gives one result, of zeros in place of what is missing; the next one is right."""
    core = writable(draw_network(rng))
    golden, beats = Golden(core, frames), 3 * frames
    steps, expected = [write("packet_frames", frames)], []
    for stalled in (False, True):
        steps.append(("stall", stalled, stalled))
        for length in [*range(1, beats), beats + 1, 2 * beats, 3 * beats + 1]:
            wrong, right = golden.draw(rng, length), golden.draw(rng)
            steps += [*sends([wrong, right]), ("receive",), ("receive",), read("status"),
                      write("control", Control.CLEAR), read("status")]
            flag = Status.SHORT if length < beats else Status.LONG
            expected += [golden.result(wrong), golden.result(right), flag | Status.IDLE,
                         Status.IDLE]
    assert carry_out(core, kind, [*steps, ("waiting",)]) == [*expected, 0]


def test_startofpacket(rng: np.random.Generator) -> None:
    """Missing, or within a packet, it sets a flag and has no other effect."""
    core = writable(draw_network(rng))
    golden, steps, expected = Golden(core), [], []
    for starts in ([], [0], [0, 1], [0, 2]):
        packet = golden.draw(rng)
        steps += [("send", packet.hex(), starts), ("receive",), read("status"),
                  write("control", Control.CLEAR)]
        expected += [golden.result(packet), Status.IDLE | Status.START * (starts != [0])]
    assert carry_out(core, "avalon", steps) == expected


@BUSES
def test_identity_and_counters(rng: np.random.Generator, kind: str) -> None:
    core = ternary(rng)
    golden, digest = Golden(core), core.network.digest
    packet = golden.draw(rng)
    names = [register.name for register in REGISTERS[:OFFSETS["packet_frames"] // 4 + 1]]
    counters = ("cycles", "frames_in", "frames_out", "stalled_in", "stalled_out")
    steps = [*map(read, names), *sends([packet]), ("receive",), *map(read, counters),
             *sends(4 * [packet]), *4 * [("receive",)], *map(read, counters[:3]),
             write("control", Control.CLEAR), ("block",), *sends(40 * [packet]),
             ("until", OFFSETS["stalled_in"], 64, 64), ("until", OFFSETS["stalled_out"], 64, 64),
             ("stall", False, False),
             *40 * [("receive",)], read("frames_out"), write("control", Control.CLEAR),
             *map(read, counters)]
    got = carry_out(core, kind, steps)
    assert got[:len(names)] == [
        MAGIC, 1, *(int(digest[k:k + 8], 16) for k in range(0, 32, 8)), 9, 1, 2, 2, 9, 1, 4, 1, 0,
        1]
    result = golden.result(packet)
    assert got[len(names):] == [
        result, core.latency, 1, 1, 0, 0, *4 * [result], core.initiation_interval, 5, 5,
        *40 * [result], 40, 0, 0, 0, 0, 0]


@BUSES
def test_refused_writes(rng: np.random.Generator, kind: str) -> None:
    """They have no effect but a flag; what does not exist reads as 0."""
    core = writable(draw_network(rng))
    window = window_of(core)
    refused = [write("magic", 1), write("status", 0), write(4 * len(REGISTERS), 1),
               write(window - 4, 1), write("packet_frames", 0), write("packet_frames", 1 << 16),
               write("packet_frames", 2, size=1), write("control", 3, size=2)]
    steps: list[Step] = [write("packet_frames", 7)]
    for wrong in refused:
        steps += [wrong, read("status"), write("control", Control.CLEAR), read("status")]
    steps += [read("magic"), read("packet_frames"), read("control"), ("read", window),
              ("read", 4 * len(REGISTERS))]
    assert carry_out(core, kind, steps) == [
        *len(refused) * [Status.IDLE | Status.REFUSED, Status.IDLE], MAGIC, 7, 0, 0, 0]


@BUSES
def test_resets(rng: np.random.Generator, kind: str) -> None:
    """With frames inside, in the middle of one, and while results wait; then all is as ever."""
    core = writable(draw_network(rng))
    golden, flush = Golden(core), write("control", Control.FLUSH)
    steps: list[Step] = []
    expected: list[Any] = []
    for cycles in range(1, 2 * core.latency, 3):
        first, second = golden.draw(rng), golden.draw(rng)
        steps += [*sends(3 * [first]), ("wait", cycles), ("reset",), read("frames_out"),
                  *sends([second]), ("receive",), read("frames_in"), ("waiting",)]
        expected += [0, golden.result(second), 1, 0]
    inside = golden.draw(rng)
    steps += [*sends([inside]), ("until", OFFSETS["frames_in"], 7, 2), flush, ("wait", 100),
              ("waiting",), read("status"), read("frames_in"), read("frames_out"),
              *sends([inside]), ("receive",), ("wait", 50), ("waiting",)]
    expected += [0, Status.IDLE, 2, 1, golden.result(inside), 0]
    assert carry_out(core, kind, steps) == expected


@BUSES
def test_weights_are_written(rng: np.random.Generator, kind: str) -> None:
    """Frames before BEGIN meet the old weights, those behind it the new ones; a word that comes
    while one waits is refused."""
    before, after = draw_network(rng), draw_network(rng)
    core = writable(before)
    window = window_of(core)
    old, new = Golden(core), Golden(core, network=after)
    packets = [golden.draw(rng) for golden in (old, old, old, new, new)]
    pairs = [write(window + 4 * address, word) for address, word in core.writes(after)]
    ready = ("until", OFFSETS["status"], Status.WRITING, 0)
    steps = [read("window"), ("block",), *sends(packets[:3]), ("wait", 4 * core.latency),
             pairs[0], ready, pairs[1], *sends(packets[3:]), ("wait", 20), read("status"), pairs[2],
             read("status"), ("stall", True, True), *3 * [("receive",)], ready]
    for pair in pairs[2:]:
        steps += [pair, ready]
    steps += [("receive",), ("receive",), read("status"), write("control", Control.CLEAR),
              write(window + 4 * BEGIN, 0), ready, write(2 * window - 4, 0), ready,
              read("status"), write(window + 4 * COMMIT, 0), ready, read("status")]
    assert carry_out(core, kind, steps) == [
        window, Status.WRITING, Status.WRITING | Status.REFUSED,
        *map(old.result, packets[:3]), *map(new.result, packets[3:]), Status.IDLE | Status.REFUSED,
        Status.IDLE | Status.STRAY, Status.IDLE | Status.STRAY]


def test_ports_have_the_names_of_the_buses(rng: np.random.Generator) -> None:
    core = ternary(rng)
    streams = {"tdata", "tvalid", "tready", "tlast"}
    lite = {"awaddr", "awprot", "awvalid", "awready", "wdata", "wstrb", "wvalid", "wready",
            "bresp", "bvalid", "bready", "araddr", "arprot", "arvalid", "arready", "rdata",
            "rresp", "rvalid", "rready"}
    assert sorted(port_names(bus_top(core, "axi"))) == sorted([
        "aclk", "aresetn", *(f"{side}_axis_{name}" for side in "sm" for name in streams),
        *(f"s_axi_lite_{name}" for name in lite)])


def test_rejects_beats_that_are_too_wide(rng: np.random.Generator) -> None:
    for shape, number, plan, what, bits in (
            ((1, 129), Integer(8, False), Plan({"dense": LayerPlan()}, lanes=129), "frames", 1032),
            ((350, 2), Bipolar(), Plan({"dense": LayerPlan(pe=350)}), "results", 1050)):
        network = Network("wide", (Dense("dense", number, rng.choice([-1, 1], shape)),))
        message = (f"network wide: a beat of its {what} must have at most 1024 bits behind a bus, "
                   f"not {bits}; plan fewer lanes there")
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            bus_top(Accelerator(network, plan), "axi")
