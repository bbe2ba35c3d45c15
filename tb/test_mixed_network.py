"""Networks with layers of all kinds: every layer compared, saved and loaded, planned, written."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.activation import Clamp, LeakyReLU, MultiThreshold, Scale
from golden.fixed import Fixed
from golden.layer import ArgMax, Dense, Layer, TopK
from golden.network import Network
from golden.number import Bipolar, Integer
from golden.reference import run
from golden.tabulated import PiecewiseLinear, Table, fit_pieces, sigmoid, tabulate
from hdl.accelerator import Accelerator
from hdl.estimate import estimate
from hdl.plan import LayerPlan, Plan
from hdl.planner import plan_for_cycles, plan_for_luts, total
from tb.test_accelerator import check


def thresholds_network(rng: np.random.Generator) -> Network:
    """Requantised, then multi-thresholds to 2 bits, then the two best of five."""
    first = Dense("dense_0", Integer(4, False), rng.choice([-1, 1], (7, 9)))
    scale = Scale("scale", first.accumulator, 7, rng.integers(1, 9, 7), rng.integers(-9, 9, 7), 3,
                  "half_even", "saturate", Integer(4, True))
    second = Dense("dense_1", scale.output, rng.choice([-1, 1], (6, 7)))
    steps = MultiThreshold("steps", second.accumulator,
                           np.sort(rng.integers(-20, 20, (6, 3)), axis=1), Integer(2, False))
    third = Dense("dense_2", steps.output, rng.choice([-1, 1], (5, 6)))
    return Network("mixed", (first, scale, second, steps, third,
                             TopK("top", third.output, 5, 2)))


def functions_network(rng: np.random.Generator) -> Network:
    """Leaky ReLU, tanh, a sigmoid of straight pieces and a ReLU behind each other."""
    first = Dense("dense", Bipolar(), rng.choice([-1, 1], (5, 11)))
    leaky = LeakyReLU("leaky", first.accumulator, 5, 3, 3, "half_up")
    number, tanh = Fixed(first.accumulator.width, 2, True), Fixed(6, 5, True)
    pieces = fit_pieces(sigmoid, tanh, Fixed(5, 5, False), 8, shift=4)
    layers: list[Layer] = [
        first, leaky,
        Table("tanh", leaky.output, 5, tabulate(np.tanh, number, tanh), tanh.integer),
        Clamp("relu", tanh.integer, 5, low=-9)]
    wide = Scale("wide", Integer(6, True), 5, np.array(1), np.array(0), 0, "floor", "wrap",
                 Integer(6, True))
    assert layers[-1].output == Integer(6, True) and wide.output == tanh.integer
    layers += [wide, PiecewiseLinear("sigmoid", tanh.integer, 5, pieces.slopes, pieces.offsets,
                                     pieces.shift, pieces.rounding, pieces.overflow,
                                     Integer(5, False)),
               ArgMax("argmax", Integer(5, False), 5)]
    return Network("functions", tuple(layers))


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("plans, lanes", [
    ((LayerPlan(3, 4), LayerPlan(simd=2), LayerPlan(6, 7, "logic"), LayerPlan(simd=4),
      LayerPlan(2, 3, "ram"), LayerPlan(simd=2)), 3),
    ((LayerPlan(1, 1), LayerPlan(storage="ram"), LayerPlan(1, 1, "ram"),
      LayerPlan(structure="serial", storage="ram"), LayerPlan(1, 1), LayerPlan()), 1),
])
def test_mixed(rng: np.random.Generator, plans: tuple[LayerPlan, ...], lanes: int,
               netlist: bool, tmp_path: Path) -> None:
    network = thresholds_network(rng)
    network.save(tmp_path / "network.npz")
    loaded = Network.load(tmp_path / "network.npz")
    assert loaded.digest == network.digest
    names = [layer.name for layer in network.layers]
    plan = Plan(dict(zip(names, plans, strict=True)), lanes=lanes)
    plan.save(tmp_path / "plan.json")
    check(rng, loaded, Plan.load(tmp_path / "plan.json"), netlist)


@pytest.mark.parametrize("lanes", [2, 5])
def test_functions(rng: np.random.Generator, lanes: int) -> None:
    network = functions_network(rng)
    plans = {layer.name: LayerPlan(simd=lanes) for layer in network.layers}
    check(rng, network, Plan(plans, lanes=lanes))


def _rolled(layer: Layer) -> Layer:
    """The layer with the parameters of each output given to the one after it."""
    rolled: dict[str, Any] = {
        field.name: np.roll(value, 1, axis=0) for field in fields(layer)
        if isinstance(value := getattr(layer, field.name), np.ndarray)}
    return replace(layer, **rolled)


def test_written(rng: np.random.Generator) -> None:
    """The smallest folding: one neuron of one input a cycle, all of whose memories are written."""
    network = thresholds_network(rng)
    names = [layer.name for layer in network.layers]
    written = Network("mixed", tuple(_rolled(layer) for layer in network.layers))
    plans = [LayerPlan(1, 1, "ram"), LayerPlan(storage="ram"), LayerPlan(1, 1, "ram"),
             LayerPlan(storage="ram", structure="serial"), LayerPlan(1, 1, "ram"), LayerPlan()]
    check(rng, network, Plan(dict(zip(names, plans, strict=True))), written=written)


def test_planned(rng: np.random.Generator) -> None:
    """The planner meets the cycles with every kind of layer, and estimates all of them."""
    for network in (thresholds_network(rng), functions_network(rng)):
        for cycles in (1, 4, 30):
            plan = plan_for_cycles(network, cycles)
            assert Accelerator(network, plan).initiation_interval <= cycles
            assert all(row.lut > 0 for row in estimate(network, plan))
        luts = total(estimate(network, plan)).lut
        assert total(estimate(network, plan_for_luts(network, 2 * luts))).lut <= 2 * luts
    x = network.input.decode(rng.integers(0, 2, (50, network.n_in)))
    assert len({tuple(row) for row in run(network, x)[-2].tolist()}) > 1
