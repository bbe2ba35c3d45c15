# amaranth: UnusedElaboratable=no
"""Generated projects are whole: yosys finds pins and clocks constrained, memories in block RAM.

Nothing is placed: these are the boards whose place and route pip lacks.
"""

import json
import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from amaranth import Elaboratable, Module
from amaranth.lib import io

from boards.platforms import BOARDS
from boards.project import choose, write_project
from boards.toolchain import Toolchain
from hdl.yosys import run_yosys
from tb.tool_case import Blinker, ram_test

XILINX = [name for name, board in BOARDS.items() if board.family == "xc7"]
INTEL = [name for name, board in BOARDS.items() if board.family == "cyclonev"]
OPEN = {"xc7": "openxc7", "cyclonev": "mistral"}


class Echo(Elaboratable):
    """Answers on the UART what it hears, and shows it: all pins that a host's link has."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        uart, led = platform.request("uart", 0, dir="-"), platform.request("led", 0, dir="-")
        m.submodules.rx, m.submodules.tx = rx, tx = io.Buffer("i", uart.rx), io.Buffer("o", uart.tx)
        m.submodules.led = lamp = io.Buffer("o", led)
        m.d.sync += lamp.o.eq(rx.i)
        m.d.comb += tx.o.eq(rx.i)
        return m


def ports(rtlil: str) -> dict[str, int]:
    """Ports of the top module, name -> width."""
    top = rtlil.partition("module \\top\n")[2].partition("\nend\n")[0]
    found = re.findall(r"^  wire width (\d+) (?:input|output|inout) \d+ +\\(\w+)$", top, re.M)
    return {name: int(width) for width, name in found}


def bits(names: dict[str, int]) -> set[str]:
    """As constraints call them."""
    return {name if width == 1 else f"{name}[{bit}]"
            for name, width in names.items() for bit in range(width)}


def synthesised(folder: Path, family: str) -> Any:
    """The top module of the netlist that the project's own script for yosys makes."""
    script = (folder / f"{family}.ys").read_text().splitlines()
    run_yosys(script, folder / "yosys.log")
    return json.loads((folder / f"{family}.json").read_text())["modules"]["top"]


def cells(top: Any, pattern: str) -> list[Any]:
    return [cell for cell in top["cells"].values() if re.fullmatch(pattern, cell["type"])]


@pytest.mark.parametrize("board", XILINX)
@pytest.mark.parametrize("tools", ["openxc7", "vivado"])
def test_xilinx_constraints(tmp_path, board, tools):
    write_project(Echo(), board, tmp_path, tools=tools)
    text = (tmp_path / "top.xdc").read_text()
    wanted = ports(next(tmp_path.glob("*.il")).read_text())
    clock = f"{BOARDS[board].platform.default_clk}_0__io"
    assert {"uart_0__rx__io", "uart_0__tx__io", "led_0__io", clock} <= set(wanted)
    for key, value in (("LOC", r"[A-Z]+\d+"), ("IOSTANDARD", '"?LVCMOS33"?')):
        named = re.findall(rf'^set_property {key} {value} \[get_ports [{{"]([\w\[\]]+)[}}"]\]$',
                           text, re.M)
        assert sorted(named) == sorted(bits(wanted)), key
    locations = re.findall(r"^set_property LOC (\w+)", text, re.M)
    assert len(set(locations)) == len(locations)
    period = 1e9 / BOARDS[board].platform().default_clk_frequency
    assert re.findall(r'^create_clock .*?-period (\S+) \[get_\w+ "?(\w+)"?\]$', text, re.M) == [
        (str(period), clock)]


