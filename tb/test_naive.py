# amaranth: UnusedElaboratable=no
"""The naive baselines compute what the cores they are compared with compute."""

import numpy as np
import pytest
from amaranth.lib import wiring
from amaranth.sim import Simulator

from golden.dense import dense
from golden.layer import Dense
from golden.number import Bipolar, Codebook, Integer, Ternary, pack, unpack
from golden.popcount import popcount
from hdl.naive import NaiveAccumulator, NaiveDense, NaiveMac, NaivePopcount
from tb.dense_cases import draw_inputs, draw_layer


def outputs(core: wiring.Component, inputs: list[int]) -> list[int]:
    """What a core without registers makes of each input."""
    seen = []

    async def drive(context):
        for value in inputs:
            context.set(core.i, value)
            seen.append(context.get(core.o))
            await context.delay(1e-6)

    simulator = Simulator(core)
    simulator.add_testbench(drive)
    simulator.run()
    return seen


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64])
def test_popcount(n, rng):
    bits = rng.integers(0, 2, (50, n))
    assert outputs(NaivePopcount(n), pack(bits, 1)) == popcount(bits).ravel().tolist()


@pytest.mark.parametrize("thresholds", [False, True])
@pytest.mark.parametrize("n_in, n_out", [(1, 1), (5, 3), (16, 7)])
def test_dense(n_in, n_out, thresholds, rng):
    weights = rng.choice([-1, 1], (n_out, n_in)).astype(np.int8)
    layer = Dense("layer", Bipolar(), weights,
                  rng.integers(-n_in, n_in + 2, n_out) if thresholds else None)
    x = rng.choice([-1, 1], (50, n_in))
    codes = unpack(outputs(NaiveDense(layer), pack(Bipolar().encode(x), 1)), n_out,
                   layer.output.width)
    assert layer.output.decode(codes).tolist() == dense(x, layer).tolist()


def test_accumulator(rng):
    simd, pe, width, beats = 5, 3, 6, 4
    x, w = rng.integers(0, 2, (beats, simd)), rng.integers(0, 2, (beats, pe, simd))
    counts = (x[:, None] == w).sum(axis=(0, 2))
    # Reached, missed by one, exceeded.
    thresholds = counts + [0, 1, -1]
    core = NaiveAccumulator(simd, pe, width)

    async def drive(context):
        for frame in range(2):
            for beat in range(beats):
                context.set(core.first, beat == 0)
                context.set(core.x, pack(x[beat:beat + 1], 1)[0])
                context.set(core.w, pack(w[beat].reshape(1, -1), 1)[0])
                context.set(core.threshold, pack([thresholds], width)[0])
                await context.tick()
            assert context.get(core.o) == 0b101, frame

    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()


@pytest.mark.parametrize("input, weight", [
    (Ternary(), Ternary()), (Integer(4, True), Integer(3, True)), (Bipolar(), Integer(2, False)),
    (Integer(3, False), Codebook((-9, 0, 5))),
])
def test_products_of_all_kinds(input, weight, rng):
    """Constant weights, and the same weights from outside in two beats."""
    layer = draw_layer(rng, 6, 2, input, False, weight)
    x = draw_inputs(rng, 6, input, layer, frames=4)
    expected, bias = dense(x, layer), layer.bias
    assert bias is not None
    number = layer.accumulator
    codes = unpack(outputs(NaiveDense(layer), pack(input.encode(x), input.width)), 2, number.width)
    assert number.decode(codes).tolist() == expected.tolist()

    core = NaiveMac(3, 2, input, weight, number.width)

    async def drive(context):
        for frame, sums in zip(x, expected, strict=True):
            for beat, part in enumerate((slice(3), slice(3, 6))):
                context.set(core.first, beat == 0)
                context.set(core.preload, pack([number.encode(bias)], number.width)[0])
                context.set(core.x, pack([input.encode(frame[part])], input.width)[0])
                context.set(core.w, pack([weight.encode(layer.weights[:, part]).ravel()],
                                         weight.width)[0])
                got = context.get(core.o)
                await context.tick()
            assert number.decode(unpack([got], 2, number.width)).tolist() == [sums.tolist()]

    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
