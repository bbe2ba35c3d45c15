"""FoldedDense against the matrix product: foldings, storages and variants, RTL and netlist."""

import numpy as np
import pytest

from golden.dense import dense
from golden.layer import Dense
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from hdl.folded_dense import FoldedDense
from tb.capacity import capacity
from tb.cases import rtl_only
from tb.dense_cases import draw_inputs, draw_layer
from tb.harness import Frames, simulate
from tb.rewritten import Rewritten

PIXEL = Integer(8, False)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n_in, n_out, number, thresholds, pe, simd, options", [
    rtl_only(1, 1, Bipolar(), True, 1, 1, {}),
    (1, 1, PIXEL, False, 1, 1, {"variant": "xc7", "levels": 1}),
    rtl_only(2, 3, Bipolar(), False, 2, 1, {"storage": "ram"}),
    rtl_only(3, 2, PIXEL, True, 1, 2, {"memory": "lut"}),
    (5, 7, Integer(3, True), True, 3, 2, {"storage": "ram", "variant": "xc7"}),
    rtl_only(5, 7, Bipolar(), False, 7, 5, {"levels": 1}),
    (7, 3, Bipolar(), True, 4, 9, {}),
    rtl_only(13, 6, Bipolar(), True, 6, 1, {"memory": "block"}),
    (13, 6, Integer(4, True), False, 1, 13, {"storage": "ram", "memory": "block"}),
    (16, 8, Bipolar(), False, 8, 4, {"variant": "xc7", "memory": "lut"}),
    rtl_only(31, 17, PIXEL, False, 5, 8, {"variant": "xc7", "levels": 2}),
    (48, 40, Bipolar(), True, 3, 11, {"variant": "xc7"}),
    rtl_only(64, 20, Bipolar(), True, 4, 32, {"storage": "ram", "memory": "lut"}),
    (100, 10, Bipolar(), False, 3, 64, {"memory": "block", "variant": "xc7", "levels": 9}),
    rtl_only(49, 12, PIXEL, True, 1, 1, {}),
    rtl_only(21, 13, Bipolar(), True, 1, 1, {"variant": "xc7", "memory": "lut"}),
])
def test_matches_golden(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
                        thresholds: bool, pe: int, simd: int, options: dict,
                        netlist: bool) -> None:
    layer = draw_layer(rng, n_in, n_out, number, thresholds)
    x = draw_inputs(rng, n_in, number, layer, frames=12)
    core = FoldedDense(layer, pe=pe, simd=simd, **options)
    result = simulate(core, Frames.of(x, number, simd),
                      Frames.of(dense(x, layer), core.output, pe), netlist=netlist)
    assert result.capacity == capacity([core.timing()], len(x) * core.folding.beats)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n_in, n_out, number, thresholds, kind, pe, simd, options", [
    rtl_only(1, 1, Bipolar(), False, Ternary(), 1, 1, {"variant": "xc7"}),
    rtl_only(7, 5, Bipolar(), False, Ternary(), 2, 3, {}),
    (13, 7, Bipolar(), True, Ternary(), 3, 4, {"variant": "xc7", "memory": "block"}),
    rtl_only(5, 3, Ternary(), True, Ternary(), 2, 5, {"variant": "xc7"}),
    (9, 4, PIXEL, False, Ternary(), 3, 2, {"storage": "ram"}),
    rtl_only(7, 3, Bipolar(), False, Integer(5, True), 2, 2, {"levels": 2}),
    (6, 5, Integer(4, True), True, Integer(8, True), 2, 4, {"variant": "xc7"}),
    rtl_only(3, 2, Integer(16, True), False, Integer(16, True), 1, 2, {"storage": "ram"}),
    rtl_only(5, 3, PIXEL, False, Integer(3, False), 2, 3, {"variant": "xc7"}),
    (7, 5, Ternary(), False, Codebook((-200, -7, 0, 3, 91)), 2, 3, {"variant": "xc7"}),
    rtl_only(5, 4, Integer(4, False), True, Codebook((-2, 1)), 3, 2, {"storage": "ram"}),
    (7, 5, Integer(3, False), False, Codebook((-7, 0, 5)), 2, 3,
     {"codebook": "accumulate", "variant": "xc7"}),
    rtl_only(5, 4, Bipolar(), True, Codebook((-200, -7, 0, 3, 91)), 3, 1,
             {"codebook": "accumulate"}),
    (6, 3, Integer(3, True), False, Codebook((-3, 5, 9)), 3, 4,
     {"codebook": "accumulate", "storage": "ram"}),
    (7, 5, Integer(8, True), False, Integer(8, True), 2, 3, {"multiplier": "dsp"}),
    rtl_only(5, 3, Integer(8, True), True, Codebook((-9, 0, 5, 90)), 2, 2,
             {"multiplier": "dsp", "storage": "ram"}),
    rtl_only(6, 5, Integer(3, True), False, Codebook(tuple(range(-512, 512, 4))), 2, 2,
             {"variant": "xc7"}),
])
def test_weight_kinds(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
                      thresholds: bool, kind: Number, pe: int, simd: int, options: dict,
                      netlist: bool) -> None:
    layer = draw_layer(rng, n_in, n_out, number, thresholds, kind)
    x = draw_inputs(rng, n_in, number, layer, frames=12)
    core = FoldedDense(layer, pe=pe, simd=simd, **options)
    simulate(core, Frames.of(x, number, simd), Frames.of(dense(x, layer), core.output, pe),
             netlist=netlist)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, thresholds, kinds, options", [
    rtl_only(Bipolar(), False, (Ternary(), Ternary()), {}),
    rtl_only(Integer(5, True), True, (Integer(6, True), Integer(6, True)), {}),
    (PIXEL, False, (Codebook((-3, 0, 100)), Codebook((-128, -1, 99, 127))),
     {"multiplier": "dsp"}),
    (Integer(2, True), True, (Codebook((-3, 0, 7)), Codebook((-8, -1, 5, 6))),
     {"codebook": "accumulate"}),
])
def test_other_kinds_can_be_written(rng: np.random.Generator, number: Number, thresholds: bool,
                                    kinds: tuple[Number, Number], options: dict,
                                    netlist: bool) -> None:
    first, second = (draw_layer(rng, 7, 5, number, thresholds, kind) for kind in kinds)
    core = FoldedDense(first, pe=2, simd=3, storage="ram", **options)
    x = draw_inputs(rng, 7, number, second, frames=12)
    simulate(core, Frames.of(x, number, 3), Frames.of(dense(x, second), core.output, 2),
             writes=Frames.of_words(core.writes(second), len(core.write.payload.as_value())),
             netlist=netlist)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, thresholds, memory", [
    rtl_only(Bipolar(), True, "lut"), (Bipolar(), False, "block"), rtl_only(PIXEL, True, "block"),
    rtl_only(PIXEL, False, "lut"),
])
def test_weights_can_be_written(rng: np.random.Generator, number: Number, thresholds: bool,
                                memory: str, netlist: bool) -> None:
    """A core made for one layer computes another one after its words were written."""
    first, second = (draw_layer(rng, 11, 9, number, thresholds) for _ in range(2))
    if not thresholds:  # the greatest accumulators there are, and a first layer without them
        second = Dense("second", number, np.ones((9, 11), np.int8))
        first = Dense("first", number, np.tile([1, -1], (9, 6))[:, :11])
    core = FoldedDense(first, pe=2, simd=3, storage="ram", memory=memory)
    x = draw_inputs(rng, 11, number, second)
    y = dense(x, second)
    assert core.output.minimum <= y.min() and y.max() <= core.output.maximum
    simulate(core, Frames.of(x, number, 3), Frames.of(y, core.output, 2),
             writes=Frames.of_words(core.writes(second), len(core.write.payload.as_value())),
             netlist=netlist)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, thresholds, pe, simd, after, options", [
    (Bipolar(), True, 2, 3, 4, {"memory": "lut"}),
    rtl_only(Bipolar(), True, 9, 11, 1, {"levels": 1}),
    (PIXEL, False, 4, 5, 1, {"memory": "block"}),
    rtl_only(Bipolar(), False, 9, 4, 2, {"levels": 1}),
])
def test_weights_change_between_frames(rng: np.random.Generator, number: Number, thresholds: bool,
                                       pe: int, simd: int, after: int, options: dict,
                                       netlist: bool) -> None:
    """Frames that are in the core when a write is offered still meet the old weights, those that
    come later the new ones, whatever is stalled."""
    first, second = (draw_layer(rng, 11, 9, number, thresholds) for _ in range(2))
    x = draw_inputs(rng, 11, number, second)[:30]
    core = FoldedDense(first, pe=pe, simd=simd, storage="ram", **options)
    changed = np.arange(len(x))[:, None] // 3 % 2 == 1
    simulate(Rewritten(core, [second, first], 3, core.folding.beats, after),
             Frames.of(x, number, simd),
             Frames.of(np.where(changed, dense(x, second), dense(x, first)), core.output, pe),
             scenarios=("source", "sink", "both", "patient", "full"), netlist=netlist)


