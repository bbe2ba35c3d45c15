"""Plan files, and the planner's promises."""

import json
from math import inf, nan

import numpy as np
import pytest

from golden.layer import ArgMax, Conv
from golden.network import Network
from golden.number import Bipolar, Integer
from hdl.accelerator import Accelerator
from hdl.estimate import block_rams, estimate
from hdl.plan import LayerPlan, Plan
from hdl.planner import plan_for_cycles, plan_for_luts, plan_for_rate, total
from hdl.schedule import Schedule
from tb.cli_case import lutloom, results
from tb.dense_cases import draw_layer
from tb.test_accelerator import draw_network

DIGITS = (64, 48, 32, 10)


def test_file_keeps_everything(tmp_path) -> None:
    plan = Plan({"a": LayerPlan(3, 5, "ram", "block", 7), "b": LayerPlan(storage="logic")},
                lanes=4, levels=2, variant="xc7", clock_hz=12_000_000)
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("change, reason", [
    ({"format": "other"}, 'it has no "format": "lutloom-plan"'),
    ({"version": 2}, "it is of version 2, this program reads 1"),
    ({"speed": 3}, "plan: unknown parameter speed"),
    ({"layers": None}, 'it has no "layers"'),
    ({"layers": {"a": 1}}, "layer a: must be an object, not 1"),
    ({"layers": {"a": {"pes": 1}}}, "layer a: unknown parameter pes"),
    ({"layers": {"a": {"pe": 0}}}, "layer a: pe must be at least 1, not 0"),
    ({"layers": {"a": {"simd": 1.5}}}, "layer a: simd must be an integer, not 1.5"),
    ({"layers": {"a": {"fifo": -1}}}, "layer a: fifo must be at least 0, not -1"),
    ({"layers": {"a": {"storage": "flash"}}},
     "layer a: storage must be one of logic, rom, ram, not 'flash'"),
    ({"layers": {"a": {"memory": "hbm"}}},
     "layer a: memory must be one of auto, lut, block, not 'hbm'"),
    ({"layers": {"a": {"engine": "sparse"}}},
     "layer a: engine must be one of dense, scheduled, not 'sparse'"),
    ({"layers": {"a": {"multiplier": "fpu"}}},
     "layer a: multiplier must be one of lut, dsp, not 'fpu'"),
    ({"layers": {"a": {"structure": "folded"}}},
     "layer a: structure must be one of parallel, serial, not 'folded'"),
    ({"layers": {"a": {"storage": "logic", "multiplier": "dsp"}}},
     "layer a: multiplier must be lut with storage \"logic\", not 'dsp'; take \"rom\" or \"ram\""),
    ({"lanes": 0}, "plan: lanes must be at least 1, not 0"),
    ({"clock_hz": 0}, "plan: clock_hz must be at least 1, not 0"),
    ({"levels": 0}, "levels must be at least 1, not 0"),
    ({"variant": "x"}, "variant must be one of portable, xc7, not 'x'"),
])
def test_rejects_files(tmp_path, change: dict, reason: str) -> None:
    path = tmp_path / "plan.json"
    Plan({"a": LayerPlan()}).save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError) as caught:
        Plan.load(path)
    assert str(caught.value) == f"{path} is no plan: {reason}; make one with 'lutloom plan'"


def test_rejects_other_files(tmp_path) -> None:
    (tmp_path / "plan.json").write_text("pe = 3")
    with pytest.raises(ValueError, match=r"plan.json is no plan: Expecting value"):
        Plan.load(tmp_path / "plan.json")


@pytest.mark.parametrize("cycles", [1, 7, 64, 500, 3072, 10_000])
def test_keeps_the_cycles(rng: np.random.Generator, cycles: int) -> None:
    """No part of a planned accelerator takes longer than was asked for."""
    network = draw_network(rng, DIGITS, Integer(8, False))
    plan = plan_for_cycles(network, cycles)
    core = Accelerator(network, plan)
    assert core.initiation_interval <= cycles
    assert core.initiation_interval == total(estimate(network, plan)).cycles


@pytest.mark.parametrize("density, engine", [(0.05, "scheduled"), (1.0, "dense")])
def test_schedules_pruned_layers(rng: np.random.Generator, density: float, engine: str) -> None:
    layer = draw_layer(rng, 64, 48, Integer(8, False), False, Integer(8, True), density)
    network = Network("network", (layer,))
    plan = plan_for_cycles(network, 100, storages=("rom",))
    assert plan.layers["layer"].engine == engine
    core = Accelerator(network, plan)
    assert core.initiation_interval <= 100
    assert core.initiation_interval == total(estimate(network, plan)).cycles


