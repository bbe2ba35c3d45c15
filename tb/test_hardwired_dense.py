"""HardwiredDense against the matrix product, in both variants, as RTL and as netlist."""

import math

import numpy as np
import pytest

from golden.dense import dense
from golden.layer import Dense
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from hdl.hardwired_dense import HardwiredDense
from tb.cases import rtl_only
from tb.dense_cases import draw_inputs, draw_layer
from tb.harness import Frames, simulate

PIXEL = Integer(8, False)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n_in, n_out, number, thresholds, levels, variant", [
    rtl_only(1, 1, Bipolar(), True, 1, "portable"), (1, 1, Bipolar(), False, 1, "xc7"),
    rtl_only(1, 2, PIXEL, False, 2, "xc7"), rtl_only(2, 3, Bipolar(), False, 1, "portable"),
    (3, 2, PIXEL, True, 3, "portable"), (3, 7, Integer(4, True), True, 2, "xc7"),
    rtl_only(7, 5, Bipolar(), True, 1, "xc7"), rtl_only(13, 6, Integer(1, False), False, 3, "xc7"),
    (13, 6, Integer(3, True), False, 2, "portable"), (31, 17, Bipolar(), False, 2, "xc7"),
    (64, 16, Bipolar(), True, 3, "portable"), rtl_only(64, 16, Bipolar(), True, 3, "xc7"),
    (25, 7, PIXEL, True, 3, "xc7"), rtl_only(25, 7, PIXEL, False, 4, "portable"),
    rtl_only(61, 10, Bipolar(), False, 20, "portable"),
])
def test_matches_golden(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
                        thresholds: bool, levels: int, variant: str, netlist: bool) -> None:
    layer = draw_layer(rng, n_in, n_out, number, thresholds)
    x = draw_inputs(rng, n_in, number, layer)
    core = HardwiredDense(layer, levels=levels, variant=variant)
    result = simulate(core, Frames.of(x, number, n_in),
                      Frames.of(dense(x, layer), layer.output, n_out), netlist=netlist)
    assert result.capacity == core.latency


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n_in, n_out, number, thresholds, kind, density, variant", [
    (1, 1, Bipolar(), False, Ternary(), 1, "xc7"),
    rtl_only(1, 3, Ternary(), True, Ternary(), 1, "xc7"),
    (13, 7, Bipolar(), False, Ternary(), 0.5, "portable"),
    (29, 11, Bipolar(), True, Ternary(), 0.5, "xc7"),
    rtl_only(7, 5, PIXEL, False, Ternary(), 0.5, "xc7"),
    rtl_only(6, 5, Ternary(), False, Integer(2, False), 1, "portable"),
    (5, 4, Integer(4, True), True, Integer(8, True), 0.5, "xc7"),
    rtl_only(17, 5, PIXEL, False, Integer(8, True), 0.1, "portable"),
    (3, 3, Integer(16, True), False, Integer(16, True), 1, "xc7"),
    rtl_only(7, 4, Bipolar(), True, Integer(5, True), 0.6, "portable"),
    (9, 4, Integer(3, False), False, Codebook((-200, -7, 0, 3, 91)), 0.5, "xc7"),
])
def test_weight_kinds(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
                      thresholds: bool, kind: Number, density: float, variant: str,
                      netlist: bool) -> None:
    layer = draw_layer(rng, n_in, n_out, number, thresholds, kind, density)
    x = draw_inputs(rng, n_in, number, layer)
    simulate(HardwiredDense(layer, variant=variant), Frames.of(x, number, n_in),
             Frames.of(dense(x, layer), layer.output, n_out), netlist=netlist)


@pytest.mark.parametrize("sign", [-1, 1])
def test_equal_rows(rng: np.random.Generator, sign: int) -> None:
    """Rows that are all alike, or all of one sign, leave nothing to count or to share."""
    layer = Dense("layer", Bipolar(), np.full((5, 12), sign), np.array([-12, -2, 0, 3, 13]))
    x = draw_inputs(rng, 12, Bipolar(), layer)
    simulate(HardwiredDense(layer, variant="xc7"), Frames.of(x, Bipolar(), 12),
             Frames.of(dense(x, layer), Bipolar(), 5))


def test_sharing_changes_only_the_size(rng: np.random.Generator) -> None:
    layer = draw_layer(rng, 40, 20, Bipolar(), True)
    x = draw_inputs(rng, 40, Bipolar(), layer)
    alone, shared = HardwiredDense(layer, minimum_gain=math.inf), HardwiredDense(layer)
    assert shared.logic.luts < alone.logic.luts
    simulate(alone, Frames.of(x, Bipolar(), 40), Frames.of(dense(x, layer), Bipolar(), 20))


@pytest.mark.parametrize("arguments, error, message", [
    ({"layer": 3}, TypeError, r"^layer must be a golden.layer.Dense, not 3$"),
    ({"levels": 0}, ValueError, r"^levels must be at least 1, not 0$"),
    ({"levels": True}, TypeError, r"^levels must be an integer, not True$"),
    ({"variant": "ice40"}, ValueError, r"^variant must be one of portable, xc7, not 'ice40'$"),
])
def test_rejects(arguments: dict, error: type[Exception], message: str) -> None:
    layer = Dense("layer", Bipolar(), np.ones((2, 3), np.int8))
    with pytest.raises(error, match=message):
        HardwiredDense(**{"layer": layer, **arguments})
