"""lutloom bench windows on few cores: what it measures, draws and writes."""

import json
import re
import xml.etree.ElementTree as ElementTree
from functools import partial
from pathlib import Path

import pytest

import scripts.bench_window
from golden.number import Integer
from hdl.parallel_window import ParallelWindow
from scripts.bench_window import chart
from scripts.cli import run
from tb.window_cases import geometry


@pytest.mark.parametrize("lines", [3, 4])
def test_no_buffer_is_filled_while_it_is_used(lines: int) -> None:
    found: dict[str, list[tuple[float, float]]] = {}
    for x, y, width in re.findall(r'<rect x="(.*?)" y="(.*?)" width="(.*?)" height="17"',
                                  chart((8, 8), (lines,))):
        found.setdefault(y, []).append((float(x), float(x) + float(width)))
    assert len(found) == lines
    for bars in found.values():
        bars.sort()
        assert all(end <= start for (_, end), (start, _) in zip(bars, bars[1:], strict=False))


def test_command_writes_page_plot_and_numbers(monkeypatch: pytest.MonkeyPatch,
                                              tmp_path: Path) -> None:
    monkeypatch.setattr(scripts.bench_window, "SIZES", ((5, 4),))
    monkeypatch.setattr(scripts.bench_window, "LINES", (3,))
    monkeypatch.setattr(scripts.bench_window, "cores", lambda: {
        "small": partial(ParallelWindow, geometry((4,), 2), 1, Integer(2, False))})
    page, numbers = tmp_path / "page.md", tmp_path / "numbers.json"
    page.write_text("before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n")
    assert run(["bench", "windows", "--out", str(page), "--json", str(numbers)]) == 0
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| 5 x 4 | 3 | 12 | 32 | 32 | 1.600 |" in text and "| small | " in text
    assert ElementTree.parse(tmp_path / "page.svg").getroot().tag.endswith("svg")
    assert json.loads(numbers.read_text())["rows"][0]["stated"] == 32


def test_a_wrong_promise_ends_the_command(monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(ParallelWindow, "starts", lambda core, frames: [9 * k for k in range(5)])
    monkeypatch.setattr(scripts.bench_window, "SIZES", ((5, 4),))
    assert run(["bench", "windows"]) == 1
    assert "5 x 4, 3 lines: start of frame 0: promised after 0 cycles" in capsys.readouterr().err
