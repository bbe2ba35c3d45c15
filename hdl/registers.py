"""What a processor reads and writes of an accelerator: identity, control, status, counters."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.registers import FRAMES_WIDTH, OFFSETS, REGISTERS, Control, Status
from hdl.counting import count_events
from hdl.framed import EVENTS

__all__ = ["Access", "Registers"]

_BLOCK = 5  # bits of a word address within the registers
_STICKY = (Status.SHORT, Status.LONG, Status.START, Status.REFUSED)


class Access(wiring.Signature):
    """Words of 32 bits, read in the same cycle and written in one; nothing waits.

    read_address : Out(address_width), of a word; read_data : In(32)
    write : Out(1); write_address, write_data : Out; whole : Out(1), all four bytes are meant
    """

    def __init__(self, address_width: int) -> None:
        self.address_width = address_width
        super().__init__({
            "read_address": Out(address_width), "read_data": In(32), "write": Out(1),
            "write_address": Out(address_width), "write_data": Out(32), "whole": Out(1)})


class Registers(wiring.Component):
    """The registers of :mod:`golden.registers`, and at byte address ``window`` the weights.

    A write there is one of the accelerator's pairs (:class:`hdl.write_bus.WriteBus`). One
    waits in a register until the accelerator takes it, so that the processor never does; while
    WRITING tells so, another one is refused. What is read beyond the registers is 0.

    Parameters
    ----------
    facts : value of each register that never changes, by its name
    window : layout of the accelerator's ``write`` (address, data), or None

    Members
    -------
    access : In(Access)
    events : In(EVENTS); misplaced : In(1), sets START; idle : In(1)
    packet_frames : Out(16); flush : Out(1), for one cycle
    write : Out(stream.Signature(window)); write_error : In(1); only with a window
    """

    def __init__(self, facts: Mapping[str, int], window: data.StructLayout | None) -> None:
        members: dict[str, wiring.Member] = {
            "events": In(EVENTS), "misplaced": In(1), "idle": In(1),
            "packet_frames": Out(FRAMES_WIDTH, init=1), "flush": Out(1)}
        width = _BLOCK
        if window is not None:
            members |= {"write": Out(stream.Signature(window)), "write_error": In(1)}
            self._bus_width = window["address"].width
            width = max(_BLOCK, self._bus_width) + 1  # the highest bit leads to the window
        self.window = 0 if window is None else 4 << width - 1
        self._facts = {**facts, "window": self.window}
        super().__init__({"access": In(Access(width)), **members})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        access, clear = self.access, Signal()
        flags, writing = Signal(len(_STICKY)), Signal()
        counters = self._counters(m, clear)
        status = {Status.IDLE: self.idle & ~writing, **dict(zip(_STICKY, flags, strict=True)),
                  Status.WRITING: writing}
        if self.window:
            status[Status.STRAY] = self.write_error
        values = {**self._facts, **counters, "packet_frames": self.packet_frames,
                  "status": Cat(status[bit] for bit in Status if bit in status)}
        with m.Switch(access.read_address):
            for k, register in enumerate(REGISTERS):
                if register.access != "write":
                    with m.Case(k):
                        m.d.comb += access.read_data.eq(values[register.name])
            with m.Default():
                m.d.comb += access.read_data.eq(0)

        # What a write means; whatever remains is refused.
        refused, word = Signal(), access.write_data
        m.d.comb += refused.eq(access.write)
        with m.If(access.write & access.whole):
            with m.If(access.write_address == OFFSETS["control"] // 4):
                m.d.comb += [refused.eq(0), self.flush.eq((word & Control.FLUSH) != 0),
                             clear.eq((word & Control.CLEAR) != 0)]
            with m.Elif((access.write_address == OFFSETS["packet_frames"] // 4)
                        & (word[:FRAMES_WIDTH] == word) & (word != 0)):
                m.d.comb += [refused.eq(0), self.flush.eq(1)]
                m.d.sync += self.packet_frames.eq(word)
            if self.window:
                between = access.write_address[self._bus_width:-1]
                with m.Elif(access.write_address[-1] & (between == 0) & ~writing):
                    m.d.comb += refused.eq(0)
                    m.d.sync += [writing.eq(1), self.write.p.data.eq(word),
                                 self.write.p.address.eq(access.write_address)]
        if self.window:
            m.d.comb += self.write.valid.eq(writing)
            with m.If(self.flush | (self.write.valid & self.write.ready)):
                m.d.sync += writing.eq(0)

        events = Cat(self.events.short, self.events.long, self.misplaced, refused)
        m.d.sync += flags.eq(Mux(clear, 0, flags | events))
        return m

    def _counters(self, m: Module, clear: Signal) -> dict[str, Signal]:
        events = self.events
        counters = {"cycles": Signal(32, name="cycles"), **count_events(m, {
            "frames_in": events.frame_in, "frames_out": events.frame_out,
            "stalled_in": events.stalled_in, "stalled_out": events.stalled_out}, 32)}
        now = Signal(32, init=1)  # cycles since the accelerator was empty, or a frame ended
        m.d.sync += now.eq(Mux(events.empty | events.frame_out, 1, now + 1))
        with m.If(events.frame_out):
            m.d.sync += counters["cycles"].eq(now)
        with m.If(clear):
            m.d.sync += [counter.eq(0) for counter in counters.values()]
        return counters
