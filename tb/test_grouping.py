"""Convolutions in groups in folded cores: their own weights alone cost cycles and memory."""

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.dense import dense
from golden.layer import Conv, Dense
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from hdl.accelerator import Accelerator
from hdl.estimate import estimate, layer_cycles
from hdl.folded_dense import FoldedDense
from hdl.plan import LayerPlan, Plan, grouping, lanes_in
from hdl.planner import plan_for_cycles
from tb.cases import rtl_only
from tb.dense_cases import draw_inputs, draw_layer
from tb.harness import Frames, simulate
from tb.rewritten import Rewritten
from tb.test_convolution import check, draw_conv

BIPOLAR, BYTE = Bipolar(), Integer(8, True)


def answers(x: np.ndarray, layer: Dense, groups: int, units: int) -> np.ndarray:
    """Of x (frames * sets, units, n_in): (frames * sets, units, rows), a set after the other."""
    each = dense(x.reshape(-1, layer.n_in), layer)
    own = each.reshape(-1, groups, groups, layer.n_out // groups)
    return own[:, np.arange(groups), np.arange(groups)].reshape(len(x), units, -1)


def in_turn(values: np.ndarray, run: int) -> np.ndarray:
    """Of values (frames, units, n) as many frames, in which units take turns every ``run``."""
    if values.shape[1] > 1:
        values = values.reshape(*values.shape[:2], -1, run).swapaxes(1, 2)
    return values.reshape(len(values), -1)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n_in, n_out, number, thresholds, kind, pe, simd, options", [
    rtl_only(3, 3, BIPOLAR, True, BIPOLAR, 1, 2, {"groups": 3}),
    (5, 6, BIPOLAR, False, Ternary(), 2, 2, {"groups": 2, "variant": "xc7"}),
    rtl_only(4, 6, Integer(3, True), False, BYTE, 1, 2, {"groups": 6, "units": 3, "share": 2}),
    (6, 8, BIPOLAR, True, BIPOLAR, 1, 4, {"groups": 4, "units": 2, "share": 2}),
    rtl_only(3, 4, BYTE, False, BYTE, 1, 2,
             {"groups": 4, "units": 4, "multiplier": "dsp", "storage": "ram"}),
    rtl_only(3, 4, Ternary(), False, Codebook((-3, 5, 9)), 2, 1,
             {"groups": 2, "units": 2, "codebook": "accumulate", "storage": "ram"}),
])
def test_matches_golden(rng: np.random.Generator, n_in: int, n_out: int, number: Number,
                        thresholds: bool, kind: Number, pe: int, simd: int, options: dict,
                        netlist: bool) -> None:
    layer = draw_layer(rng, n_in, n_out, number, thresholds, kind)
    core = FoldedDense(layer, pe=pe, simd=simd, **options)
    groups, units = core.folding.groups, core.folding.units
    x = draw_inputs(rng, n_in * groups, number, Dense("all", number, np.ones((4, n_in * groups))))
    x = x.reshape(-1, units, n_in)
    y = in_turn(answers(x, layer, groups, units), pe)
    simulate(core, Frames.of(in_turn(x, core.folding.share), number, units * simd),
             Frames.of(y, core.output, units * pe), netlist=netlist)


def test_weights_change_between_frames_of_sets(rng: np.random.Generator) -> None:
    """A write that is offered while the first set enters waits for the last one."""
    first, second = (draw_layer(rng, 5, 6, BIPOLAR, True) for _ in range(2))
    core = FoldedDense(first, pe=2, simd=2, storage="ram", groups=3)
    x = rng.choice([-1, 1], (36, 1, 5))
    changed = np.arange(36)[:, None] // 6 % 2 == 1
    y = np.where(changed, answers(x, second, 3, 1)[:, 0], answers(x, first, 3, 1)[:, 0])
    simulate(Rewritten(core, [second, first], 6, core.folding.beats, 2 - 2 * core.folding.beats),
             Frames.of(x[:, 0], BIPOLAR, 2), Frames.of(y, BIPOLAR, 2),
             scenarios=("source", "sink", "both", "patient", "full"))


