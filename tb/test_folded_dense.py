"""FoldedDense against the matrix product: foldings, storages and variants, RTL and netlist."""

import numpy as np
import pytest

from golden.dense import dense
from golden.layer import Dense
from golden.number import Bipolar, Integer, Number
from hdl.folded_dense import FoldedDense
from tb.dense_cases import draw_inputs, draw_layer
from tb.harness import Frames, simulate

PIXEL = Integer(8, False)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n_in, n_out, number, thresholds, pe, simd, options", [
    (1, 1, Bipolar(), True, 1, 1, {}),
    (1, 1, PIXEL, False, 1, 1, {"variant": "xc7", "levels": 1}),
    (2, 3, Bipolar(), False, 2, 1, {"storage": "ram"}),
    (3, 2, PIXEL, True, 1, 2, {"memory": "lut"}),
    (5, 7, Integer(3, True), True, 3, 2, {"storage": "ram", "variant": "xc7"}),
    (5, 7, Bipolar(), False, 7, 5, {"levels": 1}),
    (7, 3, Bipolar(), True, 4, 9, {}),
    (13, 6, Bipolar(), True, 6, 1, {"memory": "block"}),
    (13, 6, Integer(4, True), False, 1, 13, {"storage": "ram", "memory": "block"}),
    (16, 8, Bipolar(), False, 8, 4, {"variant": "xc7", "memory": "lut"}),
    (31, 17, PIXEL, False, 5, 8, {"variant": "xc7", "levels": 2}),
    (48, 40, Bipolar(), True, 3, 11, {"variant": "xc7"}),
    (64, 20, Bipolar(), True, 4, 32, {"storage": "ram", "memory": "lut"}),
    (100, 10, Bipolar(), False, 3, 64, {"memory": "block", "variant": "xc7", "levels": 9}),
    (49, 12, PIXEL, True, 1, 1, {}),
])
def test_matches_golden(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
                        thresholds: bool, pe: int, simd: int, options: dict,
                        netlist: bool) -> None:
    layer = draw_layer(rng, n_in, n_out, number, thresholds)
    x = draw_inputs(rng, n_in, number, layer, frames=12)
    core = FoldedDense(layer, pe=pe, simd=simd, **options)
    simulate(core, Frames.of(x, number, simd), Frames.of(dense(x, layer), core.output, pe),
             netlist=netlist)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, thresholds, memory", [
    (Bipolar(), True, "lut"), (Bipolar(), False, "block"), (PIXEL, True, "block"),
    (PIXEL, False, "lut"),
])
def test_weights_can_be_written(rng: np.random.Generator, number: Number, thresholds: bool,
                                memory: str, netlist: bool) -> None:
    """A core made for one layer computes another one after its words were written."""
    first, second = (draw_layer(rng, 11, 9, number, thresholds) for _ in range(2))
    if not thresholds:  # the greatest accumulators there are, which the first layer may not need
        second = Dense("second", number, np.ones((9, 11)))
    core = FoldedDense(first, pe=2, simd=3, storage="ram", memory=memory)
    x = draw_inputs(rng, 11, number, second)
    simulate(core, Frames.of(x, number, 3), Frames.of(dense(x, second), core.output, 2),
             writes=Frames.of_words(core.writes(second), len(core.write.payload.as_value())),
             netlist=netlist)


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
    ({"levels": 0}, ValueError, r"^levels must be at least 1, not 0$"),
    ({"variant": "xc6"}, ValueError, r"^variant must be one of portable, xc7, not 'xc6'$"),
])
def test_rejects(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FoldedDense(**{"layer": _layer(), "pe": 1, "simd": 1, **arguments})


@pytest.mark.parametrize("storage, other, error, message", [
    ("rom", _layer(), TypeError, r"^layer fc: storage must be ram to be written, not rom$"),
    ("ram", _layer(name="b", weights=np.ones((3, 3))), ValueError,
     r"^layer fc: \(input, weights' shape, thresholds\) must be \('bipolar', \(2, 3\), False\), "
     r"not \('bipolar', \(3, 3\), False\) as of layer b$"),
    ("ram", _layer(name="b", thresholds=np.array([0, 1])), ValueError,
     r"^layer fc: \(input, weights' shape, thresholds\) must be \('bipolar', \(2, 3\), False\), "
     r"not \('bipolar', \(2, 3\), True\) as of layer b$"),
])
def test_rejects_writes(storage: str, other: Dense, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FoldedDense(_layer(), pe=1, simd=1, storage=storage).writes(other)
