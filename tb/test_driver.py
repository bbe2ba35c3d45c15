"""The driver against the model of a board: results, noise on the line, what it says of errors."""

import json
import os
import pty
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from boards.host.counters import Counters
from boards.host.driver import Board, WrongBitstream
from boards.host.frames import to_bytes, to_values
from boards.host.line import LinkError, Refused
from golden.layer import Dense
from golden.link import LinkModel
from golden.network import Network
from golden.number import Bipolar, Integer, Ternary
from golden.packet import COUNTERS, Command, Fault
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.plan import LayerPlan, Plan
from tb.fake_board import PAUSE, fake_board

QUICK: dict[str, Any] = {"timeout": 0.25, "pause": PAUSE}


def draw_network(rng: np.random.Generator, name: str = "small") -> Network:
    """300 inputs of 3 bits, 113 bytes; 3 sums."""
    return Network(name, (Dense("dense", Integer(3, True), rng.choice([-1, 1], (3, 300))),))


def identity(network: Network, **changes: object) -> bytes:
    return json.dumps({
        "protocol": 1, "name": network.name, "network": network.digest[:32],
        "input": str(network.input), "output": str(network.output), "window": 600, "queue": 250,
        "lanes": 1, "lanes_out": 1, **changes}).encode()


def model(network: Network, compute: Callable[[bytes], bytes] | None = None, **changes: object
          ) -> LinkModel:
    def answer(frame: bytes) -> bytes:
        x = to_values(frame, network.n_in, network.input)
        return to_bytes(run(network, x)[-1], network.output).tobytes()

    return LinkModel(identity(network, **changes), 113, 250, compute or answer)


def draw_frames(rng: np.random.Generator, frames: int) -> np.ndarray:
    return rng.integers(-4, 4, (frames, 300))


def test_runs_batches(rng: np.random.Generator) -> None:
    """Frames of 113 bytes in packets of at most 250; shapes of any dimensions; no frames at all."""
    network, seen = draw_network(rng), []
    x = draw_frames(rng, 40)
    golden = run(network, x)[-1]
    with fake_board(model(network)) as name, Board.connect(name, network, **QUICK) as board:
        assert (board.run(x, lambda *done: seen.append(done)) == golden).all()
        assert (board.run(x[:2].reshape(2, 3, 10, 10)) == golden[:2]).all()
        assert board.run(x[:0]).shape == (0, 3)
        assert board.echo(b"any bytes") == b"any bytes"
        assert board.retried == 0
    assert seen[-1] == (40, 40) and {total for _, total in seen} == {40}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("direction", ["to_board", "to_host"])
def test_results_are_right_over_a_noisy_line(rng: np.random.Generator, direction: str) -> None:
    """Bits flip, bytes vanish and appear, among results in pieces; every frame is right all the
    same."""
    network, passed, wounds = draw_network(rng), 0, iter([900, 2000, 3000])
    following = next(wounds)

    def noise(data: bytes) -> bytes:
        nonlocal passed, following
        passed += len(data)
        if passed < following or not data:
            return data
        following = next(wounds, 10**9)
        at = int(rng.integers(len(data)))
        return rng.choice(np.array([data[:at] + bytes([data[at] ^ 16]) + data[at + 1:],
                                    data[:at] + data[at + 1:], data[:at] + b"\0" + data[at:]],
                                   object))

    x = draw_frames(rng, 60 if direction == "to_board" else 500)
    board_model = model(network)
    board_model.most = 7
    with fake_board(board_model, **{direction: noise}) as name, \
            Board.connect(name, network, **QUICK) as board:
        assert (board.run(x) == run(network, x)[-1]).all()
        assert 1 <= board.retried <= 12
    assert following == 10**9


def test_nothing_answers() -> None:
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    message = (f"no answer within 0.02 s from a board on {name} at 1,000,000 baud, 2 times: is it "
               "powered, programmed with a bitstream that has the host link, built for this baud "
               "rate, and is this the port of its UART?")
    with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
        Board.connect(name, draw_network(np.random.default_rng(1)), timeout=0.02, pause=0.001,
                      retries=1)
    os.close(ours)
    os.close(theirs)


def test_port_that_goes_away(rng: np.random.Generator) -> None:
    network = draw_network(rng)
    with fake_board(model(network)) as name:
        board = Board.connect(name, network, **QUICK)
    with pytest.raises(LinkError, match=f"^port {name} has failed: "):
        board.echo(b"anybody?")
    board.close()


def test_no_such_port() -> None:
    with pytest.raises(OSError, match="^port /dev/none cannot be opened: .*; serial ports here: "):
        Board.connect("/dev/none", draw_network(np.random.default_rng(1)))


