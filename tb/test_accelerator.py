"""Accelerator against the network's golden answers, layer by layer, in plans of all kinds."""

from dataclasses import replace

import numpy as np
import pytest

from golden.activation import Scale
from golden.layer import ArgMax, Dense, Layer
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.credited import CreditedPipelines
from hdl.fifo import StreamFIFO
from hdl.folded_dense import FoldedDense
from hdl.hardwired_dense import HardwiredDense
from hdl.plan import LayerPlan, Plan
from hdl.planner import plan_for_cycles
from hdl.verilog import to_verilog
from tb.capacity import capacity
from tb.cases import rtl_only
from tb.dense_cases import draw_layer
from tb.harness import Frames, simulate

PIXEL = Integer(8, False)


def draw_network(rng: np.random.Generator, widths: tuple[int, ...], number: Number,
                 argmax: bool = True) -> Network:
    """Dense layers of the widths, thresholds on all but the last, then an arg-max."""
    layers: list[Dense | ArgMax] = []
    for k, (n_in, n_out) in enumerate(zip(widths, widths[1:], strict=False)):
        drawn = draw_layer(rng, n_in, n_out, number, thresholds=k < len(widths) - 2)
        layers.append(Dense(f"dense_{k}", number, drawn.weights, drawn.thresholds))
        number = layers[-1].output
    if argmax:
        layers.append(ArgMax("argmax", number, widths[-1]))
    return Network("network", tuple(layers))


def draw_frames(rng: np.random.Generator, network: Network, frames: int = 16) -> np.ndarray:
    """Random values of the network's input kind, its two extremes; more than fit inside."""
    number = network.input
    codes = rng.integers(0, 1 << number.width, (frames, network.n_in), endpoint=False)
    codes[0], codes[1] = 0, (1 << number.width) - 1
    return number.decode(codes.astype(np.uint64))


