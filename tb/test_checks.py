"""The checks of a bring-up: a healthy board passes all, and each sickness fails its own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from boards.host.checks import disturbances, error_checks, golden_checks, link_checks, timing_checks
from boards.host.counters import Counters, SelfTest
from boards.host.line import Disturbed
from golden.layer import Dense
from golden.link import LinkModel
from golden.network import Network
from golden.number import Bipolar, Integer
from golden.packet import ERROR, EVENT, LINE_FAULTS, Event, Fault
from golden.pattern import pattern, signature
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.plan import LayerPlan, Plan

CLOCK = 40_000_000 / 3


def draw_core(rng: np.random.Generator) -> Accelerator:
    """7 inputs of 3 bits, 6 signs, 5 sums, each layer's outputs signed."""
    kind = Integer(3, True)
    first, second = (rng.integers(-4, 4, shape) for shape in ((6, 7), (5, 6)))
    return Accelerator(Network("small", (
        Dense("first", kind, first, rng.integers(-9, 9, 6), kind),
        Dense("second", Bipolar(), second, None, kind))),
        Plan({"first": LayerPlan(3, 7), "second": LayerPlan(5, 6)}, lanes=7), taps=True)


class Healthy:
    """A board, and its line, that do all as they should; no hardware, no time."""

    def __init__(self, core: Accelerator) -> None:
        self.core, self.network, self.line = core, core.network, self
        self.identity = {"clock_hz": round(CLOCK)}
        self.faults = dict.fromkeys((fault.name.lower() for fault in LINE_FAULTS), 0)
        self.signatures: tuple[int, ...] = ()
        self.answer = b""

    def reset(self) -> None:
        pass

    def echo(self, payload: bytes) -> bytes:
        return payload

    def run(self, x: Any, progress: Any = None) -> Any:
        golden = run(self.network, x)
        lanes = [self.core.plan.lanes_out(layer) for layer in self.network.layers]
        kinds = self.network.layers[0].output, self.core.output
        self.signatures = tuple(signature(values, kind, n)
                                for values, kind, n in zip(golden, kinds, lanes, strict=True))
        return golden[-1]

    def counters(self) -> Counters:
        return Counters(0, 0, 0, 0, 0, 0, 0, False, self.signatures, dict(self.faults))

    def send_raw(self, data: bytes) -> None:
        model = LinkModel(b"small", 3, 64, lambda frame: b"")
        self.answer = model.answers([*data, EVENT | Event.GAP])

    def receive_any(self) -> tuple[int, bytes]:
        code = self.answer[4]
        if self.answer[1] == ERROR and Fault(code) in LINE_FAULTS:
            self.faults[Fault(code).name.lower()] += 1
        return self.answer[1], self.answer[4:5]

    def pause(self) -> None:
        pass

    def self_test(self, frames: int) -> SelfTest:
        core = self.core
        x = pattern(self.network.input, self.network.n_in, core.plan.lanes, frames)
        signed = signature(run(self.network, x)[-1], core.output, core.lanes_out)
        interval = core.initiation_interval
        return SelfTest(signed, replace(
            self.counters(), cycles=core.latency + frames * interval, latency=core.latency,
            stalled_in=frames * (interval - 1), frames_in=frames, frames_out=frames,
            signature=signed))


def wrong(board: Any, rng: np.random.Generator) -> list[str]:
    """All checks that a board does not pass."""
    x = rng.integers(-4, 4, (9, 7))
    checks = [*link_checks(board, rng), *golden_checks(board, board.core, x),
              *error_checks(board), *timing_checks(board, board.core, CLOCK)]
    assert len(checks) == 7 + 1 + 2 + len(disturbances()) + 1 + 8
    return [check.what for check in checks if not check.passed]


def test_a_healthy_board_passes(rng: np.random.Generator) -> None:
    assert wrong(Healthy(draw_core(rng)), rng) == []


def silent(board: Healthy) -> None:
    """A length that is too great is waited for."""
    receive = board.receive_any

    def receive_any() -> tuple[int, bytes]:
        if board.answer[4] == Fault.LENGTH:
            raise Disturbed("no answer within 1 s")
        return receive()

    board.receive_any = receive_any  # type: ignore[method-assign]


def careless(board: Healthy) -> None:
    """The checksum is not looked at."""
    receive = board.receive_any

    def receive_any() -> tuple[int, bytes]:
        return (0x81, b"") if board.answer[4] == Fault.CHECKSUM else receive()

    board.receive_any = receive_any  # type: ignore[method-assign]


def deaf(board: Healthy) -> None:
    """After a packet that was cut off, the next one is lost."""
    echo = board.echo
    board.echo = lambda payload: b"" if b"cut off" in payload else echo(payload)  # type: ignore[method-assign]


def other_layer(board: Healthy) -> None:
    """The first layer computes something else, and the results are right all the same."""
    before = board.run

    def run_frames(x: Any, progress: Any = None) -> Any:
        results = before(x, progress)
        board.signatures = board.signatures[0] ^ 1, board.signatures[1]
        return results

    board.run = run_frames  # type: ignore[method-assign]


def one_bit(board: Healthy) -> None:
    """One bit of one frame."""
    before = board.run

    def run_frames(x: Any, progress: Any = None) -> Any:
        results = before(x, progress).copy()
        results[3, 2] ^= 1
        return results

    board.run = run_frames  # type: ignore[method-assign]


def counts(**changes: Callable[[Any], Any]) -> Callable[[Healthy], None]:
    """Counters of self-tests that say something else."""
    def change(board: Healthy) -> None:
        test = board.self_test

        def self_test(frames: int) -> SelfTest:
            found = test(frames)
            return replace(found, counters=replace(found.counters, **{
                name: other(found.counters) for name, other in changes.items()}))

        board.self_test = self_test  # type: ignore[method-assign]
    return change


CHECKSUMS = [what for what, _, fault in disturbances() if fault == Fault.CHECKSUM]


@pytest.mark.parametrize("sickness, found", [
    (silent, ["a length of 513", "faults counted"]),
    (careless, [*CHECKSUMS, "faults counted"]),
    (deaf, ["cut off in the header", "cut off in the payload"]),
    (other_layer, ["signature behind layer first"]),
    (one_bit, ["frames with every bit right"]),
    (counts(latency=lambda counted: counted.latency + 1), ["latency, cycles"]),
    (counts(signature=lambda counted: counted.signature ^ counted.frames_out // 60),
     ["signature of 60 pseudo-random frames"]),
    (counts(cycles=lambda counted: counted.cycles + counted.frames_out),
     ["cycles a frame", "frames a second"]),
    (counts(stalled_in=lambda counted: counted.stalled_in + counted.frames_out),
     ["stalled cycles a frame at the input"]),
    (counts(frames_out=lambda counted: counted.frames_out - 1), ["frames in and out"]),
    (lambda board: board.identity.update(clock_hz=12_000_000), ["clock, Hz", "frames a second"]),
], ids=["silent", "careless", "deaf", "layer", "bit", "latency", "signature", "cycles", "stalls",
        "frames", "clock"])
def test_a_sickness_is_found(rng: np.random.Generator, sickness: Callable[[Healthy], None],
                             found: list[str]) -> None:
    board = Healthy(draw_core(rng))
    sickness(board)
    assert wrong(board, rng) == found
