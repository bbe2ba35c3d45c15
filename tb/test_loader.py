"""lutloom load: which file goes to a board, how the loader is called, what it says of errors."""

import re

import pytest

from boards.loader import LOADER, find_bitstream, load
from boards.platforms import BOARDS
from boards.tools import MissingTool
from tb.cli_case import lutloom, results
from tb.tool_case import write_tool


@pytest.fixture
def loaders(tmp_path, monkeypatch):
    """Folder in which both loaders have stand-ins that note how they are called."""
    for name in ("openFPGALoader", "quartus_pgm"):
        write_tool(tmp_path / "bin", name, "echo loaded")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.delenv("OPENFPGALOADER", raising=False)
    return tmp_path


def write_bitstream(folder, kind):
    folder.mkdir(exist_ok=True)
    path = folder / f"top.{kind}"
    path.write_bytes(b"bits")
    return path


@pytest.mark.parametrize("board, kind, arguments", [
    ("arty-a7-35t", "bit", "-b arty_a7_35t top.bit"), ("pynq-z1", "bit", "-b pynq_z1 top.bit"),
    ("de10-nano", "rbf", "-b de10nano top.rbf"), ("de0-cv", "rbf", "-c usb-blaster top.rbf"),
    ("ulx3s-85f", "bit", "-b ulx3s top.bit"), ("ecpix-5-85f", "bit", "-b ecpix5 top.bit"),
    ("icebreaker", "bin", "-b ice40_generic top.bin"),
    ("tang-nano-9k", "fs", "-b tangnano9k top.fs")])
def test_calls_the_loader(loaders, board, kind, arguments):
    """With the folder that a build wrote to, or the file itself."""
    folder = write_bitstream(loaders / "out", kind).parent
    for path in (folder, folder / f"top.{kind}"):
        status, output, _ = lutloom("load", board, path, "--json", loaders / "load.json")
        assert status == 0
        assert output == (f"{folder}/top.{kind} is in {BOARDS[board].title}; "
                          f"{folder}/openFPGALoader.log\n")
    assert (folder / "calls").read_text() == 2 * f"openFPGALoader {arguments}\n"
    assert (folder / "openFPGALoader.log").read_text() == "loaded\n"
    assert results(loaders / "load.json", "load")["bitstream"] == str(folder / f"top.{kind}")


@pytest.mark.parametrize("board, kind, arguments", [
    ("basys-3", "bit", "-b basys3 -f top.bit"), ("tang-nano-9k", "fs", "-b tangnano9k -f top.fs"),
    ("ice40-hx8k", "bin", "-b ice40_generic top.bin")])
def test_flash(loaders, board, kind, arguments):
    """What always goes there needs no option."""
    path = write_bitstream(loaders / "out", kind)
    assert lutloom("load", board, path, "--flash")[0] == 0
    assert (path.parent / "calls").read_text() == f"openFPGALoader {arguments}\n"


@pytest.mark.parametrize("board, place", [("de10-nano", 2), ("de0-cv", 1)])
def test_quartus_loads_its_own(loaders, board, place):
    """The processor of the DE10-Nano comes first in the chain."""
    path = write_bitstream(loaders / "out", "sof")
    assert load(board, find_bitstream(board, path)) == path.parent / "quartus_pgm.log"
    assert (path.parent / "calls").read_text() == (
        f"quartus_pgm --haltcc --mode JTAG --operation P;top.sof@{place}\n")


def test_every_board_can_be_loaded():
    for name, board in BOARDS.items():
        assert board.loader[0] in ("-b", "-c") and len(board.loader) == 2, name
        assert (board.flash == ()) == (board.family == "ice40"), name


def test_a_failing_loader(loaders):
    path = write_bitstream(loaders / "out", "bin")
    write_tool(loaders / "bin", "openFPGALoader", "echo unable to open ftdi device; exit 1")
    status, output, errors = lutloom("load", "icebreaker", path)
    assert (status, output) == (1, "")
    assert errors == (
        "openFPGALoader failed; it printed last:\nunable to open ftdi device\n"
        f"All of it: {path.parent}/openFPGALoader.log\n"
        "Is the board powered, is its USB plug for programming connected, and may you open that? "
        "docs/boards.md, From the box to bit-exact, tells more.\n")


def test_a_missing_loader(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    path = write_bitstream(tmp_path, "bin")
    message = f"loading needs openFPGALoader, not found on the PATH; to get it: {LOADER.advice}"
    with pytest.raises(MissingTool, match=f"^{re.escape(message)}$"):
        load("icebreaker", path)


@pytest.mark.parametrize("board, kinds, name, message", [
    ("arty", (), "", f"board must be one of {', '.join(BOARDS)}, not 'arty'"),
    ("icebreaker", (), "",
     "{out}/top.bin: no such file; lutloom build writes top.bin for icebreaker"),
    ("icebreaker", (), "other.bin",
     "{out}/other.bin: no such file; lutloom build writes top.bin for icebreaker"),
    ("icebreaker", ("bit",), "top.bit", "{out}/top.bit: a bitstream for icebreaker ends in bin"),
    ("de0-cv", ("rbf", "sof"), "", "{out}: there are top.rbf and top.sof; name one of them"),
])
def test_refuses_files(loaders, board, kinds, name, message):
    out = loaders / "out"
    out.mkdir()
    for kind in kinds:
        write_bitstream(out, kind)
    assert lutloom("load", board, out / name) == (2, "", f"{message.format(out=out)}\n")
    assert not (out / "calls").exists()


@pytest.mark.parametrize("board, kind", [
    ("pynq-z2", "bit"), ("de10-nano", "sof")])
def test_refuses_flash(loaders, board, kind):
    path = write_bitstream(loaders / "out", kind)
    message = (f"flash: that of {board} cannot be written so; load the bitstream after each "
               "power-up")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load(board, path, flash=True)
