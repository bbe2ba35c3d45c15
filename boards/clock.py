"""The clock of a board's design: its own, or that of a PLL, and a reset until it runs.

`Clocked` is mixed into the platforms of `boards.platforms`, so that every top that has registers in
the domain `sync` gets it without asking.
"""

from math import ceil
from typing import Any

from amaranth import ClockDomain, ClockSignal, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from boards.pll import Pll, find_pll, megahertz

__all__ = ["Clocked", "PllBlock", "Startup"]

SETTLE = 15e-6  # s in reset after the PLL has locked; block RAM of iCE40 needs 3 of them


class PllBlock(Elaboratable):
    """The PLL primitive of a family with its dividers.

    i: the clock that comes in, or with SB_PLL40_PAD the port of its pad; o: the clock that goes
    out; locked: o is stable.
    """

    def __init__(self, pll: Pll, i: Any, pad: bool = False) -> None:
        self._pll, self._i, self._pad = pll, i, pad
        self.o, self.locked = Signal(name="pll_clk"), Signal()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pll = getattr(self, f"_{self._pll.family}")(m)
        return m

    def _xc7(self, m: Module) -> Instance:
        feedback, output = Signal(), Signal()
        m.submodules.buffer = Instance("BUFG", i_I=output, o_O=self.o)
        return Instance(
            "PLLE2_ADV", p_CLKIN1_PERIOD=1e9 / self._pll.input_hz, p_COMPENSATION="INTERNAL",
            p_DIVCLK_DIVIDE=self._pll.n, p_CLKFBOUT_MULT=self._pll.m, p_CLKFBOUT_PHASE=0.0,
            p_CLKOUT0_DIVIDE=self._pll.q, p_CLKOUT0_PHASE=0.0, p_CLKOUT0_DUTY_CYCLE=0.5,
            i_CLKIN1=self._i, i_CLKIN2=0, i_CLKINSEL=1, i_CLKFBIN=feedback, i_RST=0, i_PWRDWN=0,
            i_DADDR=0, i_DCLK=0, i_DEN=0, i_DI=0, i_DWE=0,
            o_CLKFBOUT=feedback, o_CLKOUT0=output, o_LOCKED=self.locked)

    def _cyclonev(self, m: Module) -> Instance:
        # Quartus computes the dividers itself; those found here are possible.
        return Instance(
            "altera_pll", p_reference_clock_frequency=f"{self._pll.input_hz / 1e6:.6f} MHz",
            p_operation_mode="direct", p_number_of_clocks=1,
            p_output_clock_frequency0=f"{float(self._pll.output_hz) / 1e6:.6f} MHz",
            p_phase_shift0="0 ps", p_duty_cycle0=50,
            i_refclk=self._i, i_rst=0, o_outclk=self.o, o_locked=self.locked)

    def _ecp5(self, m: Module) -> Instance:
        feedback = Signal()
        return Instance(
            "EHXPLLL", a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2", p_FEEDBK_PATH="CLKOP", p_CLKI_DIV=self._pll.n, p_CLKFB_DIV=1,
            p_CLKOP_ENABLE="ENABLED", p_CLKOP_DIV=self._pll.m, p_CLKOP_CPHASE=self._pll.m - 1,
            p_CLKOS_ENABLE="ENABLED", p_CLKOS_DIV=self._pll.q, p_CLKOS_CPHASE=self._pll.q - 1,
            i_CLKI=self._i, i_CLKFB=feedback, i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0,
            i_PHASEDIR=1, i_PHASESTEP=1, i_PHASELOADREG=1, i_PLLWAKESYNC=0, i_ENCLKOP=0,
            i_ENCLKOS=0, o_CLKOP=feedback, o_CLKOS=self.o, o_LOCK=self.locked)

    def _ice40(self, m: Module) -> Instance:
        reference = self._pll.reference_hz
        # The loop filter's range grows with the reference; its upper bounds in MHz.
        filter_range = sum(reference >= bound * 1e6 for bound in (17, 26, 44, 66, 101)) + 1
        kind, port = ("PAD", "PACKAGEPIN") if self._pad else ("CORE", "REFERENCECLK")
        return Instance(
            f"SB_PLL40_{kind}", p_FEEDBACK_PATH="SIMPLE", p_DIVR=self._pll.n - 1,
            p_DIVF=self._pll.m - 1, p_DIVQ=self._pll.q.bit_length() - 1,
            p_FILTER_RANGE=filter_range, i_RESETB=1, i_BYPASS=0, o_PLLOUTGLOBAL=self.o,
            o_LOCK=self.locked, **{f"i_{port}": self._i})

    def _gowin(self, m: Module) -> Instance:
        return Instance(
            "rPLL", p_FCLKIN=f"{self._pll.input_hz / 1e6:g}", p_DEVICE="GW1NR-9C",
            p_IDIV_SEL=self._pll.n - 1, p_FBDIV_SEL=self._pll.m - 1, p_ODIV_SEL=self._pll.q,
            p_CLKFB_SEL="internal", i_CLKIN=self._i, i_CLKFB=0, i_RESET=0, i_RESET_P=0, i_FBDSEL=0,
            i_IDSEL=0, i_ODSEL=0, i_PSDA=0, i_DUTYDA=0, i_FDLY=0, o_CLKOUT=self.o,
            o_LOCK=self.locked)


