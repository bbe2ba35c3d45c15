"""The sizes that the generators promise on 7-series, on fixed random layers."""

import numpy as np
import pytest

from golden.layer import Dense
from golden.number import Bipolar, Integer, Ternary
from hdl.dense_logic import dense_logic
from hdl.folded_sum import FoldedSum
from hdl.folding import Folding
from hdl.hardwired_dense import HardwiredDense
from hdl.synth import synthesize


def signs(n_out: int, n_in: int) -> np.ndarray:
    """The matrix of these sizes on which structures are compared."""
    return np.random.default_rng(1).choice([-1, 1], size=(n_out, n_in))


def test_hard_wired_with_thresholds(tmp_path) -> None:
    """256x64: the graph's own count is what yosys keeps."""
    thresholds = np.round(np.random.default_rng(7).normal(0, 8, 64)).astype(int)
    core = HardwiredDense(Dense("layer", Bipolar(), signs(64, 256), thresholds), variant="xc7")
    made = synthesize(core, "xc7", tmp_path)
    luts = sum(count for cell, count in made.totals.cells.items() if cell.startswith("LUT"))
    assert luts <= 4149
    assert core.logic.luts <= luts <= core.logic.luts * 1.005  # and a few for the handshake


def test_hard_wired_exact_sums() -> None:
    """784x128 sums of 0/1 inputs."""
    logic, _ = dense_logic(Dense("layer", Integer(1, False), signs(128, 784)))
    assert logic.luts / (128 * 784) <= 0.19


@pytest.mark.parametrize("variant, per_product", [("xc7", 1.05), ("portable", 1.35)])
def test_folded(tmp_path, variant: str, per_product: float) -> None:
    """64 inputs by 16 neurons, 12-bit accumulators, memories excluded."""
    folding = Folding(Dense("layer", Bipolar(), signs(16, 1024), np.zeros(16, int)), 16, 64)
    assert folding.accumulator_width == 12
    made = synthesize(FoldedSum(folding, variant=variant), "xc7", tmp_path)
    luts = sum(count for cell, count in made.totals.cells.items() if cell.startswith("LUT"))
    assert luts / (64 * 16) <= per_product


def ternary() -> np.ndarray:
    """64 x 64, half of them 0."""
    rng = np.random.default_rng(2)
    drawn = rng.choice([-1, 1], size=(64, 64))
    return drawn * (rng.random((64, 64)) >= 0.5)


def test_hard_wired_ternary(tmp_path) -> None:
    """1-bit inputs, by what yosys keeps; 8-bit inputs by the graph's own count."""
    layer = Dense("layer", Bipolar(), ternary(), None, Ternary())
    made = synthesize(HardwiredDense(layer, variant="xc7"), "xc7", tmp_path)
    assert made.totals.lut / layer.weights.size <= 0.30
    layer = Dense("layer", Integer(8, True), ternary(), None, Ternary())
    assert dense_logic(layer)[0].luts / layer.non_zeros <= 3.6


def test_hard_wired_pruned() -> None:
    """8-bit weights and inputs, a tenth of 64 x 64 weights not 0."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-127, 128, size=(64, 64))
    weights[weights == 0] = 1
    weights = weights * (rng.random((64, 64)) < 0.1)
    layer = Dense("layer", Integer(8, True), weights, None, Integer(8, True))
    assert dense_logic(layer)[0].luts / layer.non_zeros <= 13.9
