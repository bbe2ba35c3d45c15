"""Recipes through the console command: what they write, also after a kill; what is refused."""

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import golden.fit
import scripts.compress
import scripts.train
from golden.coded import CodedModel
from golden.compress import weights_of
from golden.float_net import FloatNet
from golden.lower_float import quantise_activations
from golden.models import named
from golden.network import Network
from golden.recipe_file import FIGURES, find_recipe
from hdl.plan import Plan
from tb.cache import repository
from tb.cli_case import lutloom, results
from tb.recipe_case import RECIPE, write_recipe

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


KILLED = """
import os, signal, sys
import golden.training_state
import torch
from scripts.cli import run

def save(content, path):
    write(content, path)
    if len(content["history"]) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

write, torch.save = torch.save, save
golden.training_state._PAUSE = 0
run(sys.argv[1:])
"""


def test_a_killed_run_comes_to_the_same_end(own: Path, tmp_path: Path, hardware: list[Any],
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed where the state of its second epoch is written, but has not got its name yet."""
    path = {**os.environ, "PYTHONPATH": str(repository())}
    killed = subprocess.run([sys.executable, "-c", KILLED, "compress", own], env=path, check=False,
                            capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    folder = Path("build") / "small"
    assert sum(path.name == "float.training" for path in folder.iterdir()) == 1
    epochs, found = [], []

    def counted(*given: Any, epoch: Any = golden.fit._epoch) -> Any:
        epochs.append(given)
        return epoch(*given)

    monkeypatch.setattr("golden.fit._epoch", counted)
    for arguments in ((), ("--out", "whole")):
        assert lutloom("compress", own, "--json", "run.json", *arguments)[0] == 0
        found.append(results(tmp_path / "run.json", "compress"))
        assert len(epochs) == (2 if not arguments else 2 + 3)
    assert found[0] == found[1] and hardware[0].digest == hardware[1].digest
    for name in ("coded.npz", "network.npz"):
        assert (folder / name).read_bytes() == Path("whole", name).read_bytes()
    assert lutloom("compress", own, "--json", "run.json")[0] == 0
    assert results(tmp_path / "run.json", "compress") == found[0]
    assert len(epochs) == 5  # nothing is trained again


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Networks that a command wants to measure; nothing is synthesised, no weights are drawn."""
    taken: list[Any] = []

    def measure(network: Any, plan: Any, folder: Path) -> dict[str, float]:
        assert plan == find_recipe("small.toml").rtl and folder.is_dir()
        taken.append(network)
        return {"luts": 7}

    monkeypatch.setattr(scripts.compress, "plot_weights", lambda *_: None)
    for command in (scripts.compress, scripts.train):
        monkeypatch.setattr(command, "measure", measure)
    return taken


def test_compress_writes_what_it_says(own: Path, tmp_path: Path) -> None:
    status, output, errors = lutloom("compress", own, "--json", "run.json")
    assert (status, errors) == (0, "")
    found = results(tmp_path / "run.json", "compress")
    folder = tmp_path / "build" / "small"
    assert {path.name for path in folder.iterdir()} == {
        "float.training", "step_1.training", "coded.npz", "network.npz", "plan.json", "synth",
        "training.csv", "training.svg", "weights_1.svg", "weights_2.svg", "weights_3.svg"}
    for path in folder.glob("*.svg"):
        assert path.read_text().startswith("<?xml") and "</svg>" in path.read_text()
    with open(folder / "training.csv", newline="") as file:
        log = list(csv.DictReader(file))
    assert [(row["training"], row["epoch"], row["epochs"]) for row in log] == [
        ("1. float", "1", "2"), ("1. float", "2", "2"),
        ("2. prune weights by percentile, 90", "1", "1")]
    assert float(log[1]["loss"]) < float(log[0]["loss"])
    assert found["steps"][1]["accuracy"] == float(log[2]["test_accuracy"])
    network = Network.load(folder / "network.npz")
    assert set(Plan.load(folder / "plan.json").layers) == {layer.name for layer in network.layers}
    coded = CodedModel.load(folder / "coded.npz")
    model = FloatNet(named("digits"), norm=False)
    quantise_activations(model, 4)
    coded.apply(model)
    measured = found["measured"]
    assert {*measured} - {"step"} == {*FIGURES}  # what recipes may publish
    assert measured["bytes"] == -(-coded.total.total // 8)
    counts = [weights.size for weights in weights_of(model).values()]
    assert measured["pruning_rate"] == sum(counts) / sum(n - round(n * 0.9) for n in counts)
    assert measured["luts"] > 100 and 400 < measured["cycles"] <= 5000
    steps = [re.sub(r"WCSS [\d.e-]+$", "WCSS", step["step"]) for step in found["steps"]]
    assert steps == [
        "float", "prune weights by percentile, 90", "share 4 weights, WCSS",
        "quantise: shared weights, 4-bit activations", "integer network"]
    assert measured["accuracy"] == found["steps"][-1]["accuracy"]
    assert found["run"] == f"lutloom compress {own}" and found["data"] == "digits"
    for text in ("Small digits", "integer network"):
        assert text in output
    check_layers(found["layers"], model, coded, output)


def check_layers(layers: list[Any], model: FloatNet, coded: CodedModel, output: str) -> None:
    """What is left of each layer and what its code takes, in the file and in the tables."""
    rows = [re.sub(r" x\b", "x", line.replace(",", "")).split() for line in output.splitlines()]
    sizes, weights = [*coded.sizes, coded.total], weights_of(model)
    assert [row["name"] for row in layers] == [*weights, "total"]
    for row, size in zip(layers, sizes, strict=True):
        of = [weights[row["name"]]] if row["name"] in weights else [*weights.values()]
        counts = [sum(w.size for w in of), sum(np.count_nonzero(w) for w in of)]
        assert [row["weights"], row["non_zeros"], row["pruned"], row["pruning_rate"]] == [
            *counts, counts[0] - counts[1], counts[0] / counts[1]]
        shape = ["x".join(map(str, of[0].shape))] if row["name"] in weights else []
        assert row["shape"] == [*of[0].shape] * bool(shape)
        assert [row["name"], *shape, *map(str, counts), str(row["pruned"]),
                f"{row['pruning_rate']:.2f}x"] in rows
        bits = row["bits"]
        assert bits["entropy"] == size.entropy <= bits["values"] + bits["indices"]
        assert bits["plain"] == 32 * (counts[0] + size.bias // 32)
        parts = [bits[part] for part in ("codebook", "tables", "bias")]
        assert bits["total"] == bits["values"] + bits["indices"] + sum(parts)
        assert bits["compression_rate"] == bits["plain"] / bits["total"]
        assert [row["name"], *map(str, (bits["values"], bits["indices"], round(size.entropy),
                *parts, bits["total"])), f"{bits['compression_rate']:.1f}x"] in rows


def test_without_a_quantise_step_there_is_no_network(own: Path, hardware: list[Any]) -> None:
    own.write_text(RECIPE.replace('[[compress]]\nstep = "quantise"', "[change]").replace(
        'weights = "shared"\nactivations = 4\n', ""))
    status, output, _ = lutloom("compress", own)
    assert status == 0 and "no network.npz: some weights or activations are not quantised" in output
    names = {path.name for path in Path("build/small").iterdir()}
    assert "coded.npz" in names and "network.npz" not in names and not hardware


def test_train_leaves_the_steps(own: Path, tmp_path: Path, hardware: list[Any]) -> None:
    assert lutloom("train", own, "--epochs", "1", "--json", "train.json")[0] == 0
    assert [*results(tmp_path / "train.json", "train")["measured"]] == ["accuracy"]
    assert not hardware


def test_train_takes_recipes(own: Path, tmp_path: Path, hardware: list[Any]) -> None:
    text = RECIPE.replace('kind = "float"', "").replace("[[compress]]", "[[x]]")
    own.write_text(re.sub(r"(?s)\[\[x\]\].*?(?=\[rtl\])", "", text))
    status, _, errors = lutloom("train", own, "--json", "train.json")
    assert (status, errors) == (0, "")
    found = results(tmp_path / "train.json", "train")
    assert found["title"] == "Small digits" and found["seed"] == 1
    assert len(found["history"]) == 2
    assert found["measured"] == {"accuracy": found["test_accuracy"], "luts": 7}
    folder = tmp_path / "build" / "small"
    assert hardware[0].digest == Network.load(folder / "network.npz").digest
    assert (folder / "training.svg").is_file()
    assert len((folder / "training.csv").read_text().splitlines()) == 1 + 2


def test_compress_offers_recipes_alone() -> None:
    assert "tfc" not in lutloom("compress", "--help")[1] and "tfc" in lutloom("train", "--help")[1]


def test_compress_refuses(own: Path) -> None:
    status, _, errors = lutloom("compress", "digits")
    assert (status, errors) == (
        2, "recipe digits has no steps of compression; `lutloom train` runs it\n")
    own.write_text(RECIPE.replace("clusters = 4", "cluster = 4"))
    status, _, errors = lutloom("compress", own)
    assert (status, errors) == (2, (f"recipe {own}, compress step 2 (share): unknown key "
                                    '"cluster"; did you mean "clusters"?\n'))
    own.write_text(RECIPE.replace("amount = 90", "amount = 120"))
    status, _, errors = lutloom("compress", own)
    assert (status, errors) == (2, (f"recipe {own}, compress step 1 (prune): Pruning: amount must "
                                    "be from 0 to 100 by percentile, not 120\n"))
    assert not Path("build").exists()


def test_names_of_models_are_recipes() -> None:
    assert find_recipe("sfc").training.epochs == 40
