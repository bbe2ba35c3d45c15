"""Packets over a serial port, and what may go wrong with them."""

import time
import zlib

import serial
from serial.tools import list_ports

from golden.packet import ANSWER, ERROR, LINE_FAULTS, MAX_PAYLOAD, OVERHEAD, START, Fault, encode

__all__ = ["Disturbed", "Line", "LinkError", "Refused"]


class LinkError(RuntimeError):
    """The board cannot be talked to as it should be."""


class Disturbed(LinkError):
    """An answer is missing or damaged, or the board says so of a request: worth another try."""


class Refused(LinkError):
    """The board has understood a request and does not do it. fault: why."""

    def __init__(self, command: int, fault: Fault) -> None:
        super().__init__(f"the board refused request {command}: {fault.name}")
        self.fault = fault


class Line:
    """Requests to a board and its answers, in order.

    port: name of the serial port; timeout: s to wait for an answer; pause: s that make a gap, more
    than the board's own. Raises OSError where the port cannot be opened.
    """

    def __init__(self, port: str, baud: int, timeout: float, pause: float) -> None:
        self.name, self.baud, self.timeout, self._pause = port, baud, timeout, pause
        try:
            self.port = serial.Serial(port, baud, timeout=timeout, write_timeout=timeout,
                                      exclusive=True)
        except (serial.SerialException, ValueError) as error:
            there = ", ".join(sorted(found.device for found in list_ports.comports())) or "none"
            raise OSError(f"port {port} cannot be opened: {error}; serial ports here: {there}"
                          ) from error

    def send(self, command: int, payload: bytes = b"") -> None:
        """Send a request."""
        self.send_raw(encode(command, payload))

    def send_raw(self, data: bytes) -> None:
        """Send any bytes."""
        try:
            self.port.write(data)
        except serial.SerialException as error:
            raise LinkError(f"port {self.name} has failed: {error}") from error

    def _read(self, count: int) -> bytes:
        try:
            return self.port.read(count)
        except serial.SerialException as error:
            raise LinkError(f"port {self.name} has failed: {error}") from error

    def receive_any(self) -> tuple[int, bytes]:
        """(command, payload) of the next answer; Disturbed if there is none or it is damaged."""
        head = self._read(4)
        if not head:
            raise Disturbed(f"no answer within {self.timeout:g} s")
        length = int.from_bytes(head[2:4], "little")
        if len(head) < 4 or head[0] != START or length > MAX_PAYLOAD:
            raise Disturbed("a damaged answer")
        rest = self._read(length + OVERHEAD - 4)
        checksum = zlib.crc32(head[1:] + rest[:length]).to_bytes(4, "little")
        if rest[length:] != checksum:
            raise Disturbed("a damaged answer")
        return head[1], rest[:length]

    def receive(self, command: int) -> bytes:
        """Payload of the next answer, which must be one to ``command``.

        Raises Disturbed where an answer is missing, damaged or another one, or tells that the
        request was damaged; Refused for all else that is an error.
        """
        answered, payload = self.receive_any()
        if answered == ERROR and len(payload) == 1 and payload[0] in tuple(Fault):
            fault = Fault(payload[0])
            if fault in LINE_FAULTS:
                raise Disturbed(f"a damaged request ({fault.name})")
            raise Refused(command, fault)
        if answered != command | ANSWER:
            raise Disturbed("an answer to another request")
        return payload

    def ask(self, command: int, payload: bytes = b"") -> bytes:
        """Send a request and wait for its answer; errors as ``receive``."""
        self.send(command, payload)
        return self.receive(command)

    def pause(self) -> None:
        """Leave a gap, which ends whatever packet the board thinks to be in; forget all answers."""
        self.port.flush()
        time.sleep(self._pause)
        self.port.reset_input_buffer()

    def close(self) -> None:
        """Give the port back."""
        self.port.close()
