"""Windows of a tensor, a whole one a cycle."""

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np
from amaranth.hdl import C, Cat, Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.check import check_choice, check_count, check_divisor, check_number
from golden.geometry import MOST_CHANNELS, Geometry
from golden.number import Number
from hdl.line_window import LineWindow
from hdl.parameters import MEMORIES
from hdl.timing import Timing, WireTiming
from hdl.window_logic import check_lines, shown, shown_number
from hdl.window_order import Sources, extended, frame_starts

__all__ = ["ChainTiming", "ParallelWindow"]


class ChainTiming:
    """Cores one behind the other, whose outputs and inputs wait in registers."""

    def __init__(self, stages: Sequence[Timing]):
        self._stages = stages

    def valid(self, offered: bool) -> bool:
        return self._stages[-1].valid(offered)

    def ready(self, wanted: bool) -> bool:
        return self._stages[0].ready(wanted)

    def step(self, take: bool, give: bool) -> None:
        moves = [before.valid(False) and after.ready(False)
                 for before, after in zip(self._stages, self._stages[1:], strict=False)]
        for stage, enters, leaves in zip(self._stages, [take, *moves], [*moves, give], strict=True):
            stage.step(enters, leaves)


def _dimension(stage: LineWindow, geometry: Geometry) -> int:
    """Along which dimension a stage makes windows."""
    return len(geometry.size) - len(stage.sources.size)


