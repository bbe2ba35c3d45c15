"""ScheduledDense against the golden dense layer, as RTL and as a netlist."""

from pathlib import Path

import numpy as np
import pytest

from golden.dense import dense
from golden.layer import Dense
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from hdl.accelerator import Accelerator
from hdl.estimate import estimate_layer
from hdl.plan import LayerPlan, Plan
from hdl.schedule import Schedule
from hdl.scheduled_dense import ScheduledDense
from hdl.synth import synthesize
from tb.capacity import capacity
from tb.dense_cases import draw_inputs, draw_layer
from tb.harness import Frames, simulate
from tb.rewritten import Rewritten

PIXEL = Integer(8, False)
SMALL = Integer(3, True)
WEIGHT = Integer(6, True)
BOOK = Codebook((-113, -20, -3, 0, 1, 55, 127))


def full(n_out: int, n_in: int, thresholds: bool, kind: Number) -> Dense:
    """A layer without zeros, whose schedule has room for that of any other."""
    raw = Dense("layer", SMALL, np.full((n_out, n_in), kind.maximum), None, kind,
                np.full(n_out, 127))
    if not thresholds:
        return raw
    middle = (raw.accumulator_minimum + raw.accumulator_maximum) // 2
    return Dense("layer", SMALL, raw.weights, middle, kind, raw.bias)


def check(rng: np.random.Generator, core: ScheduledDense, layer: Dense, **options) -> None:
    """All scenarios; latency, interval and capacity are those promised."""
    schedule, x = core.schedule, draw_inputs(rng, layer.n_in, layer.input, layer, 10)
    y = dense(x, layer)
    assert core.output.minimum <= y.min() and y.max() <= core.output.maximum
    result = simulate(core, Frames.of(x, layer.input, schedule.lanes_in),
                      Frames.of(y, core.output, schedule.lanes_out), **options)
    assert result.capacity == capacity([core.timing()], len(x) * schedule.beats_in)


CASES: list[tuple] = [
    (1, 1, PIXEL, WEIGHT, 1, True, {"pe": 1}),
    (1, 3, Bipolar(), Ternary(), 0.5, False, {"pe": 2, "lanes_out": 2}),
    (13, 1, Integer(5, True), Integer(3, False), 0.5, False, {"pe": 2, "lanes_in": 13}),
    (7, 5, PIXEL, WEIGHT, 0.2, False, {"pe": 3, "lanes_in": 4, "lanes_out": 2}),
    (17, 7, Ternary(), BOOK, 0.3, True, {"pe": 2, "lanes_in": 1, "memory": "block"}),
    (7, 5, SMALL, Integer(16, True), 0.5, True, {"pe": 2, "lanes_in": 3, "lanes_out": 3}),
    (10, 3, Integer(4, True), Bipolar(), 1, True, {"pe": 1, "lanes_in": 3}),
    (2, 7, PIXEL, Ternary(), 0, False, {"pe": 7, "lanes_in": 2}),  # the output is the slowest
    (13, 3, Integer(2, True), Ternary(), 0.3, False, {"pe": 3, "lanes_in": 1}),  # the input is
]


@pytest.mark.parametrize("case, netlist", [
    *((case, False) for case in range(len(CASES))), (0, True), (3, True), (4, True), (8, True)])
def test_matches_golden(rng: np.random.Generator, case: int, netlist: bool) -> None:
    n_in, n_out, number, kind, density, thresholds, options = CASES[case]
    layer = draw_layer(rng, n_in, n_out, number, thresholds, kind, density)
    check(rng, ScheduledDense(layer, **options), layer, netlist=netlist)


@pytest.mark.parametrize("kind, thresholds, memory, netlist", [
    (WEIGHT, False, "lut", False), (BOOK, True, "block", False), (Ternary(), True, "lut", False),
    (BOOK, True, "block", True)])
