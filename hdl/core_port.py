"""An accelerator between two queues of bytes, with all that is counted about it."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import crc, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.packet import COUNTERS
from hdl.accelerator import Accelerator
from hdl.address_map import BEGIN, COMMIT
from hdl.counting import count_events, count_inside, frame_ends
from hdl.lane_converter import LaneConverter
from hdl.pattern import Pattern

__all__ = ["CorePort"]


class CorePort(wiring.Component):
    """Frames as bytes into an accelerator and results as bytes out of it.

    A frame is ``frame_bytes`` bytes: the codes of its elements one after the other, the first in
    the lowest bits of the first byte, without gaps; what the last byte has beyond them is ignored,
    and 0 in a result of ``result_bytes``. A test sends frames of :class:`hdl.pattern.Pattern`
    instead, a beat a cycle; their results are not queued, but counted and signed like all others.

    Parameters
    ----------
    core : hdl.accelerator.Accelerator
    queue, results : bytes that the queues hold, from 2 to 65535

    Members
    -------
    put, get : In, Out(stream.Signature(8)), into and out of the queues
    room, level : Out(16), bytes that ``put`` certainly takes, and that ``get`` certainly gives
    test : In(stream.Signature(16)), how many frames; only while ``idle``
    idle : Out(1), no frame is inside, not even a part of one
    closed : Out(1), nothing may be put: a test runs, or a transaction of the write bus is open
    write, write_error : the accelerator's, if it has them
    counters : Out, those of ``golden.packet.COUNTERS`` up to "testing"
    signatures : Out(32 bits a layer), only with taps

    Counted are cycles from the first input beat to the last output beat so far, and to the first;
    cycles in which a beat waits at the input, and at the output; frames that are in and out. All of
    them are of what was since the last reset. ``signature`` is the CRC-32 of all output beats, each
    as whole bytes, lowest first; ``signatures`` are the same of what leaves each layer.
    """

    def __init__(self, core: Accelerator, queue: int = 2048, results: int = 1024) -> None:
        for name, value in {"queue": queue, "results": results}.items():
            if not 2 <= value <= 0xFFFF:
                raise ValueError(f"CorePort {name} must be from 2 to 65535, not {value}")
        self.core, self.queue, self.results = core, queue, results
        network = core.network
        self._bits = {"i": network.n_in * network.input.width,
                      "o": network.n_out * core.output.width}
        self.frame_bytes, self.result_bytes = (-(-bits // 8) for bits in self._bits.values())
        self.taps = tuple(name for name in core.cores if f"tap_{name}" in core.signature.members)
        self._counted = {name: size for name, size in COUNTERS.items() if "faults" not in name}
        members = {"put": In(stream.Signature(8)), "get": Out(stream.Signature(8)),
                   "room": Out(16), "level": Out(16), "test": In(stream.Signature(16)),
                   "idle": Out(1), "closed": Out(1),
                   "counters": Out(8 * sum(self._counted.values()))}
        if self.taps:
            members["signatures"] = Out(32 * len(self.taps))
        if core.bus is not None:
            members |= {"write": In(core.write.signature.flip()), "write_error": Out(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = self.core
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=8, depth=self.queue)
        m.submodules.results = results = fifo.SyncFIFOBuffered(width=8, depth=self.results)
        m.submodules.pattern = pattern = Pattern(core.network.input, core.network.n_in,
                                                 core.plan.lanes)
        m.submodules.to_beats = to_beats = LaneConverter(self._bits["i"], 1, 8,
                                                         len(core.i.payload))
        m.submodules.to_bytes = to_bytes = LaneConverter(self._bits["o"], 1, len(core.o.payload), 8)
        wiring.connect(m, wiring.flipped(self.put), queue.w_stream)
        wiring.connect(m, queue.r_stream, to_beats.i)
        wiring.connect(m, to_bytes.o, results.w_stream)
        wiring.connect(m, results.r_stream, wiring.flipped(self.get))
        m.d.comb += [self.room.eq(self.queue - queue.level), self.level.eq(results.level)]

        # A test has the accelerator for itself from its first to its last beat.
        testing = Signal()
        m.d.comb += [
            pattern.i.payload.eq(self.test.payload), pattern.i.valid.eq(self.test.valid),
            self.test.ready.eq(pattern.i.ready),
            core.i.payload.eq(Mux(testing, pattern.o.payload, to_beats.o.payload)),
            core.i.valid.eq(Mux(testing, pattern.o.valid, to_beats.o.valid)),
            pattern.o.ready.eq(testing & core.i.ready),
            to_beats.o.ready.eq(~testing & core.i.ready),
            to_bytes.i.payload.eq(core.o.payload), to_bytes.i.valid.eq(~testing & core.o.valid),
            core.o.ready.eq(testing | to_bytes.i.ready),
        ]
        entered, left = core.i.valid & core.i.ready, core.o.valid & core.o.ready
        put = self.put.valid & self.put.ready
        _, last_in = frame_ends(m, "i", entered, -(-self._bits["i"] // len(core.i.payload)))
        _, last_out = frame_ends(m, "o", left, -(-self._bits["o"] // len(core.o.payload)))
        first_byte, _ = frame_ends(m, "put", put, self.frame_bytes)
        # Put and not yet out; those of a test are counted as it begins.
        inside = count_inside(m, put & first_byte, left & last_out)
        with m.If(self.test.valid & self.test.ready):
            m.d.sync += [testing.eq(1), inside.eq(self.test.payload)]
        with m.Elif(inside == 0):
            m.d.sync += testing.eq(0)
        is_open = Signal()
        m.d.comb += [self.idle.eq((inside == 0) & ~testing), self.closed.eq(testing | is_open)]
        if core.bus is not None:
            wiring.connect(m, wiring.flipped(self.write), core.write)
            m.d.comb += self.write_error.eq(core.write_error)
            with m.If(self.write.valid & self.write.ready):
                with m.If(self.write.p.address == BEGIN):
                    m.d.sync += is_open.eq(1)
                with m.Elif(self.write.p.address == COMMIT):
                    m.d.sync += is_open.eq(0)

        counted = count_events(m, {
            "stalled_in": core.i.valid & ~core.i.ready, "stalled_out": core.o.valid & ~core.o.ready,
            "frames_in": entered & last_in, "frames_out": left & last_out}, 32)
        counted |= {name: Signal(8 * size, name=name) for name, size in self._counted.items()
                    if name not in counted}
        now = Signal(8 * self._counted["cycles"])  # cycles since the first input beat
        began, ended = Signal(), Signal()
        with m.If(entered):
            m.d.sync += began.eq(1)
        with m.If(began | entered):
            m.d.sync += now.eq(now + 1)
        with m.If(left):
            m.d.sync += [counted["cycles"].eq(now), ended.eq(1)]
            with m.If(~ended):
                m.d.sync += counted["latency"].eq(now)
        m.d.comb += [counted["signature"].eq(self._signature(m, "output", left, core.o.payload)),
                     counted["testing"].eq(testing)]
        m.d.comb += self.counters.eq(Cat(counted[name] for name in self._counted))
        for k, name in enumerate(self.taps):
            tap: Any = getattr(core, f"tap_{name}")
            m.d.comb += self.signatures.word_select(k, 32).eq(
                self._signature(m, name, tap.valid, tap.payload))
        return m

    def _signature(self, m: Module, name: str, moves: Value, payload: Value) -> Value:
        """CRC-32 of all beats that have moved."""
        payload = Value.cast(payload)
        width = -(-len(payload) // 8) * 8
        m.submodules[f"signature_{name}"] = checksum = crc.catalog.CRC32_ISO_HDLC(
            data_width=width).create()
        m.d.comb += [checksum.data.eq(payload), checksum.valid.eq(moves)]
        return checksum.crc