def _layer(**changes) -> Dense:
    return Dense(**{"name": "fc", "input": Bipolar(), "weights": np.ones((2, 3)), **changes})


@pytest.mark.parametrize("arguments, error, message", [
    ({"layer": "fc"}, TypeError, r"^layer must be a golden.layer.Dense, not 'fc'$"),
    ({"pe": 0}, ValueError, r"^layer fc: pe must be at least 1, not 0$"),
    ({"simd": -1}, ValueError, r"^layer fc: simd must be at least 1, not -1$"),
    ({"pe": 1.5}, TypeError, r"^layer fc: pe must be an integer, not 1.5$"),
    ({"simd": True}, TypeError, r"^layer fc: simd must be an integer, not True$"),
    ({"storage": "logic"}, ValueError, r"^layer fc: storage must be one of rom, ram, not 'logic'$"),
    ({"memory": "uram"}, ValueError,
     r"^layer fc: memory must be one of auto, lut, block, not 'uram'$"),
    ({"multiplier": "dsp48"}, ValueError,
     r"^layer fc: multiplier must be one of lut, dsp, not 'dsp48'$"),
    ({"codebook": "bins"}, ValueError,
     r"^layer fc: codebook must be one of auto, multiply, accumulate, not 'bins'$"),
    ({"multiplier": "dsp"}, ValueError,
     (r"^layer fc: multiplier must be lut for bipolar weights, which are added and subtracted$")),
    ({"levels": 0}, ValueError, r"^levels must be at least 1, not 0$"),
    ({"variant": "xc6"}, ValueError, r"^variant must be one of portable, xc7, not 'xc6'$"),
])
def test_rejects(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FoldedDense(**{"layer": _layer(), "pe": 1, "simd": 1, **arguments})


@pytest.mark.parametrize("storage, other, error, message", [
    ("rom", _layer(), TypeError, r"^layer fc: storage must be ram to be written, not rom$"),
    ("ram", _layer(name="b", weights=np.ones((3, 3))), ValueError,
     (r"^layer fc: \(input, kind and shape of weights, thresholds, bias\) must be \('bipolar', "
      r"'bipolar', \(2, 3\), False, False\), not \('bipolar', 'bipolar', \(3, 3\), False, False\) "
      r"as of layer b$")),
    ("ram", _layer(name="b", thresholds=np.array([0, 1])), ValueError,
     (r"^layer fc: \(input, kind and shape of weights, thresholds, bias\) must be \('bipolar', "
      r"'bipolar', \(2, 3\), False, False\), not \('bipolar', 'bipolar', \(2, 3\), True, False\) "
      r"as of layer b$")),
])
def test_rejects_writes(storage: str, other: Dense, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FoldedDense(_layer(), pe=1, simd=1, storage=storage).writes(other)


@pytest.mark.parametrize("own, other, message", [
    ({"bias": np.array([3, -4])}, {"bias": np.array([8, 0])},
     (r"^layer fc: biases must be at most 7 in magnitude to be written, not 15 as of layer b$")),
    ({"weight_kind": Codebook((-2, 1))}, {"weight_kind": Codebook((1, 2))},
     (r"^layer fc: entries must be of int2 to be written, not of int3 as of layer b$")),
])
def test_rejects_what_has_no_room(own: dict, other: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FoldedDense(_layer(**own), pe=1, simd=1, storage="ram").writes(_layer(name="b", **other))
