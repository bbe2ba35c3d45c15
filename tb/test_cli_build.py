"""lutloom build and report: bitstreams, reports, and what is said when a part is too small."""

import re
from pathlib import Path

import numpy as np
import pytest

from golden.layer import Conv
from golden.network import Dense, Network
from golden.number import Bipolar, Integer
from hdl.plan import LayerPlan, Plan
from scripts.report import render
from tb.cli_case import lutloom, results

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


def test_build_and_report(tiny, tmp_path):
    network, plan = tiny
    files = ("--plan", plan, "--json")
    status, output, _ = lutloom("build", network, *files, "build.json", "--random", "--board",
                                "icebreaker")
    assert status == 0
    built = results(tmp_path / "build.json", "build")
    assert (built["fits"], built["meets_timing"], built["board"]) == (True, True, "icebreaker")
    assert built["fmax_hz"] > built["clock_hz"] == 12e6
    assert Path(built["bitstream"]).stat().st_size > 10_000
    assert f"Fmax {built['fmax_hz'] / 1e6:.1f} MHz" in output
    status, output, _ = lutloom("report", network, *files, "report.json", "--results",
                                "build.json", "--out", "report.html")
    assert status == 0
    results(tmp_path / "report.json", "report")
    page = (tmp_path / "report.html").read_text()
    for part in ("<svg", "hidden: share of +1 weights", "hidden: thresholds", "iCEBreaker",
                 f"{built['fmax_hz'] / 1e6:.1f} MHz"):
        assert part in page
    assert not re.search(r"https?://|src=|<link|<script|url\(", page)


def test_link_takes_the_place_of_the_self_test(tiny, tmp_path):
    network, plan = tiny
    arguments = ("build", network, "--plan", plan, "--board", "arty-a7-35t", "--tools", "openxc7",
                 "--dry-run", "--out", "project")
    for options, pins in ((("--random",), {"led_0", "led_1", "led_2"}),
                          (("--link", "1000000"), {"uart_0__rx", "uart_0__tx"})):
        assert lutloom(*arguments, *options)[0] == 0
        constraints = (tmp_path / "project" / "top.xdc").read_text()
        ports = set(re.findall(r"LOC \w+ \[get_ports {(\w+)__io}\]", constraints))
        assert ports - {"clk100_0", "rst_0"} == pins
    status, _, errors = lutloom(*arguments, "--link", "30000000")
    assert (status, errors) == (2, ("baud must be at most a quarter of the clock, 25,000,000, not "
                                    "30,000,000; take a faster clock\n"))


def build_layer(folder: Path, n_in: int, n_out: int, frames: int) -> tuple[int, str, str]:
    """Build a hard-wired layer of 8-bit inputs for the iCEBreaker."""
    weights = np.random.default_rng(1).choice([-1, 1], (n_out, n_in)).astype(np.int8)
    network, plan = folder / "network.npz", folder / "plan.json"
    Network("one", (Dense("dense", Integer(8, False), weights),)).save(network)
    Plan({"dense": LayerPlan(n_out, n_in, "logic")}, lanes=8).save(plan)
    return lutloom("build", network, "--board", "icebreaker", "--random", "--json", "build.json",
                   "--frames", frames, "--plan", plan)


def test_too_large_for_a_board_says_which_plan_fits(tmp_path):
    status, _, errors = build_layer(tmp_path, 40, 32, 2)
    assert status == 1
    match = re.fullmatch(
        r"the design does not fit iCEBreaker, iCE40UP5K: ICESTORM_LC: (\d+) needed, 5280 available "
        r"\((\d+) or \d+% too many\)\nThis plan fits: lutloom plan NETWORK --luts (\d+) --brams "
        r"([\d.]+) \(dense rom pe (\d+) simd (\d+)\)\.\n", errors)
    assert match is not None, errors
    assert int(match[1]) - 5280 == int(match[2])
    assert results(tmp_path / "build.json", "build")["fits"] is False
    # The command gives that plan, and nextpnr could pack it.
    sizes = "--luts", match[3], "--brams", match[4]
    assert lutloom("plan", tmp_path / "network.npz", *sizes)[0] == 0
    layer = Plan.load(tmp_path / "plan.json").layers["dense"]
    assert (layer.storage, layer.pe, layer.simd) == ("rom", int(match[5]), int(match[6]))
    packed = (tmp_path / "icebreaker" / "advice" / "nextpnr-ice40.log").read_text()
    used = re.search(r"ICESTORM_LC: +(\d+)/ +5280 ", packed)
    assert used is not None and 5280 // 2 < int(used[1]) <= 5280


def test_too_many_golden_frames(tmp_path):
    """Before anything is made where they alone are too many, else as soon as it is known."""
    assert build_layer(tmp_path, 16, 4, 1000) == (2, "", (
        "1,000 golden frames and their answers take 176 kbit, all ICESTORM_RAM of icebreaker have "
        "120; 682 fit: give fewer with --frames\n"))
    assert not (tmp_path / "icebreaker").exists()
    status, _, errors = build_layer(tmp_path, 16, 4, 682)
    assert status == 1
    assert errors.endswith(
        "\nThe golden frames fill 22 of the block RAMs: give fewer with --frames.\n")


def test_weights_of_groups_in_a_report():
    """Those that are there: a group's inputs are no zeros of the others."""
    weights = np.array([[1, 1, -1], [1, -1, -1]], np.int8)[:, None]
    conv = Conv("grouped", Bipolar(), (5,), weights, groups=2)
    page = render(Network("groups", (conv,)), Plan({"grouped": LayerPlan()}), [], None)
    assert "grouped: share of +1 weights, by neuron" in page and "of them 0" not in page


def test_confusion_matrix_of_a_report(tiny):
    network, plan = Network.load(tiny[0]), Plan.load(tiny[1])
    page = render(network, plan, [], np.array([[5, 0, 1], [0, 7, 0], [2, 0, 8]]))
    assert "20 of 23 test images right (86.96 %)." in page
    assert len(re.findall(r"<tr><th>\d</th>", page)) == 3
