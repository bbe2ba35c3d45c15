"""lutloom boards, and what lutloom build does with clocks, seeds, tools and --dry-run."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from boards.flow import Build
from boards.loader import LOADER
from boards.platforms import BOARDS
from boards.project import TOOLCHAINS
from hdl.plan import Plan
from hdl.synth import Resources
from scripts.boards import board_rows
from scripts.build import verdict
from tb.cli_case import lutloom, results

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture
def design(tiny):
    """Arguments for the small network: random frames."""
    return (tiny[0], "--plan", tiny[1], "--random", "--json", "build.json")


def test_lists_all_boards(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    status, output, _ = lutloom("boards", "--json", "boards.json")
    assert status == 0
    rows = results(tmp_path / "boards.json", "boards")["boards"]
    assert [row["board"] for row in rows] == list(BOARDS)
    for row in rows:
        assert row["board"] in output
        assert set(row["tools"]) == set(BOARDS[row["board"]].toolchains)
    basys = next(row for row in rows if row["board"] == "basys-3")
    assert basys == {
        "board": "basys-3", "title": "Basys 3, XC7A35T", "part": "xc7a35tcpg236-1", "luts": 20800,
        "brams": 50, "memory": "RAMB36E1", "kbit": 1800, "clock_hz": 100e6,
        "link": "USB-UART", "tools": {
            "openxc7": ["nextpnr-xilinx", "fasm2frames", "xc7frames2bit"],
            "openxc7-himbaechel": ["nextpnr-himbaechel", "fasm2frames", "xc7frames2bit"],
            "vivado": ["vivado"]}}
    # What pip brings is here whatever the PATH.
    here = {chain for row in rows for chain, missing in row["tools"].items() if not missing}
    assert here == {"trellis", "icestorm", "apicula"}
    assert output.endswith("11 tools are missing; lutloom boards --advice tells how to get them\n")


def test_tells_how_to_get_tools(monkeypatch):
    monkeypatch.setenv("PATH", "")
    _, output, _ = lutloom("boards", "--advice")
    for chain in TOOLCHAINS.values():
        for tool in (*chain.tools, LOADER):
            assert (f"\n{tool.name}: {tool.advice}\n" in output) == (tool.command() is None)


def test_capacities_are_those_of_the_tools():
    """Where nextpnr's report of a build on the part is known: cells of logic and memory."""
    known = {"ulx3s-25f": (24288, 56), "ulx3s-85f": (83640, 208),
             "ecpix-5-85f": (83640, 208), "icebreaker": (5280, 30),
             "ice40-hx8k": (7680, 32), "tang-nano-9k": (8640, 26)}
    assert {row["board"]: (row["luts"], row["brams"]) for row in board_rows()
            if row["board"] in known} == known


@pytest.mark.parametrize("board, clock, suffix, logic", [
    ("tang-nano-9k", 54, "fs", "LUT4"), ("ulx3s-25f", 50, "bit", "TRELLIS_COMB"),
    ("ice40-hx8k", 48, "bin", "ICESTORM_LC")])
def test_routes_a_network_at_the_plls_clock(design, tmp_path, board, clock, suffix, logic):
    status, output, errors = lutloom("build", *design, "--board", board, "--clock", clock,
                                     "--seeds", 2, "--out", "out")
    assert status == 0, errors
    built = results(tmp_path / "build.json", "build")
    assert (built["clock_hz"], built["meets_timing"]) == (clock * 1e6, True)
    assert built["fmax_hz"] == max(built["seeds"].values()) == built["seeds"][str(built["seed"])]
    assert list(built["seeds"]) == ["1", "2"]
    assert Path(built["bitstream"]) == tmp_path / f"out/top.{suffix}"
    assert (tmp_path / f"out/top.{suffix}").stat().st_size > 10_000
    assert 50 < built["utilisation"][logic]["used"] < 1000
    assert any("PLL" in kind for kind in built["utilisation"])
    rate = clock * 1e6 / built["initiation_interval"]
    assert re.search(rf"Fmax {built['fmax_hz'] / 1e6:.1f} MHz, the best of seeds 1, 2: meets the "
                     rf"clock of {clock} MHz by \d+%; {rate:,.0f} frames/s; ", output)


def test_misses_a_clock_that_is_too_fast(design, tmp_path):
    status, output, errors = lutloom("build", *design, "--board", "icebreaker", "--clock", 200)
    assert status == 1
    built = results(tmp_path / "build.json", "build")
    assert built["meets_timing"] is False
    assert ": misses the clock of 198 MHz by " in output
    assert errors.endswith("or give a slower --clock\n")


