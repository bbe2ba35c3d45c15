"""What recipes came to: the list of the zoo, and the pages made of records and of clusters."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import golden.recipe_file
import scripts.bench_clusters
from golden.recipe_file import recipes
from tb.cache import repository
from tb.cli_case import lutloom, results
from tb.recipe_case import RECIPE, write_recipe

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


def test_zoo_lists_all(tmp_path: Path) -> None:
    status, output, _ = lutloom("zoo", "--json", "zoo.json")
    assert status == 0
    names = [row["name"] for row in results(tmp_path / "zoo.json", "zoo")["models"]]
    assert names == [*sorted(path.stem for path in golden.recipe_file.ZOO.glob("*.npz")),
                     *recipes()]
    assert all(name in output for name in names)
    files = {row["name"]: row["files"] for row in results(tmp_path / "zoo.json", "zoo")["models"]}
    zoo = golden.recipe_file.ZOO
    assert files["sfc"] == {"checkpoint": str(zoo / "sfc.npz")} and files["mlp_plain"] == {}
    assert [*files["lenet300_coded"]] == ["network", "coded"]
    assert f"Files: {zoo}/NAME.npz (checkpoints), {zoo}/networks/NAME.npz" in output
    assert re.search(r"cifar_clusters +cifar10 +79\.16 % ", output)


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

    assert [row[5] for row in rows()] == ["not run", "not run"]
    write_record(own_zoo, accuracy=0.5, luts=3)
    assert rows() == [
        ["Small digits", "accuracy", "12.3 %", "A. Author, 2020", "at least 50.00 %", "50.00 %",
         "`lutloom compress small`", "1", "digits, 1,360 for the test", "2026-01-02", "2.13"],
        ["Small digits", "luts", "2 LUT", "", "at most 3 LUT", "3 LUT",
         "`lutloom compress small`", "1", "digits, 1,360 for the test", "2026-01-02", "2.13"]]
    write_record(own_zoo, accuracy=0.4999, luts=4)
    assert [row[5] for row in rows()] == ["49.99 %: falls short", "4 LUT: falls short"]
    page.write_text("nothing\n")
    status, _, errors = lutloom("bench", "results", "--page", page)
    assert (status, errors) == (2, (f"{page}: must have the lines <!-- results: begin --> and "
                                   "<!-- results: end -->\n"))


def test_the_page_has_the_records_of_the_recipes(tmp_path: Path) -> None:
    page, copy = repository() / "docs/results.md", tmp_path / "page.md"
    copy.write_text(page.read_text())
    assert lutloom("bench", "results", "--page", copy)[0] == 0
    assert copy.read_text() == page.read_text()  # else run `lutloom bench results`


def test_clusters_page(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts.bench_clusters, "CLUSTERS", (2, 16))
    own.write_text(RECIPE.replace('[[compress]]\nstep = "share"\nclusters = 4\n', "").replace(
        'step = "prune"\nby = "percentile"\namount = 90', 'step = "share"\nclusters = 4'))
    status, _, errors = lutloom("bench", "clusters", "--recipe", own, "--out", "page.md",
                                "--json", "clusters.json")
    assert (status, errors) == (0, "")
    found = results(Path("clusters.json"), "bench clusters")
    assert [row["clusters"] for row in found["rows"]] == [2, 16]
    assert found["rows"][0]["shared"] < found["rows"][1]["shared"] <= found["float"] + 0.03
    text = Path("page.md").read_text()
    for row in found["rows"]:
        shares = [f"{100 * row[key]:.2f} %" for key in ("shared", "trained")]
        assert f"| {row['clusters']} | {' | '.join(shares)} |" in text
    assert "</svg>" in Path("page.svg").read_text()
