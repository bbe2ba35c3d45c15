"""Scale: the requantiser on every representable input."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.activation import Clamp
from golden.activation import Scale as ScaleLayer
from golden.elementwise import scale
from golden.fixed import OVERFLOWS, ROUNDINGS
from golden.number import Integer
from hdl.scale import Scale
from hdl.synth import synthesize
from tb.cases import rtl_only
from tb.harness import Frames, simulate
from tb.rewritten import Rewritten

untyped_scale: Any = ScaleLayer
untyped_core: Any = Scale


def draw(rng: np.random.Generator, n: int, input_: Integer, output: Integer, shift: int,
         rounding: str, overflow: str, common: bool = False) -> ScaleLayer:
    """Parameters that round and overflow often; -1, 0, 1 and the greatest among the multipliers."""
    multiplier = rng.integers(-2**6, 2**6, n)
    multiplier[:4] = np.array([-1, 63, 0, 1])[:n]
    bias = rng.integers(-2**9, 2**9, n)
    bias[-1] = 2**9 - 1
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
    rtl_only(1, Integer(1, False), Integer(1, True), 40, "floor", "wrap", {"lanes": 1}),
    (3, Integer(9, True), Integer(8, True), 5, "half_even", "saturate",
     {"lanes": 2, "multiplier": "dsp"}),
    (5, Integer(12, True), Integer(4, False), 9, "half_up", "saturate",
     {"lanes": 5, "storage": "logic"}),
    rtl_only(13, Integer(7, False), Integer(6, True), 1, "half_even", "wrap",
     {"lanes": 4, "memory": "block"}),
    (7, Integer(20, True), Integer(16, True), 8, "half_up", "wrap",
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


@pytest.mark.parametrize("family, block", [("xc7", "DSP48E1"), ("ecp5", "MULT18X18D")])
@pytest.mark.parametrize("multiplier", ["dsp", "lut"])
def test_one_multiplier_block_a_lane(rng: np.random.Generator, tmp_path: Path, family: str,
                                     block: str, multiplier: str) -> None:
    layer = draw(rng, 6, Integer(16, True), Integer(8, True), 7, "half_even", "saturate")
    core = Scale(layer, lanes=3, multiplier=multiplier)
    made = synthesize(core, family, tmp_path)
    assert core.uses_dsp == (multiplier == "dsp")
    assert made.totals.cells.get(block, 0) == made.totals.dsp == (3 if core.uses_dsp else 0)


@pytest.mark.parametrize("after", [1, 3])
def test_parameters_change_between_frames(rng: np.random.Generator, after: int) -> None:
    """Frames in the core when a write is offered meet the old parameters, later ones the new."""
    output = Integer(6, True)
    layers = [draw(rng, 5, Integer(7, True), output, 6, "half_up", "saturate") for _ in range(2)]
    x = frames(rng, 5, layers[0].input, 30)
    core = Scale(layers[0], lanes=2, storage="ram")
    changed = np.arange(len(x))[:, None] // 3 % 2 == 1
    simulate(Rewritten(core, layers[::-1], 3, core.beats, after), Frames.of(x, layers[0].input, 2),
             Frames.of(np.where(changed, scale(x, layers[1]), scale(x, layers[0])), output, 2),
             scenarios=("source", "sink", "both", "patient", "full"))


def _layer(**changes: Any) -> ScaleLayer:
    return untyped_scale(**{"name": "s", "input": Integer(8, True), "n": 2, "multiplier": 3,
                            "bias": 1, "shift": 2, "rounding": "floor", "overflow": "wrap",
                            "output": Integer(4, True), **changes})


@pytest.mark.parametrize("call, error, message", [
    (lambda: Scale(_layer(), lanes=3), ValueError,
     "layer s: lanes must be from 1 to 2, the layer's elements, not 3"),
    (lambda: Scale(_layer(), lanes=1, multiplier="fpga"), ValueError,
     "layer s: multiplier must be one of lut, dsp, not 'fpga'"),
    (lambda: Scale(_layer(), lanes=1, variant="asic"), ValueError,
     "variant must be one of portable, xc7, not 'asic'"),
    (lambda: Scale(_layer(), lanes=1).writes(_layer()), TypeError,
     "layer s: storage must be ram to be written, not rom"),
    (lambda: untyped_core(_layer(), lanes=1, storage="ram").writes(
        Clamp("c", Integer(8, True), 2)), TypeError,
     ("layer s: only a Scale can be written, not Clamp(name='c', "
     "input=Integer(width=8, signed=True), n=2, low=-128, high=127, positions=1)")),
    (lambda: Scale(_layer(), lanes=1, storage="ram").writes(_layer(shift=1)), ValueError,
     ("layer s: input, output, n, shift, rounding, overflow must be int8, int4, 2, 2, floor, wrap, "
     "not int8, int4, 2, 1, floor, wrap as of layer s")),
    (lambda: Scale(_layer(), lanes=1, storage="ram").writes(_layer(multiplier=4)), ValueError,
     ("layer s: multiplier must fit the 3 bits kept for it, not 4 as of layer s; make the core for "
     "the widest")),
])
def test_rejects(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()