@pytest.mark.parametrize("board", INTEL)
@pytest.mark.parametrize("tools", ["mistral", "quartus"])
def test_intel_constraints(tmp_path, board, tools):
    script = write_project(Echo(), board, tmp_path, tools=tools)[-1]
    wanted = bits(ports(next(tmp_path.glob("*.il")).read_text()))
    text = (tmp_path / "top.qsf").read_text()
    assert set(re.findall(r'^set_location_assignment -to "(\S+)" PIN_[A-Z]+\d+$', text, re.M)
               ) == wanted
    assert set(re.findall(r'-to "(\S+)" -name io_standard "3.3-V LVTTL"$', text, re.M)) == wanted
    if tools == "mistral":
        # nextpnr-mistral reads no clocks from a file; this holds for all of them.
        assert " --freq 50 " in script.read_text()
    else:
        assert 'create_clock -name "clk50_0__io" -period 20.0 [get_ports "clk50_0__io"]' in (
            tmp_path / "top.sdc").read_text()


def test_openxc7_netlist(tmp_path):
    """Block RAM, the PLL at its frequency and a global clock are in what nextpnr is given."""
    write_project(ram_test("arty-a7-35t"), "arty-a7-35t", tmp_path, tools="openxc7",
                  clock_hz=83.3e6)
    top = synthesised(tmp_path, "xc7")
    xdc = (tmp_path / "top.xdc").read_text()
    constrained = set(re.findall(r"LOC \w+ \[get_ports \{(\S+)\}\]", xdc))
    assert constrained == bits({name: len(port["bits"]) for name, port in top["ports"].items()})
    # Two ROMs of 16 kbit.
    assert len(cells(top, "RAMB18E1")) == 2
    # A buffer at every pin, and a global one for the clock.
    assert len(cells(top, "IBUF")) == 2
    assert len(cells(top, "OBUFT?")) == 3
    [buffer] = cells(top, "BUFG")
    clocks = {tuple(cell["connections"]["C"]) for cell in cells(top, "FD[RSCP]E")}
    assert clocks == {tuple(buffer["connections"]["O"])}
    periods = dict(reversed(pair) for pair in re.findall(
        r"create_clock -period (\S+) \[get_\w+ (\S+)\]", xdc))
    assert periods.pop("clk100_0__io") == "10.0"
    assert len(periods) == 1
    [(net, period)] = periods.items()
    assert top["netnames"][net]["bits"] == buffer["connections"]["O"]
    [pll] = cells(top, "PLLE2_ADV")
    mult, divide, out = (int(pll["parameters"][name], 2) for name in (
        "CLKFBOUT_MULT", "DIVCLK_DIVIDE", "CLKOUT0_DIVIDE"))
    assert float(period) == 1e9 / float(Fraction(100_000_000 * mult, divide * out))
    assert pll["connections"]["CLKOUT0"] == buffer["connections"]["I"]
    assert pll["parameters"]["CLKOUT0_PHASE"] == "0.0"


def test_openxc7_netlist_without_pll(tmp_path):
    """The board's own clock is buffered, too, and no net but its port has a frequency."""
    write_project(Blinker(), "basys-3", tmp_path, tools="openxc7", clock_hz=100e6)
    top = synthesised(tmp_path, "xc7")
    assert len(cells(top, "BUFG")) == len(cells(top, "IBUF")) == 1
    [buffer], [pad] = cells(top, "BUFG"), cells(top, "IBUF")
    assert pad["connections"]["I"] == top["ports"]["clk100_0__io"]["bits"]
    assert buffer["connections"]["I"] == pad["connections"]["O"]
    assert {tuple(cell["connections"]["C"]) for cell in cells(top, "FD[RSCP]E")} == {
        tuple(buffer["connections"]["O"])}
    assert (tmp_path / "top.xdc").read_text().count("create_clock") == 1


