"""The boards that `lutloom build` knows, and how nextpnr is told which part they carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.ulx3s import ULX3S_25F_Platform, ULX3S_85F_Platform

__all__ = ["BOARDS", "Board", "ICE40HX8K", "ICEBreaker", "ULX3S25F", "ULX3S85F"]


class ULX3S25F(ULX3S_25F_Platform):
    """Radiona ULX3S with a LFE5U-25F; 25 MHz clock, eight LEDs."""


class ULX3S85F(ULX3S_85F_Platform):
    """Radiona ULX3S with a LFE5U-85F; 25 MHz clock, eight LEDs."""


class ICEBreaker(ICEBreakerPlatform):
    """1BitSquared iCEBreaker (iCE40UP5K) with its break-off section as PMOD 2; 12 MHz clock."""

    def __init__(self) -> None:
        super().__init__()
        self.add_resources(self.break_off_pmod)


class ICE40HX8K(ICE40HX8KBEVNPlatform):
    """Lattice iCE40-HX8K breakout board; 12 MHz clock, eight LEDs."""


@dataclass(frozen=True)
class Board:
    """A board for people and tools.

    platform: class of the Amaranth platform; family: as in hdl.synth; synth_options: added to the
    yosys command; device: arguments of nextpnr; logic: its kinds of cells for logic; memory: that
    for block RAM, and how many kbit one holds; leds: the (name, number) resources that show
    heartbeat, all equal so far, and mismatch.
    """

    title: str
    platform: Any
    family: str
    synth_options: tuple[str, ...]
    device: tuple[str, ...]
    logic: tuple[str, ...]
    memory: tuple[str, int]
    leds: tuple[tuple[str, int], tuple[str, int], tuple[str, int]]


_ECP5 = ("TRELLIS_COMB", "TRELLIS_FF"), ("DP16KD", 18)
_ICE40 = ("ICESTORM_LC",), ("ICESTORM_RAM", 4)
_ROW = (("led", 0), ("led", 1), ("led", 2))

BOARDS: Mapping[str, Board] = {
    "ulx3s-25f": Board("ULX3S, ECP5 LFE5U-25F", ULX3S25F, "ecp5", (),
                       ("--25k", "--package", "CABGA381", "--speed", "6"), *_ECP5, _ROW),
    "ulx3s-85f": Board("ULX3S, ECP5 LFE5U-85F", ULX3S85F, "ecp5", (),
                       ("--85k", "--package", "CABGA381", "--speed", "6"), *_ECP5, _ROW),
    "icebreaker": Board("iCEBreaker, iCE40UP5K", ICEBreaker, "ice40", ("-device u",),
                        ("--up5k", "--package", "sg48"), *_ICE40,
                        (("led", 1), ("led_g", 1), ("led_r", 1))),
    "ice40-hx8k": Board("iCE40-HX8K breakout, iCE40HX8K", ICE40HX8K, "ice40", ("-device hx",),
                        ("--hx8k", "--package", "ct256"), *_ICE40, _ROW),
}