class ParallelWindow(wiring.Component):
    """Each window of a tensor at once: element ``tap * channels + channel`` in that lane.

    The tensor (\\*size, channels) comes row-major, ``pixels`` a beat; windows leave in the order of
    their positions, as many a beat, taps counted row-major over the kernel. Frames follow each
    other without a gap, and no window waits for more than its own beats. One
    :class:`hdl.line_window.LineWindow` a dimension: the first makes columns of pixels out of planes
    or rows, the next columns of these columns, the last windows. So a dimension of size 1 in the
    kernel, of stride 1 and without padding, costs nothing.

    Parameters
    ----------
    geometry, channels, number, pad : as of :class:`hdl.sliding_window.SlidingWindow`
    line_buffers : None for the least memory that reaches the rate; or so many whole lines of the
        outermost dimension, filled and used in turn as in SlidingWindow. In one dimension, a line
        is a beat
    pixels : a beat, and windows a beat; divides the pixels and the windows of a row
    memory : "lut", "block" (block RAM) or "auto", which takes LUTs for lines of up to 64 words
    sets : of channels, in their order: all taps of a window's first set, then of the next

    Members
    -------
    i : In(stream.Signature(pixels * channels * number.width)), channel 0 of the beat's first pixel
        in the lowest bits
    o : Out(stream.Signature(pixels * taps * channels * output.width)), channel 0 of tap 0 of the
        beat's first window in the lowest bits

    ``latency`` is what the line windows need one after the other. ``initiation_interval`` is the
    greatest number of beats between two of them, with ``line_buffers`` whatever these allow; for a
    convolution of stride 1 that keeps the size, the input beats of a frame. Raises TypeError and
    ValueError that name layer, parameter, rule and value.

    Source: line buffers and a window of registers are common in image processing; as convolution
    front end: Zhang et al., "Optimizing FPGA-based Accelerator Design for Deep Convolutional Neural
    Networks", FPGA 2015, doi:10.1145/2684746.2689060.
    """

    def __init__(self, geometry: Geometry, channels: int, number: Number, *,
                 pad: int | None = None, line_buffers: int | None = None, pixels: int = 1,
                 memory: str = "auto", sets: int = 1):
        name, row, row_out = geometry.name, geometry.size[-1], geometry.output[-1]
        check_number(number, name)
        channels = check_count(name, "channels", channels, 1, MOST_CHANNELS)
        pixels = check_count(name, "pixels", pixels, 1, row)
        if row % pixels or row_out % pixels:
            fitting = [n for n in range(1, row + 1) if row % n == row_out % n == 0]
            raise ValueError(f"layer {name}: pixels must divide the {row} pixels and {row_out} "
                             f"windows of a row, not {pixels}; use "
                             f"{' or '.join(map(str, fitting))}")
        check_choice(f"layer {name}", "memory", memory, MEMORIES)
        self.geometry, self.number, self._pixels = geometry, number, pixels
        self._sets = check_divisor(name, "sets", sets, channels, "channels")
        self._pad = 0 if pad is None else pad
        self._output = shown_number(geometry, number, self._pad)
        self._pixel = channels * number.width
        self._size = *geometry.size[:-1], row // pixels
        self._windows = *geometry.output[:-1], row_out // pixels
        self._lines = lines = check_lines(name, self._along(0), line_buffers)
        self.stages: list[LineWindow] = []
        taps = 1
        for d, kernel in enumerate(geometry.kernel):
            passes = kernel == 1 and self._size[d] == self._windows[d] and not geometry.padding[d]
            if passes and (d or lines is None):
                continue
            # A tap of a column, and beside it a bit if it may be a zero.
            tap = self._pixel + (geometry.pads_zeros and len(self.stages) > 0)
            self.stages.append(LineWindow(self._along(d), pixels * taps * tap, pixels,
                                          lines=None if d else lines, memory=memory))
            taps *= kernel
        if lines is None:
            self._bridge_bursts()
        super().__init__({"i": In(stream.Signature(pixels * self._pixel)),
                          "o": Out(stream.Signature(pixels * geometry.taps * channels
                                                    * self.output.width))})

    def _along(self, d: int) -> Sources:
        """Windows over one dimension of what the dimensions before it have left.

        Tap k of the column or window r of a beat is tap ``r * kernel + k``.
        """
        places, pixels, size = self.geometry.sources[d], self._pixels, self._size[d:]
        inner = [np.arange(n)[:, None] for n in size[1:]]
        if inner:
            words = np.tile(places, pixels)
            lanes = np.arange(words.size).reshape(words.shape) % words.shape[1] // places.shape[1]
        else:
            pixel = places.reshape(self._windows[d], -1)
            words, lanes = np.where(pixel < 0, -1, pixel // pixels), extended(pixel) % pixels
        return Sources(size, (words, *inner), lanes)

    def _bridge_bursts(self) -> None:
        """Keep more lines where the next dimension takes words slower than they can come.

        A dimension that has more outputs than inputs does so, at times.
        """
        for k in range(len(self.stages) - 2, -1, -1):
            d, behind = (_dimension(stage, self.geometry) for stage in self.stages[k:k + 2])
            if self._interval_from(behind) == prod(self._size[behind:]):
                continue
            while True:
                chain = ChainTiming([stage.timing() for stage in self.stages[k:]])
                *_, before, last = frame_starts(chain, prod(self._windows[d:]), 8)
                if last - before == self._interval_from(d):
                    break
                self.stages[k].banks += 1

    def _interval_from(self, d: int) -> int:
        """Cycles that a frame of the dimensions from ``d`` on takes."""
        size, windows = self._size, self._windows
        return max(prod(windows[d:e] + size[e:]) for e in range(d, len(size) + 1))

    @property
    def output(self) -> Number:
        """Number kind of a window's elements."""
        return self._output

    @property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return self.starts(1)[0]

    @cached_property
    def initiation_interval(self) -> int:
        """Cycles between frames, once the pipeline is full."""
        if self._lines is not None:
            *_, before, last = self.starts(8)
            return last - before
        return self._interval_from(0)

    def starts(self, frames: int) -> list[int]:
        """Cycles from the first input beat to each frame's first output beat, without stalls."""
        return frame_starts(self.timing(), prod(self._windows), frames)

    def timing(self) -> Timing:
        """Model of the handshakes."""
        if not self.stages:
            return WireTiming()
        return ChainTiming([stage.timing() for stage in self.stages])

    def elaborate(self, platform: object) -> Module:
        m = Module()

        # For each pixel of a beat: its taps so far, the outer dimension fastest, and their zeros.
        columns: list[tuple[list[Value], list[Value]]] = [
            ([self.i.payload.word_select(k, self._pixel)], [C(0, 1)]) for k in range(self._pixels)]
        before = wiring.flipped(self.i)
        for stage in self.stages:
            m.submodules[f"dimension_{_dimension(stage, self.geometry)}"] = stage
            n = len(columns[0][0])
            carries = stage.lane > n * self._pixel
            m.d.comb += [stage.i.payload.eq(Cat((taps, zeros if carries else [])
                                                for taps, zeros in columns)),
                         stage.i.valid.eq(before.valid), before.ready.eq(stage.i.ready)]
            kernel = stage.taps // self._pixels
            columns = []
            for first in range(0, stage.taps, kernel):
                taps, zeros = [], []
                for k in range(first, first + kernel):
                    lane = stage.o.p.columns.word_select(k, stage.lane)
                    taps += [lane.word_select(j, self._pixel) for j in range(n)]
                    zeros += [(lane[n * self._pixel + j] if carries else C(0, 1))
                              | stage.o.p.zeros[k] for j in range(n)]
                columns.append((taps, zeros))
            before = stage.o
        m.d.comb += [self.o.valid.eq(before.valid), before.ready.eq(self.o.ready)]

        order = np.arange(self.geometry.taps).reshape(self.geometry.kernel[::-1]).T.ravel()
        windows = [[taps[k] if not self.geometry.pads_zeros else
                    shown(taps[k], zeros[k], self.number, self.output, self._pad) for k in order]
                   for taps, zeros in columns]
        share = self._pixel // self.number.width * self.output.width // self._sets
        m.d.comb += self.o.payload.eq(Cat(
            tap.word_select(k, share) for window in windows for k in range(self._sets)
            for tap in window))

        return m
