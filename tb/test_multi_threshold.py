"""Both multi-thresholds against PyTorch's search."""

import re
from typing import Any

import numpy as np
import pytest

from golden.activation import MultiThreshold as MultiThresholdLayer
from golden.elementwise import multi_threshold
from golden.number import Bipolar, Integer, Number, Ternary
from hdl.multi_threshold import MultiThreshold
from hdl.serial_threshold import SerialThreshold
from tb.cases import rtl_only
from tb.harness import Frames, simulate
from tb.rewritten import Rewritten

CORES = {"parallel": MultiThreshold, "serial": SerialThreshold}


def draw(rng: np.random.Generator, n: int, levels: int, input_: Integer, output: Number,
         common: bool = False) -> MultiThresholdLayer:
    """Rows with equal thresholds, with those that are always and those that are never reached."""
    low, high = input_.minimum, input_.maximum + 1
    rows = rng.integers(low, high, (1 if common else n, levels), endpoint=True)
    rows[::3, 0], rows[1::3, -1] = low, high
    rows = np.sort(rows, axis=1)
    return MultiThresholdLayer("steps", input_, np.broadcast_to(rows, (n, levels)), output)


def frames(rng: np.random.Generator, layer: MultiThresholdLayer) -> np.ndarray:
    """Random values, the thresholds themselves and one less, the extremes."""
    number = layer.input
    x = rng.integers(number.minimum, number.maximum, (16, layer.n), endpoint=True)
    steps = rng.permuted(layer.thresholds, axis=1).T[:8]
    ends = np.repeat([[number.minimum], [number.maximum]], layer.n, axis=1)
    return np.concatenate([x, steps, steps - 1, ends]).clip(number.minimum, number.maximum)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("structure, n, levels, input_, output, common, options", [
    rtl_only("parallel", 1, 1, Integer(1, True), Bipolar(), False, {"lanes": 1}),
    ("parallel", 5, 2, Integer(6, True), Ternary(), True, {"lanes": 2, "storage": "logic"}),
    rtl_only("parallel", 7, 11, Integer(9, False), Integer(4, True), False,
     {"lanes": 3, "memory": "block"}),
    ("parallel", 3, 7, Integer(8, True), Integer(3, False), False, {"lanes": 3, "storage": "ram"}),
    rtl_only("serial", 3, 1, Integer(4, True), Bipolar(), False, {"lanes": 2}),
    ("serial", 5, 15, Integer(8, True), Integer(4, False), True, {"lanes": 2}),
    ("serial", 3, 255, Integer(12, True), Integer(8, True), False,
     {"lanes": 1, "memory": "block", "storage": "ram"}),
])
def test_matches_golden(rng: np.random.Generator, structure: str, n: int, levels: int,
                        input_: Integer, output: Number, common: bool, options: dict[str, Any],
                        netlist: bool) -> None:
    layer = draw(rng, n, levels, input_, output, common)
    x, lanes = frames(rng, layer), options["lanes"]
    simulate(CORES[structure](layer, **options), Frames.of(x, input_, lanes),
             Frames.of(multi_threshold(x, layer), output, lanes), netlist=netlist)


@pytest.mark.parametrize("structure", CORES)
def test_thresholds_can_be_written(rng: np.random.Generator, structure: str) -> None:
    layer, other = (draw(rng, 5, 3, Integer(5, True), Integer(2, False)) for _ in range(2))
    core = CORES[structure](layer, lanes=2, storage="ram")
    x = frames(rng, other)
    simulate(core, Frames.of(x, layer.input, 2),
             Frames.of(multi_threshold(x, other), layer.output, 2),
             writes=Frames.of_words(core.writes(other), len(core.write.payload.as_value())))


def test_thresholds_change_between_frames(rng: np.random.Generator) -> None:
    """Frames in the core when a write is offered meet the old thresholds, later ones the new."""
    layers = [draw(rng, 5, 2, Integer(7, True), Ternary()) for _ in range(2)]
    x = np.resize(frames(rng, layers[0]), (24, 5))  # eight times three
    core = SerialThreshold(layers[0], lanes=1, storage="ram")
    changed = np.arange(len(x))[:, None] // 3 % 2 == 1
    first, second = (multi_threshold(x, layer) for layer in layers)
    simulate(Rewritten(core, layers[::-1], 3, core.beats, 1), Frames.of(x, layers[0].input),
             Frames.of(np.where(changed, second, first), layers[0].output),
             scenarios=("source", "sink", "both", "patient", "full"))


@pytest.mark.parametrize("structure", CORES)
def test_rejects_other_levels(rng: np.random.Generator, structure: str) -> None:
    layer, other = (draw(rng, 2, levels, Integer(5, True), Integer(2, False)) for levels in (3, 2))
    core = CORES[structure](layer, lanes=1, storage="ram")
    with pytest.raises(ValueError, match="^" + re.escape(
            "layer steps: input, output, n, levels must be int5, uint2, 2, 3, not int5, uint2, 2, "
            "2 as of layer steps") + "$"):
        core.writes(other)
