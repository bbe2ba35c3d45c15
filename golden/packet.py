"""Packets of the host link: what stands on the line, for hardware, driver and tests alike.

A packet is ``START``, command (1 byte), length of the payload (2 bytes), payload, and the CRC-32
(4 bytes, IEEE 802.3 as ``zlib.crc32``) of command, length and payload; the lowest byte of a number
is first. Requests and answers look the same; a good answer carries the request's command plus
``ANSWER``, any other ``ERROR`` and one byte, a ``Fault``. docs/host_link.md has them byte by byte.
"""

import zlib
from enum import IntEnum

__all__ = ["ANSWER", "COUNTERS", "ERROR", "EVENT", "LINE_FAULTS", "MAX_PAYLOAD", "OVERHEAD",
           "PROTOCOL", "START", "Command", "Event", "Fault", "encode"]

PROTOCOL = 1  # version of all this
START = 0xA5
ANSWER, ERROR = 0x80, 0xFF
MAX_PAYLOAD = 512  # one block RAM of the smallest part
OVERHEAD = 8  # bytes of a packet beside its payload
EVENT = 0x100  # in a word of nine bits from the line: no byte, but an Event


class Event(IntEnum):
    """What a line gives beside bytes.

    GAP: it is quiet for longer than any pause within a packet; FRAMING: no stop bit where one
    belongs; OVERFLOW: bytes were lost, since nobody took them.
    """
    GAP, FRAMING, OVERFLOW = range(3)


class Command(IntEnum):
    """What a request asks for."""
    ECHO, IDENTIFY, RESET, RUN, COUNTERS, WRITE, TEST = range(1, 8)


class Fault(IntEnum):
    """Why there is no good answer: the first six are faults of the line, or of a packet's form."""
    START, LENGTH, TRUNCATED, CHECKSUM, FRAMING, OVERFLOW, COMMAND, ARGUMENT, BUSY = range(1, 10)


LINE_FAULTS = tuple(Fault)[:6]

# The answer to COUNTERS: name -> bytes, in this order; then 4 bytes for each layer that is watched.
COUNTERS = {"cycles": 6, "latency": 4, "stalled_in": 4, "stalled_out": 4, "frames_in": 4,
            "frames_out": 4, "signature": 4, "testing": 1,
            **{f"faults_{fault.name.lower()}": 2 for fault in LINE_FAULTS}}


def encode(command: int, payload: bytes = b"") -> bytes:
    """A packet; ValueError for a payload of more than ``MAX_PAYLOAD`` bytes."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload must be at most {MAX_PAYLOAD} bytes, not {len(payload)}")
    body = bytes([command]) + len(payload).to_bytes(2, "little") + payload
    return bytes([START]) + body + zlib.crc32(body).to_bytes(4, "little")
