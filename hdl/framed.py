"""An accelerator that takes packets: frames whose last beat is marked, right or wrong."""

from typing import NamedTuple

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.registers import FRAMES_WIDTH
from hdl.accelerator import Accelerator
from hdl.counting import count_inside, frame_ends
from hdl.fifo import StreamFIFO

__all__ = ["EVENTS", "Framed"]

_MOST_BITS = 1024  # of a beat, the most that a DMA engine of either vendor has

EVENTS = data.StructLayout({name: 1 for name in (
    "short", "long", "empty", "frame_in", "frame_out", "stalled_in", "stalled_out")})


def _whole_bytes(network: str, what: str, bits: int) -> int:
    """The least power of two of bytes that hold a beat."""
    if bits > _MOST_BITS:
        raise ValueError(f"network {network}: a beat of its {what} must have at most {_MOST_BITS} "
                         f"bits behind a bus, not {bits}; plan fewer lanes there")
    return 1 << ceil_log2(-(-bits // 8))


class _Place(NamedTuple):
    """Where in its packet a beat stands: first and last of a frame, of the packet."""

    frame_first: Value
    frame_last: Value
    first: Value
    last: Value


class Framed(wiring.Component):
    """Packets of ``packet_frames`` frames through an accelerator, each beat whole bytes.

    A beat holds the lanes of one beat of the accelerator, lane 0 lowest, in the least power of two
    of bytes; bits beyond are ignored in frames and 0 in results.

    Every packet gives one packet of results, of the right length. ``last`` too early: the beats
    that are missing are taken as zeros. ``last`` missing: all up to the next ``last`` is dropped.
    So the packet behind a wrong one is as right as ever.

    Parameters
    ----------
    core : hdl.accelerator.Accelerator, whose streams this takes over

    Members
    -------
    i : In(stream.Signature(data, last)); o : Out(stream.Signature(data, first, last))
    packet_frames : In(16), at least 1; constant but for a reset
    idle : Out(1), no frame is inside, and nothing of a packet
    events : Out(EVENTS), what happens in this cycle; empty: no frame is inside the accelerator

    ``latency`` is 2 cycles more than the accelerator's: registers at both sides, so that no output
    depends on an input of the same cycle. Raises ValueError for beats of more than 1024 bits.
    """

    def __init__(self, core: Accelerator) -> None:
        self.core, network = core, core.network
        self.bytes_in, self.bytes_out = (
            _whole_bytes(network.name, side, len(Value.cast(port.payload)))
            for side, port in (("frames", core.i), ("results", core.o)))
        self.beats_in = -(-network.n_in // core.plan.lanes)
        self.beats_out = -(-network.n_out // core.lanes_out)
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({"data": 8 * self.bytes_in, "last": 1}))),
            "o": Out(stream.Signature(data.StructLayout(
                {"data": 8 * self.bytes_out, "first": 1, "last": 1}))),
            "packet_frames": In(FRAMES_WIDTH, init=1), "idle": Out(1), "events": Out(EVENTS)})

    @property
    def latency(self) -> int:
        """Cycles from a frame's first beat to its result's first beat."""
        return self.core.latency + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = self.core
        m.submodules.taken = taken = StreamFIFO(8 * self.bytes_in + 1, 2)
        m.submodules.given = given = StreamFIFO(8 * self.bytes_out + 2, 2)
        word, marked = taken.o.payload[:-1], taken.o.payload[-1]
        filling, dropping = Signal(), Signal()
        entered, left = Signal(), Signal()
        into = self._place(m, "in", entered, self.beats_in)
        out = self._place(m, "out", left, self.beats_out)
        padding = C(0, 8 * self.bytes_out - len(core.o.payload))
        m.d.comb += [
            taken.i.payload.eq(self.i.payload), taken.i.valid.eq(self.i.valid),
            self.i.ready.eq(taken.i.ready),
            core.i.valid.eq(filling | (taken.o.valid & ~dropping)),
            core.i.payload.eq(Mux(filling, 0, word)),
            taken.o.ready.eq(dropping | (core.i.ready & ~filling)),
            given.i.payload.eq(Cat(core.o.payload, padding, out.first, out.last)),
            given.i.valid.eq(core.o.valid), core.o.ready.eq(given.i.ready),
            self.o.payload.eq(given.o.payload), self.o.valid.eq(given.o.valid),
            given.o.ready.eq(self.o.ready),
            entered.eq(core.i.valid & core.i.ready), left.eq(core.o.valid & core.o.ready),
        ]

        events = self.events
        m.d.comb += [
            events.short.eq(entered & ~filling & marked & ~into.last),
            events.long.eq(entered & ~filling & ~marked & into.last),
            events.frame_in.eq(entered & into.frame_first),
            events.frame_out.eq(left & out.frame_last),
            events.stalled_in.eq(self.i.valid & ~self.i.ready),
            events.stalled_out.eq(self.o.valid & ~self.o.ready),
        ]
        with m.If(entered):
            m.d.sync += filling.eq((filling | marked) & ~into.last)
        with m.If(events.long):
            m.d.sync += dropping.eq(1)
        with m.Elif(taken.o.valid & marked):
            m.d.sync += dropping.eq(0)

        inside = count_inside(m, events.frame_in, events.frame_out)
        m.d.comb += [events.empty.eq(inside == 0),
                     self.idle.eq(events.empty & into.first & ~dropping & ~taken.o.valid
                                  & ~given.o.valid)]
        return m

    def _place(self, m: Module, name: str, moves: Value, beats: int) -> _Place:
        """Place of the beat that moves next."""
        begins, ends = frame_ends(m, name, moves, beats)
        frame = Signal(FRAMES_WIDTH, name=f"frame_{name}")
        is_last = frame == self.packet_frames - 1
        with m.If(moves & ends):
            m.d.sync += frame.eq(Mux(is_last, 0, frame + 1))
        return _Place(begins, ends, begins & (frame == 0), ends & is_last)
