"""What a board answers to whatever comes over its line, for tests of the host link."""

import zlib
from collections.abc import Callable, Iterable

from golden.packet import (
    ANSWER,
    ERROR,
    EVENT,
    MAX_PAYLOAD,
    OVERHEAD,
    START,
    Command,
    Event,
    Fault,
    encode,
)

__all__ = ["LinkModel"]

_GAP = EVENT | Event.GAP


class LinkModel:
    """A board that has computed every frame, and sent no result unasked, before the next request.

    The words of the line are cut at its gaps, and what lies between is read packet by packet from
    its front, as far as it is right; the hardware goes byte by byte and knows no more than the one.

    identity : answer to IDENTIFY
    frame_bytes, queue : bytes of a frame, and of the queue in front of the accelerator
    compute : bytes of a frame -> bytes of its result
    write : address, data -> was that pair taken? None: nothing can be written
    most : bytes of results in an answer, at most
    """

    def __init__(self, identity: bytes, frame_bytes: int, queue: int,
                 compute: Callable[[bytes], bytes],
                 write: Callable[[int, int], bool] | None = None,
                 most: int = MAX_PAYLOAD - 2) -> None:
        self.identity, self.frame_bytes, self.queue = identity, frame_bytes, queue
        self.compute, self.write, self.most = compute, write, most
        self._waiting: list[int] = []
        self._lost = False  # is everything dropped up to the next gap?
        self._reset()

    def _reset(self) -> None:
        self.part, self.results, self.open, self.refused = b"", b"", False, False

    def answers(self, words: Iterable[int]) -> bytes:
        """All bytes that the board sends because these words come."""
        *bursts, rest = _split(words)
        sent = b""
        for burst in bursts:
            self._waiting += burst
            sent += self._read(ended=True)
            self._waiting, self._lost = [], False
        self._waiting += rest
        return sent + self._read(ended=False)

    def _read(self, ended: bool) -> bytes:
        """Answers to the packets that wait; ended: by a gap."""
        events = [k for k, word in enumerate(self._waiting) if word >= EVENT]
        end = events[0] if events else len(self._waiting)
        data, after, sent = bytes(self._waiting[:end]), self._waiting[end:end + 1], b""
        while (data or after) and not self._lost:
            fault = self._look(data)
            if fault is None:
                size = OVERHEAD + int.from_bytes(data[2:4], "little")
                packet, data = data[:size], data[size:]
                sent += self._execute(packet[1], packet[4:-4])
            elif fault != Fault.TRUNCATED or after or ended:
                if fault == Fault.TRUNCATED and after:
                    fault = Fault[Event(after[0] - EVENT).name]
                sent, self._lost = sent + encode(ERROR, bytes([fault])), True
            else:
                break
        self._waiting = list(data)
        return sent

    def _look(self, data: bytes) -> Fault | None:
        """What is wrong with the packet at the front."""
        length = int.from_bytes(data[2:4], "little")
        if data and data[0] != START:
            return Fault.START
        if len(data) >= 4 and length > MAX_PAYLOAD:
            return Fault.LENGTH
        if len(data) < OVERHEAD + length:
            return Fault.TRUNCATED
        body, checksum = data[1:4 + length], data[4 + length:OVERHEAD + length]
        return None if zlib.crc32(body) == int.from_bytes(checksum, "little") else Fault.CHECKSUM

    def _execute(self, command: int, payload: bytes) -> bytes:
        try:
            known = Command(command)
            answer = self._answer(known, payload)
        except ValueError:
            answer = Fault.COMMAND
        if isinstance(answer, Fault):
            return encode(ERROR, bytes([answer]))
        return encode(known | ANSWER, answer)

    def _answer(self, command: Command, payload: bytes) -> bytes | Fault:
        if command == Command.ECHO:
            return payload
        if command == Command.RESET:
            self._reset()
            return payload
        if command == Command.IDENTIFY:
            return Fault.ARGUMENT if payload else self.identity
        if command == Command.RUN:
            return self._run(payload)
        if command == Command.WRITE and self.write is not None:
            return self._write(payload)
        if command == Command.TEST:
            if len(payload) != 2:
                return Fault.ARGUMENT
            return Fault.BUSY if self.part or self.open else b""
        return Fault.COMMAND

    def _run(self, payload: bytes) -> bytes | Fault:
        if payload and (self.open or len(payload) > self.queue):
            return Fault.BUSY
        given, self.results = self.results[:self.most], self.results[self.most:]
        frames, size = self.part + payload, self.frame_bytes
        whole = len(frames) // size * size
        self.part = frames[whole:]
        self.results += b"".join(self.compute(frames[k:k + size]) for k in range(0, whole, size))
        return (self.queue - len(payload)).to_bytes(2, "little") + given

    def _write(self, payload: bytes) -> bytes | Fault:
        assert self.write is not None
        if not payload or len(payload) % 8:
            return Fault.ARGUMENT
        if self.part:
            return Fault.BUSY
        for k in range(0, len(payload), 8):
            address, data = (int.from_bytes(payload[at:at + 4], "little") for at in (k, k + 4))
            if address == 0:
                self.open, self.refused = True, False
            elif address == 1:
                self.open = False
            elif not self.open or not self.write(address, data):
                self.refused = True
        return bytes([self.refused])


def _split(words: Iterable[int]) -> list[list[int]]:
    """What lies between gaps."""
    parts: list[list[int]] = [[]]
    for word in words:
        if word == _GAP:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts
