"""ScheduledDense against the golden dense layer, as RTL and as a netlist."""

from pathlib import Path

import numpy as np
import pytest

from golden.dense import dense
from golden.layer import Dense
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from hdl.scheduled_dense import ScheduledDense
from hdl.synth import synthesize
from tb.capacity import capacity
from tb.dense_cases import draw_inputs, draw_layer
from tb.harness import Frames, simulate

PIXEL = Integer(8, False)
SMALL = Integer(3, True)
WEIGHT = Integer(6, True)
BOOK = Codebook((-113, -20, -3, 0, 1, 55, 127))


def inputs(rng: np.random.Generator, layer: Dense, frames: int = 10) -> np.ndarray:
    """As draw_inputs, for codebooks too."""
    if isinstance(layer.input, Codebook):
        return rng.choice(layer.input.entries, (frames, layer.n_in))
    return draw_inputs(rng, layer.n_in, layer.input, layer, frames)


def full(n_out: int, n_in: int, thresholds: bool, kind: Number) -> Dense:
    """A layer without zeros, whose schedule has room for that of any other."""
    raw = Dense("layer", SMALL, np.full((n_out, n_in), kind.maximum), None, kind,
                np.full(n_out, 127))
    if not thresholds:
        return raw
    return Dense("layer", SMALL, raw.weights, raw.accumulator_maximum // 2, kind, raw.bias)


def check(core: ScheduledDense, layer: Dense, x: np.ndarray, **options) -> None:
    """All scenarios; latency, interval and capacity are those promised."""
    schedule = core.schedule
    result = simulate(core, Frames.of(x, layer.input, schedule.lanes_in),
                      Frames.of(dense(x, layer), core.output, schedule.lanes_out), **options)
    assert result.capacity == capacity([core.timing()], len(x) * schedule.beats_in)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n_in, n_out, number, kind, density, thresholds, options", [
    (1, 1, PIXEL, WEIGHT, 1, True, {"pe": 1}),
    (1, 3, Bipolar(), Ternary(), 0.5, False, {"pe": 2, "lanes_out": 2}),
    (13, 1, Integer(5, True), Integer(3, False), 0.5, False, {"pe": 2, "lanes_in": 13}),
    (9, 7, PIXEL, WEIGHT, 0.2, False, {"pe": 3, "lanes_in": 4, "lanes_out": 2}),
    (17, 7, Ternary(), BOOK, 0.3, True, {"pe": 2, "lanes_in": 1, "memory": "block"}),
    (7, 5, BOOK, Integer(16, True), 0.5, True, {"pe": 2, "lanes_in": 3, "lanes_out": 3}),
    (10, 3, Integer(4, True), Bipolar(), 1, True, {"pe": 1, "lanes_in": 3}),
    (2, 7, PIXEL, Ternary(), 0, False, {"pe": 7, "lanes_in": 2}),  # the output is the slowest
    (13, 3, Integer(2, True), Ternary(), 0.3, False, {"pe": 3, "lanes_in": 1}),  # the input is
])
def test_matches_golden(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
                        kind: Number, density: float, thresholds: bool, options: dict,
                        netlist: bool) -> None:
    layer = draw_layer(rng, n_in, n_out, number, thresholds, kind, density)
    check(ScheduledDense(layer, **options), layer, inputs(rng, layer), netlist=netlist)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("kind, thresholds, memory", [
    (WEIGHT, False, "lut"), (BOOK, True, "block"), (Ternary(), True, "lut"),
])
def test_weights_can_be_written(rng: np.random.Generator, kind: Number, thresholds: bool,
                                memory: str, netlist: bool) -> None:
    """A core made for one layer computes another one after its words were written."""
    first = full(5, 6, thresholds, kind)
    second = draw_layer(rng, 6, 5, SMALL, thresholds, kind, 0.5)
    core = ScheduledDense(first, pe=2, lanes_in=2, storage="ram", memory=memory)
    check(core, second, inputs(rng, second), netlist=netlist, writes=Frames.of_words(
        core.writes(second), len(core.write.payload.as_value())))


def test_accumulators_hold_any_weights(rng: np.random.Generator) -> None:
    """The greatest accumulators there are, in a core made for a layer without them."""
    first, second = (Dense("layer", PIXEL, np.full((2, 5), weight), None, WEIGHT,
                           np.array([bias, -bias - 1]))
                     for weight, bias in ((1, 127), (-32, 127)))
    core = ScheduledDense(first, pe=2, storage="ram")
    check(core, second, inputs(rng, second), writes=Frames.of_words(
        core.writes(second), len(core.write.payload.as_value())))


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
def test_multiplier_blocks(rng: np.random.Generator, netlist: bool) -> None:
    layer = draw_layer(rng, 9, 5, PIXEL, False, Integer(8, True), 0.4)
    check(ScheduledDense(layer, pe=2, lanes_in=2, multiplier="dsp"), layer, inputs(rng, layer),
          netlist=netlist)


@pytest.mark.parametrize("family, block", [("xc7", "DSP48E1"), ("ecp5", "MULT18X18D")])
@pytest.mark.parametrize("multiplier", ["dsp", "lut"])
def test_one_multiplier_block_an_element(rng: np.random.Generator, tmp_path: Path, family: str,
                                         block: str, multiplier: str) -> None:
    layer = draw_layer(rng, 9, 5, PIXEL, False, Integer(8, True), 0.4)
    made = synthesize(ScheduledDense(layer, pe=3, multiplier=multiplier), family, tmp_path)
    assert made.totals.cells.get(block, 0) == made.totals.dsp == (3 if multiplier == "dsp" else 0)
