"""Windows of a tensor, a whole one a cycle."""

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np
from amaranth.hdl import C, Cat, Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.check import check_choice, check_count, check_number
from golden.geometry import MOST_CHANNELS, Geometry
from golden.number import Number
from hdl.line_window import LineWindow
from hdl.parameters import MEMORIES
from hdl.timing import Timing, WireTiming
from hdl.window_logic import check_lines, shown, shown_number
from hdl.window_order import frame_starts

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
    return len(geometry.size) - len(stage.geometry.size)


class ParallelWindow(wiring.Component):
    """Each window of a tensor in one beat: element ``tap * channels + channel`` in that lane.

    The tensor (\\*size, channels) comes row-major, a pixel a beat; windows leave in the order of
    their positions, taps counted row-major over the kernel. Frames follow each other without a gap,
    and no window waits for more than its own pixels. One :class:`hdl.line_window.LineWindow` a
    dimension: the first makes columns of pixels out of planes or rows, the next columns of these
    columns, the last windows. So a dimension of size 1 in the kernel, of stride 1 and without
    padding, costs nothing.

    Parameters
    ----------
    geometry, channels, number, pad : as of :class:`hdl.sliding_window.SlidingWindow`
    line_buffers : None for the least memory that reaches the rate; or so many whole lines of the
        outermost dimension, filled and used in turn as in SlidingWindow
    memory : "lut", "block" (block RAM) or "auto", which takes LUTs for lines of up to 64 words

    Members
    -------
    i : In(stream.Signature(channels * number.width)), channel 0 in the lowest bits
    o : Out(stream.Signature(taps * channels * output.width)), channel 0 of tap 0 in the lowest bits

    ``latency`` is what the line windows need one after the other. ``initiation_interval`` is the
    greatest number of beats between two of them, with ``line_buffers`` whatever these allow; for a
    convolution of stride 1 that keeps the size, the pixels of a frame. Raises TypeError and
    ValueError that name layer, parameter, rule and value.

    Source: line buffers and a window of registers are common in image processing; as convolution
    front end: Zhang et al., "Optimizing FPGA-based Accelerator Design for Deep Convolutional Neural
    Networks", FPGA 2015, doi:10.1145/2684746.2689060.
    """

    def __init__(self, geometry: Geometry, channels: int, number: Number, *,
                 pad: int | None = None, line_buffers: int | None = None, memory: str = "auto"):
        name = geometry.name
        check_number(number, name)
        channels = check_count(name, "channels", channels, 1, MOST_CHANNELS)
        lines = check_lines(geometry, line_buffers)
        check_choice(f"layer {name}", "memory", memory, MEMORIES)
        self.geometry, self.number, self._lines = geometry, number, lines
        self._pad = 0 if pad is None else pad
        self._output = shown_number(geometry, number, self._pad)
        self._pixel = channels * number.width
        self.stages: list[LineWindow] = []
        taps = 1
        for d in range(len(geometry.size)):
            stage = self._along(d)
            if stage.trivial and (d or lines is None):
                continue
            carried = taps if self.stages and geometry.pads_zeros else 0
            self.stages.append(LineWindow(stage, taps * self._pixel + carried,
                                          lines=None if d else lines, memory=memory))
            taps *= geometry.kernel[d]
        if lines is None:
            self._bridge_bursts()
        super().__init__({"i": In(stream.Signature(self._pixel)),
                          "o": Out(stream.Signature(geometry.taps * channels
                                                    * self.output.width))})

    def _along(self, d: int) -> Geometry:
        """Windows over one dimension of what the dimensions before it have left."""
        g = self.geometry
        inner = len(g.size) - d - 1
        return Geometry(g.name, g.size[d:], (g.kernel[d], *[1] * inner),
                        (g.stride[d], *[1] * inner), (g.padding[d], *[0] * inner),
                        (g.dilation[d], *[1] * inner), g.mode)

    def _bridge_bursts(self) -> None:
        """Keep more lines where the next dimension takes words slower than they can come.

        A dimension that has more outputs than inputs does so, at times.
        """
        size, output = self.geometry.size, self.geometry.output
        for k in range(len(self.stages) - 2, -1, -1):
            d, behind = (_dimension(stage, self.geometry) for stage in self.stages[k:k + 2])
            if self._interval_from(behind) == prod(size[behind:]):
                continue
            while True:
                chain = ChainTiming([stage.timing() for stage in self.stages[k:]])
                *_, before, last = frame_starts(chain, prod(output[d:]), 8)
                if last - before == self._interval_from(d):
                    break
                self.stages[k].banks += 1

    def _interval_from(self, d: int) -> int:
        """Cycles that a frame of the dimensions from ``d`` on takes."""
        size, output = self.geometry.size, self.geometry.output
        return max(prod(output[d:e] + size[e:]) for e in range(d, len(size) + 1))

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
        return frame_starts(self.timing(), self.geometry.positions_out, frames)

    def timing(self) -> Timing:
        """Model of the handshakes."""
        if not self.stages:
            return WireTiming()
        return ChainTiming([stage.timing() for stage in self.stages])

    def elaborate(self, platform: object) -> Module:
        m = Module()

        # Taps of a word so far, and whether they are zeros; the outer dimension moves fastest.
        taps: list[Value] = [self.i.payload]
        zeros: list[Value] = [C(0, 1)]
        before = wiring.flipped(self.i)
        for stage in self.stages:
            d = _dimension(stage, self.geometry)
            m.submodules[f"dimension_{d}"] = stage
            carries = len(stage.i.payload) > len(Cat(taps))
            m.d.comb += [stage.i.payload.eq(Cat(*taps, *(zeros if carries else []))),
                         stage.i.valid.eq(before.valid), before.ready.eq(stage.i.ready)]
            width, n = len(stage.i.payload), len(taps)
            words = [stage.o.p.columns.word_select(k, width)
                     for k in range(stage.geometry.kernel[0])]
            taps = [word.word_select(j, self._pixel) for word in words for j in range(n)]
            zeros = [(word[n * self._pixel + j] if carries else C(0, 1)) | stage.o.p.zeros[k]
                     for k, word in enumerate(words) for j in range(n)]
            before = stage.o
        m.d.comb += [self.o.valid.eq(before.valid), before.ready.eq(self.o.ready)]

        order = np.arange(len(taps)).reshape(self.geometry.kernel[::-1]).T.ravel()
        window = [taps[k] if not self.geometry.pads_zeros else
                  shown(taps[k], zeros[k], self.number, self.output, self._pad) for k in order]
        m.d.comb += self.o.payload.eq(Cat(window))

        return m