@pytest.mark.parametrize("fmax, said", [
    (60e6, "Fmax 60.0 MHz: meets the clock of 50 MHz by 20%; 500,000 frames/s"),
    (40e6, "Fmax 40.0 MHz: misses the clock of 50 MHz by 20%; it runs 400,000 frames/s at 40 MHz"),
])
def test_verdict(fmax, said):
    built = Build("basys-3", "openxc7", Path("top.bit"), 50e6, fmax, 1, {1: fmax}, Resources(), {},
                  {})
    assert verdict(built, 100) == said
    assert verdict(replace(built, seeds={1: 1e6, 2: fmax}), 100) == said.replace(
        " MHz: ", " MHz, the best of seeds 1, 2: ")


def test_the_plans_clock_counts(design, tmp_path):
    plan = Path(design[2])
    replace(Plan.load(plan), clock_hz=24_000_000).save(plan)
    for arguments, hertz in (((), "24"), (("--clock", 36), "36"), (("--clock", 12), "12")):
        status, output, _ = lutloom("build", *design, "--board", "icebreaker", "--dry-run",
                                    *arguments)
        assert status == 0
        files = results(tmp_path / "build.json", "build")["files"]
        assert output == "".join(f"{file}\n" for file in files)
        assert f" --freq {hertz} " in Path(files[-1]).read_text()
    assert not (tmp_path / "icebreaker/ice40.json").exists()


@pytest.mark.parametrize("board, tools, script", [
    ("pynq-z2", "openxc7-himbaechel", "build.sh"), ("de10-nano", "quartus", "build_top.sh")])
def test_dry_run_needs_no_tools(design, tmp_path, monkeypatch, board, tools, script):
    monkeypatch.setenv("PATH", "")
    assert lutloom("build", *design, "--board", board, "--tools", tools, "--dry-run")[0] == 0
    written = results(tmp_path / "build.json", "build")
    assert written["tools"] == tools
    assert Path(written["files"][-1]).name == script
    assert all(Path(file).stat().st_size for file in written["files"])


@pytest.mark.parametrize("board, tools, kinds", [
    ("icebreaker", "icestorm", ("bin",)), ("de0-cv", "quartus", ("rbf", "sof"))])
def test_dry_run_leaves_no_old_bitstream(design, tmp_path, board, tools, kinds):
    """Of any tools for the board: `lutloom load` would take it for the new design's."""
    folder = tmp_path / board
    folder.mkdir()
    for name in ("top", "seed-1", "seed-23"):
        for kind in kinds:
            (folder / f"{name}.{kind}").write_bytes(b"old")
    (folder / "notes.bin").write_bytes(b"kept")
    assert lutloom("build", *design, "--board", board, "--tools", tools, "--dry-run")[0] == 0
    assert not [path for kind in kinds for name in ("top", "seed-*")
                for path in folder.glob(f"{name}.{kind}")]
    assert (folder / "notes.bin").read_bytes() == b"kept"


@pytest.mark.parametrize("arguments, status, message", [
    (("--board", "arty"), 2, f"board must be one of {', '.join(BOARDS)}, not 'arty'"),
    (("--board", "icebreaker", "--tools", "trellis"), 2,
     "tools for icebreaker must be one of icestorm, not 'trellis'"),
    (("--board", "icebreaker", "--clock", "13"), 2,
     "clock: SB_PLL40 makes no 13 MHz of 12 MHz, but 16.125 MHz"),
    (("--board", "de0-cv", "--clock", "60", "--dry-run"), 2,
     ("clock: nextpnr-mistral knows no PLL, so it must be the board's 50 MHz, not 60 MHz; or take "
      "--tools quartus")),
    (("--board", "basys-3", "--tools", "vivado"), 1,
     ("vivado needs vivado, not found on the PATH; to get it: AMD's Vivado ML Standard, whose "
      "settings64.sh AMARANTH_ENV_VIVADO names or is sourced; or write the project alone with "
      "--dry-run and run its script elsewhere")),
])
def test_refuses_before_anything_is_made(design, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.setenv("PATH", "")
    before = sorted(tmp_path.iterdir())
    assert lutloom("build", *design, *arguments) == (status, "", f"{message}\n")
    assert sorted(tmp_path.iterdir()) == before
