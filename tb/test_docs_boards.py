"""The page on boards: its example can be built for, its tables are those of the program."""

import re

import pytest

from boards.flow import build
from boards.platforms import BOARDS
from boards.project import TOOLCHAINS, choose, write_project
from scripts.bench_boards import BUDGETS
from tb.cache import repository
from tb.tool_case import Blinker

PAGE = (repository() / "docs/boards.md").read_text()


@pytest.fixture
def icestick():
    """The page's example, for as long as the test runs."""
    [block] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(block, {"__name__": "boards.example"})
    yield "icestick"
    del BOARDS["icestick"]  # type: ignore[attr-defined]


def test_worked_example(icestick, tmp_path):
    built = build(Blinker(), icestick, tmp_path)
    assert built.utilisation["ICESTORM_LC"].available == BOARDS[icestick].luts
    assert (built.clock_hz, built.meets_timing) == (12e6, True)
    assert bytes.fromhex("7eaa997e") in built.bitstream.read_bytes()[:200]
    assert choose(icestick).name == "icestorm"


def test_example_has_what_a_board_needs(icestick, tmp_path):
    platform = BOARDS[icestick].platform()
    assert len({id(platform.request(*led, dir="-")) for led in BOARDS[icestick].leds}) == 3
    uart = platform.request("uart", 0, dir="-")
    assert len(uart.rx) == len(uart.tx) == 1
    script = write_project(Blinker(), icestick, tmp_path, clock_hz=36e6)[-1]
    assert "--hx1k --package tq144" in script.read_text()


def test_names_all_boards_and_tools():
    listed = PAGE.partition("## How to add")[0]
    for name in (*BOARDS, *TOOLCHAINS):
        assert re.search(rf"[ ,|]{name}[ ,|]", listed), name


def test_shows_a_row_for_each_board():
    rows = re.findall(r"^\| (\w+) \| ([\w-]+) \| (yes|no:|not run)", PAGE, re.MULTILINE)
    assert [(network, board) for network, board, _ in rows] == [
        (network, board) for network in BUDGETS for board in BOARDS]
    # Those whose tools come with pip were run.
    assert {board for _, board, fits in rows if fits == "not run"}.isdisjoint(
        name for name, board in BOARDS.items() if board.family in ("ecp5", "ice40", "gowin"))