class Startup(wiring.Component):
    """Holds a reset until the clock has been running for some cycles without a break.

    cycles: so many. Members: running, In(1), asynchronous; held, Out(1), of the domain `por`: 1
    from power-up on.
    """

    def __init__(self, cycles: int) -> None:
        self._cycles = cycles
        super().__init__({"running": In(1), "held": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ready, waited = Signal(), Signal(range(self._cycles + 1))
        m.submodules.ready = FFSynchronizer(self.running, ready, o_domain="por")
        m.d.por += [self.held.eq(~ready | (waited != self._cycles)), waited.eq(0)]
        with m.If(ready):
            m.d.por += waited.eq(waited + (waited != self._cycles))
        return m


class Clocked:
    """Mixin of a platform: the domain `sync` runs at `clock_hz`, from a PLL where it must.

    pll_family: whose PLL it is, None where the tools know none; pll_pad: the PLL takes the clock
    right from its pad; clock_buffer: (primitive, input, output) of a global clock buffer that the
    tools do not put in by themselves.
    """

    pll_family: str | None = None
    pll_pad = False
    clock_buffer: tuple[str, str, str] | None = None
    default_clk: str
    default_clk_frequency: float
    default_rst: str | None
    pll: Pll | None = None

    def set_clock(self, clock_hz: float) -> None:
        """Choose the frequency of `sync`; the nearest possible one not above it is taken.

        Raises ValueError where the PLL makes none that is near, or there is no PLL.
        """
        board_hz = self.default_clk_frequency
        if clock_hz == board_hz:
            return
        if self.pll_family is None:
            raise ValueError(f"clock: nextpnr-mistral knows no PLL, so it must be the board's "
                             f"{megahertz(board_hz)} MHz, not {megahertz(clock_hz)} MHz; "
                             "or take --tools quartus")
        self.pll = find_pll(self.pll_family, round(board_hz), round(clock_hz))

    @property
    def clock_hz(self) -> float:
        """What `sync` runs at."""
        return float(self.pll.output_hz) if self.pll else self.default_clk_frequency

    def create_missing_domain(self, name: str) -> Any:
        if name != "sync" or (self.pll is None and self.clock_buffer is None):
            return super().create_missing_domain(name)  # type: ignore[misc]
        platform: Any = self
        m = Module()
        port = platform.request(self.default_clk, dir="-")
        clock, running = port.io, Signal(init=1)
        if not (self.pll and self.pll_pad):
            m.submodules.clk_buf = clk_buf = io.Buffer("i", port)
            clock = clk_buf.i
        if self.pll:
            m.submodules.pll = pll = PllBlock(self.pll, clock, self.pll_pad)
            clock, running = pll.o, pll.locked
            platform.constrain_pll(pll.o)
        elif self.clock_buffer:
            primitive, i, o = self.clock_buffer
            buffered = Signal(name="board_clk")
            m.submodules.clk_global = Instance(primitive, **{f"i_{i}": clock, f"o_{o}": buffered})
            clock = buffered
        if self.default_rst is not None:
            m.submodules.rst_buf = rst_buf = io.Buffer(
                "i", platform.request(self.default_rst, dir="-"))
            running = running & ~rst_buf.i
        m.domains += [ClockDomain("por", reset_less=True, local=True), ClockDomain("sync")]
        m.submodules.startup = startup = Startup(ceil(SETTLE * self.clock_hz))
        m.d.comb += [ClockSignal("por").eq(clock), ClockSignal("sync").eq(clock),
                     startup.running.eq(running), ResetSignal("sync").eq(startup.held)]
        return m

    def constrain_pll(self, clock: Signal) -> None:
        """Tell the tools the frequency of the PLL's output, where they do not derive it."""
