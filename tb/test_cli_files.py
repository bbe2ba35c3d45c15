"""Files that commands take and write: names, folders, results of others, what must not be lost."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tb.harness
import tb.whole_set
from golden.checkpoint import save_checkpoint
from golden.data import DATASETS
from golden.float_net import FloatNet
from golden.models import BinaryMLP, ModelSpec
from golden.network import Network
from golden.reference import run
from hdl.plan import Plan
from scripts.files import NETWORKS
from scripts.output import speed
from tb.cli_case import lutloom, results
from tb.harness import Result
from tb.recipe_case import write_recipe
from tb.whole_set import FrameRun

pytestmark = pytest.mark.usefixtures("in_an_empty_folder", "tiny")

READ = "this file is read, too; name another one"
KNOWN = ", ".join(sorted(path.stem for path in NETWORKS.glob("*.npz")))


@pytest.mark.parametrize("arguments, message", [
    ("plan network.npz --luts 9999 --out ./network.npz", f"--out network.npz: {READ}"),
    ("plan network.npz --luts 9999 --json plan.json",
     "--json plan.json: this file is what --out writes; name another one"),
    ("plan network.npz --luts 9999 --out a.json --json b/../a.json",
     "--json b/../a.json: this file is what --out writes; name another one"),
    ("lower network.npz", f"--out network.npz: {READ}"),
    ("synth network.npz --plan plan.json --json plan.json", f"--json plan.json: {READ}"),
    ("report network.npz --plan plan.json --results a.json --out a.json",
     f"--out a.json: {READ}"),
    ("compress small.toml --json small.toml", f"--json small.toml: {READ}"),
    ("generate network.npz --plan plan.json --out a.json/rtl/new",
     "--out a.json/rtl/new: a.json is a file, no folder; name another place"),
    ("bench results --page a.json/x",
     "--page a.json/x: a.json is a file, no folder; name another place"),
    ("show folder", "folder: this is a folder; expected a lutloom-network file"),
    ("show folder/inner", "folder/inner: this is a folder; expected a lutloom-network file"),
    ("lower folder/inner", "folder/inner: this is a folder; expected a lutloom-checkpoint file"),
    ("show sfc", ("sfc is a trained model, no network yet: `lutloom lower sfc` makes "
                  "build/sfc/network.npz of it")),
    ("show mlp", f'network must be a file, or one of {KNOWN}, not "mlp"'),
])
def test_refuses_before_any_work(tmp_path: Path, arguments: str, message: str) -> None:
    (tmp_path / "a.json").write_text("kept")
    (tmp_path / "folder/inner").mkdir(parents=True)
    write_recipe(tmp_path)
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    assert lutloom(*arguments.split()) == (2, "", f"{message}\n")
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("arguments, message", [
    ("generate network.npz --plan folder", "'--plan': file 'folder' is a directory."),
    ("generate network.npz --plan none.json", "'--plan': file 'none.json' does not exist."),
    ("report network.npz --plan plan.json --results none.json",
     "'--results': file 'none.json' does not exist."),
    ("plan network.npz --fps inf --clock 25", "'--fps': must be above 0 and finite, not inf"),
    ("plan network.npz --fps 0 --clock 25", "'--fps': must be above 0 and finite, not 0"),
    ("plan network.npz --fps 1 --clock nan", "'--clock': must be above 0 and finite, not nan"),
    ("build network.npz --plan plan.json --board icebreaker --clock inf",
     "'--clock': must be above 0 and finite, not inf"),
    ("bringup icebreaker --port sim --network network.npz --plan plan.json --baud -5",
     "'--baud': Input should be greater than or equal to 1"),
])
def test_refuses_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str,
                        message: str) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "folder").mkdir()
    status, output, errors = lutloom(*arguments.split())
    assert (status, output) == (2, "")
    assert f" Invalid value for {message} " in errors


def test_networks_that_come_along(tmp_path: Path) -> None:
    """What is made of one goes to build, not to where it lies."""
    name = "mlp128_binary"
    before = sorted(NETWORKS.iterdir())
    assert lutloom("show", name, "--json", "show.json")[0] == 0
    network = Network.load(NETWORKS / f"{name}.npz")
    assert results(tmp_path / "show.json", "show")["digest"] == network.digest
    for given in (name, NETWORKS / f"{name}.npz"):
        assert lutloom("plan", given, "--fps", 1000, "--clock", 10)[0] == 0
        plan = tmp_path / "build" / name / "plan.json"
        Plan.load(plan).check(network)
        plan.unlink()
    assert sorted(NETWORKS.iterdir()) == before


def test_folder_called_as_a_trained_model() -> None:
    Path("digits").mkdir()
    assert lutloom("lower", "digits", "--no-check")[0] == 0
    assert Path("build/digits/network.npz").is_file()


def write_synth(**changes: Any) -> Path:
    """synth.json with results for the small network, or others."""
    costs = {"lut": 1234, "ff": 5, "bram": 0}
    content = {"command": "synth", "digest": Network.load("network.npz").digest,
               "families": {"ecp5": {"totals": costs, "layers": {"hidden": costs}}}}
    path = Path("synth.json")
    path.write_text(json.dumps({**content, **changes}))
    return path


def test_report_of_a_data_set_of_ones_own() -> None:
    """With results, without a confusion matrix."""
    replace(Network.load("network.npz"), metadata={"data": "mine"}).save("network.npz")
    assert lutloom("report", "network.npz", "--plan", "plan.json", "--results", write_synth(),
                   "--out", "page.html")[0] == 0
    page = Path("page.html").read_text()
    assert "1,234 LUT" in page and "Confusion matrix" not in page


WAY_OUT = "give what --json of verify, synth or build wrote"


@pytest.mark.parametrize("content, message", [
    ("# Lutloom", f"holds no results: Expecting value: line 1 column 1 (char 0); {WAY_OUT}"),
    ("[1]", f'holds no results: it has no "command"; {WAY_OUT}'),
    ('{"format": "lutloom-plan"}', f'holds no results: it has no "command"; {WAY_OUT}'),
    ({"command": "train"}, f"holds results of lutloom train that no report shows; {WAY_OUT}"),
    # A dry run.
    ({"command": "build"}, f"holds results of lutloom build that no report shows; {WAY_OUT}"),
    ({"digest": "0" * 64}, ("holds results of another network than tiny {digest}; run lutloom "
                            "synth with this one")),
])
def test_report_refuses_results(content: Any, message: str) -> None:
    path = write_synth(**content) if isinstance(content, dict) else Path("README.md")
    if isinstance(content, str):
        path.write_text(content)
    digest = Network.load("network.npz").digest[:12]
    assert lutloom("report", "network.npz", "--plan", "plan.json", "--results", path) == (
        2, "", f"{path} {message.replace('{digest}', digest)}\n")
    assert not Path("report.html").exists()


def test_a_data_set_of_ones_own() -> None:
    """How to go on without its images is said."""
    torch.manual_seed(1)
    save_checkpoint("mine.npz", BinaryMLP(ModelSpec("mine", (6, 3), "mine")).eval())
    unknown = f'data set must be one of {", ".join(DATASETS)}, not "mine"\n'
    assert lutloom("lower", "mine.npz") == (
        2, "", f"{unknown}--no-check lowers without its test images\n")
    assert lutloom("lower", "mine.npz", "--no-check", "--out", "mine/network.npz")[0] == 0
    assert lutloom("plan", "mine/network.npz", "--luts", 9999, "--out", "mine.json")[0] == 0
    for command in (("verify",), ("build", "--dry-run", "--board", "icebreaker")):
        assert lutloom(*command, "mine/network.npz", "--plan", "mine.json") == (
            2, "", f"{unknown}--random takes random frames instead\n")


def test_a_float_network_is_not_lowered() -> None:
    torch.manual_seed(1)
    save_checkpoint("float.npz", FloatNet(ModelSpec("mine", (6, 3), "digits")).eval())
    assert lutloom("lower", "float.npz", "--no-check") == (2, "", (
        "layer dense_0: weight must have a quantiser, such as FixedWeights(8); see "
        "golden.quantisers.quantise_weights\n"
        "This is a float network; `lutloom compress` quantises one by a recipe and writes its "
        "network.npz\n"))


def test_all_frames_count_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few of them the simulator told of."""
    x = np.random.default_rng(0).integers(0, 256, (9, 6), np.uint64).astype(np.int64)
    told = FrameRun(run(Network.load("network.npz"), x)[-1], 0)
    monkeypatch.setattr(tb.whole_set, "run_frames", lambda *_, **__: told)
    status, output, errors = lutloom("verify", "network.npz", "--plan", "plan.json", "--fast",
                                     "--random", "--frames", 9)
    assert (status, errors) == (0, "")
    assert "9/9" in output and "bit-exact: 9 frames (RTL), 9 different ones; a frame " in output


def test_a_single_frame_has_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the accelerator promises is told."""
    found = Result(None, None, None, None, frames=1, latency=16, interval=0, capacity=3, seed=0,
                   waves=None, cached=True)
    monkeypatch.setattr(tb.harness, "verify", lambda *_, **__: found)
    _, output, _ = lutloom("verify", "network.npz", "--plan", "plan.json", "--random", "--frames",
                           1)
    assert "; a frame every 6 cycles, latency 16 cycles" in output


@pytest.mark.parametrize("interval, latency, text", [
    (1, 1, "a frame every cycle, latency 1 cycle"),
    (2.5, 3, "a frame every 2.5 cycles, latency 3 cycles"),
    (1234567.0, 27001, "a frame every 1,234,567 cycles, latency 27,001 cycles"),
])
def test_speed(interval: float, latency: int, text: str) -> None:
    assert speed(interval, latency) == text
