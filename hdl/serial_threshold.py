"""How many thresholds does a number reach: a binary search, one bit of the count a cycle."""

from collections.abc import Mapping, Sequence

import numpy as np
from amaranth.hdl import C, Cat, Module, Mux, Signal, Value

from golden.activation import MultiThreshold as MultiThresholdLayer
from golden.activation import constant
from hdl.elementwise import ElementwiseCore, lane_value
from hdl.multi_threshold import as_output, threshold_number
from hdl.parameters import read_port

__all__ = ["SerialThreshold", "SerialTiming"]


class SerialTiming:
    """One beat at a time, ``bits`` cycles each, the last of which waits for the output."""

    def __init__(self, bits: int):
        self._bits, self._left, self._full = bits, 0, False

    def valid(self, offered: bool) -> bool:
        return self._full

    def ready(self, wanted: bool) -> bool:
        return self._left == 0 or self._left == 1 and (wanted or not self._full)

    def step(self, take: bool, give: bool) -> None:
        free = give or not self._full
        ends = self._left == 1 and free
        self._full = ends or not free
        self._left -= ends or self._left > 1
        if take:
            self._left = self._bits


class SerialThreshold(ElementwiseCore[MultiThresholdLayer]):
    """Number of thresholds reached, bit-exact to :func:`golden.elementwise.multi_threshold`.

    Each lane searches its row of thresholds, kept as a heap (node 1 is the middle one, below node
    k are 2k and 2k + 1), with one comparison a cycle. A beat takes ``bits`` cycles, the bits of
    the count; latency ``bits + 1`` cycles. Everything else as
    :class:`hdl.elementwise.ElementwiseCore`.
    """

    @property
    def bits(self) -> int:
        """Bits of the count of reached thresholds."""
        return self.layer.levels.bit_length()

    @property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return self.bits + 1

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return self.beats * self.bits

    def timing(self) -> SerialTiming:  # type: ignore[override]
        """Model of the handshakes."""
        return SerialTiming(self.bits)

    @property
    def _rows(self) -> int:
        """Rows of thresholds in a lane's memory: one for all beats where they are the same."""
        return 1 if not self.is_ram and constant(self.layer.thresholds) else self.beats

    @property
    def memories(self) -> Mapping[str, tuple[int, int]]:
        """Name -> (words, bits of a word): for each lane its rows of thresholds."""
        shape = self._rows << self.bits, threshold_number(self.layer).width
        return {f"thresholds_{lane}": shape for lane in range(self.lanes)}

    def facts(self, layer: MultiThresholdLayer) -> dict[str, object]:
        """What a layer that is written must share with this one."""
        return {**super().facts(layer), "levels": layer.levels}

    def words(self, layer: MultiThresholdLayer) -> list[Sequence[int]]:
        """For each lane: beat by beat a heap of thresholds, node 0 unused."""
        number, size = threshold_number(layer), 1 << self.bits
        # What is missing to a full heap is never reached.
        rows = np.pad(layer.thresholds, ((0, 0), (0, size - 1 - layer.levels)),
                      constant_values=layer.input.maximum + 1)
        heap = np.zeros((self.beats * self.lanes, size), np.int64)
        for node in range(1, size):
            depth = node.bit_length() - 1
            place = ((2 * (node - (1 << depth)) + 1) << self.bits - 1 - depth) - 1
            heap[:layer.n, node] = rows[:, place]
        heap = heap.reshape(self.beats, self.lanes, size)[:self._rows]
        return [number.encode(heap[:, lane].ravel()).tolist() for lane in range(self.lanes)]

    def elaborate(self, platform: object) -> Module:
        m = Module()

        bits, lanes = self.bits, self.lanes
        beat, level, active = Signal(range(self.beats)), Signal(range(bits)), Signal()
        current_last = Signal()  # the beat in work is a frame's last
        free, last_level, accept = Signal(), Signal(), Signal()
        writing = self.write.valid & (beat == 0) if self.is_ram else C(0)
        finish, go_on = Signal(), Signal()
        last_beat = beat == self.beats - 1
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            last_level.eq(level == bits - 1),
            finish.eq(active & last_level & free),
            go_on.eq(active & ~last_level),
            self.i.ready.eq((~active | finish) & ~writing),
            accept.eq(self.i.valid & self.i.ready),
        ]
        with m.If(accept):
            m.d.sync += [active.eq(1), level.eq(0), current_last.eq(last_beat),
                         beat.eq(Mux(last_beat, 0, beat + 1))]
        with m.Elif(finish):
            m.d.sync += active.eq(0)
        with m.Elif(go_on):
            m.d.sync += level.eq(level + 1)
        if self.is_ram:
            m.d.comb += self.write.ready.eq((beat == 0) & ~active & ~self.o.valid)

        row = Signal(range(self._rows))  # that of the beat in work
        if self._rows > 1:
            with m.If(accept):
                m.d.sync += row.eq(beat)
        number, contents = self.layer.input, self.words(self.layer)
        n_last = self.layer.n - (self.beats - 1) * lanes
        codes: list[Value] = []
        for lane, (name, (_, width)) in enumerate(self.memories.items()):
            port = read_port(m, name, contents[lane], width, storage=self._storage,
                             memory=self._memory, variant=self._variant,
                             write=self.write if self.is_ram else None, number=lane)
            x = Signal(len(lane_value(self.i.payload, lane, number)) + 1, name=f"x_{lane}")
            node = Signal(bits, name=f"node_{lane}", init=1)
            reached = Signal(name=f"reached_{lane}")
            m.d.comb += [
                reached.eq(x.as_signed() >= port.data.as_signed()),
                port.en.eq(accept | go_on),
                port.addr.eq(Mux(accept, Cat(C(1, bits), beat if self._rows > 1 else C(0, 0)),
                                 Cat(reached, node[:-1], row if self._rows > 1 else C(0, 0)))),
            ]
            with m.If(accept):
                m.d.sync += [x.eq(lane_value(self.i.payload, lane, number)), node.eq(1)]
            with m.Elif(go_on):
                m.d.sync += node.eq(Cat(reached, node))
            code = as_output(Cat(reached, node[:-1]), self.layer.output)
            codes.append(code if lane < n_last else Mux(current_last, 0, code))
        with m.If(finish):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(Cat(codes))]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        return m