def test_wrong_bitstream(rng: np.random.Generator) -> None:
    there, wanted = draw_network(rng, "there"), draw_network(rng, "wanted")
    with fake_board(model(there)) as name:
        message = (f"the board on {name} holds network there {there.digest[:12]}, not wanted "
                   f"{wanted.digest[:12]}; program it with the bitstream of this network, or take "
                   "the network that it was built for")
        with pytest.raises(WrongBitstream, match=f"^{re.escape(message)}$"):
            Board.connect(name, wanted, **QUICK)
    with fake_board(model(there, protocol=7)) as name:
        message = (f"the board on {name} speaks version 7 of the protocol, this program version 1; "
                   "build its bitstream anew")
        with pytest.raises(WrongBitstream, match=f"^{re.escape(message)}$"):
            Board.connect(name, there, **QUICK)


def test_stuck_accelerator(rng: np.random.Generator) -> None:
    network = draw_network(rng)
    with fake_board(model(network, lambda frame: b"")) as name, \
            Board.connect(name, network, timeout=0.05, pause=PAUSE) as board:
        message = (f"the board on {name} gives no results: 226 of 226 bytes of frames were taken, "
                   f"{2 * len(to_bytes(np.zeros((1, 3), int), network.output)[0])} bytes of results"
                   " are missing; reset() it, or program it anew")
        with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
            board.run(draw_frames(rng, 2))


def test_too_many_results(rng: np.random.Generator) -> None:
    network = draw_network(rng)
    with fake_board(model(network, lambda frame: bytes(6))) as name, \
            Board.connect(name, network, **QUICK) as board:
        message = (f"the board on {name} gives 2 bytes more than the results of all frames; reset()"
                   " it, or program it anew")
        with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
            board.run(draw_frames(rng, 2))


def test_rejects(rng: np.random.Generator) -> None:
    network, other = draw_network(rng), draw_network(rng, "other")
    with fake_board(model(network)) as name, Board.connect(name, network, **QUICK) as board:
        for shape in ((300,), (2, 299), (0, 5)):
            message = f"x must have shape (frames, 300), not {shape}"
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
                board.run(np.zeros(shape, int))
        message = "int3 values must be from -4 to 3, not 4 at index (1, 2)"
        x = np.zeros((2, 300), int)
        x[1, 2] = 4
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            board.run(x)
        with pytest.raises(TypeError, match="^values must be integers, not float64$"):
            board.run(np.zeros((2, 300)))
        for frames in (0, 65536):
            message = f"frames must be from 1 to 65535, not {frames}"
            with pytest.raises(ValueError, match=f"^{message}$"):
                board.self_test(frames)
        message = (f"core must be of network {network.digest[:12]}, which the board holds, not of "
                   f"{other.digest[:12]}")
        with pytest.raises(ValueError, match=f"^{message}$"):
            board.write(Accelerator(other, Plan({"dense": LayerPlan()})), network)
        # The model counts nothing.
        with pytest.raises(Refused, match="^the board refused request 5: COMMAND$") as caught:
            board.counters()
        assert caught.value.fault == Fault.COMMAND
        assert board.line.ask(Command.ECHO, b"still there") == b"still there"


def test_counters_are_read_in_their_order() -> None:
    payload = b"".join((k + 1).to_bytes(size, "little") for k, size in enumerate(COUNTERS.values()))
    counters = Counters.decode(payload + (1000).to_bytes(4, "little") + bytes(4))
    assert (counters.cycles, counters.latency, counters.stalled_in, counters.stalled_out,
            counters.frames_in, counters.frames_out, counters.signature) == (1, 2, 3, 4, 5, 6, 7)
    assert counters.cycles_per_frame == 1 / 6
    assert counters.testing is True and counters.signatures == (1000, 0)
    assert counters.faults == {"start": 9, "length": 10, "truncated": 11, "checksum": 12,
                               "framing": 13, "overflow": 14}


def test_frames_are_packed_without_gaps() -> None:
    x = np.array([[1, -1, -4], [3, 2, 0]])
    raw = to_bytes(x, Integer(3, True))
    assert raw.tolist() == [[0b00111001, 0b1], [0b00010011, 0b0]]
    assert (to_values(raw.tobytes(), 3, Integer(3, True)) == x).all()
    signs = np.array([[-1, 1, 1, 1, -1, -1, -1, -1, 1]])
    assert to_bytes(signs, Bipolar()).tolist() == [[0b1110, 1]]
    trits = np.array([[-1, 0, 1]])
    assert to_bytes(trits, Ternary()).tolist() == [[0b010011]]
    assert (to_values(b"\x13", 3, Ternary()) == trits).all()
