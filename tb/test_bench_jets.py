"""lutloom bench jets on a network that is quick to build: the section, with jets and without."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scripts.bench_jets
from golden.recipe_file import find_recipe
from scripts.bench_jets import RECIPES, drawn_jets
from tb.cli_case import lutloom, results
from tb.jets_file import made_jets, write_jets

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")

RECIPE = """
title = "Small"
model = "jets"
kind = "float"
[train]
epochs = 10
batch = 50
learning_rate = 0.01
[[compress]]
step = "quantise"
weights = "fixed"
width = 4
activations = 4
[rtl]
cycles = 2000
storages = ["rom"]
"""
MARKS = "before\n<!-- jets: begin -->\nold\n<!-- jets: end -->\nafter\n"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scripts.bench_jets, "LEVELS", (3,))
    (tmp_path / "page.md").write_text(MARKS)
    path = tmp_path / "small.toml"
    path.write_text(RECIPE)
    return path


def cells(page: Path) -> list[list[str]]:
    """Rows of the section, which must be all that changed."""
    text = page.read_text()
    before, _, after = MARKS.partition("old\n")
    assert text.removeprefix("long ").startswith(before) and text.endswith(after)
    assert "old\n" not in text
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()
            if line.startswith("| ")]


def test_trained_on_drawn_numbers(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                  ) -> None:
    small = drawn_jets(500, 100)
    monkeypatch.setattr(scripts.bench_jets, "drawn_jets", lambda: small)
    status, output, errors = lutloom("bench", "jets", "--recipe", own, "--page", "page.md",
                                     "--json", "jets.json")
    assert (status, errors) == (0, "")
    (row,) = results(Path("jets.json"), "bench jets")["rows"]
    assert row["accuracy"] is None and row["luts"] > 300 and 1000 < row["cycles"] <= 2000
    head, _, published, measured = cells(Path("page.md"))
    assert len(head) == len(measured) and published[0] == "*published*"
    assert 1000 < row["non_zeros"] <= 16 * 64 + 64 * 32 + 32 * 32 + 32 * 5
    assert measured == ["Small", f"{row['non_zeros']:,}", "3", f"{row['luts']:,}",
                        f"{row['luts'] / 6_633.6:.2f} %", f"{row['ffs']:,}",
                        str(row["latency"]), str(row["cycles"]), "not at hand"]
    assert f"`lutloom bench jets --recipe {own}`" in Path("page.md").read_text()
    assert "trained on drawn numbers" in output
    assert {path.name for path in Path("build/jets/small_3").iterdir()} == {
        "network.npz", "plan.json", "synth"}


def test_trained_on_jets(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []

    def measure(network: Any, plan: Any, folder: Path) -> dict[str, float]:
        taken.append((network, plan.levels))
        page = Path("page.md")  # somebody writes another part of it meanwhile
        page.write_text(page.read_text().replace("before", "long before"))
        return {"luts": 66336, "ffs": 1, "latency": 2, "cycles": 3}

    monkeypatch.setattr(scripts.bench_jets, "measure", measure)
    write_jets(tmp_path / "hls4ml_lhc_jets_hlf.arff", *made_jets())
    assert lutloom("bench", "jets", "--recipe", own, "--page", "page.md", "--data", tmp_path,
                   "--json", "jets.json")[0] == 0
    (row,) = results(Path("jets.json"), "bench jets")["rows"]
    ((network, levels),) = taken
    assert levels == 3 and network.metadata["data"] == "jets"
    assert 0.3 < row["accuracy"] < 1  # of five classes
    assert cells(Path("page.md"))[-1] == [
        "Small", f"{row['non_zeros']:,}", "3", "66,336", "10.00 %", "1", "2", "3",
        f"{100 * row['accuracy']:.2f} %"]
    text = Path("page.md").read_text()
    assert "drawn" not in text and text.startswith("long before")


def test_drawn_jets_are_told_apart_by_their_centres() -> None:
    jets = drawn_jets()
    assert jets.train_x.shape == (10_000, 16) and jets.train_x.dtype == np.uint8
    centres = np.array([jets.train_x[jets.train_y == k].mean(0) for k in range(5)])
    nearest = ((jets.test_x[:, None] - centres)**2).sum(-1).argmin(1)
    assert 0.8 < (nearest == jets.test_y).mean() < 1


def test_recipes_are_of_the_published_topology() -> None:
    for name in RECIPES:
        assert find_recipe(name).spec.widths == (16, 64, 32, 32, 5)  # type: ignore[union-attr]


def test_refuses(own: Path) -> None:
    own.write_text(RECIPE.partition("[rtl]")[0])
    assert lutloom("bench", "jets", "--recipe", own, "--page", "page.md") == (
        2, "", ("recipe small must have a table rtl, which says how its network is built\n"))
    Path("page.md").write_text("nothing\n")
    assert lutloom("bench", "jets", "--page", "page.md") == (
        2, "", "page.md: must have the lines <!-- jets: begin --> and <!-- jets: end -->\n")
