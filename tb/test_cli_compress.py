"""Recipes through the console command: what they write, and the pages made of it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import golden.recipe_file
import scripts.bench_clusters
from golden.coded import CodedModel
from golden.compress import weights_of
from golden.float_net import FloatNet
from golden.lower_float import quantise_activations
from golden.models import named
from golden.network import Network
from golden.recipe_file import find_recipe, recipes
from hdl.plan import Plan
from tb.cli_case import lutloom, results

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")

RECIPE = """
title = "Small digits"
model = "digits"
kind = "float"
[train]
epochs = 2
[[compress]]
step = "prune"
by = "percentile"
amount = 90
train = {epochs = 1}
[[compress]]
step = "share"
clusters = 4
[[compress]]
step = "quantise"
weights = "shared"
activations = 4
[rtl]
cycles = 5000
storages = ["rom"]
[[published]]
what = "accuracy"
value = "12.3 %"
goal = 0.5
[[published]]
what = "luts"
value = "2 LUT"
goal = 3
unit = "LUT"
at_most = true
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(RECIPE)
    return path


def test_compress_writes_what_it_says(own: Path, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    status, output, errors = lutloom("compress", own, "--json", "run.json")
    assert (status, errors) == (0, "")
    found = results(tmp_path / "run.json", "compress")
    folder = tmp_path / "build" / "small"
    assert {path.name for path in folder.iterdir()} == {
        "float.training", "step_1.training", "coded.npz", "network.npz", "plan.json", "synth",
        "training.svg", "weights_1.svg", "weights_2.svg", "weights_3.svg"}
    for path in folder.glob("*.svg"):
        assert path.read_text().startswith("<?xml") and "</svg>" in path.read_text()
    network = Network.load(folder / "network.npz")
    assert set(Plan.load(folder / "plan.json").layers) == {layer.name for layer in network.layers}
    coded = CodedModel.load(folder / "coded.npz")
    model = FloatNet(named("digits"), norm=False)
    quantise_activations(model, 4)
    coded.apply(model)
    measured = found["measured"]
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
    for text in ("Small digits", "weights", "bits", "dense_2", "integer network"):
        assert text in output
    monkeypatch.setattr("golden.fit._epoch", None)  # all trainings are done
    assert lutloom("compress", own, "--json", "again.json")[0] == 0
    assert results(tmp_path / "again.json", "compress") == found


def test_train_takes_recipes(own: Path, tmp_path: Path) -> None:
    text = RECIPE.replace('kind = "float"', "").replace("[[compress]]", "[[x]]")
    own.write_text(re.sub(r"(?s)\[\[x\]\].*?(?=\[rtl\])", "", text))
    status, _, errors = lutloom("train", own, "--json", "train.json")
    assert (status, errors) == (0, "")
    found = results(tmp_path / "train.json", "train")
    assert found["title"] == "Small digits" and found["seed"] == 1
    assert len(found["history"]) == 2 and found["measured"]["luts"] > 100
    assert (tmp_path / "build" / "small" / "training.svg").is_file()


def test_compress_refuses(own: Path) -> None:
    status, _, errors = lutloom("compress", "digits")
    assert (status, errors) == (
        2, "recipe digits has no steps of compression; `lutloom train` runs it\n")
    own.write_text(RECIPE.replace("clusters = 4", "cluster = 4"))
    status, _, errors = lutloom("compress", own)
    assert (status, errors) == (2, ('recipe small, compress step 2 (share): unknown key "cluster"; '
                                    'did you mean "clusters"?\n'))
    assert not Path("build").exists()


def test_zoo_lists_all(tmp_path: Path) -> None:
    status, output, _ = lutloom("zoo", "--json", "zoo.json")
    assert status == 0
    names = [row["name"] for row in results(tmp_path / "zoo.json", "zoo")["models"]]
    assert names == [*sorted(path.stem for path in golden.recipe_file.ZOO.glob("*.npz")),
                     *recipes()]
    assert all(name in output for name in names)


@pytest.fixture
def own_zoo(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(golden.recipe_file, "ZOO", tmp_path)
    return tmp_path


def write_record(zoo: Path, **measured: Any) -> None:
    (zoo / "results").mkdir(exist_ok=True)
    (zoo / "results" / "small.json").write_text(json.dumps({
        "run": "lutloom compress small", "seed": 1, "data": "digits", "test_images": 1360,
        "date": "2026-01-02", "torch": "2.13", "measured": measured}))


def test_results_page(own_zoo: Path) -> None:
    page = own_zoo / "page.md"
    page.write_text("before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n")

    def rows() -> list[list[str]]:
        assert lutloom("bench", "results", "--page", page)[0] == 0
        text = page.read_text()
        assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
        return [[cell.strip() for cell in line.strip("|").split("|")]
                for line in text.splitlines() if line.startswith("| Small")]

    assert [row[4] for row in rows()] == ["not run", "not run"]
    write_record(own_zoo, accuracy=0.5, luts=3)
    assert rows() == [
        ["Small digits", "accuracy", "12.3 %", "at least 50.00%", "50.00%",
         "`lutloom compress small`", "1", "digits, 1,360 for the test", "2026-01-02", "2.13"],
        ["Small digits", "luts", "2 LUT", "at most 3 LUT", "3 LUT",
         "`lutloom compress small`", "1", "digits, 1,360 for the test", "2026-01-02", "2.13"]]
    write_record(own_zoo, accuracy=0.4999, luts=4)
    assert [row[4] for row in rows()] == ["49.99%: falls short", "4 LUT: falls short"]
    page.write_text("nothing\n")
    status, _, errors = lutloom("bench", "results", "--page", page)
    assert (status, errors) == (2, (f"{page}: must have the lines <!-- results: begin --> and "
                                   "<!-- results: end -->\n"))


def test_clusters_page(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts.bench_clusters, "CLUSTERS", (2, 16))
    own.write_text(RECIPE.replace('step = "share"\nclusters = 4', 'step = "x"').replace(
        'step = "prune"\nby = "percentile"\namount = 90', 'step = "share"\nclusters = 4'))
    status, _, errors = lutloom("bench", "clusters", "--recipe", own, "--out", "page.md",
                                "--json", "clusters.json")
    assert (status, errors) == (0, "")
    found = results(Path("clusters.json"), "bench clusters")
    assert [row["clusters"] for row in found["rows"]] == [2, 16]
    assert found["rows"][0]["shared"] < found["rows"][1]["shared"] <= found["float"] + 0.03
    text = Path("page.md").read_text()
    for row in found["rows"]:
        assert f"| {row['clusters']} | {row['shared']:.2%} | {row['trained']:.2%} |" in text
    assert "</svg>" in Path("page.svg").read_text()


def test_names_of_models_are_recipes() -> None:
    assert find_recipe("sfc").training.epochs == 40
