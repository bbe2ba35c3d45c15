"""Windows of a tensor, one tap after the other, out of a ring of pixels."""

from functools import cached_property
from typing import NamedTuple

from amaranth.hdl import C, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.check import check_choice, check_count, check_divisor, check_number
from golden.geometry import MOST_CHANNELS, Geometry
from golden.number import Number
from hdl.loops import Loops
from hdl.parameters import MEMORIES, memory_for, memory_style
from hdl.timing import WindowTiming
from hdl.window_logic import add_modulo, check_lines, follow, shown, shown_number, table
from hdl.window_order import WindowOrder, frame_starts

__all__ = ["SlidingWindow"]


class _Loop(NamedTuple):
    """A nested loop: rounds, and what a round moves: beats of the frame, places in a dimension."""

    name: str
    rounds: int
    beats: int
    dimension: int = -1
    places: int = 0


class SlidingWindow(wiring.Component):
    """Each window of a tensor, one tap after the other: element ``tap * channels + channel``.

    With ``sets``, a window gives all taps of the first ``channels / sets`` channels, then all of
    the next, as convolutions in groups take them.

    The tensor (\\*size, channels) comes row-major, ``channels / lanes`` beats a pixel; windows
    leave in the order of their positions, each tap by tap, row-major over the kernel. Frames follow
    each other without a gap. Pixels lie in a ring; a pixel gives up its place when the last window
    that needs it is out, and a beat of a tap is read as soon as it is in. So no window waits for
    more than its own pixels, nor a frame for the next one, whose pixels enter meanwhile. Padding
    costs no input cycles.

    Parameters
    ----------
    geometry : where the windows lie; any of :class:`golden.geometry.Geometry`
    channels : elements of a pixel
    number : Number of the elements, any kind but a codebook
    lanes : elements a beat; divides ``channels``
    pad : value that a zero of the geometry shows, by default 0. Bipolar inputs among zeros become
        ternary; any other pad must be a value of ``number``, as its minimum for max pooling is
    line_buffers : None for the least memory that reaches the rate; or so many whole lines, slices
        of the outermost dimension: a line is used once it is whole, and filled again once the last
        window of the last row of windows that needs it is out
    memory : "lut", "block" (block RAM) or "auto", which takes LUTs for up to 64 beats
    sets : of channels, in their order; divides the beats of a pixel

    Members
    -------
    i : In(stream.Signature(lanes * number.width)), channel c of a pixel in lane ``c % lanes`` of
        beat ``c // lanes``, lane 0 in the lowest bits
    o : Out(stream.Signature(lanes * output.width)), likewise of a tap

    ``latency`` is 2 cycles from the beat that the first output beat needs; zeros need a frame's
    first. ``initiation_interval``, once the pipeline is full, is the greater number of beats of
    the two sides; with ``line_buffers`` whatever these allow. The first frames may come sooner:
    ``starts`` says when. Raises TypeError and ValueError that name layer, parameter, rule and
    value.

    Source: the sliding window unit of Umuroglu et al., "FINN", FPGA 2017, arXiv:1612.07119.
    """

    def __init__(self, geometry: Geometry, channels: int, number: Number, *, lanes: int,
                 pad: int | None = None, line_buffers: int | None = None, memory: str = "auto",
                 sets: int = 1):
        name = geometry.name
        check_number(number, name)
        channels = check_count(name, "channels", channels, 1, MOST_CHANNELS)
        lanes = check_count(name, "lanes", lanes, 1, channels)
        if channels % lanes:
            *others, last = (n for n in range(1, channels + 1) if channels % n == 0)
            raise ValueError(f"layer {name}: lanes must divide the {channels} channels, not "
                             f"{lanes}; use {', '.join(map(str, others))} or {last}")
        self._lines = check_lines(name, geometry, line_buffers)
        check_choice(f"layer {name}", "memory", memory, MEMORIES)
        self.geometry, self.number = geometry, number
        self._pad = 0 if pad is None else pad
        self._output = shown_number(geometry, number, self._pad)
        self._groups, self._memory = channels // lanes, memory
        self._sets = check_divisor(name, "sets", sets, self._groups, "beats of a pixel")
        self._order = WindowOrder(geometry, lines=self._lines is not None)
        super().__init__({"i": In(stream.Signature(lanes * number.width)),
                          "o": Out(stream.Signature(lanes * self.output.width))})

    @property
    def output(self) -> Number:
        """Number kind of a window's elements."""
        return self._output

    @property
    def beats_in(self) -> int:
        """Input beats a frame."""
        return self.geometry.positions_in * self._groups

    @property
    def beats_out(self) -> int:
        """Output beats a frame."""
        return self.geometry.positions_out * self.geometry.taps * self._groups

    @property
    def _unit(self) -> int:
        """Beats that become available together."""
        return 1 if self._lines is None else self._order.pitches[0] * self._groups

    @cached_property
    def capacity(self) -> int:
        """Pixels that the memory holds."""
        if self._lines is None:
            return self._order.least_pixels(self._groups, self._sets)
        return self._lines * self._order.pitches[0]

    @property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        need = (max(int(self._order.needs[0, 0]), 1) - 1) * self._groups + 1
        return -(-need // self._unit) * self._unit + 1

    @cached_property
    def initiation_interval(self) -> int:
        """Cycles between frames, once the pipeline is full."""
        if self._lines is None:
            return max(self.beats_in, self.beats_out)
        *_, before, last = self.starts(8)
        return last - before

    def starts(self, frames: int) -> list[int]:
        """Cycles from the first input beat to each frame's first output beat, without stalls."""
        return frame_starts(self.timing(), self.beats_out, frames)

    def timing(self) -> WindowTiming:
        """Model of the handshakes."""
        order = self._order
        return WindowTiming(order.needs.ravel().tolist(), order.kept.tolist(),
                            self.geometry.positions_in, self.capacity, self._groups, self._unit,
                            self._sets)

    @cached_property
    def _loops(self) -> list[_Loop]:
        """From the innermost: beats of a tap, taps, sets if there are several, positions."""
        g, pitches = self.geometry, self._order.pitches
        inwards = range(len(g.size) - 1, -1, -1)
        share = self._groups // self._sets
        loops = [_Loop("group", share, 1)]
        loops += [_Loop(f"tap_{d}", g.kernel[d], g.dilation[d] * pitches[d] * self._groups, d,
                        g.dilation[d]) for d in inwards]
        loops += [_Loop("set", self._sets, share)] if self._sets > 1 else []
        loops += [_Loop(f"position_{d}", g.output[d], g.stride[d] * pitches[d] * self._groups, d,
                        g.stride[d]) for d in inwards]
        return loops

    def elaborate(self, platform: object) -> Module:
        m = Module()

        slots, frame, padding = self.capacity * self._groups, self.beats_in, self.geometry.padding
        memory = memory_style("ram", memory_for(self._memory, slots))
        m.submodules.ring = ring = Memory(shape=self.i.payload.shape(), depth=max(slots, 2),
                                          init=[], attrs=memory)
        put, get = ring.write_port(), ring.read_port()

        step = Signal()
        loops = Loops(m, step, [loop.name for loop in self._loops],
                      [loop.rounds for loop in self._loops])

        # The tap's beat, counted in the frame as if that went on beyond its borders, and its slot.
        corner = -sum(pad * pitch * self._groups
                      for pad, pitch in zip(padding, self._order.pitches, strict=True))
        moves = [loop.beats for loop in self._loops]
        beat = Signal(range(corner, frame - corner), init=corner)
        slot = Signal(range(slots), init=corner % slots)
        with m.If(step):
            m.d.sync += beat.eq(beat + loops.change("beat_change", moves))
            m.d.sync += slot.eq(add_modulo(slot, loops.change("slot_change", moves, frame, slots),
                                           slots))

        # Beyond a border a tap is a zero, or it moves to the pixel that is repeated there.
        zero, source, address = C(0), beat, slot
        for d, pad in enumerate(padding):
            if pad == 0:
                continue
            at = Signal(range(self.geometry.size[d] + 2 * pad), name=f"at_{d}")
            places = [loop.places if loop.dimension == d else 0 for loop in self._loops]
            with m.If(step):
                m.d.sync += at.eq(at + loops.change(f"at_{d}_change", places))
            shifts = self._shifts(d)
            if self.geometry.mode == "zeros":
                zero = zero | table(m, f"zero_{d}", at, [shift is None for shift in shifts])
            else:
                beats = [shift or 0 for shift in shifts]
                source = source + table(m, f"shift_{d}", at, beats)
                address = add_modulo(address, table(m, f"slot_shift_{d}", at, [
                    shift % slots for shift in beats]), slots)

        # Counted from the start of the frame that leaves: beats received, and the first kept one.
        received = Signal(range(-frame, frame + slots + 1))
        kept = self._kept(m, step, loops)
        filled = Signal(range(self._unit))  # of a line that is not whole yet
        whole = put.en & (filled == self._unit - 1)
        m.d.comb += [
            self.i.ready.eq(received - kept < slots),
            put.en.eq(self.i.valid & self.i.ready),
            put.data.eq(self.i.payload),
        ]
        with m.If(put.en):
            m.d.sync += put.addr.eq(Mux(put.addr == slots - 1, 0, put.addr + 1))
            m.d.sync += filled.eq(Mux(whole, 0, filled + 1))
        m.d.sync += received.eq(received + Mux(whole, self._unit, 0)
                                - Mux(step & loops.ends[-1], frame, 0))

        # Read when the beat is in and the output register is free; zeros wait for the first beat.
        advance, zero_shown = Signal(), Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            step.eq(advance & (received > Mux(zero, 0, source))),
            get.addr.eq(address),
            get.en.eq(step),
            self.o.payload.eq(get.data),
        ]
        with m.If(advance):
            m.d.sync += [self.o.valid.eq(step), zero_shown.eq(zero)]
        if self.geometry.pads_zeros:
            m.d.comb += self.o.payload.eq(shown(get.data, zero_shown, self.number, self.output,
                                                self._pad))

        return m

    def _shifts(self, d: int) -> list[int | None]:
        """For each place of the padded dimension: beats to the pixel it shows; None for a zero."""
        g, pitch = self.geometry, self._order.pitches[d] * self._groups
        shifts: list[int | None] = [0] * (g.size[d] + 2 * g.padding[d])
        for position, sources in enumerate(g.sources[d].tolist()):
            for tap, source in enumerate(sources):
                at = position * g.stride[d] + tap * g.dilation[d]
                shifts[at] = None if source < 0 else (source - at + g.padding[d]) * pitch
        return shifts

    def _kept(self, m: Module, step: Value, loops: Loops) -> Value:
        """The first beat that the window in work or a later one needs: WindowOrder.kept."""
        order, dimensions = self._order, len(self.geometry.size)
        kept: Value = C(0)
        leaving: Value = C(1)
        for d in range(dimensions):
            loop = len(self._loops) - 1 - d  # of positions; its round ends with all inner loops
            position = loops.indices[loop]
            places = order.lows[d] * (order.pitches[d] * self._groups)
            low = follow(m, f"low_{d}", step & loops.ends[loop - 1], position, places.tolist())
            kept = kept + Mux(leaving, low, int(places[0]))
            leaving = leaving & table(m, f"leaves_{d}", position, order.leaves[d].tolist())
        return kept
