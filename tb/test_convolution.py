"""Accelerators of convolutional networks: every layer watched, RTL and netlist, all scenarios."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from golden.layer import (
    Add,
    ArgMax,
    Clamp,
    Concatenate,
    Conv,
    Dense,
    Embedding,
    MultiThreshold,
    Pool,
    Scale,
    UpSample,
)
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.pruning import prune
from golden.reference import run
from golden.resampling import transposed_conv
from hdl.accelerator import Accelerator
from hdl.credited import CreditedPipelines
from hdl.hardwired_dense import HardwiredDense
from hdl.plan import LayerPlan, Plan
from hdl.planner import plan_for_cycles
from hdl.schedule import Schedule
from hdl.verilog import to_verilog
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
          frames: int = 6, written: Network | None = None, **options: Any) -> Accelerator:
    """All scenarios; latency and rate are those promised, all layers' outputs the golden ones.

    written: a network whose weights are written into the accelerator before.
    """
    core = Accelerator(network, plan, taps=True)
    *_, before, last = core.starts(8)
    assert last - before == core.initiation_interval
    x = draw_frames(rng, network, frames)
    golden = run(written or network, x)
    if written is not None and core.bus is not None:
        pairs = [core.bus.payload(*pair) for pair in core.writes(written)]
        options["writes"] = Frames.of_words(pairs, len(core.write.payload.as_value()))
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


def test_branches(rng: np.random.Generator) -> None:
    """FIFOs of branches are as deep as the rate needs; one of no depth is refused by name."""
    network = residual(rng)
    plans = {"first": LayerPlan(4, 9), "level": LayerPlan(simd=4), "inner": LayerPlan(4, 4),
             "shortcut": LayerPlan(1, 4), "add": LayerPlan(simd=4), "more": LayerPlan(simd=4),
             "both": LayerPlan(simd=4), "dense": LayerPlan(3, 4)}
    core = check(rng, network, Plan(plans), frames=6)
    depth = core.queues["level -> add"]  # as many pixels as the window in front of it holds
    assert depth > 4
    for given, wrong in ((depth, False), (depth - 1, True), (0, True)):
        plan = Plan(plans, queues={**core.queues, "level -> add": given})
        if not wrong:
            assert Accelerator(network, plan).queues == core.queues
            continue
        with pytest.raises(ValueError, match=rf"^edge level -> add stalls: its FIFO holds {given} "
                                             rf"beats, but needs {depth} for a frame every "):
            Accelerator(network, plan)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
def test_dense_branches(rng: np.random.Generator, netlist: bool) -> None:
    """Around a fully connected layer the branch holds what comes before its first output."""
    first = Dense("first", Bipolar(), rng.choice([-1, 1], (6, 5)), np.zeros(6, int))
    second = Dense("second", Bipolar(), rng.choice([-1, 1], (6, 6)))
    add = Add("add", second.output, Bipolar(), 6)
    network = Network("network", (first, second, add), sources={"add": ("second", "first")})
    plan = Plan({"first": LayerPlan(2, 5), "second": LayerPlan(2, 2), "add": LayerPlan(simd=3)})
    assert check(rng, network, plan, netlist).queues["first -> add"] > 0


def test_hard_wired_branches(rng: np.random.Generator) -> None:
    """Hard-wired layers in a row run freely, up to where the stream forks or a FIFO is planned."""
    layers = [Dense(name, Bipolar(), rng.choice([-1, 1], (6, 6)), np.zeros(6, int))
              for name in ("first", "second", "third")]
    last = Dense("last", Bipolar(), rng.choice([-1, 1], (6, 6)))
    add = Add("add", last.output, Bipolar(), 6)
    network = Network("network", (*layers, last, add), sources={"add": ("last", "first")})
    plan = Plan({**{layer.name: LayerPlan(storage="logic") for layer in (*layers, last)},
                 "add": LayerPlan(simd=6)}, lanes=6, levels=1)
    core = check(rng, network, plan)
    assert list(core.stages) == ["first", "last", "queue_add_1", "add"]
    assert isinstance(core.stages["last"], CreditedPipelines)
    queues = {**core.queues, "second -> third": 1}
    planned = Accelerator(network, replace(plan, queues=queues))
    assert list(planned.stages) == ["first", "second", "queue_last_0", "last", "queue_add_1",
                                    "add"]


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
def test_padded_pool(rng: np.random.Generator, netlist: bool) -> None:
    """Beyond the border there is nothing greater than the least value, and channels need no lanes
    that divide them."""
    pool = Pool("pool", Integer(4, True), (4, 5), 3, 3, stride=2, padding=1)
    conv = draw_conv(rng, "conv", pool.output, pool.geometry.output, (5, 3, 1, 1), Ternary())
    check(rng, Network("network", (pool, conv)), Plan({"pool": LayerPlan(simd=2),
                                                       "conv": LayerPlan(2, 2)}), netlist)


def plans_for(network: Network, cycles: int, **options: Any) -> Plan:
    plan = plan_for_cycles(network, cycles, **options)
    assert Accelerator(network, plan).initiation_interval <= cycles
    return plan


def kinds_1d(rng: np.random.Generator) -> Network:
    """Text: words become rows, windows of words features, of which the greatest in time remain."""
    words = Embedding("words", rng.integers(-8, 8, (11, 3)), Integer(4, True), 9)
    conv = draw_conv(rng, "conv", words.output, (9,), (4, 3, 3), Codebook((-7, 0, 2, 5)),
                     stride=2, padding=1, padding_mode="replicate")
    relu = Clamp("relu", conv.accumulator, 4, 0, positions=5)
    pool = Pool("pool", relu.output, (5,), 4, 5)
    dense = Dense("dense", pool.output, rng.integers(-8, 8, (2, 4)), weight_kind=Integer(4, True))
    return Network("text", (words, conv, relu, pool, dense, ArgMax("argmax", dense.output, 2)))


def kinds_3d(rng: np.random.Generator) -> Network:
    """Volumes, whose second convolution sees each channel alone (depthwise)."""
    first = draw_conv(rng, "first", Integer(4, False), (3, 4, 3), (2, 1, 2, 2, 2), thresholds=True)
    alone = draw_conv(rng, "alone", Bipolar(), (2, 3, 2), (4, 1, 1, 2, 2), thresholds=True,
                      groups=2)
    pool = Pool("pool", Bipolar(), (2, 2, 1), 4, (1, 2, 1), "sum")
    dense = Dense("dense", pool.output, rng.integers(-1, 2, (3, 8)), weight_kind=Ternary())
    return Network("volumes", (first, alone, pool, dense))


def kinds_2d(rng: np.random.Generator) -> Network:
    """Pruned weights of 5 bits, then a transposed convolution and a repetition of pixels."""
    first = draw_conv(rng, "first", Integer(3, True), (4, 4), (3, 2, 3, 3), Integer(5, True),
                      density=0.2, padding=1, padding_mode="reflect")
    scale = Scale("scale", first.accumulator, 3, rng.integers(1, 9, 3), np.array(3), 4, "half_even",
                  "saturate", Integer(3, True), positions=16)
    up = transposed_conv("up", scale.output, (4, 4), rng.integers(-1, 2, (3, 2, 2, 2)), stride=2,
                         weight_kind=Ternary())
    twice = UpSample("twice", up[1].output, (8, 8), 2, (1, 2))
    return Network("image", (first, scale, *up, twice))


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("draw, cycles, storages", [
    (kinds_1d, 80, ("rom",)), rtl_only(kinds_1d, 30, ("logic", "rom")),
    (kinds_3d, 200, ("rom",)), rtl_only(kinds_3d, 60, ("logic",)),
    (kinds_2d, 520, ("rom",)), rtl_only(kinds_2d, 300, ("ram",)),
])
def test_kinds(rng: np.random.Generator, draw: Callable[[np.random.Generator], Network],
               cycles: int, storages: tuple[str, ...], netlist: bool) -> None:
    """Every dimension, kind of weights, padding and resampling, planned for a rate."""
    network = draw(rng)
    check(rng, network, plans_for(network, cycles, storages=storages), netlist, 4)


def test_zeros_cost_nothing(rng: np.random.Generator) -> None:
    """Pruned weights cost neither cycles, in a schedule, nor logic, hard-wired."""
    weights = rng.integers(-128, 128, (8, 6, 3))
    layer = Conv("conv", Integer(4, False), (20,), weights, weight_kind=Integer(8, True))
    small = prune(layer, 115)
    density = small.non_zeros / layer.non_zeros
    assert 0.05 < density < 0.15
    for conv, cycles, elements in ((layer, 8 * 18 // 2 * 18, 2), (small, 0, 2)):
        plan = LayerPlan(elements, 6, engine="scheduled")
        interval = Accelerator(Network("n", (conv,)), Plan({"conv": plan})).initiation_interval
        schedule = Schedule(conv.dense, elements)
        assert interval == 18 * max(schedule.cycles, 3)
        assert not cycles or interval >= 0.95 * cycles
    assert interval < 1.5 * density * 8 * 18 / 2 * 18
    wired = [HardwiredDense(conv.dense, variant="xc7") for conv in (layer, small)]
    luts = [to_verilog(core).count("LUT") for core in wired]
    assert luts[1] < 2 * density * luts[0]
