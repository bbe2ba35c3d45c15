"""lutloom bench sparse on small layers: what it draws, measures and writes."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import scripts.bench_sparse
from scripts.bench_sparse import DEPTHS, FRAMES, Shape, draw, measure
from scripts.cli import run

SMALL = Shape("small", 120, 200, 10, 40, goal=999)


def test_draws_the_densities() -> None:
    columns, x = draw(SMALL, 1)
    weights = columns.decode()
    assert weights.shape == (200, 120) and x.shape == (FRAMES, 120)
    assert ((x != 0).sum(1) == 48).all() and 0.08 < np.count_nonzero(weights) / weights.size < 0.12
    assert (draw(SMALL, 1)[1] == x).all() and (draw(SMALL, 2)[1] != x).any()


def test_measures() -> None:
    columns, x = draw(SMALL, 1)
    row = measure(SMALL, columns, x)
    work = (x != 0) @ (columns.decode() != 0).sum(0)
    assert row["ideal"] == work.mean() / 64 <= row["cycles"] <= row["alone"]
    assert row["dense"] == 4 * 120 and len(row["balance"]) == len(DEPTHS)
    assert row["bits"]["entries"] == 8 * len(columns.words)
    assert row["bits"]["huffman together"] == columns.huffman()["together"].total


def test_command_writes_page_plot_and_numbers(monkeypatch: pytest.MonkeyPatch,
                                              tmp_path: Path) -> None:
    monkeypatch.setattr(scripts.bench_sparse, "LAYERS", (SMALL,))
    page, numbers = tmp_path / "page.md", tmp_path / "numbers.json"
    assert run(["bench", "sparse", "--out", str(page), "--json", str(numbers)]) == 0
    assert "| small | 120 x 200 | 10 %, 40 % |" in page.read_text()
    assert ElementTree.parse(tmp_path / "page.svg").getroot().tag.endswith("svg")
    assert json.loads(numbers.read_text())["rows"][0]["goal"] == 999
    assert run(["bench", "sparse", "--rtl", "large"]) == 2
