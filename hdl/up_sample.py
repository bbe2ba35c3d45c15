"""Up-sampling: places repeated, or zeros between them."""

from math import prod

import numpy as np
from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.resampling import UpSample as UpSampleLayer
from hdl.elementwise import check_lanes, lane_value
from hdl.parameters import check_memory, memory_for, memory_style
from hdl.timing import RepeatTiming

__all__ = ["UpSample"]


class UpSample(wiring.Component):
    """A tensor with each place repeated or followed by zeros, bit-exact to
    :func:`golden.spatial.upsample`.

    Inputs lie in a ring from which the outputs come, a beat a cycle, frame after frame without a
    bubble, while the next inputs enter. What is repeated are blocks: all beats of an index in the
    outermost dimension whose factor is above 1 (rows, of an image). The ring has room for two of
    them, so that inputs may come as evenly as the outputs leave; for one if zeros come between.

    Parameters
    ----------
    layer : golden.resampling.UpSample
    lanes : elements a beat, from 1 to the layer's channels; need not divide them
    memory : where the ring is: "lut", "block" (block RAM) or "auto", which takes LUTs for up to 64
        beats

    Members
    -------
    i : In(stream.Signature(lanes * layer.input.width)), channel c of a place in lane c % lanes of
        the place's beat c // lanes, lane 0 lowest; lanes beyond the last channel are ignored
    o : Out(stream.Signature(lanes * layer.output.width)), likewise; lanes beyond the last are 0

    ``latency`` is 2 cycles, ``initiation_interval`` the output beats of a frame,
    positions_out * ceil(channels / lanes). Raises TypeError or ValueError on any other value.
    """

    latency = 2

    def __init__(self, layer: UpSampleLayer, *, lanes: int, memory: str = "auto"):
        check_lanes(layer, lanes)
        check_memory(layer.name, "ram", memory)
        self.layer, self.lanes = layer, lanes
        self._beats = -(-layer.channels // lanes)
        self._factors: list[int] = np.broadcast_to(layer.factor, len(layer.size)).tolist()
        self._extras: list[int] = np.broadcast_to(layer.extra, len(layer.size)).tolist()
        self._zeros = layer.mode == "zeros"
        outermost = next((d for d, factor in enumerate(self._factors) if factor > 1),
                         len(layer.size) - 1)
        block = prod(layer.size[outermost + 1:]) * self._beats
        self._room = max(2, block if self._zeros else 2 * block)
        self._style = memory_style("ram", memory_for(memory, self._room))
        super().__init__({"i": In(stream.Signature(lanes * layer.input.width)),
                          "o": Out(stream.Signature(lanes * layer.output.width))})

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return self.layer.positions_out * self._beats

    def timing(self) -> RepeatTiming:
        """Model of the handshakes."""
        first = last = np.ones(1, bool)
        for size, places in zip(self.layer.size, self.layer.sources, strict=True):
            begins = np.diff(places, prepend=-1) > 0
            ends = begins if self._zeros else np.diff(places, append=size) > 0
            first, last = (np.logical_and.outer(sofar, here).ravel()
                           for sofar, here in ((first, begins), (last, ends)))
        return RepeatTiming(first.repeat(self._beats).tolist(),
                            last.repeat(self._beats).tolist(), self._room)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        room = self._room
        m.submodules.ring = ring = Memory(shape=len(self.i.payload), depth=room, init=[],
                                          attrs=self._style)
        put, get = ring.write_port(), ring.read_port()
        fresh, taken = Signal(range(room + 1)), Signal(range(room + 1))
        step, free = Signal(), Signal()
        beat = Signal(range(self._beats))
        end = beat == self._beats - 1
        first, last = self._walk(m, step, end, get.addr)
        m.d.comb += [
            self.i.ready.eq(taken != room),
            put.en.eq(self.i.valid & self.i.ready),
            put.data.eq(self.i.payload),
            free.eq(~self.o.valid | self.o.ready),
            step.eq(free & (~first | (fresh != 0))),
            get.en.eq(step),
        ]
        m.d.sync += [fresh.eq(fresh + put.en - (step & first)),
                     taken.eq(taken + put.en - (step & last))]
        with m.If(put.en):
            m.d.sync += put.addr.eq(_next(put.addr, room))

        zero, padded = Signal(), Signal()
        with m.If(free):
            m.d.sync += self.o.valid.eq(step)
        with m.If(step):
            m.d.sync += [beat.eq(_next(beat, self._beats)), padded.eq(end),
                         zero.eq(~first if self._zeros else 0)]
        n_last = self.layer.channels - (self._beats - 1) * self.lanes
        m.d.comb += self.o.payload.eq(Cat(
            Mux(zero | padded if lane >= n_last else zero, 0, self._code(get.data, lane))
            for lane in range(self.lanes)))

        return m

    def _code(self, payload: Value, lane: int) -> Value:
        """A lane's number in the code of the outputs."""
        number, output = self.layer.input, self.layer.output
        if number == output:
            return payload.word_select(lane, number.width)
        return lane_value(payload, lane, number)[:output.width]  # -1 and +1 among zeros

    def _walk(self, m: Module, step: Value, done: Value, address: Signal) -> tuple[Value, Value]:
        """Lead ``address`` through a frame; is its beat here for the first, for the last time?

        Each dimension repeats what is inside it, or follows it by zeros, ``factor`` times before
        its place moves on. done : all that is inside the innermost dimension was given
        """
        following = Signal.like(address)
        first, last = C(1, 1), C(1, 1)
        repeats: list[tuple[Value, Signal]] = []  # from where, if a dimension begins anew
        for d in reversed(range(len(self._factors))):
            factor, size, final = self._factors[d], self.layer.size[d], self._factors[d] - 1
            most = max(factor, self._extras[d] + 1) if self._zeros else factor
            place, phase = Signal(range(size), name=f"place_{d}"), Signal(range(most),
                                                                         name=f"phase_{d}")
            at_end = place == size - 1
            over = phase == (Mux(at_end, self._extras[d], final) if self._zeros else final)
            first, last = first & (phase == 0), last & over
            with m.If(step & done):
                m.d.sync += phase.eq(Mux(over, 0, phase + 1))
                with m.If(over):
                    m.d.sync += place.eq(_next(place, size))
            if not self._zeros and factor > 1:
                start = Signal.like(address, name=f"start_{d}")
                with m.If(step & done):
                    m.d.sync += start.eq(following)
                repeats.append((done & ~over, start))
            done = done & over & at_end

        m.d.comb += following.eq(_next(address, self._room))
        for repeat, start in repeats:
            with m.If(repeat):
                m.d.comb += following.eq(start)
        with m.If(step & first if self._zeros else step):
            m.d.sync += address.eq(following)
        return first, first if self._zeros else last


def _next(count: Value, limit: int) -> Value:
    return Mux(count == limit - 1, 0, count + 1)