def check(rng: np.random.Generator, network: Network, plan: Plan, netlist: bool = False,
          written: Network | None = None) -> None:
    """All scenarios with every layer watched; latency, rate and capacity are those promised.

    written: a network whose weights are written into the accelerator before.
    """
    core = Accelerator(network, plan, taps=True)
    assert core.starts(1) == [core.latency]
    x = draw_frames(rng, network)
    golden = run(written or network, x)
    taps: dict[str, Frames] = {}
    writes: dict[str, Frames] = {}
    for k, layer in enumerate(network.layers):
        part = core.cores[layer.name]
        number = part.output if isinstance(part, FoldedDense) else layer.output
        taps[layer.name] = Frames.of(golden[k], number, plan.lanes_out(layer))
    if written is not None and core.bus is not None:
        pairs = [core.bus.payload(*pair) for pair in core.writes(written)]
        writes["write"] = Frames.of_words(pairs, len(core.write.payload.as_value()))
    result = simulate(core, Frames.of(x, network.input, plan.lanes),
                      Frames.of(golden[-1], core.output, core.lanes_out), taps=taps,
                      writes=writes, netlist=netlist)
    assert result.capacity == capacity([stage.timing() for stage in core.stages.values()],
                                       len(x) * -(-network.n_in // plan.lanes))


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("lanes, folded", [
    (5, ((4, 5, "rom"), (3, 4, "rom"), (1, 3, "rom"), 1)),
    rtl_only(4, ((5, 3, "rom"), (9, 5, "ram"), (5, 2, "rom"), 3)),
    rtl_only(7, ((6, 10, "ram"), (1, 1, "rom"), (5, 9, "logic"), 2)),
    (20, ((12, 20, "logic"), (9, 12, "logic"), (5, 9, "rom"), 5)),
    rtl_only(3, ((12, 20, "logic"), (9, 12, "logic"), (5, 9, "logic"), 1)),
])
def test_plans(rng: np.random.Generator, lanes: int, folded: tuple, netlist: bool) -> None:
    """Any lanes next to any others, one layer kind next to any other."""
    network = draw_network(rng, (20, 12, 9, 5), PIXEL)
    layers = {f"dense_{k}": LayerPlan(*how) for k, how in enumerate(folded[:-1])}
    check(rng, network, Plan({**layers, "argmax": LayerPlan(simd=folded[-1])}, lanes=lanes),
          netlist)


@pytest.mark.parametrize("widths, number, argmax", [
    ((1, 1), Bipolar(), True), ((2, 3), Bipolar(), False), ((3, 1, 2), Integer(3, True), True),
    ((17, 13), PIXEL, False),
])
def test_small_networks(rng: np.random.Generator, widths: tuple, number: Number,
                        argmax: bool) -> None:
    network = draw_network(rng, widths, number, argmax)
    layers = {layer.name: LayerPlan() for layer in network.layers}
    check(rng, network, Plan(layers, lanes=1))


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
def test_weight_kinds(rng: np.random.Generator, netlist: bool) -> None:
    """A layer of each kind of weights, one requantised for the next, in structures of all kinds."""
    number = Integer(4, True)
    plans = {"dense_0": LayerPlan(storage="logic"), "dense_1": LayerPlan(2, 3, multiplier="dsp"),
             "dense_2": LayerPlan(3, 2, "ram", codebook="accumulate"),
             "dense_3": LayerPlan(2, 1, engine="scheduled")}
    kinds: tuple[Number, ...] = (Ternary(), Integer(5, True), Codebook((-3, 0, 5)),
                                 Codebook((-60, -1, 0, 7)))
    layers: list[Layer] = []
    for k, (kind, n_in, n_out) in enumerate(zip(kinds, (9, 7, 6, 5), (7, 6, 5, 4), strict=True)):
        drawn = draw_layer(rng, n_in, n_out, number, False, kind, 0.6)
        layers.append(replace(drawn, name=f"dense_{k}"))
        shift = max(drawn.accumulator.width - 4, 0)
        layers.append(Scale(f"scale_{k}", drawn.accumulator, n_out, np.array(1), np.array(0), shift,
                            "half_even", "saturate", number))
        plans[f"scale_{k}"] = LayerPlan(simd=2)
    network = Network("kinds", tuple(layers))
    check(rng, network, Plan({layer.name: plans[layer.name] for layer in layers}, lanes=4), netlist)
    for cycles in (1, 10, 60):
        plan = plan_for_cycles(network, cycles)
        assert Accelerator(network, plan).initiation_interval <= cycles


def test_fifos(rng: np.random.Generator) -> None:
    """FIFOs in front of layers change the latency, which stays the promised one."""
    network = draw_network(rng, (12, 8, 6), Bipolar())
    layers = {"dense_0": LayerPlan(4, 3, fifo=1), "dense_1": LayerPlan(2, 4, fifo=2),
              "argmax": LayerPlan(simd=2, fifo=5)}
    check(rng, network, Plan(layers, lanes=2))


def test_back_pressure_inside(rng: np.random.Generator) -> None:
    """A fast layer in front of a slow one is stopped by it; the latency is still exact."""
    network = draw_network(rng, (4, 30, 16, 3), Bipolar())
    layers = {"dense_0": LayerPlan(15, 4), "dense_1": LayerPlan(1, 1), "dense_2": LayerPlan(3, 16),
              "argmax": LayerPlan(simd=1)}
    check(rng, network, Plan(layers, lanes=4))


def test_hard_wired_layers_run_freely(rng: np.random.Generator) -> None:
    """They stop nowhere, whoever stalls, and give a frame a cycle."""
    network = draw_network(rng, (6, 6, 4, 3), Bipolar())
    layers = {layer.name: LayerPlan(storage="logic") for layer in network.layers}
    plan = Plan({**layers, "argmax": LayerPlan(simd=3)}, lanes=6, levels=8)
    core, = Accelerator(network, plan).stages.values()
    assert isinstance(core, CreditedPipelines) and core.room < 16  # as frames come
    check(rng, network, plan)


def test_weights_can_be_written(rng: np.random.Generator) -> None:
    """An accelerator made for one network computes another one after its words were written."""
    network, written = (draw_network(rng, (9, 7, 5), Integer(2, True)) for _ in range(2))
    layers = {"dense_0": LayerPlan(3, 4, "ram"), "dense_1": LayerPlan(4, 2, "ram"),
              "argmax": LayerPlan()}
    check(rng, network, Plan(layers, lanes=2), written=written)


def test_layers_are_built_as_planned(rng: np.random.Generator) -> None:
    network = draw_network(rng, (8, 7, 6, 5), Bipolar())
    core = Accelerator(network, Plan({
        "dense_0": LayerPlan(storage="logic"), "dense_1": LayerPlan(2, 7, memory="block"),
        "dense_2": LayerPlan(5, 3, "ram", "lut"), "argmax": LayerPlan(fifo=3)}, levels=1,
        variant="xc7"))
    a, b, c = (layer for layer in network.layers if isinstance(layer, Dense))
    alone = {"dense_0": HardwiredDense(a, levels=1, variant="xc7"),
             "dense_1": FoldedDense(b, pe=2, simd=7, memory="block", levels=1, variant="xc7"),
             "dense_2": FoldedDense(c, pe=5, simd=3, storage="ram", memory="lut", levels=1,
                                    variant="xc7"),
             "fifo_argmax": StreamFIFO(len(core.cores["dense_2"].o.payload), 3)}
    for name, part in alone.items():
        assert to_verilog(core.stages[name]) == to_verilog(part), name


@pytest.mark.parametrize("plan, message", [
    (Plan({"dense_0": LayerPlan()}),
     "^plan is for layers dense_0, but network network has dense_0, argmax; plan it anew$"),
    (Plan({"dense_0": LayerPlan(pe=4), "argmax": LayerPlan()}),
     "^layer dense_0: pe must be at most 3, the layer's outputs, not 4$"),
    (Plan({"dense_0": LayerPlan(), "argmax": LayerPlan(simd=4)}),
     "^layer argmax: simd must be at most 3, the layer's inputs, not 4$"),
    (Plan({"dense_0": LayerPlan(), "argmax": LayerPlan()}, lanes=5),
     "^plan: lanes must be at most the 4 inputs of network network, not 5$"),
])
def test_rejects(rng: np.random.Generator, plan: Plan, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Accelerator(draw_network(rng, (4, 3), Bipolar()), plan)
