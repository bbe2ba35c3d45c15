"""UART: a byte as a start bit (0), eight bits, the lowest first, and a stop bit (1)."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from golden.packet import EVENT, Event

__all__ = ["UARTReceiver", "UARTTransmitter", "bit_period"]

_CYCLE = 64  # a period's unit is a 64th of a cycle


def bit_period(clock_hz: float, baud: float) -> int:
    """Length of a bit in 64ths of a cycle; off by at most 1/128 of a cycle.

    Raises ValueError for less than 4 cycles, of which a bit's middle could not be found.
    """
    period = round(_CYCLE * clock_hz / baud)
    if period < 4 * _CYCLE:
        raise ValueError(f"baud must be at most a quarter of the clock, {clock_hz / 4:,.0f}, not "
                         f"{baud:,.0f}; take a faster clock")
    return period


class UARTTransmitter(wiring.Component):
    """Send bytes, back to back if they come so.

    Parameter: period of a bit, as ``bit_period`` gives it.

    Members
    -------
    i : In(stream.Signature(8))
    line : Out(1), 1 at rest; a byte's start bit begins in the cycle after the one that takes it

    ``initiation_interval`` is 10 bits, of a period that is no whole number of cycles on average.
    """

    def __init__(self, period: int) -> None:
        self._period = period
        super().__init__({"i": In(stream.Signature(8)), "line": Out(1, init=1)})

    @property
    def initiation_interval(self) -> int:
        """Cycles between bytes."""
        return 10 * self._period // _CYCLE

    def elaborate(self, platform: object) -> Module:
        m = Module()
        frame = Signal(10, init=~0)
        bits = Signal(range(11))  # to be sent, this one included
        left = Signal(range(self._period + _CYCLE))  # of this bit, after this cycle
        ends = Signal()
        m.d.comb += [ends.eq(left < _CYCLE), self.line.eq(frame[0]),
                     self.i.ready.eq(ends & (bits <= 1))]
        with m.If(~ends):
            m.d.sync += left.eq(left - _CYCLE)
        with m.Elif(self.i.valid & self.i.ready):
            m.d.sync += [frame.eq(Cat(0, self.i.payload, 1)), bits.eq(10),
                         left.eq(left + self._period - _CYCLE)]
        with m.Elif(bits > 1):
            m.d.sync += [frame.eq(Cat(frame[1:], 1)), bits.eq(bits - 1),
                         left.eq(left + self._period - _CYCLE)]
        with m.Else():
            m.d.sync += [bits.eq(0), left.eq(0)]
        return m


class UARTReceiver(wiring.Component):
    """Receive bytes, and tell what else happens on the line.

    A start bit is a fall of the line that is still there half a bit later; shorter ones are
    ignored. Each further bit is sampled once, in its middle. What comes is words of nine bits: a
    byte, or EVENT plus an :class:`golden.packet.Event`: FRAMING for a byte without a stop bit, GAP
    once the line has been at rest for ``gap_cycles`` after a byte, and OVERFLOW in place of bytes
    that came while the word before had not been taken. A gap that was not told before the next
    byte came is not told any more; OVERFLOW is, then, for that byte is lost.

    Parameters
    ----------
    period : of a bit, as ``bit_period`` gives it
    gap_cycles : quiet cycles from the middle of the last stop bit to a gap, at least 1

    Members
    -------
    line : In(1), asynchronous
    o : Out(stream.Signature(9))
    """

    def __init__(self, period: int, gap_cycles: int) -> None:
        if gap_cycles < 1:
            raise ValueError(f"UARTReceiver gap_cycles must be at least 1, not {gap_cycles}")
        self._period, self._gap_cycles = period, gap_cycles
        super().__init__({"line": In(1, init=1), "o": Out(stream.Signature(9))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line, before = Signal(init=1), Signal(init=1)
        m.submodules.line = FFSynchronizer(self.line, line, init=1)
        m.d.sync += before.eq(line)

        bits = Signal(range(11))  # to be sampled; the first is the start bit, the last the stop bit
        byte = Signal(8)
        left = Signal(range(self._period + _CYCLE))
        came, broken = Signal(), Signal()
        with m.If(bits == 0):
            with m.If(before & ~line):
                m.d.sync += [bits.eq(10), left.eq(self._period // 2 - _CYCLE)]
        with m.Elif(left >= _CYCLE):
            m.d.sync += left.eq(left - _CYCLE)
        with m.Else():
            m.d.sync += [byte.eq(Cat(byte[1:], line)), left.eq(left + self._period - _CYCLE),
                         bits.eq(Mux((bits == 10) & line, 0, bits - 1))]
            m.d.comb += [came.eq((bits == 1) & line), broken.eq((bits == 1) & ~line)]

        quiet = Signal(range(self._gap_cycles + 1))
        with m.If((bits != 0) | ~line):
            m.d.sync += quiet.eq(0)
        with m.Elif(quiet != self._gap_cycles):
            m.d.sync += quiet.eq(quiet + 1)

        untold = Signal()  # something came since the last gap
        lost, gap = Signal(), Signal()
        m.d.comb += gap.eq(untold & (quiet == self._gap_cycles))
        with m.If(came | broken):
            m.d.sync += untold.eq(1)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [self.o.valid.eq(lost | came | broken | gap),
                         lost.eq(lost & (came | broken))]
            with m.If(lost):
                m.d.sync += self.o.payload.eq(EVENT | Event.OVERFLOW)
            with m.Elif(came):
                m.d.sync += self.o.payload.eq(byte)
            with m.Elif(broken):
                m.d.sync += self.o.payload.eq(EVENT | Event.FRAMING)
            with m.Elif(gap):
                m.d.sync += [self.o.payload.eq(EVENT | Event.GAP), untold.eq(0)]
        with m.Elif(came | broken):
            m.d.sync += lost.eq(1)
        return m
