"""Scale: the requantiser on every representable input."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.activation import Scale as ScaleLayer
from golden.elementwise import scale
from golden.fixed import OVERFLOWS, ROUNDINGS
from golden.number import Integer
from hdl.scale import Scale
from tb.harness import Frames, simulate

untyped_scale: Any = ScaleLayer


def draw(rng: np.random.Generator, n: int, input_: Integer, output: Integer, shift: int,
         rounding: str, overflow: str, common: bool = False) -> ScaleLayer:
    """Parameters that round and overflow often; -1, 0, 1 and the greatest among the multipliers."""
    multiplier = rng.integers(-2**6, 2**6, n)
    multiplier[:4] = np.array([-1, 63, 0, 1])[:n]
    bias = rng.integers(-2**9, 2**9, n)
    if common:
        multiplier[:], bias[:] = multiplier[0], bias[0]
    return ScaleLayer("scale", input_, n, multiplier, bias, shift, rounding, overflow, output)


def frames(rng: np.random.Generator, n: int, number: Integer, count: int = 24) -> np.ndarray:
    """Random values, all of the least, all of the greatest, all around zero."""
    x = rng.integers(number.minimum, number.maximum, (count, n), endpoint=True)
    x[0], x[1] = number.minimum, number.maximum
    x[2] = rng.integers(max(number.minimum, -2), min(number.maximum, 2), n, endpoint=True)
    return x


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, input_, output, shift, rounding, overflow, options", [
    (1, Integer(1, False), Integer(1, True), 0, "floor", "wrap", {"lanes": 1}),
    (3, Integer(9, True), Integer(8, True), 5, "half_even", "saturate",
     {"lanes": 2, "multiplier": "dsp"}),
    (5, Integer(12, True), Integer(4, False), 9, "half_up", "saturate",
     {"lanes": 5, "storage": "logic"}),
    (13, Integer(7, False), Integer(6, True), 1, "half_even", "wrap",
     {"lanes": 4, "memory": "block"}),
    (7, Integer(20, True), Integer(16, True), 30, "half_up", "wrap",
     {"lanes": 3, "storage": "ram", "memory": "lut"}),
])
def test_matches_golden(rng: np.random.Generator, n: int, input_: Integer, output: Integer,
                        shift: int, rounding: str, overflow: str, options: dict[str, Any],
                        netlist: bool) -> None:
    layer = draw(rng, n, input_, output, shift, rounding, overflow)
    x = frames(rng, n, input_)
    core = Scale(layer, **options)
    lanes = options["lanes"]
    simulate(core, Frames.of(x, input_, lanes), Frames.of(scale(x, layer), output, lanes),
             netlist=netlist)


class SideBySide(wiring.Component):
    """Cores that get the same inputs; their outputs stand beside each other, the first lowest."""

    def __init__(self, cores: Sequence[Scale]):
        self._cores = cores
        self.latency = cores[0].latency
        self.initiation_interval = 1
        super().__init__({"i": In(cores[0].i.signature.flip()),
                          "o": Out(stream.Signature(sum(len(c.o.payload) for c in cores)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for core in self._cores:
            m.submodules += core
            m.d.comb += [core.i.valid.eq(self.i.valid), core.i.payload.eq(self.i.payload),
                         core.o.ready.eq(self.o.ready)]
        m.d.comb += [self.i.ready.eq(self._cores[0].i.ready),
                     self.o.valid.eq(self._cores[0].o.valid),
                     self.o.payload.eq(Cat(core.o.payload for core in self._cores))]
        return m


@pytest.mark.parametrize("signed, multiplier, bias, shift", [
    (True, "lut", 77, 9), (False, "dsp", -2, 2)])
def test_every_16_bit_input(signed: bool, multiplier: str, bias: int, shift: int) -> None:
    """All 65,536 inputs through every rounding and every overflow, 16 a beat."""
    input_, output, lanes = Integer(16, signed), Integer(8, signed), 16
    layers = [ScaleLayer("scale", input_, lanes, np.array(-3 if signed else 5), np.array(bias),
                         shift, rounding, overflow, output)
              for rounding in ROUNDINGS for overflow in OVERFLOWS]
    x = np.arange(input_.minimum, input_.maximum + 1).reshape(-1, lanes)
    golden = np.concatenate([scale(x, layer) for layer in layers], axis=1)
    assert len({column.tobytes() for column in np.split(golden, 6, axis=1)}) == 6
    core = SideBySide([Scale(layer, lanes=lanes, multiplier=multiplier) for layer in layers])
    simulate(core, Frames.of(x, input_, lanes), Frames.of(golden, output, 6 * lanes),
             scenarios=("none",))
