"""Registers of an accelerator beside a processor, for hardware, drivers and documents alike.

Each is a word of 32 bits; register k lies at byte address 4 * k. docs/axi.md has the table.
"""

from dataclasses import dataclass
from enum import IntFlag

__all__ = ["FRAMES_WIDTH", "MAGIC", "OFFSETS", "REGISTERS", "SIGNED", "VERSION", "Control",
           "Register", "Status", "c_header", "register_table"]

MAGIC = int.from_bytes(b"LOOM", "little")
VERSION = 1  # of all this
SIGNED = 1 << 8  # in number_in and number_out
FRAMES_WIDTH = 16  # bits of the number of frames in a packet


class Control(IntFlag):
    """What is done when a bit of ``control`` is written as 1."""
    FLUSH = 1  # streams and accelerator as after a reset
    CLEAR = 2  # counters and flags to 0


class Status(IntFlag):
    """Bits of ``status``. Those from SHORT to REFUSED stay until CLEAR."""
    IDLE = 1  # no frame is inside, and nothing of a packet
    SHORT = 2  # a packet has ended too early
    LONG = 4  # a packet went on after its last beat
    START = 8  # startofpacket was missing or misplaced (Avalon alone)
    REFUSED = 16  # a write had no effect: to a register that has none, beyond the map, too early
    WRITING = 32  # a word for the weights waits: no other may be written
    STRAY = 64  # write_error of the accelerator


@dataclass(frozen=True)
class Register:
    """A word: access is "read", "write" or "both"."""

    name: str
    access: str
    meaning: str


REGISTERS = tuple(Register(*fields) for fields in (
    ("magic", "read", f"{MAGIC:#010x}, in memory the letters LOOM"),
    ("version", "read", f"{VERSION}, version of this table"),
    *((f"network_{k}", "read", f"digits {8 * k} to {8 * k + 7} of the network's digest")
      for k in range(4)),
    ("n_in", "read", "elements of a frame"),
    ("n_out", "read", "elements of a result"),
    ("number_in", "read", "bits 7 to 0: bits of an element of a frame; bit 8: is it signed?"),
    ("number_out", "read", "the same of a result"),
    ("lanes_in", "read", "elements of a beat of a frame"),
    ("lanes_out", "read", "elements of a beat of a result"),
    ("bytes_in", "read", "bytes of a beat of a frame"),
    ("bytes_out", "read", "bytes of a beat of a result"),
    ("window", "read", "byte address of address 0 of the weights; 0: none can be written"),
    ("packet_frames", "both",
     f"frames of a packet, 1 to {2**FRAMES_WIDTH - 1}, 1 at first; writing it flushes"),
    ("control", "write", "bit 0: flush, bit 1: clear counters and flags"),
    ("status", "read", "bits from 0: " + ", ".join(
        (bit.name or "").lower() for bit in Status)),
    ("cycles", "read", ("of the last frame, to its last output beat: from its first input beat, or "
                        "from the end of the frame before if that was later")),
    ("frames_in", "read", "frames that have begun"),
    ("frames_out", "read", "frames that have ended"),
    ("stalled_in", "read", "cycles in which a beat has waited at the input"),
    ("stalled_out", "read", "cycles in which a beat has waited at the output"),
))

OFFSETS = {register.name: 4 * k for k, register in enumerate(REGISTERS)}


def register_table() -> str:
    """The registers as a table in Markdown."""
    rows = [f"| {OFFSETS[register.name]:#04x} | {register.name} | {register.access} | "
            f"{register.meaning} |" for register in REGISTERS]
    return "\n".join(["| address | register | access | meaning |", "| --- | --- | --- | --- |",
                      *rows, ""])


def c_header() -> str:
    """Addresses and bits as a header for programs in C."""
    defined = {f"LUTLOOM_{name.upper()}": offset for name, offset in OFFSETS.items()}
    for flags in (Control, Status):
        defined |= {f"LUTLOOM_{flags.__name__.upper()}_{bit.name}": int(bit) for bit in flags}
    lines = [f"#define {name} {value:#04x}" for name, value in defined.items()]
    return "\n".join(["/* Registers of an accelerator: byte addresses, and bits of two of them. */",
                      "#ifndef LUTLOOM_REGISTERS_H", "#define LUTLOOM_REGISTERS_H", *lines,
                      "#endif", ""])
