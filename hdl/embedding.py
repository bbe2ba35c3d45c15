"""Embedding: a row of a table for each index."""

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.check import check_count
from golden.embedding import Embedding as EmbeddingLayer
from golden.number import pack
from hdl.logic_block import check_variant
from hdl.parameters import check_memory, read_port
from hdl.timing import EmbeddingTiming

__all__ = ["Embedding"]


class Embedding(wiring.Component):
    """``table[index]``, bit-exact to :func:`golden.spatial.embedding`; the table lies in a ROM.

    A frame of the core is one position of the layer's: an index, and its row in
    ``beats = ceil(channels / lanes)`` beats, one a cycle, frame after frame without a bubble.

    Parameters
    ----------
    layer : golden.embedding.Embedding
    lanes : elements of an output beat, from 1 to the layer's channels; need not divide them
    memory : where the table is: "lut", "block" (block RAM) or "auto", which takes LUTs for up to 64
        words
    variant : see :class:`hdl.logic_block.LogicBlock`

    Members
    -------
    i : In(stream.Signature(layer.input.width)), an index; those beyond the last entry show the last
    o : Out(stream.Signature(lanes * layer.output.width)), channel c in lane c % lanes of beat
        c // lanes, lane 0 lowest; lanes beyond the last channel are 0

    ``latency`` is 1 cycle, ``initiation_interval`` the beats of a row.
    Raises TypeError or ValueError on any other value.
    """

    latency = 1

    def __init__(self, layer: EmbeddingLayer, *, lanes: int, memory: str = "auto",
                 variant: str = "portable"):
        self.lanes = check_count(layer.name, "lanes", lanes, 1, layer.channels_out)
        check_memory(layer.name, "rom", memory)
        check_variant(variant)
        self.layer, self._memory, self._variant = layer, memory, variant
        super().__init__({"i": In(stream.Signature(layer.input.width)),
                          "o": Out(stream.Signature(lanes * layer.output.width))})

    @property
    def beats(self) -> int:
        """Output beats of a position."""
        return -(-self.layer.channels_out // self.lanes)

    @property
    def initiation_interval(self) -> int:
        """Cycles a position."""
        return self.beats

    def timing(self) -> EmbeddingTiming:
        """Model of the handshakes."""
        return EmbeddingTiming(self.beats)

    def words(self) -> list[int]:
        """Beats of all rows."""
        entries, channels = self.layer.table.shape
        codes = np.zeros((entries, self.beats * self.lanes), np.uint64)
        codes[:, :channels] = self.layer.output.encode(self.layer.table)
        return pack(codes.reshape(-1, self.lanes), self.layer.output.width)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        words = self.words()
        port = read_port(m, "table", words, len(self.o.payload), storage="rom",
                         memory=self._memory, variant=self._variant)
        beat, following = Signal(range(self.beats)), Signal(range(len(words)))
        free, step = Signal(), Signal()
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(free & (beat == 0)),
            step.eq(free & (self.i.valid | (beat != 0))),
            port.en.eq(step), port.addr.eq(Mux(beat == 0, self._first_word(), following)),
            self.o.payload.eq(port.data),
        ]
        with m.If(free):
            m.d.sync += self.o.valid.eq(step)
        with m.If(step):
            m.d.sync += [beat.eq(Mux(beat == self.beats - 1, 0, beat + 1)),
                         following.eq(port.addr + 1)]

        return m

    def _first_word(self) -> Value:
        """Address of the row, from shifted copies of the index, lest a tool takes a multiplier."""
        last, index = len(self.layer.table) - 1, self.i.payload
        if last < self.layer.input.maximum:
            index = Mux(index > last, last, index)
        shifts = [k for k in range(self.beats.bit_length()) if self.beats >> k & 1]
        return sum((index << k for k in shifts[1:]), start=index << shifts[0])