def test_imbalance_is_reported(rng: np.random.Generator, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    layer = draw_layer(rng, 64, 48, Integer(8, False), False, Integer(8, True), 0.05)
    Network("pruned", (layer,)).save("network.npz")
    status, output, _ = lutloom("plan", "network.npz", "--fps", 1e5, "--clock", 10, "--storage",
                                "rom", "--json", "plan-made.json")
    assert status == 0
    row, = results(tmp_path / "plan-made.json", "plan")["layers"]
    assert row["engine"] == "scheduled"
    assert row["imbalance"] == Schedule(layer, row["pe"]).imbalance
    assert f"{row['imbalance']:.2f} times the cycles of an even share" in " ".join(output.split())


def test_schedules_dense_layers_alone() -> None:
    plan = Plan({"largest": LayerPlan(engine="scheduled")})
    with pytest.raises(ValueError, match="^layer largest: engine must be dense for a layer without "
                                         "weights, not 'scheduled'$"):
        plan.check(Network("network", (ArgMax("largest", Bipolar(), 3),)))


def test_fewer_cycles_cost_more(rng: np.random.Generator) -> None:
    network = draw_network(rng, DIGITS, Bipolar())
    costs = [total(estimate(network, plan_for_cycles(network, cycles, storages=("rom",)))).lut
             for cycles in (8, 64, 512, 3072)]
    assert costs == sorted(costs, reverse=True) and len(set(costs)) == 4


def test_rate_is_clock_over_cycles(rng: np.random.Generator) -> None:
    network = draw_network(rng, DIGITS, Bipolar())
    plan = plan_for_rate(network, 100_000, 50_000_000)
    assert plan == plan_for_cycles(network, 500, clock_hz=50_000_000)


@pytest.mark.parametrize("luts", [600, 1500, 6000])
def test_budget_is_kept_and_used(rng: np.random.Generator, luts: int) -> None:
    network = draw_network(rng, DIGITS, Integer(8, False))
    plan = plan_for_luts(network, luts, storages=("rom",))
    need = total(estimate(network, plan))
    assert luts / 2 < need.lut <= luts
    faster = plan_for_cycles(network, int(need.cycles * 0.9), storages=("rom",))
    assert total(estimate(network, faster)).lut > luts


def test_no_budget_is_too_large() -> None:
    """The fewest cycles of a convolution are more than one: its positions."""
    conv = Conv("conv", Bipolar(), (5, 7), np.ones((2, 1, 3, 3), np.int8))
    plan = plan_for_luts(Network("network", (conv,)), 10**9)
    assert total(estimate(Network("network", (conv,)), plan)).cycles == 5 * 7


@pytest.mark.parametrize("call, message", [
    (lambda n: plan_for_cycles(n, 0), ("^cycles must be at least 1, not 0; ask for a lower frame "
                                      "rate or a faster clock$")),
    (lambda n: plan_for_cycles(n, 9, storages=("tape", "flash")),
     "^storages must be some of logic, rom, ram, not flash, tape$"),
    (lambda n: plan_for_cycles(n, 9, storages=()),
     "^storages must be some of logic, rom, ram, not none$"),
    *((lambda n, fps=fps, hertz=hertz: plan_for_rate(n, fps, hertz),
       f"^fps and clock_hz must be positive and finite, not {fps} and {hertz}$")
      for fps, hertz in ((0, 100), (inf, 100), (nan, 100), (1, inf))),
    (lambda n: plan_for_rate(n, 101, 100), ("^fps must be at most one frame a clock cycle, 100, "
     "not 101; ask for a faster clock or several accelerators$")),
    (lambda n: plan_for_luts(n, 100), (r"^network network needs about \d+ LUTs and [\d.]+ block "
     "RAMs in its smallest plan, more than 100 LUTs; take a larger device or a smaller network$")),
])
def test_planner_rejects(rng: np.random.Generator, call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(draw_network(rng, DIGITS, Bipolar()))


@pytest.mark.parametrize("width, depth, brams", [
    (36, 512, 0.5), (37, 512, 1), (1, 16384, 0.5), (72, 512, 1), (9, 5000, 1.5), (512, 98, 7.5),
])
def test_block_rams(width: int, depth: int, brams: float) -> None:
    assert block_rams(width, depth) == brams
