"""The boards that `lutloom build` knows, and what the tools are told of their parts.

Pins are those of amaranth-boards, else of the makers' public tables: Digilent's master XDC files
(Basys 3, PYNQ-Z1) and TUL's (PYNQ-Z2). docs/boards.md tells how to add a board.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amaranth.build import Attrs, Clock, Connector, Pins, Resource
from amaranth.vendor import XilinxPlatform
from amaranth_boards.arty_a7 import ArtyA7_35Platform, ArtyA7_100Platform
from amaranth_boards.arty_z7 import ArtyZ720Platform
from amaranth_boards.de0_cv import DE0CVPlatform
from amaranth_boards.de10_nano import DE10NanoPlatform
from amaranth_boards.ecpix5 import ECPIX585Platform
from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.nexys4ddr import Nexys4DDRPlatform
from amaranth_boards.resources import ButtonResources, LEDResources, UARTResource
from amaranth_boards.tang_nano_9k import TangNano9kPlatform
from amaranth_boards.ulx3s import ULX3S_25F_Platform, ULX3S_85F_Platform

from boards.families import CycloneV, Ecp5, Gowin, Ice40, Xilinx7

__all__ = ["BOARDS", "Board", "make_platform"]

_LVCMOS33 = Attrs(IOSTANDARD="LVCMOS33")
# Pins of a USB-UART adapter on PMOD JA, after Digilent's interface type 4: 2 transmits, 3 receives.
_PMOD_UART = UARTResource(0, rx="3", tx="2", conn=("pmod", 0), attrs=_LVCMOS33)


class ArtyA735(Xilinx7, ArtyA7_35Platform):
    """Digilent Arty A7-35T; 100 MHz clock, four LEDs."""


class ArtyA7100(Xilinx7, ArtyA7_100Platform):
    """Digilent Arty A7-100T; 100 MHz clock, four LEDs."""


class Nexys4DDR(Xilinx7, Nexys4DDRPlatform):
    """Digilent Nexys 4 DDR (Nexys A7-100T); 100 MHz clock, sixteen LEDs."""


class Basys3(Xilinx7, XilinxPlatform):
    """Digilent Basys 3; 100 MHz clock, sixteen LEDs."""

    device, package, speed = "xc7a35t", "cpg236", "1"
    default_clk = "clk100"
    resources = [
        Resource("clk100", 0, Pins("W5", dir="i"), Clock(100e6), _LVCMOS33),
        *LEDResources(pins="U16 E19 U19 V19 W18 U15 U14 V14 V13 V3 W3 U3 P3 N3 P1 L1",
                      attrs=_LVCMOS33),
        *ButtonResources(pins="U18 T18 W19 T17 U17", attrs=_LVCMOS33),
        UARTResource(0, rx="B18", tx="A18", attrs=_LVCMOS33),
    ]
    connectors = [
        Connector("pmod", 0, "J1  L2  J2  G2  - - H1  K2  H2  G3  - -"),  # JA
        Connector("pmod", 1, "A14 A16 B15 B16 - - A15 A17 C15 C16 - -"),  # JB
        Connector("pmod", 2, "K17 M18 N17 P18 - - L17 M19 P17 R18 - -"),  # JC
    ]


class ArtyZ720(Xilinx7, ArtyZ720Platform):
    """Digilent Arty Z7-20, programmable logic alone; 125 MHz clock, four LEDs."""

    resources = [*ArtyZ720Platform.resources, _PMOD_UART]


class PynqZ1(Xilinx7, XilinxPlatform):
    """Digilent PYNQ-Z1, programmable logic alone; 125 MHz clock, four LEDs."""

    device, package, speed = "xc7z020", "clg400", "1"
    default_clk = "clk125"
    resources = [
        Resource("clk125", 0, Pins("H16", dir="i"), Clock(125e6), _LVCMOS33),
        *LEDResources(pins="R14 P14 N16 M14", attrs=_LVCMOS33),
        *ButtonResources(pins="D19 D20 L20 L19", attrs=_LVCMOS33),
        _PMOD_UART,
    ]
    connectors = [
        Connector("pmod", 0, "Y18 Y19 Y16 Y17 - - U18 U19 W18 W19 - -"),  # PMODA
        Connector("pmod", 1, "W14 Y14 T11 T10 - - V16 W16 V12 W13 - -"),  # PMODB
    ]


class PynqZ2(PynqZ1):
    """TUL PYNQ-Z2, programmable logic alone; what is used here has the pins of a PYNQ-Z1."""


class DE10Nano(CycloneV, DE10NanoPlatform):
    """Terasic DE10-Nano; 50 MHz clock, eight LEDs, UART on pins 0 (rx) and 1 (tx) of the Arduino
    header."""


class DE0CV(CycloneV, DE0CVPlatform):
    """Terasic DE0-CV; 50 MHz clock, ten LEDs, UART on pins 1 (rx) and 2 (tx) of GPIO_0."""

    resources = [*DE0CVPlatform.resources, UARTResource(
        0, rx="1", tx="2", conn=("j", 1), attrs=Attrs(io_standard="3.3-V LVTTL"))]


class ULX3S25F(Ecp5, ULX3S_25F_Platform):
    """Radiona ULX3S with a LFE5U-25F; 25 MHz clock, eight LEDs."""


class ULX3S85F(Ecp5, ULX3S_85F_Platform):
    """Radiona ULX3S with a LFE5U-85F; 25 MHz clock, eight LEDs."""


class ECPIX585(Ecp5, ECPIX585Platform):
    """LambdaConcept ECPIX-5 with a LFE5UM5G-85F; 100 MHz clock, of four RGB LEDs the green of the
    first two and the red of the third."""

    resources = [*(resource for resource in ECPIX585Platform.resources
                   if resource.name != "rgb_led"),
                 *LEDResources(pins="R21 W21 K21", invert=True,
                               attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP"))]


class ICEBreaker(Ice40, ICEBreakerPlatform):
    """1BitSquared iCEBreaker (iCE40UP5K) with its break-off section as PMOD 2; 12 MHz clock."""

    # Its clock comes in at the pad of its only PLL, which then is no other input.
    pll_pad = True

    def __init__(self) -> None:
        super().__init__()
        self.add_resources(self.break_off_pmod)


class ICE40HX8K(Ice40, ICE40HX8KBEVNPlatform):
    """Lattice iCE40-HX8K breakout board; 12 MHz clock, eight LEDs."""


class TangNano9K(Gowin, TangNano9kPlatform):
    """Sipeed Tang Nano 9K; 27 MHz clock, six LEDs."""


@dataclass(frozen=True)
class Board:
    """A board for people and tools.

    platform: class of the Amaranth platform; family: as in hdl.synth; part: as the tools call it;
    toolchains: names of those that can build for it, the usual one first; synth_options: added to
    the yosys command; device: arguments of nextpnr; logic: its kinds of cells for logic; memory:
    that for block RAM, and how many kbit one holds; luts, brams: how many the part has;
    leds: the (name, number) resources that show heartbeat, all equal so far, and mismatch;
    link: where `platform.request("uart", 0)` is: at the board's USB plug or on pins of a header,
    the one that receives and the one that transmits; loader: what openFPGALoader is told of the
    board; flash: and what, so that a bitstream stays without power, nothing where it always does,
    None where it cannot; jtag: place of the FPGA in its JTAG chain.
    """

    title: str
    platform: Any
    family: str
    part: str
    toolchains: tuple[str, ...]
    luts: int
    brams: int
    logic: tuple[str, ...]
    memory: tuple[str, int]
    synth_options: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    leds: tuple[tuple[str, int], tuple[str, int], tuple[str, int]] = (
        ("led", 0), ("led", 1), ("led", 2))
    link: str = "USB-UART"
    loader: tuple[str, ...] = ()
    flash: tuple[str, ...] | None = ("-f",)
    jtag: int = 1


def make_platform(board: Board, toolchain: str, clock_hz: float | None = None) -> Any:
    """The platform of a board for Amaranth's toolchain of that name, at a clock or its own.

    Raises ValueError for a clock that its PLL does not make.
    """
    choice = {"toolchain": toolchain} if len(board.toolchains) > 1 else {}
    platform = board.platform(**choice)
    if clock_hz is not None:
        platform.set_clock(clock_hz)
    return platform


_XILINX = "openxc7", "openxc7-himbaechel", "vivado"
_INTEL = "mistral", "quartus"
_CELLS = {
    "xc7": (("SLICE_LUTX", "SLICE_FFX"), ("RAMB36E1", 36)),
    "cyclonev": (("MISTRAL_COMB", "MISTRAL_FF"), ("MISTRAL_M10K", 10)),
    "ecp5": (("TRELLIS_COMB", "TRELLIS_FF"), ("DP16KD", 18)),
    "ice40": (("ICESTORM_LC",), ("ICESTORM_RAM", 4)),
    "gowin": (("LUT4", "DFF"), ("BSRAM", 18)),
}


def _board(title: str, platform: Any, family: str, part: str, toolchains: tuple[str, ...],
           luts: int, brams: int, loader: str, **more: Any) -> Board:
    return Board(title, platform, family, part, toolchains, luts, brams, *_CELLS[family],
                 loader=tuple(loader.split()), **more)


_SPEED6 = "--package", "CABGA381", "--speed", "6"
_ZYNQ: dict[str, Any] = {"link": "PMOD A 3, 2", "flash": None}  # which its processor reads

BOARDS: Mapping[str, Board] = {
    "arty-a7-35t": _board("Arty A7-35T, XC7A35T", ArtyA735, "xc7", "xc7a35tcsg324-1", _XILINX,
                          20_800, 50, "-b arty_a7_35t"),
    "arty-a7-100t": _board("Arty A7-100T, XC7A100T", ArtyA7100, "xc7", "xc7a100tcsg324-1", _XILINX,
                           63_400, 135, "-b arty_a7_100t"),
    "nexys-4-ddr": _board("Nexys 4 DDR, XC7A100T", Nexys4DDR, "xc7", "xc7a100tcsg324-1", _XILINX,
                          63_400, 135, "-b nexys_a7_100"),
    "basys-3": _board("Basys 3, XC7A35T", Basys3, "xc7", "xc7a35tcpg236-1", _XILINX, 20_800, 50,
                      "-b basys3"),
    "arty-z7-20": _board("Arty Z7-20, XC7Z020", ArtyZ720, "xc7", "xc7z020clg400-1", _XILINX,
                         53_200, 140, "-b arty_z7_20", **_ZYNQ),
    "pynq-z1": _board("PYNQ-Z1, XC7Z020", PynqZ1, "xc7", "xc7z020clg400-1", _XILINX, 53_200, 140,
                      "-b pynq_z1", **_ZYNQ),
    "pynq-z2": _board("PYNQ-Z2, XC7Z020", PynqZ2, "xc7", "xc7z020clg400-1", _XILINX, 53_200, 140,
                      "-b pynq_z2", **_ZYNQ),
    "de10-nano": _board("DE10-Nano, Cyclone V 5CSEBA6", DE10Nano, "cyclonev", "5CSEBA6U23I7",
                        _INTEL, 83_820, 553, "-b de10nano", link="Arduino 0, 1", flash=None,
                        jtag=2),
    "de0-cv": _board("DE0-CV, Cyclone V 5CEBA4", DE0CV, "cyclonev", "5CEBA4F23C7", _INTEL,
                     36_960, 308, "-c usb-blaster", link="GPIO_0 1, 2", flash=None),
    "ulx3s-25f": _board("ULX3S, ECP5 LFE5U-25F", ULX3S25F, "ecp5", "LFE5U-25F-6BG381C",
                        ("trellis",), 24_288, 56, "-b ulx3s", device=("--25k", *_SPEED6)),
    "ulx3s-85f": _board("ULX3S, ECP5 LFE5U-85F", ULX3S85F, "ecp5", "LFE5U-85F-6BG381C",
                        ("trellis",), 83_640, 208, "-b ulx3s", device=("--85k", *_SPEED6)),
    "ecpix-5-85f": _board("ECPIX-5, ECP5-5G LFE5UM5G-85F", ECPIX585, "ecp5",
                          "LFE5UM5G-85F-8BG554I", ("trellis",), 83_640, 208, "-b ecpix5",
                          device=("--um5g-85k", "--package", "CABGA554", "--speed", "8")),
    "icebreaker": _board("iCEBreaker, iCE40UP5K", ICEBreaker, "ice40", "iCE40UP5K-SG48",
                         ("icestorm",), 5_280, 30, "-b ice40_generic",
                         synth_options=("-device u",), flash=(),
                         device=("--up5k", "--package", "sg48"),
                         leds=(("led", 1), ("led_g", 1), ("led_r", 1))),
    "ice40-hx8k": _board("iCE40-HX8K breakout, iCE40HX8K", ICE40HX8K, "ice40", "iCE40HX8K-CT256",
                         ("icestorm",), 7_680, 32, "-b ice40_generic",
                         synth_options=("-device hx",), flash=(),
                         device=("--hx8k", "--package", "ct256")),
    "tang-nano-9k": _board("Tang Nano 9K, GW1NR-9C", TangNano9K, "gowin", "GW1NR-LV9QN88PC6/I5",
                           ("apicula",), 8_640, 26, "-b tangnano9k", device=(
                               "--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C")),
}