def test_weights_can_be_written(rng: np.random.Generator, kind: Number, thresholds: bool,
                                memory: str, netlist: bool) -> None:
    """A core made for one layer computes another one after its words were written."""
    first = full(5, 6, thresholds, kind)
    second = draw_layer(rng, 6, 5, SMALL, thresholds, kind, 0.5)
    core = ScheduledDense(first, pe=2, lanes_in=2, storage="ram", memory=memory)
    check(rng, core, second, netlist=netlist, writes=Frames.of_words(
        core.writes(second), len(core.write.payload.as_value())))


def test_accumulators_hold_any_weights(rng: np.random.Generator) -> None:
    """The greatest accumulators there are, in a core made for a layer without them."""
    first, second = (Dense("layer", PIXEL, np.full((2, 5), weight), None, WEIGHT,
                           np.array([bias, -bias - 1]))
                     for weight, bias in ((1, 127), (-32, 127)))
    core = ScheduledDense(first, pe=2, storage="ram")
    check(rng, core, second, writes=Frames.of_words(
        core.writes(second), len(core.write.payload.as_value())))


@pytest.mark.parametrize("kind, thresholds, after", [(WEIGHT, False, 1), (BOOK, True, 3)])
def test_weights_change_between_frames(rng: np.random.Generator, kind: Number, thresholds: bool,
                                       after: int) -> None:
    """Frames that are in the core when a write is offered still meet the old weights, those that
    come later the new ones, whatever is stalled."""
    first = full(5, 6, thresholds, kind)
    second = draw_layer(rng, 6, 5, SMALL, thresholds, kind, 0.5)
    core = ScheduledDense(first, pe=2, lanes_in=2, storage="ram")
    x = draw_inputs(rng, 6, SMALL, second, 8)[:16]
    changed = np.arange(len(x))[:, None] // 2 % 2 == 1
    simulate(Rewritten(core, [second, first], 2, 3, after), Frames.of(x, SMALL, 2),
             Frames.of(np.where(changed, dense(x, second), dense(x, first)), core.output),
             scenarios=("source", "sink", "both", "patient", "full"))


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
def test_multiplier_blocks(rng: np.random.Generator, netlist: bool) -> None:
    layer = draw_layer(rng, 9, 5, PIXEL, False, Integer(8, True), 0.4)
    check(rng, ScheduledDense(layer, pe=2, lanes_in=2, multiplier="dsp"), layer,
          netlist=netlist)


@pytest.mark.parametrize("family, block", [("xc7", "DSP48E1"), ("ecp5", "MULT18X18D")])
@pytest.mark.parametrize("multiplier", ["dsp", "lut"])
def test_one_multiplier_block_an_element(rng: np.random.Generator, tmp_path: Path, family: str,
                                         block: str, multiplier: str) -> None:
    layer = draw_layer(rng, 9, 5, PIXEL, False, Integer(8, True), 0.4)
    made = synthesize(ScheduledDense(layer, pe=3, multiplier=multiplier), family, tmp_path)
    assert made.totals.cells.get(block, 0) == made.totals.dsp == (3 if multiplier == "dsp" else 0)


def test_schedule_is_balanced(rng: np.random.Generator) -> None:
    """Every non-zero once, longest rows first; no element does more than its share and a row."""
    layer = draw_layer(rng, 40, 31, PIXEL, False, WEIGHT, 0.1)
    schedule = Schedule(layer, 3)
    assert sorted(row for rows in schedule.rows for row in rows) == list(range(31))
    loads = np.maximum(np.count_nonzero(layer.weights, axis=1), 1)
    totals = [loads[list(rows)].sum() for rows in schedule.rows]
    assert schedule.cycles == max(totals)
    assert max(totals) - min(totals) <= 1  # of so many rows; rows 0 and 1 hold 40 non-zeros each
    assert schedule.imbalance == max(totals) * 3 / layer.non_zeros
    assert ScheduledDense(layer, pe=3).initiation_interval == max(max(totals), 40)


@pytest.mark.parametrize("pe, storage, multiplier, density", [
    (4, "rom", "lut", 0.1), (16, "rom", "lut", 0.1), (4, "ram", "dsp", 0.2)])