def test_mistral_netlist(tmp_path):
    """Of nothing but cells that nextpnr-mistral knows."""
    write_project(ram_test("de10-nano"), "de10-nano", tmp_path, tools="mistral")
    top = synthesised(tmp_path, "cyclonev")
    assert {cell["type"] for cell in top["cells"].values()} <= {
        "MISTRAL_IB", "MISTRAL_OB", "MISTRAL_CLKBUF", "MISTRAL_FF", "MISTRAL_M10K", "MISTRAL_NOT",
        "MISTRAL_ALUT_ARITH", *(f"MISTRAL_ALUT{n}" for n in range(2, 7))}
    # 512 words of 32 bits: two of 20.
    assert len(cells(top, "MISTRAL_M10K")) == 4
    assert (len(cells(top, "MISTRAL_IB")), len(cells(top, "MISTRAL_OB"))) == (1, 3)
    [buffer] = cells(top, "MISTRAL_CLKBUF")
    assert {tuple(cell["connections"]["CLK"]) for cell in cells(top, "MISTRAL_FF")} == {
        tuple(buffer["connections"]["Q"])}
    qsf = (tmp_path / "top.qsf").read_text()
    assert set(re.findall(r'location_assignment -to "(\S+)"', qsf)) == bits(
        {name: len(port["bits"]) for name, port in top["ports"].items()})


@pytest.mark.parametrize("board, tools, files", [
    ("arty-a7-100t", "vivado", {"top.tcl", "top.v", "top.xdc"}),
    ("de0-cv", "quartus", {"top.qsf", "top.sdc", "top.v"})])
def test_vendors_projects(tmp_path, board, tools, files):
    """Amaranth's project with our Verilog, which reads again, and the PLL in it."""
    *rest, script = write_project(Blinker(), board, tmp_path, tools=tools, clock_hz=75e6)
    assert files <= {file.name for file in rest}
    assert script.name == "build_top.sh"
    for tool in choose(board, tools).tools:
        assert f'"${tool.variable}" ' in script.read_text()
    verilog = (tmp_path / "top.v").read_text()
    assert re.search(r"^  (PLLE2_ADV|altera_pll) ", verilog, re.M)
    run_yosys(["read_verilog top.v", "hierarchy -top top"], tmp_path / "again.log")


@pytest.mark.parametrize("board", BOARDS)
def test_scripts_are_sound(tmp_path, board):
    """Every board has a project; sh can read its script, which names all tools and variables."""
    *files, script = write_project(Blinker(), board, tmp_path)
    chain = choose(board)
    assert isinstance(chain, Toolchain)
    text = script.read_text()
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert script.stat().st_mode & 0o111
    for tool in chain.tools:
        assert f': "${{{tool.variable}:={tool.name}}}"' in text
        assert f'"${{{tool.variable}}}" ' in text
    assert f"top.{chain.constraints}" in text
    assert {file.suffix for file in files} == {f".{chain.constraints}", ".il", ".ys"}
    assert all(file.stat().st_size for file in files)


@pytest.mark.parametrize("tools, script, first", [
    ("openxc7", "build.sh", {"top.xdc"}), ("vivado", "build_top.sh", set())])
def test_nothing_half_written_is_left(tmp_path, monkeypatch, tools, script, first):
    """Where a file cannot be written, the old one stays, and no script calls what does not belong
    together."""
    write_project(Blinker(), "basys-3", tmp_path, tools=tools)
    before = {path: path.read_text() for path in tmp_path.iterdir()}
    written = []

    def write_text(path: Path, text: str) -> int:
        written.append(path)
        with path.open("w") as file:
            if len(written) == 2:
                file.write(text[:100])
                raise OSError("no space left")
            return file.write(text)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(OSError, match="^no space left$"):
        write_project(Blinker(), "basys-3", tmp_path, tools=tools, clock_hz=50e6)
    monkeypatch.undo()
    after = {path: path.read_text() for path in tmp_path.iterdir()}
    assert before.keys() - after.keys() == {tmp_path / script}
    assert not after.keys() - before.keys()
    assert after.keys() <= before.keys()
    assert {path.name for path in after if after[path] != before[path]} == first


def test_mistral_takes_plain_buffers_alone(tmp_path):
    class Registered(Elaboratable):
        def elaborate(self, platform: Any) -> Module:
            m = Module()
            m.submodules.led = io.FFBuffer("o", platform.request("led", 0, dir="-"))
            return m

    with pytest.raises(TypeError, match="^Mistral: pins must have plain buffers, not FFBuffer$"):
        write_project(Registered(), "de0-cv", tmp_path, tools="mistral")
