"""The model of block RAM (``tb/models``) behaves as memories do that Yosys maps to block RAM."""

import re
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from tb.harness import Frames, simulate
from tb.netlist import write_netlist


class Ram(wiring.Component):
    """One beat is one cycle of a memory: a masked write and a read at the same time.

    o is the word read, the one before the write unless ``transparent``; while ``read`` is 0 it
    stays what it was. Latency 1 cycle.
    """

    latency = initiation_interval = 1

    def __init__(self, init: list[int], width: int, granularity: int, transparent: bool) -> None:
        self._init, self._width, self._granularity = init, width, granularity
        self._transparent = transparent
        address = (len(init) - 1).bit_length()
        self.layout = data.StructLayout({
            "word": width, "mask": width // granularity, "written": address, "asked": address,
            "read": 1})
        super().__init__({"i": In(stream.Signature(self.layout.size)),
                          "o": Out(stream.Signature(width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = contents = memory.Memory(
            shape=self._width, depth=len(self._init), init=self._init,
            attrs={"ram_style": "block"})
        put = contents.write_port(granularity=self._granularity)
        get = contents.read_port(transparent_for=(put,) if self._transparent else ())
        beat = data.View(self.layout, self.i.payload)
        step, take = Signal(), Signal()
        m.d.comb += [
            step.eq(~self.o.valid | self.o.ready), take.eq(step & self.i.valid),
            self.i.ready.eq(step), self.o.payload.eq(get.data),
            put.addr.eq(beat.written), put.data.eq(beat.word), put.en.eq(beat.mask & take.replicate(
                len(beat.mask))),
            get.addr.eq(beat.asked), get.en.eq(take & beat.read),
        ]
        with m.If(step):
            m.d.sync += self.o.valid.eq(self.i.valid)
        return m


def golden(init: list[int], beats: list[dict[str, int]], granularity: int, transparent: bool
           ) -> list[int]:
    """Words read, one a beat."""
    contents, word, words = list(init), 0, []
    for beat in beats:
        lanes = [k for k in range(64) if beat["mask"] >> k & 1]
        change = sum(((1 << granularity) - 1) << k * granularity for k in lanes)
        before = contents[beat["asked"]]
        contents[beat["written"]] = (contents[beat["written"]] & ~change) | (beat["word"] & change)
        if beat["read"]:
            word = contents[beat["asked"]] if transparent else before
        words.append(word)
    return words


@pytest.mark.parametrize("depth, width, granularity, transparent", [
    *((*shape, False) for shape in ((16384, 1, 1), (8192, 2, 2), (4096, 4, 4), (2048, 9, 9),
                                    (1000, 18, 9), (512, 36, 9), (512, 72, 9), (1024, 72, 36))),
    *((*shape, True) for shape in ((4096, 4, 4), (1000, 18, 9), (700, 32, 8), (1024, 72, 36))),
])
def test_behaves_as_the_memory(rng: np.random.Generator, depth: int, width: int,
                               granularity: int, transparent: bool, tmp_path: Path) -> None:
    init = [int.from_bytes(rng.bytes(9), "little") >> 72 - width for _ in range(depth)]
    core = Ram(init, width, granularity, transparent)
    near = rng.integers(0, depth, 8)  # few addresses, so that reads meet writes
    beats = [{"word": int.from_bytes(rng.bytes(9), "little") >> 72 - width,
              "mask": int(rng.integers(0, 2 ** (width // granularity))),
              "written": int(rng.choice(near)), "asked": int(rng.choice(near)),
              "read": int(rng.random() < 0.8)} for _ in range(300)]
    beats[0]["read"] = 1
    x = [core.layout.const(beat).as_value().value for beat in beats]
    y = golden(init, beats, granularity, transparent)
    simulate(core, Frames.of_words(x, core.layout.size), Frames.of_words(y, width), netlist=True,
             scenarios=("both",))
    netlist = write_netlist(core, tmp_path).read_text()
    assert re.search(r"^ *RAMB(18|36)E1 ", netlist, re.MULTILINE)
