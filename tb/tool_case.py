"""What tests of toolchains share: a top with block RAM, and stand-ins for tools that pip lacks."""

import stat
from pathlib import Path
from typing import Any

from amaranth import Elaboratable, Module, Signal
from amaranth.lib import io, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.selftest import BoardTest, SelfTest

__all__ = ["Blinker", "DATABASE_FILES", "Inverter", "ram_test", "small_test", "write_tool"]

# Of Project X-Ray and of nextpnr-xilinx, for the part of an Arty A7-35T.
DATABASE_FILES = "db/artix7/xc7a35tcsg324-1/part.yaml", "chips/xc7a35tcsg324.bin"


class Inverter(wiring.Component):
    """o = ~i, n bits, after one register."""

    def __init__(self, n: int) -> None:
        super().__init__({"i": In(stream.Signature(n)), "o": Out(stream.Signature(n))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(~self.o.valid | self.o.ready):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(~self.i.payload)]
        return m


class Blinker(Elaboratable):
    """A register that an LED shows: enough for a clock."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.led = led = io.Buffer("o", platform.request("led", 0, dir="-"))
        state = Signal()
        m.d.sync += state.eq(~state)
        m.d.comb += led.o.eq(state)
        return m


def _top(board: str, width: int, words: list[int]) -> BoardTest:
    mask = (1 << width) - 1
    return BoardTest(SelfTest(Inverter(width), words, [word ^ mask for word in words]), board)


def small_test(board: str) -> BoardTest:
    """A top of some dozens of LUTs."""
    return _top(board, 8, [1, 2, 3])


def ram_test(board: str) -> BoardTest:
    """A top with two ROMs of 512 words of 32 bits, 16 kbit each."""
    return _top(board, 32, [(k * 0x9E3779B1) % 2**32 for k in range(512)])


def write_tool(folder: Path, name: str, body: str) -> Path:
    """A command that appends its name and arguments to the file `calls` of its working folder."""
    path = folder / name
    folder.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{name} $*" >> calls\n{body}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
