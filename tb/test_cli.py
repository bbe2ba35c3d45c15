"""The console command: exit status, messages, --json, and that every option is explained."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import golden.reference
import scripts.lower
from boards.platforms import BOARDS
from golden.layer import Conv
from golden.network import ArgMax, Dense, Network
from golden.number import Integer
from golden.recipe_file import ZOO, recipes
from golden.recipes import RECIPES
from hdl.plan import Plan
from scripts import demo
from scripts.cli import app
from tb.cli_case import lutloom, results

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


def commands() -> list[tuple[str, Any]]:
    """(name, click command) of all commands, those of groups as `bench lut`."""
    found: list[tuple[str, Any]] = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        found += ([(f"{name} {sub}", part) for sub, part in command.commands.items()]
                  if hasattr(command, "commands") else [(name, command)])
    return found


@pytest.mark.parametrize("name, command", commands())
def test_help_explains_every_option(name, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    status, output, _ = lutloom(*name.split(), "--help")
    assert status == 0
    assert command.help
    options = [option for option in command.params if option.name != "help"]
    assert "json" in [option.name for option in options]
    for option in options:
        assert option.help, f"{name} {option.name} is not explained"
        assert option.opts[0].lstrip("-").replace("_", "-") in output.lower().replace("_", "-")
        assert re.sub(r"\W+", " ", option.help)[:30] in re.sub(r"\W+", " ", output)
        if option.name in ("out", "page", "json"):  # long work would end with an error
            kind = option.type_descriptor.parameter_info
            assert kind.file_okay != kind.dir_okay, f"{name} {option.name}"


def test_help_lists_all_commands():
    status, output, _ = lutloom("--help")
    assert status == 0
    for name in ("train", "lower", "show", "plan", "generate", "verify", "synth", "boards",
                 "build", "report", "bench", "demo"):
        assert re.search(rf"^\W*{name} ", output, re.MULTILINE)


def test_start_does_not_import_torch():
    code = "import sys, scripts.cli; print([m for m in ('torch', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("arguments, message", [
    (["train", "resnet"],
     (f"recipe must be a file that ends in .toml, or one of {', '.join((*recipes(), *RECIPES))}, "
      'not "resnet"')),
    (["train", "tiny_cnn", "--dropout", "0.1"],
     "--dropout is for models of dense layers alone, not for tiny_cnn; leave it out"),
    (["train", "tiny_cnn", "--device", "tpu"],
     'device must be one of auto, cpu, cuda, not "tpu"'),
    (["train", "tfc", "--data", "nowhere"],
     ("nowhere: no such folder; --data or LUTLOOM_DATA (here --data) must name the folder of the "
      "MNIST files")),
    (["lower", "resnet"],
     (f"trained model must be one of {', '.join(sorted(file.stem for file in ZOO.glob('*.npz')))}, "
      'not "resnet"; or train your own')),
    (["plan", "network.npz"], "give either --fps (with --clock) or --luts"),
    (["plan", "network.npz", "--fps", "10"], "--fps needs the clock too: give --clock in MHz"),
    (["plan", "network.npz", "--luts", "10", "--fps", "1"],
     "give either --fps (with --clock) or --luts"),
    (["synth", "network.npz", "--plan", "plan.json", "--family", "virtex"],
     "family must be one of xc7, cyclonev, ecp5, ice40, gowin, not 'virtex'"),
    (["build", "network.npz", "--plan", "plan.json", "--board", "arty", "--random"],
     f"board must be one of {', '.join(BOARDS)}, not 'arty'"),
    (["verify", "network.npz", "--plan", "plan.json"],
     "network tiny names no data set; use --random"),
])
def test_bad_input(tiny, arguments, message):
    assert lutloom(*arguments) == (2, "", f"{message}\n")


def test_missing_and_damaged_files(tiny):
    status, _, errors = lutloom("show", "absent.npz")
    assert (status, "absent.npz" in errors, "Traceback" in errors) == (2, True, False)
    network, plan = tiny
    network.write_bytes(network.read_bytes()[:-30])
    status, _, errors = lutloom("show", network)
    assert (status, str(network) in errors) == (2, True)
    plan.write_text("{")
    status, _, errors = lutloom("generate", network, "--plan", plan)
    assert (status, "Traceback" in errors) == (2, False)


@pytest.mark.parametrize("arguments", [["frobnicate"], ["show"],
                                       ["train", "digits", "--epochs", "0"],
                                       ["train", "digits", "--epochs", "1", "--out", "."]])
def test_wrong_usage(arguments):
    status, output, errors = lutloom(*arguments)
    assert (status, output) == (2, "")
    assert "Usage: lutloom" in errors


def test_train_and_lower(tmp_path):
    train = ("train", "digits", "--epochs", "2", "--seed", "3", "--json", "train.json")
    assert lutloom(*train)[0] == 0
    trained = results(tmp_path / "train.json", "train")
    assert trained["checkpoint"] == "build/digits/checkpoint.npz"
    assert trained["test_images"] == 360
    assert 0.2 < trained["test_accuracy"] < 1
    status, output, _ = lutloom("lower", "build/digits/checkpoint.npz", "--json", "lower.json")
    assert status == 0
    assert output == ("digits: equal to the model on all 360 test images; "
                      "build/digits/network.npz\n")
    lowered = results(tmp_path / "lower.json", "lower")
    network = Network.load(tmp_path / "build/digits/network.npz")
    assert lowered["digest"] == network.digest
    assert (lowered["difference"], lowered["test_images"]) == (None, 360)
    assert network.metadata["command"] == "lutloom train digits --seed 3 --epochs 2"
    assert network.metadata["data"] == "digits"


def test_a_difference_of_lowering_is_named(monkeypatch):
    """A wrong sign in the last layer changes the scores that the message names."""
    lower_model = scripts.lower.lower_model

    def wrong(*arguments: Any) -> Network:
        network = lower_model(*arguments)
        *before, scores, argmax = network.layers
        assert isinstance(scores, Dense) and isinstance(argmax, ArgMax)
        weights = scores.weights.copy()
        weights[4, 7] *= -1
        wrong = replace(scores, weights=weights)
        return Network(network.name, (*before, wrong, replace(argmax, input=wrong.output)))

    monkeypatch.setattr(scripts.lower, "lower_model", wrong)
    status, output, errors = lutloom("lower", "digits", "--json", "lower.json")
    assert (status, output) == (1, "")
    assert re.fullmatch(r"digits differs from its model: image 0, layer dense_3, element 4: the "
                        r"model gives -?\d+, the network -?\d+\n", errors)
    assert not Path("build/digits/network.npz").exists()
    assert results(Path("lower.json"), "lower")["difference"] in errors


def test_show(tiny, tmp_path):
    status, output, _ = lutloom("show", tiny[0], "--json", "show.json")
    assert status == 0
    assert "hidden" in output
    shown = results(tmp_path / "show.json", "show")
    assert shown["weight_bits"] == 6 * 4 + 4 * 3
    assert shown["operations"] == 2 * (6 * 4 + 4 * 3) + 2
    assert [layer["output"] for layer in shown["layers"]] == ["bipolar", "int4", "uint2"]


def test_plan(tiny, tmp_path):
    status, output, _ = lutloom("plan", tiny[0], "--fps", "2e6", "--clock", "24", "--json",
                                "plan-results.json", "--out", "new/plan.json")
    assert status == 0
    planned = results(tmp_path / "plan-results.json", "plan")
    assert planned["initiation_interval"] == 1
    assert (f"\na frame every cycle, latency {planned['latency']} cycles; 24,000,000 frames/s at "
            "24 MHz\n") in output
    assert planned["total"]["lut"] == sum(layer["lut"] for layer in planned["layers"])
    assert Plan.load(tmp_path / "new/plan.json").clock_hz == 24_000_000


def test_generate(tiny, tmp_path):
    network, plan = tiny
    assert lutloom("generate", network, "--plan", plan, "--json", "generate.json")[0] == 0
    made = results(tmp_path / "generate.json", "generate")
    verilog = (tmp_path / "rtl/top.v").read_text()
    header = re.search(r"^module top\(([^)]*)\);", verilog, re.MULTILINE)
    assert header is not None
    assert {port["name"] for port in made["ports"]} == set(header[1].split(", "))
    for port in made["ports"]:
        bits = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
        assert f"{port['direction']} {bits}{port['name']};" in verilog
    assert made["input"] == {"number": "uint8", "elements": 6, "lanes": 3}
    assert made["output"] == {"number": "uint2", "elements": 1, "lanes": 1}
    assert results(tmp_path / "rtl/top.json", "generate") == made


@pytest.mark.parametrize("netlist", [False, True])
def test_verify(tiny, tmp_path, netlist):
    network, plan = tiny
    status, output, _ = lutloom("verify", network, "--plan", plan, "--random", "--frames", "9",
                                "--json", "verify.json", *(["--netlist"] if netlist else []))
    assert status == 0
    done = results(tmp_path / "verify.json", "verify")
    kind = "netlist" if netlist else "RTL"
    assert (done["kind"], done["images"], done["fault"]) == (kind, 9, None)
    assert done["frames"] > 5 * 9
    assert f"bit-exact: {done['frames']} frames ({kind}), 9 different ones" in output


@pytest.fixture
def golden_answer_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the reference gives another score 2 for frame 3."""
    right = golden.reference.run

    def wrong(*arguments: Any, **options: Any) -> list[np.ndarray]:
        outputs = right(*arguments, **options)
        outputs[1][3, 2] ^= 2
        return outputs

    monkeypatch.setattr(golden.reference, "run", wrong)


