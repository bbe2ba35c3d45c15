"""What a board has to pass when it is brought up: each check says what was wanted and what came."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boards.host.driver import Board
from boards.host.line import LinkError
from golden.packet import (
    ERROR,
    LINE_FAULTS,
    MAX_PAYLOAD,
    OVERHEAD,
    START,
    Command,
    Fault,
    encode,
)
from golden.pattern import signature
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.folded_dense import FoldedDense

__all__ = ["Check", "disturbances", "error_checks", "golden_checks", "line_rate", "link_checks",
           "timing_checks"]


@dataclass(frozen=True)
class Check:
    """A line of the report."""

    what: str
    wanted: str
    got: str

    @property
    def passed(self) -> bool:
        return self.wanted == self.got


def link_checks(board: Board, rng: np.random.Generator) -> list[Check]:
    """Echoes of payloads of all kinds of lengths and bits."""
    checks = []
    for size in (0, 1, 2, 255, 256, MAX_PAYLOAD - 1, MAX_PAYLOAD):
        payloads = [rng.bytes(size), *(bytes([byte] * size) for byte in (0, 0x55, 0xFF, START))]
        right = sum(board.echo(payload) == payload for payload in payloads)
        checks.append(Check(f"echo of {size} bytes", f"{len(payloads)} right", f"{right} right"))
    return checks


def golden_checks(board: Board, core: Accelerator, x: NDArray[np.int64],
                  progress: Callable[[int, int], None] | None = None) -> list[Check]:
    """Frames x (frames, n_in) against the golden network, and each layer where there are taps."""
    board.reset()
    golden = run(board.network, x)
    equal = int((board.run(x, progress) == golden[-1]).all(axis=1).sum())
    checks = [Check("frames with every bit right", str(len(x)), str(equal))]
    counters = board.counters()
    if counters.signatures:
        for layer, values, got in zip(board.network.layers, golden, counters.signatures,
                                      strict=True):
            part = core.cores[layer.name]
            number = part.output if isinstance(part, FoldedDense) else layer.output
            wanted = signature(values, number, core.plan.lanes_out(layer), layer.positions_out)
            checks.append(Check(f"signature behind layer {layer.name}", f"{wanted:08x}",
                                f"{got:08x}"))
    return checks


def disturbances() -> list[tuple[str, bytes, Fault]]:
    """(what has happened, what is on the line, which fault it is), of all parts of a packet."""
    sound = encode(Command.ECHO, b"abcdefgh")
    parts = {"start": (0, Fault.START), "command": (1, Fault.CHECKSUM),
             "payload": (7, Fault.CHECKSUM), "checksum": (len(sound) - 1, Fault.CHECKSUM)}
    found = []
    for part, (place, fault) in parts.items():
        for bit in (0, 7):
            broken = bytes(byte ^ (place == k) << bit for k, byte in enumerate(sound))
            found.append((f"bit {bit} of the {part} flipped", broken, fault))
    longer = bytes(byte ^ (k == 2) << 4 for k, byte in enumerate(sound))
    return [*found,
            ("a length of 24 for 8", longer, Fault.TRUNCATED),
            ("a byte lost", sound[:6] + sound[7:], Fault.TRUNCATED),
            ("a byte doubled", sound[:6] + sound[5:], Fault.CHECKSUM),
            ("cut off in the header", sound[:3], Fault.TRUNCATED),
            ("cut off in the payload", sound[:9], Fault.TRUNCATED),
            ("a length of 513", bytes([START, Command.ECHO]) + (MAX_PAYLOAD + 1).to_bytes(
                2, "little"), Fault.LENGTH),
            ("noise in front", b"\x00\xFF" + sound, Fault.START),
            ("an unknown command", encode(0x70), Fault.COMMAND),
            ("a payload where there is none", encode(Command.IDENTIFY, b"?"), Fault.ARGUMENT)]


def error_checks(board: Board) -> list[Check]:
    """Each disturbance is told by its name and has no effect, and the next packet is answered."""
    checks, before = [], board.counters().faults
    wanted = dict.fromkeys((fault.name.lower() for fault in LINE_FAULTS), 0)
    for what, data, fault in disturbances():
        board.line.send_raw(data)
        try:
            command, payload = board.line.receive_any()
            got = Fault(payload[0]).name if command == ERROR else f"answer {command}"
        except LinkError as error:
            got = str(error)
        if fault in LINE_FAULTS:
            wanted[fault.name.lower()] += 1
            board.line.pause()
        next_one = what.encode()
        right = board.echo(next_one) == next_one
        checks.append(Check(what, fault.name, got if right else f"{got}, then a wrong answer"))
    after = board.counters().faults
    counted = {name: (after[name] - count) % 2**16 for name, count in before.items()}
    checks.append(Check("faults counted", _counts(wanted), _counts(counted)))
    return checks


def _counts(faults: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in faults.items() if count)


def timing_checks(board: Board, core: Accelerator, clock_hz: float) -> list[Check]:
    """The clock, and two self-tests: signatures, latency, and frames a second, all as planned."""
    few, many = 10, 60  # from the 8th frame on the rhythm is the promised one
    tests = [board.self_test(frames) for frames in (few, many)]
    checks = [Check(f"signature of {frames} pseudo-random frames", f"{test.expected:08x}",
                    f"{test.counters.signature:08x}")
              for frames, test in zip((few, many), tests, strict=True)]
    first, second = (test.counters for test in tests)
    interval, stalled = ((getattr(second, name) - getattr(first, name)) / (many - few)
                         for name in ("cycles", "stalled_in"))
    beats = -(-board.network.n_in // core.plan.lanes)
    promised, hertz = round(clock_hz), board.identity["clock_hz"]
    return [*checks,
            Check("clock, Hz", f"{promised:,}", f"{hertz:,}"),
            Check("latency, cycles", f"{core.latency:,}", f"{first.latency:,}"),
            Check("cycles a frame", f"{core.initiation_interval:,}", f"{interval:,g}"),
            Check("frames a second", f"{promised / core.initiation_interval:,.0f}",
                  f"{hertz / interval if interval else 0:,.0f}"),
            Check("stalled cycles a frame at the input",
                  f"{core.initiation_interval - beats:,}", f"{stalled:,g}"),
            Check("frames in and out", f"{many}, {many}",
                  f"{second.frames_in}, {second.frames_out}")]


def line_rate(board: Board, core: Accelerator, x: NDArray[np.int64]) -> dict[str, float]:
    """Frames a second: what the accelerator does, what the line allows, what came of both.

    The line is the limit wherever a frame takes longer to send than to compute. Measured are
    several packets of frames, in the board's own cycles, which begin with the first one's end.
    """
    said, size = board.identity, -(-board.network.n_in * board.network.input.width // 8)
    packet = min(MAX_PAYLOAD, said["window"] // 2 - OVERHEAD)
    frames = np.resize(x, (max(len(x), 8 * packet // size), x.shape[1]))
    board.reset()
    board.run(frames)
    rest = len(frames) - packet / size
    return {"accelerator": said["clock_hz"] / core.initiation_interval,
            "line": said["baud"] / 10 / (size * (1 + OVERHEAD / packet)),
            "measured": rest * said["clock_hz"] / board.counters().cycles}
