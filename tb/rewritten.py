"""Writes into a core while frames are in flight."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, C, Module, Mux, Signal
from amaranth.lib import wiring

__all__ = ["Rewritten"]


class Rewritten(wiring.Component):
    """A core with its streams i and o whose weights change after every ``period`` frames.

    All words of one layer of ``layers``, the next one each time, are offered to ``write`` without
    a pause from the moment at which ``after`` of the ``beats`` of a period's last frame are in.
    """

    def __init__(self, core: Any, layers: Sequence[Any], period: int, beats: int,
                 after: int):
        self._core, self._period, self._beats, self._after = core, period, beats, after
        self._words = [core.writes(layer) for layer in layers]
        self.latency, self.initiation_interval = core.latency, core.initiation_interval
        super().__init__({"i": wiring.In(core.i.signature.flip()),
                          "o": wiring.Out(core.o.signature)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = self._core
        wiring.connect(m, wiring.flipped(self.i), core.i)
        wiring.connect(m, core.o, wiring.flipped(self.o))
        payload = core.write.payload.as_value()
        words = [C(word, len(payload)) for words in self._words for word in words]
        each, beats = len(self._words[0]), self._beats
        beat, word = Signal(range(self._period * beats)), Signal(range(len(words)))
        # Full up to a power of two, or Verilator misses the other cases.
        table = Array(words + [words[0]] * ((1 << len(word)) - len(words)))
        m.d.comb += payload.eq(table[word])
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += beat.eq(Mux(beat == self._period * beats - 1, 0, beat + 1))
            with m.If(beat == (self._period - 1) * beats + self._after - 1):
                m.d.sync += core.write.valid.eq(1)
        with m.If(core.write.valid & core.write.ready):
            m.d.sync += word.eq(Mux(word == len(words) - 1, 0, word + 1))
            with m.If((word + 1) % each == 0):
                m.d.sync += core.write.valid.eq(0)
        return m
