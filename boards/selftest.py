"""A board tests itself: it plays golden frames into a core for ever and compares the answers.

No host is needed; frames and expected outputs lie in block RAM.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth import Elaboratable, Module, Mux, Signal
from amaranth.lib import io, memory, stream, wiring
from amaranth.lib.wiring import Out
from numpy.typing import NDArray

from boards.platforms import BOARDS
from golden.number import Number, pack

__all__ = ["BoardTest", "SelfTest", "beats"]


def beats(values: NDArray[np.int64], number: Number, port: stream.Interface) -> list[int]:
    """Payloads that carry frames through a port, padding lanes zero.

    values: (frames, n) of kind `number`; the port's lanes follow from its width.
    """
    lanes = len(port.payload) // number.width
    codes = np.pad(number.encode(values), ((0, 0), (0, -values.shape[1] % lanes)))
    return pack(codes.reshape(-1, lanes), number.width)


class _Tape(wiring.Component):
    """Words of a block RAM in order, again and again, one a cycle if they are taken."""

    def __init__(self, words: Sequence[int], width: int) -> None:
        self._words, self._width = list(words), width
        super().__init__({"o": Out(stream.Signature(width)), "last": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.words = words = memory.Memory(
            shape=self._width, depth=len(self._words), init=self._words)
        port = words.read_port()
        index = Signal(range(len(self._words)))
        following = Signal.like(index)
        m.d.comb += [
            self.last.eq(index == len(self._words) - 1),
            following.eq(Mux(self.last, 0, index + 1)),
            # The port shows the word of this address in the next cycle.
            port.addr.eq(index),
            self.o.payload.eq(port.data),
        ]
        m.d.sync += self.o.valid.eq(1)
        with m.If(self.o.valid & self.o.ready):
            m.d.comb += port.addr.eq(following)
            m.d.sync += index.eq(following)
        return m


class SelfTest(wiring.Component):
    """Plays input words into a core, compares what comes out, and starts again.

    Parameters
    ----------
    core : component with streams `i` and `o`
    inputs, outputs : payloads of whole frames, as many frames in both
    beat_bits : the heartbeat may change every 2**beat_bits cycles

    Members
    -------
    heartbeat : Out(1), changes as long as outputs keep coming
    equal : Out(1), every output was right so far, and each was seen at least once
    mismatch : Out(1), some output was wrong; stays

    Raises ValueError where there is no word or one does not fit its port.
    """

    def __init__(self, core: wiring.Component, inputs: Sequence[int], outputs: Sequence[int],
                 beat_bits: int = 23) -> None:
        for name, words, port in (("inputs", inputs, core.i), ("outputs", outputs, core.o)):
            width = len(port.payload)
            if not words:
                raise ValueError(f"{name} must hold at least one word")
            if max(words) >> width:
                raise ValueError(f"{name} must fit the {width} bits of the port, "
                                 f"not {max(words):#x}")
        self._core, self._beat_bits = core, beat_bits
        self._inputs, self._outputs = inputs, outputs
        super().__init__({"heartbeat": Out(1), "equal": Out(1), "mismatch": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.core = core = self._core
        m.submodules.source = source = _Tape(self._inputs, len(core.i.payload))
        m.submodules.expected = expected = _Tape(self._outputs, len(core.o.payload))
        wiring.connect(m, source.o, core.i)

        compared, alive, complete = Signal(), Signal(), Signal()
        m.d.comb += [
            core.o.ready.eq(expected.o.valid),
            expected.o.ready.eq(core.o.valid),
            compared.eq(core.o.valid & expected.o.valid),
            self.equal.eq(complete & ~self.mismatch),
        ]
        with m.If(compared & (core.o.payload != expected.o.payload)):
            m.d.sync += self.mismatch.eq(1)
        with m.If(compared & expected.last):
            m.d.sync += complete.eq(1)

        cycle = Signal(self._beat_bits)
        m.d.sync += [cycle.eq(cycle + 1), alive.eq(alive | compared)]
        with m.If(cycle.all()):
            m.d.sync += [self.heartbeat.eq(self.heartbeat ^ alive), alive.eq(compared)]
        return m


class BoardTest(Elaboratable):
    """Top for a board of `boards.platforms`: a SelfTest and the board's three LEDs for it."""

    def __init__(self, test: SelfTest, board: str) -> None:
        self._test, self._leds = test, BOARDS[board].leds

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.test = test = self._test
        for (name, number), value in zip(
                self._leds, (test.heartbeat, test.equal, test.mismatch), strict=True):
            pin = platform.request(name, number, dir="-")
            m.submodules[f"{name}_{number}"] = led = io.Buffer("o", pin)
            m.d.comb += led.o.eq(value)
        return m