# (size, shape of weights, groups, input, kind, options, plan, lanes in, cycles a window).
@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("size, shape, groups, number, kind, options, plan, entering, cycles", [
    # Depthwise, 2 of 4 channels at once: 4 taps for each pair.
    ((4, 3), (4, 1, 2, 2), 4, BIPOLAR, BIPOLAR, {"thresholds": True, "padding": 1},
     LayerPlan(2, 1), 4, 8),
    # Two outputs a channel, 3 channels at once.
    rtl_only((3, 4), (6, 1, 2, 3), 3, Integer(4, False), BYTE,
             {"padding": 1, "padding_mode": "reflect"}, LayerPlan(6, 1, "ram"), 3, 6),
    # Three channels to two outputs, one after the other; lanes of a pixel are not those of a beat.
    rtl_only((7,), (4, 3, 3), 2, BYTE, Codebook((-7, 1, 5)),
             {"stride": 2, "padding": 1, "padding_mode": "replicate"}, LayerPlan(1, 2), 6,
             2 * 2 * 5),
    # Whole windows; 8 taps by 3, with one of padding, and 3 of 4 rows are not possible: 2 are.
    rtl_only((2, 3, 3), (8, 1, 2, 2, 2), 2, BIPOLAR, BIPOLAR, {},
             LayerPlan(3, 3, "ram", window="parallel"), 2, 2 * 2 * 3),
    # Two of three groups are not possible at once, so one is; a single tap needs no window.
    rtl_only((3, 2), (6, 2, 1, 1), 3, BIPOLAR, Ternary(), {"thresholds": True},
             LayerPlan(4, 5, "ram"), 6, 3),
    # Everything at once.
    rtl_only((3, 3), (4, 2, 2, 2), 2, Integer(2, True), Integer(4, True), {"padding": 1},
             LayerPlan(4, 8, window="parallel"), 4, 1),
])
def test_convolutions(rng: np.random.Generator, size: tuple[int, ...], shape: tuple[int, ...],
                      groups: int, number: Number, kind: Number, options: dict[str, Any],
                      plan: LayerPlan, entering: int, cycles: int, netlist: bool) -> None:
    first, second = (Network("network", (draw_conv(rng, "conv", number, size, shape, kind,
                                                   groups=groups, **options),)) for _ in range(2))
    whole = Plan({"conv": plan}, lanes=entering)
    core = check(rng, first, whole, netlist, 4, second if plan.storage == "ram" else None)
    conv = first.layers[0]
    part = core.cores["conv"]
    assert isinstance(conv, Conv) and isinstance(part, FoldedDense)
    assert part.initiation_interval * part.folding.sets == cycles
    assert core.initiation_interval == estimate(first, whole)[0].cycles


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 4), st.integers(1, 4), st.integers(1, 9),
       st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_zeros_of_other_groups_cost_nothing(groups: int, rows: int, share: int, taps: int, pe: int,
                                            simd: int, parallel: bool) -> None:
    """Cycles times multipliers, and bits of memory, are those of the weights, but for padding."""
    weights = np.where(np.arange(groups * rows * share * taps) % 3, 1, -1)
    conv = Conv("conv", BIPOLAR, (taps,), weights.reshape(groups * rows, share, taps),
                groups=groups)
    plan = LayerPlan(min(pe, groups * rows), min(simd, groups * share * taps),
                     window="parallel" if parallel else "serial")
    found = grouping(conv, plan)
    core = FoldedDense(found.layer, pe=found.pe, simd=found.simd, groups=groups,
                       units=found.units, share=found.share)
    assert found.lanes_out <= plan.pe and found.simd <= plan.simd
    assert found.cycles == core.initiation_interval * found.sets
    beats = -(-share * taps // found.simd)
    assert found.cycles * found.lanes_out == groups * rows * beats
    assert prod(core.memories["weights"]) == groups * rows * beats * found.simd
    if share * taps % found.simd == 0:
        assert prod(core.memories["weights"]) == conv.weight_bits


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.data())
def test_any_plan(groups: int, rows: int, share: int, taps: int, data: st.DataObject) -> None:
    """Whatever pe and simd: nothing is refused, and the estimate says the cycles."""
    conv = Conv("conv", BYTE, (6,), np.ones((groups * rows, share, taps), int), padding=taps // 2,
                groups=groups)
    draw, (n_out, n_in) = data.draw, conv.dense.weights.shape
    plan = LayerPlan(draw(st.integers(1, n_out)), draw(st.integers(1, n_in)),
                     draw(st.sampled_from(["rom", "ram"])),
                     window=draw(st.sampled_from(["serial", "parallel"])))
    network, whole = Network("network", (conv,)), Plan({"conv": plan}, lanes=lanes_in(conv, plan))
    core = Accelerator(network, whole)
    assert core.initiation_interval == estimate(network, whole)[0].cycles


@pytest.mark.parametrize("pe, simd, window, cycles", [
    (1, 1, "serial", 64 * 9), (16, 1, "serial", 4 * 9), (64, 1, "serial", 9),
    (8, 9, "parallel", 8), (64, 9, "parallel", 1), (10, 4, "parallel", 8 * 3),
])
def test_depthwise(pe: int, simd: int, window: str, cycles: int) -> None:
    """3 x 3 for each of 64 channels: 576 products a position; pe channels at once."""
    conv = Conv("conv", BYTE, (10, 10), np.ones((64, 1, 3, 3), int), padding=1, groups=64)
    plan = LayerPlan(pe, simd, window=window)
    assert layer_cycles(conv, plan) == 100 * cycles
    assert grouping(conv, plan).cycles == cycles


def test_plan() -> None:
    """A quarter of the products a cycle, and of the channels: no wider than it must be."""
    conv = Conv("conv", BYTE, (4, 4), np.ones((8, 1, 3, 3), int), padding=1, groups=8)
    network = Network("network", (conv,))
    for cycles, pe in ((16 * 72, 1), (16 * 72 // 4, 4), (16 * 9, 8)):
        plan = plan_for_cycles(network, cycles, storages=("ram",))
        assert (plan.layers["conv"].pe, plan.layers["conv"].simd) == (pe, 1)
        assert Accelerator(network, plan).initiation_interval == cycles
    plan = plan_for_cycles(network, 16, storages=("ram",))
    assert Accelerator(network, plan).initiation_interval == 16


@pytest.mark.parametrize("arguments, message", [
    ({"groups": 3}, r"^layer fc: groups must divide the 4 outputs, not 3$"),
    ({"groups": 0}, r"^layer fc: groups must be from 1 to 4, not 0$"),
    ({"groups": 4, "units": 3}, r"^layer fc: units must divide the 4 groups, not 3$"),
    ({"groups": 2, "units": 2, "share": 4}, r"^layer fc: share must divide the 6 inputs, not 4$"),
    ({"groups": 2, "units": 2, "share": 3},
     r"^layer fc: share must divide the 4 inputs a beat, not 3$"),
])
def test_rejects(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FoldedDense(Dense("fc", BIPOLAR, np.ones((4, 6))), pe=1, simd=4, **arguments)