def test_estimate(rng: np.random.Generator, tmp_path: Path, pe: int, storage: str,
                  multiplier: str, density: float) -> None:
    """Within a third of what yosys needs."""
    layer = draw_layer(rng, 64, 48, PIXEL, False, Integer(8, True), density)
    plan = LayerPlan(pe, 1, storage, engine="scheduled", multiplier=multiplier)
    cost = estimate_layer(layer, plan)
    core = Accelerator(Network("network", (layer,)), Plan({"layer": plan})).cores["layer"]
    assert core.initiation_interval == cost.cycles
    made = synthesize(core, "xc7", tmp_path).totals
    assert abs(cost.lut / (made.lut + made.lutram) - 1) < 1 / 3
    assert abs(cost.ff / made.ff - 1) < 1 / 3
    assert cost.bram == made.bram


def _layer(**changes) -> Dense:
    return Dense(**{"name": "fc", "input": PIXEL, "weights": np.ones((2, 3), int),
                    "weight_kind": WEIGHT, **changes})


@pytest.mark.parametrize("arguments, error, message", [
    ({"layer": "fc"}, TypeError, r"^layer must be a golden.layer.Dense, not 'fc'$"),
    ({"pe": 0}, ValueError, r"^layer fc: pe must be at least 1, not 0$"),
    ({"lanes_in": 1.5}, TypeError, r"^layer fc: lanes_in must be an integer, not 1.5$"),
    ({"lanes_out": -1}, ValueError, r"^layer fc: lanes_out must be at least 1, not -1$"),
    ({"storage": "logic"}, ValueError, r"^layer fc: storage must be one of rom, ram, not 'logic'$"),
    ({"memory": "uram"}, ValueError,
     r"^layer fc: memory must be one of auto, lut, block, not 'uram'$"),
    ({"multiplier": "fpu"}, ValueError,
     r"^layer fc: multiplier must be one of lut, dsp, not 'fpu'$"),
    ({"multiplier": "dsp", "layer": _layer(weight_kind=Ternary())}, ValueError,
     ("^layer fc: multiplier must be lut for ternary weights, which are added and "
      "subtracted$")),
    ({"multiplier": "dsp", "layer": _layer(input=Integer(18, False))}, ValueError,
     ('^layer fc: multiplier "dsp" takes inputs of at most 18 bits with their sign, not 19; '
      'take "lut"$')),
    ({"multiplier": "dsp", "layer": _layer(input=Integer(2, True))}, ValueError,
     ('^layer fc: multiplier "dsp" takes products of at least 9 bits, not 8, which are made of '
      'LUTs anyway; take "lut"$')),
])
def test_rejects(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ScheduledDense(**{"layer": _layer(), "pe": 1, **arguments})


@pytest.mark.parametrize("own, other, error, message", [
    ({"storage": "rom"}, {}, TypeError, "^layer fc: storage must be ram to be written, not rom$"),
    ({}, {"weights": np.ones((2, 4), int)}, ValueError,
     (r"^layer fc: \(input, weights' kind, weights' shape, bias, thresholds\) must be \('uint8', "
      r"'int6', \(2, 3\), False, False\), not \('uint8', 'int6', \(2, 4\), False, False\) as of "
      "layer fc$")),
    ({"layer": _layer(weights=np.array([[1, 0, 0], [0, 1, 0]]))}, {}, ValueError,
     ("^layer fc: a schedule must have at most 2 cycles, not 6 as of layer fc; prune that "
      "further, or make the core for it and write this one$")),
    ({"layer": _layer(bias=np.array([1, -2]))}, {"bias": np.array([2, 0])}, ValueError,
     ("^layer fc: biases must have at most 2 bits, not 3 as of layer fc; make the core with a "
      "wider bias$")),
    ({"layer": _layer(weight_kind=Codebook((0, 1)))}, {"weight_kind": Codebook((1, 4))},
     ValueError, ("^layer fc: entries must have at most 2 bits, not 4 as of layer fc; make the "
                  "core with a codebook of wider entries$")),
])
def test_rejects_writes(own: dict, other: dict, error: type[Exception], message: str) -> None:
    core = ScheduledDense(**{"layer": _layer(), "pe": 1, "storage": "ram", **own})
    with pytest.raises(error, match=message):
        core.writes(_layer(**other))
