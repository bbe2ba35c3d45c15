"""Accelerators of convolutional networks: every layer watched, RTL and netlist, all scenarios."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from golden.layer import Add, ArgMax, Concatenate, Conv, Dense, MultiThreshold, Pool
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.plan import LayerPlan, Plan
from tb.cases import rtl_only
from tb.harness import Frames, simulate
from tb.test_accelerator import draw_frames

BIPOLAR, PIXEL = Bipolar(), Integer(8, False)


def draw_conv(rng: np.random.Generator, name: str, number: Number, size: tuple[int, ...],
              shape: tuple[int, ...], kind: Number = BIPOLAR, thresholds: bool = False,
              density: float = 1, **options: Any) -> Conv:
    """Weights of the shape; thresholds drawn from the middle of what is reached."""
    match kind:
        case Bipolar():
            weights = rng.choice([-1, 1], shape)
        case Codebook():
            weights = rng.choice(kind.entries, shape)
        case _:
            weights = rng.integers(kind.minimum, kind.maximum + 1, shape)
            weights[rng.random(shape) > density] = 0
    layer = Conv(name, number, size, weights, weight_kind=kind, **options)
    if not thresholds:
        return layer
    low, high = layer.accumulator_minimum, layer.accumulator_maximum
    chosen = rng.integers((3 * low + high) // 4, (low + 3 * high) // 4 + 1)
    return Conv(name, number, size, weights, weight_kind=kind, thresholds=chosen, **options)


def check(rng: np.random.Generator, network: Network, plan: Plan, netlist: bool = False,
          frames: int = 6, **options: Any) -> Accelerator:
    """All scenarios; latency and rate are those promised, all layers' outputs the golden ones."""
    core = Accelerator(network, plan, taps=True)
    x = draw_frames(rng, network, frames)
    golden = run(network, x)
    taps = {}
    for layer, values in zip(network.layers, golden, strict=True):
        number = getattr(core.cores[layer.name], "output", layer.output)
        taps[layer.name] = Frames.of(values, number, plan.lanes_out(layer), layer.positions_out)
    simulate(core, Frames.of(x, network.input, plan.lanes),
             Frames.of(golden[-1], core.output, core.lanes_out), taps=taps, netlist=netlist,
             **options)
    return core


def small(rng: np.random.Generator) -> Network:
    """Two convolutions, one padded, a pooling between, and a dense layer behind."""
    first = draw_conv(rng, "conv_0", PIXEL, (8, 7), (6, 2, 3, 3), thresholds=True)
    pool = Pool("pool", Bipolar(), (6, 5), 6, 2)
    second = draw_conv(rng, "conv_1", Bipolar(), (3, 2), (5, 6, 3, 2), thresholds=True, padding=1)
    n_in = second.n_out
    dense = Dense("dense", Bipolar(), rng.choice([-1, 1], (4, n_in)))
    return Network("small", (first, pool, second, dense, ArgMax("argmax", dense.output, 4)))


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("lanes, plans", [
    (2, (LayerPlan(6, 2), LayerPlan(simd=6), LayerPlan(5, 6), LayerPlan(2, 5), LayerPlan())),
    rtl_only(1, (LayerPlan(4, 1), LayerPlan(simd=4), LayerPlan(2, 3), LayerPlan(1, 7),
                 LayerPlan(simd=3))),
    rtl_only(5, (LayerPlan(5, 18, "ram"), LayerPlan(simd=1), LayerPlan(3, 5, "ram"),
                 LayerPlan(3, 4), LayerPlan(simd=2))),
    rtl_only(4, (LayerPlan(6, 18, "logic"), LayerPlan(simd=2), LayerPlan(2, 36), LayerPlan(),
                 LayerPlan())),
    (2, (LayerPlan(6, 18, "logic", window="parallel"), LayerPlan(simd=6),
         LayerPlan(1, 4, window="parallel"), LayerPlan(), LayerPlan())),
])
def test_plans(rng: np.random.Generator, lanes: int, plans: tuple[LayerPlan, ...],
               netlist: bool) -> None:
    """Any lanes next to any others, of positions, windows and whole frames."""
    network = small(rng)
    names = [layer.name for layer in network.layers]
    check(rng, network, Plan(dict(zip(names, plans, strict=True)), lanes=lanes), netlist,
          4 if netlist else 6)


def residual(rng: np.random.Generator) -> Network:
    """A residual block of ternary weights around two convolutions, and a shortcut of one tap."""
    first = draw_conv(rng, "first", PIXEL, (5, 4), (4, 1, 3, 3), Ternary(), padding=1)
    steps = np.sort(rng.integers(-300, 300, (4, 3)), axis=1)
    two = Integer(2, False)
    level = MultiThreshold("level", first.accumulator, steps, two, positions=20)
    inner = draw_conv(rng, "inner", two, (5, 4), (4, 4, 3, 3), Ternary(), padding=1)
    shortcut = draw_conv(rng, "shortcut", two, (5, 4), (4, 4, 1, 1), Ternary())
    add = Add("add", inner.output, two, 4, 20)
    more = Add("more", add.output, shortcut.output, 4, 20)
    both = Concatenate("both", more.output, (4, 4), 20)
    dense = Dense("dense", both.output, rng.integers(-1, 2, (3, 160)), weight_kind=Ternary())
    return Network("residual", (first, level, inner, shortcut, add, more, both, dense), sources={
        "shortcut": ("level",), "add": ("inner", "level"), "more": ("add", "shortcut"),
        "both": ("more", "more")})


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
def test_branches(rng: np.random.Generator, netlist: bool) -> None:
    """FIFOs of branches are as deep as the rate needs; one of no depth is refused by name."""
    network = residual(rng)
    plans = {"first": LayerPlan(4, 9), "level": LayerPlan(simd=4), "inner": LayerPlan(4, 4),
             "shortcut": LayerPlan(1, 4), "add": LayerPlan(simd=4), "more": LayerPlan(simd=4),
             "both": LayerPlan(simd=4), "dense": LayerPlan(3, 4)}
    core = check(rng, network, Plan(plans), netlist, 4 if netlist else 6)
    depth = core.stages["branch_add_1"].depth  # as many pixels as the window in front of it holds
    assert depth > 4
    for given, wrong in ((depth, False), (depth - 1, True), (1, True)):
        plan = Plan({**plans, "add": replace(plans["add"], branches=(0, given))})
        if not wrong:
            Accelerator(network, plan)
            continue
        with pytest.raises(ValueError, match=rf"^edge level -> add stalls: its FIFO holds {given} "
                                             rf"beats, but needs {depth} for a frame every "):
            Accelerator(network, plan)
