"""The driver: frames of NumPy arrays through a board.

    with Board.connect("/dev/ttyUSB1", network, baud=3_000_000) as board:
        y = board.run(x)            # (frames, n_in) -> (frames, n_out), the network's own integers
        print(board.counters())
"""

import json
import math
import secrets
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boards.host.counters import Counters, SelfTest
from boards.host.frames import to_bytes, to_values
from boards.host.line import Disturbed, Line, LinkError
from golden.network import Network
from golden.number import parse_number
from golden.packet import MAX_PAYLOAD, OVERHEAD, PROTOCOL, Command
from golden.pattern import pattern, signature

__all__ = ["Board", "WrongBitstream"]

T = TypeVar("T")

_ROOM = 2  # bytes of an answer to RUN in front of the results
_PATIENCE = 10  # timeouts without a result before an accelerator counts as stuck


class WrongBitstream(LinkError):
    """The board holds another network, or speaks another protocol."""


class Board:
    """A board that computes a network; ``connect`` makes one.

    Frames that a disturbance of the line has taken are sent again, and after ``retries`` attempts
    in a row without a new result LinkError is raised. network: what the board computes; identity:
    what it says of itself; retried: how often something was sent again; line: the port.
    """

    def __init__(self, line: Line, network: Network, retries: int = 3) -> None:
        self.line, self.network, self._retries, self.retried = line, network, retries, 0
        self.identity = self._identify()
        self._input = parse_number(self.identity["input"])
        self._output = parse_number(self.identity["output"])

    @classmethod
    def connect(cls, port: str, network: Network, *, baud: int = 1_000_000, timeout: float = 1.0,
                retries: int = 3, pause: float = 0.03) -> "Board":
        """The board behind a serial port, which must hold ``network``.

        baud: that of the bitstream; timeout: s to wait for an answer; pause: s of silence that end
        any packet. Raises OSError if the port cannot be opened, LinkError if nothing answers there,
        WrongBitstream if the board has not been programmed with this network.
        """
        line = Line(port, baud, timeout, pause)
        try:
            return cls(line, network, retries)
        except BaseException:
            line.close()
            raise

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self.line.close()

    def identify(self) -> dict[str, Any]:
        """What the board says of itself (docs/host_link.md)."""
        said: dict[str, Any] = json.loads(self._ask(Command.IDENTIFY))
        return said

    def _identify(self) -> dict[str, Any]:
        self.reset()
        said, network, name = self.identify(), self.network, self.line.name
        if said["protocol"] != PROTOCOL:
            raise WrongBitstream(f"the board on {name} speaks version {said['protocol']} of the "
                                 f"protocol, this program version {PROTOCOL}; build its bitstream "
                                 "anew")
        if said["network"] != network.digest[:32]:
            raise WrongBitstream(
                f"the board on {name} holds network {said['name']} {said['network'][:12]}, not "
                f"{network.name} {network.digest[:12]}; program it with the bitstream of this "
                "network, or take the network that it was built for")
        return said

    def _again(self, action: Callable[[], T]) -> T:
        """What an action gives, after attempts that were disturbed."""
        for left in reversed(range(self._retries + 1)):
            try:
                return action()
            except Disturbed as error:
                if not left:
                    raise self._no_answer(error) from error
                self.retried += 1
                self.line.pause()
        raise AssertionError

    def _ask(self, command: int, payload: bytes = b"") -> bytes:
        return self._again(lambda: self.line.ask(command, payload))

    def _no_answer(self, error: Disturbed) -> LinkError:
        line = self.line
        return LinkError(
            f"{error} from a board on {line.name} at {line.baud:,} baud, {self._retries + 1} "
            "times: is it powered, programmed with a bitstream that has the host link, built for "
            "this baud rate, and is this the port of its UART?")

    def reset(self) -> None:
        """Empty the board's queues and accelerator and zero its counters; weights stay."""
        def once() -> None:
            nonce = secrets.token_bytes(4)  # tells the answer from those to requests before
            self.line.pause()
            self.line.send(Command.RESET, nonce)
            while self.line.receive(Command.RESET) != nonce:
                pass

        self._again(once)

    def echo(self, payload: bytes) -> bytes:
        """The payload, there and back."""
        return self._ask(Command.ECHO, payload)

    def counters(self) -> Counters:
        """What the board has counted."""
        return Counters.decode(self._ask(Command.COUNTERS))

    def run(self, x: ArrayLike, progress: Callable[[int, int], None] | None = None
            ) -> NDArray[np.int64]:
        """Outputs (frames, n_out) for inputs (frames, n_in), or (frames, ...) of as many elements.

        Inputs are values of the network's input kind, outputs values of its output kind. progress:
        called with (frames done, frames in all). Raises ValueError or TypeError for inputs that are
        none, LinkError where the board gives up.
        """
        x, n_in, n_out = np.asarray(x), self.network.n_in, self.network.n_out
        if x.ndim < 2 or math.prod(x.shape[1:]) != n_in:
            raise ValueError(f"x must have shape (frames, {n_in}), not {x.shape}")
        frames = to_bytes(x.reshape(len(x), n_in), self._input)
        size = -(-n_out * self._output.width // 8)
        results, attempts = bytearray(), 0
        while (done := len(results) // size) < len(frames):
            del results[done * size:]
            before = len(results)
            try:
                self._stream(frames[done:].tobytes(), len(frames) * size, results,
                             lambda: progress and progress(len(results) // size, len(frames)))
            except Disturbed as error:
                attempts = attempts + 1 if len(results) < before + size else 1
                if attempts > self._retries:
                    raise self._no_answer(error) from error
                self.retried += 1
                self.reset()
        return to_values(results, n_out, self._output)

    def _stream(self, data: bytes, wanted: int, results: bytearray,
                tell: Callable[[], Any]) -> None:
        """Send frames and collect results until they are ``wanted`` bytes.

        As many requests are under way as the board can keep, so that the line never rests.
        """
        window, room = self.identity["window"], self.identity["queue"]
        most = min(MAX_PAYLOAD, window // 2 - OVERHEAD)
        sent, moved = 0, time.monotonic()
        waiting: deque[int] = deque()  # bytes of frames in each request that is under way
        while len(results) < wanted:
            while True:
                size = min(most, room, len(data) - sent)
                unanswered = sum(waiting) + OVERHEAD * len(waiting)
                if waiting and (not size or unanswered + size + OVERHEAD > window):
                    break
                self.line.send(Command.RUN, data[sent:sent + size])
                waiting.append(size)
                sent, room = sent + size, room - size
            answer = self.line.receive(Command.RUN)
            moves = waiting.popleft() or len(answer) > _ROOM
            room = int.from_bytes(answer[:_ROOM], "little") - sum(waiting)
            results += answer[_ROOM:]
            tell()
            if moves:
                moved = time.monotonic()
            elif time.monotonic() - moved > _PATIENCE * self.line.timeout:
                raise LinkError(
                    f"the board on {self.line.name} gives no results: {sent:,} of {len(data):,} "
                    f"bytes of frames were taken, {wanted - len(results):,} bytes of results are "
                    "missing; reset() it, or program it anew")
        if len(results) > wanted:
            raise LinkError(f"the board on {self.line.name} gives {len(results) - wanted:,} bytes "
                            "more than the results of all frames; reset() it, or program it anew")

    def write(self, core: Any, network: Network) -> None:
        """Make the board compute another network, by writing its weights.

        core: the hdl.accelerator.Accelerator that the bitstream was built from. Raises what
        ``core.writes`` raises, and ValueError if it is not what the board holds.
        """
        if core.network.digest[:32] != self.identity["network"]:
            raise ValueError(f"core must be of network {self.identity['network'][:12]}, which the "
                             f"board holds, not of {core.network.digest[:12]}")
        pairs = b"".join(address.to_bytes(4, "little") + word.to_bytes(4, "little")
                         for address, word in core.writes(network))
        for start in range(0, len(pairs), MAX_PAYLOAD):
            if self._ask(Command.WRITE, pairs[start:start + MAX_PAYLOAD]) != b"\0":
                raise LinkError(f"the board on {self.line.name} refused an address: its bitstream "
                                "was built with another plan")
        self.network = network

    def self_test(self, frames: int = 1000) -> SelfTest:
        """Let the board send itself pseudo-random frames, a beat a cycle, and sign the outputs.

        Resets the board before, so that its counters are those of the test. Raises ValueError
        for no frames or more than 65535.
        """
        from golden.reference import run

        if not 1 <= frames <= 0xFFFF:
            raise ValueError(f"frames must be from 1 to 65535, not {frames}")
        x = pattern(self._input, self.network.n_in, self.identity["lanes"], frames)
        expected = 0
        for start in range(0, frames, 500):  # in parts: all layers' outputs are kept meanwhile
            expected = signature(run(self.network, x[start:start + 500])[-1], self._output,
                                 self.identity["lanes_out"], before=expected)

        def begin() -> None:
            self.reset()
            self.line.ask(Command.TEST, frames.to_bytes(2, "little"))

        self._again(begin)
        moved, out = time.monotonic(), 0
        while (counters := self.counters()).testing:
            if counters.frames_out != out:
                moved, out = time.monotonic(), counters.frames_out
            elif time.monotonic() - moved > _PATIENCE * self.line.timeout:
                break
        return SelfTest(expected, counters)