def test_verify_names_the_first_difference(tiny, tmp_path, golden_answer_wrong):
    network, plan = tiny
    status, output, errors = lutloom("verify", network, "--plan", plan, "--random", "--frames",
                                     "9", "--no-stalls", "--json", "verify.json")
    assert status == 1
    assert "bit-exact" not in output
    assert errors.startswith("the RTL differs: scores: frame 3, element 2 (beat 2, lane 0): "
                             "expected ")
    done = results(tmp_path / "verify.json", "verify")
    assert (done["layer"], done["frame"], done["element"]) == ("scores", 3, 2)


def test_demo_ends_at_a_difference(tiny, capsys, golden_answer_wrong):
    network, plan = Network.load(tiny[0]), Plan.load(tiny[1])
    x = np.random.default_rng(0).integers(0, 256, (9, 6))
    with pytest.raises(typer.Exit) as end:
        demo._verify(network, plan, x, "RTL")
    assert end.value.exit_code == 1
    assert "the RTL differs in frame 3, layer scores, element 2: " in capsys.readouterr().err


def test_synth(tiny, tmp_path):
    network, plan = tiny
    status, output, _ = lutloom("synth", network, "--plan", plan, "--family", "ice40", "--family",
                                "gowin", "--json", "synth.json")
    assert status == 0
    families = results(tmp_path / "synth.json", "synth")["families"]
    assert list(families) == ["ice40", "gowin"]
    for made in families.values():
        assert {"hidden", "scores", "argmax"} < set(made["layers"])
        assert made["totals"]["lut"] == sum(layer["lut"] for layer in made["layers"].values()) > 0
        assert Path(made["netlist"]).exists()
        assert f"{made['totals']['lut']}" in output


def test_a_failing_tool_shows_its_log(tiny, tmp_path):
    network, plan = tiny
    (tmp_path / "synth/ecp5.json").mkdir(parents=True)  # in the way of the netlist
    status, _, errors = lutloom("synth", network, "--plan", plan, "--family", "ecp5")
    assert status == 1
    assert errors.startswith("yosys failed; it printed last:\n")
    assert errors.endswith(f"All of it: {tmp_path / 'synth/ecp5.yosys.log'}\n")


def test_plan_of_a_pruned_convolution(tmp_path):
    rng = np.random.default_rng(6)
    weights = rng.integers(-7, 8, (8, 4, 3, 3)) * (rng.random((8, 4, 3, 3)) < 0.05)
    conv = Conv("conv", Integer(8, False), (5, 5), weights, weight_kind=Integer(4, True))
    Network("pruned", (conv,)).save("network.npz")
    assert lutloom("plan", "network.npz", "--luts", "1000", "--storage", "rom",
                   "--json", "plan_results.json")[0] == 0
    (row,) = [row for row in results(tmp_path / "plan_results.json", "plan")["layers"]
              if row["name"] == "conv"]
    assert row["engine"] == "scheduled" and row["imbalance"] >= 1
