"""lutloom bench boards on one small network: rows, what does not fit, and the page."""

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

import scripts.bench_boards
from boards.flow import DoesNotFit
from boards.toolchain import Use
from golden.network import Network
from hdl.accelerator import Accelerator
from hdl.estimate import estimate
from hdl.plan import Plan
from hdl.planner import total
from hdl.synth import Resources
from scripts.bench_boards import measure, page, plan_for
from tb.cli_case import lutloom


@pytest.fixture
def small(tiny: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Accelerator:
    """The test's own network stands for the digits."""
    network, plan = Network.load(tiny[0]), Plan.load(tiny[1])
    accelerator = Accelerator(network, plan)
    monkeypatch.setattr(scripts.bench_boards, "plan_for",
                        lambda name: (network, plan, accelerator))
    return accelerator


def test_plans_within_the_budget() -> None:
    network, plan, accelerator = plan_for("digits")
    assert network.name == "digits"
    assert 900 < total(estimate(network, plan)).lut <= 1000
    assert accelerator.initiation_interval == 143  # as docs/results.md has it


def test_command_writes_page_and_numbers(small: Accelerator, tmp_path: Path) -> None:
    out, numbers = tmp_path / "page.md", tmp_path / "numbers.json"
    kept = "| tiny | basys-3 | yes | 1 | 2 | 3.0 | 4 | 2026-01-01 |\n"
    out.write_text("before\n<!-- measured: begin -->\nold\n| tiny | icebreaker | no | - | \n"
                   f"{kept}<!-- measured: end -->\nafter\n")
    status, _, errors = lutloom("bench", "boards", "--network", "digits", "--board", "icebreaker",
                                "--board", "de0-cv", "--out", out, "--json", numbers)
    assert (status, errors) == (0, "")
    text = out.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    routed, absent = json.loads(numbers.read_text())["rows"]
    assert routed["fits"] is True and 50 < routed["lut"] < 1000 and routed["bram"] <= 30
    assert routed["fps"] == routed["fmax_hz"] / small.initiation_interval
    assert (f"| tiny | icebreaker | yes | {routed['lut']:,} | {routed['bram']} | "
            f"{routed['fmax_hz'] / 1e6:.1f} | {routed['fps']:,.0f} | {date.today()} |\n") in text
    assert absent == {"network": "tiny", "board": "de0-cv"}
    # Rows of other boards stay, and all stand in the order of the boards.
    rows = re.findall(r"^\| tiny .*\n", text, re.MULTILINE)
    assert rows[0] == kept
    assert rows[1] == f"| tiny | de0-cv | not run | - | - | - | - | {date.today()} |\n"
    assert len(rows) == 3


def test_says_what_does_not_fit(small: Accelerator, monkeypatch: pytest.MonkeyPatch) -> None:
    used: Mapping[str, Use] = {"ICESTORM_LC": Use(6000, 5280), "ICESTORM_RAM": Use(3, 30)}

    def fails(*arguments: object) -> None:
        raise DoesNotFit("iCEBreaker", used, Resources(), Path("log"))

    monkeypatch.setattr(scripts.bench_boards, "run_flow", fails)
    row = measure(scripts.bench_boards.plan_for("digits"), "icebreaker")
    assert row == {"network": "tiny", "board": "icebreaker", "fits": False,
                   "over": {"ICESTORM_LC": [6000, 5280]}}
    assert page([row])[-1] == (
        "| tiny | icebreaker | no: ICESTORM_LC 6,000 of 5,280 | - | - | - | - | "
        f"{date.today()} |")


@pytest.mark.parametrize("option, name, message", [
    ("--network", "cnv", "network must be one of digits, tfc, sfc, not 'cnv'"),
    ("--board", "arty", "board must be one of arty-a7-35t, "),
])
def test_rejects(option: str, name: str, message: str) -> None:
    status, _, errors = lutloom("bench", "boards", option, name)
    assert (status, errors.startswith(message)) == (2, True)
