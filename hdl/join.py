"""Where streams part and meet: Fork, and sums and concatenations of tensors."""

from itertools import accumulate
from typing import Any

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.joining import Add as AddLayer
from golden.joining import Concatenate as ConcatenateLayer
from hdl.elementwise import check_lanes, lane_value
from hdl.graph_timing import ConcatenateTiming
from hdl.timing import PipelineTiming

__all__ = ["Add", "Concatenate", "Fork"]


class Fork(wiring.Component):
    """A stream for ``n`` consumers, each of which takes a beat at its own pace.

    A beat is offered to all at once, without a register; to those that have taken it no longer. It
    leaves the input in the cycle in which the last consumer takes it, so none waits for another
    within a beat. :class:`hdl.graph_timing.GraphTiming` models it.

    Parameters
    ----------
    width : bits of a beat, at least 1
    n : consumers, at least 2

    Members
    -------
    i : In(stream.Signature(width))
    o_0, o_1, ... : Out(stream.Signature(width)) for each consumer

    ``latency`` is 0 cycles, ``initiation_interval`` 1 cycle a beat.
    Raises ValueError for a width below 1 or n below 2, TypeError if one is no integer.
    """

    latency, initiation_interval = 0, 1

    def __init__(self, width: int, n: int) -> None:
        for name, value, least in (("width", width, 1), ("n", n, 2)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Fork {name} must be an integer, not {value!r}")
            if value < least:
                raise ValueError(f"Fork {name} must be at least {least}, not {value}")
        self._n = n
        super().__init__({"i": In(stream.Signature(width)), **{
            f"o_{k}": Out(stream.Signature(width)) for k in range(n)}})

    def elaborate(self, platform: object) -> Module:
        m = Module()

        outputs = [getattr(self, f"o_{k}") for k in range(self._n)]
        taken, takes = Signal(self._n), Signal(self._n)
        m.d.comb += [
            takes.eq(taken | Cat(output.ready for output in outputs)),
            self.i.ready.eq(takes.all()),
        ]
        for k, output in enumerate(outputs):
            m.d.comb += [output.valid.eq(self.i.valid & ~taken[k]),
                         output.payload.eq(self.i.payload)]
        with m.If(self.i.valid):
            m.d.sync += taken.eq(Mux(takes.all(), 0, takes))

        return m


class Add(wiring.Component):
    """Sum of two tensors, element by element, bit-exact to :func:`golden.spatial.add`.

    A frame of the core is one position of the layer's. A beat leaves both inputs at once.

    Parameters
    ----------
    layer : golden.layer.Add; its inputs may be of different kinds
    lanes : elements a beat, from 1 to the layer's channels; need not divide them

    Members
    -------
    i_0, i_1 : In(stream.Signature(lanes * width)) of kinds ``layer.input`` and ``layer.other``,
        channel c in lane c % lanes of beat c // lanes, lane 0 lowest; lanes beyond the last
        channel are ignored
    o : Out(stream.Signature(lanes * layer.output.width)), likewise; lanes beyond the last are 0

    ``latency`` is 1 cycle, ``initiation_interval`` ceil(channels / lanes).
    Raises TypeError or ValueError for lanes of any other value.
    """

    latency = 1

    def __init__(self, layer: AddLayer, *, lanes: int):
        check_lanes(layer, lanes)
        self.layer, self.lanes = layer, lanes
        super().__init__({"i_0": In(stream.Signature(lanes * layer.input.width)),
                          "i_1": In(stream.Signature(lanes * layer.other.width)),
                          "o": Out(stream.Signature(lanes * layer.output.width))})

    @property
    def initiation_interval(self) -> int:
        """Cycles a position."""
        return -(-self.layer.n // self.lanes)

    def timing(self) -> PipelineTiming:
        """Model of the handshakes; i.valid stands for both inputs."""
        return PipelineTiming(self.latency)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        layer, width = self.layer, self.layer.output.width
        beat = Signal(range(self.initiation_interval))
        last = beat == self.initiation_interval - 1
        free, take = Signal(), Signal()
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            take.eq(self.i_0.valid & self.i_1.valid & free),
            self.i_0.ready.eq(take), self.i_1.ready.eq(take),
        ]
        sums = [lane_value(self.i_0.payload, lane, layer.input)
                + lane_value(self.i_1.payload, lane, layer.other) for lane in range(self.lanes)]
        n_last = layer.n - (self.initiation_interval - 1) * self.lanes
        with m.If(free):
            m.d.sync += self.o.valid.eq(take)
            for lane, total in enumerate(sums):
                m.d.sync += self.o.payload.word_select(lane, width).eq(
                    total if lane < n_last else Mux(last, 0, total))
        with m.If(take):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))

        return m


class Concatenate(wiring.Component):
    """Channels of tensors side by side, bit-exact to :func:`golden.spatial.concatenate`.

    A frame of the core is one position of the layer's: all beats of input 0, then those of input 1
    and so on.

    Parameters
    ----------
    layer : golden.layer.Concatenate
    lanes : elements a beat of each input and of the output; must divide the channels of each input

    Members
    -------
    i_0, i_1, ... : In(stream.Signature(lanes * layer.input.width)) for each source, channel c in
        lane c % lanes of beat c // lanes, lane 0 lowest
    o : Out(stream.Signature(lanes * layer.input.width)), likewise

    ``latency`` is 1 cycle, ``initiation_interval`` sum(channels) / lanes.
    Raises TypeError or ValueError for lanes of any other value.
    """

    latency = 1

    def __init__(self, layer: ConcatenateLayer, *, lanes: int):
        check_lanes(layer, lanes)
        if any(n % lanes for n in layer.channels):
            raise ValueError(f"layer {layer.name}: lanes must divide the channels of each source, "
                             f"{', '.join(map(str, layer.channels))}, not {lanes}")
        self.layer, self.lanes = layer, lanes
        signature = stream.Signature(lanes * layer.input.width)
        super().__init__({"o": Out(signature), **{
            f"i_{k}": In(signature) for k in range(len(layer.channels))}})

    @property
    def beats(self) -> tuple[int, ...]:
        """Beats of a position, of each input."""
        return tuple(n // self.lanes for n in self.layer.channels)

    @property
    def initiation_interval(self) -> int:
        """Cycles a position."""
        return sum(self.beats)

    def timing(self) -> ConcatenateTiming:
        """Model of the handshakes; i.valid stands for the input whose turn it is."""
        return ConcatenateTiming(self.beats)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        beat = Signal(range(self.initiation_interval))
        chosen: Any = self.o.signature.create()
        m.d.comb += chosen.ready.eq(~self.o.valid | self.o.ready)
        with m.If(chosen.ready):
            m.d.sync += [self.o.valid.eq(chosen.valid), self.o.payload.eq(chosen.payload)]
        with m.If(chosen.valid & chosen.ready):
            m.d.sync += beat.eq(Mux(beat == self.initiation_interval - 1, 0, beat + 1))
        starts = list(accumulate(self.beats))[:-1]
        begun = [C(1, 1), *(beat >= start for start in starts), C(0, 1)]
        for k in range(len(self.beats)):
            source = getattr(self, f"i_{k}")
            with m.If(begun[k] & ~begun[k + 1]):
                m.d.comb += [chosen.valid.eq(source.valid), chosen.payload.eq(source.payload),
                             source.ready.eq(chosen.ready)]

        return m

