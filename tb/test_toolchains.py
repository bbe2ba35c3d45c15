# amaranth: UnusedElaboratable=no
"""Toolchains: which is taken, what a missing tool says, and how the tools are called.

Tools that pip lacks have stand-ins that note their arguments and write what is read of them.
"""

import re
import shutil
import subprocess

import pytest

from boards.flow import DoesNotFit, build, utilisation
from boards.openxc7 import OPENXC7, OPENXC7_HIMBAECHEL
from boards.platforms import BOARDS
from boards.project import TOOLCHAINS, choose, write_project
from boards.toolchain import Use
from boards.tools import MissingTool, Step, Tool, run
from boards.trellis import TRELLIS
from boards.vendor import VIVADO
from hdl.yosys import ToolError
from tb.tool_case import DATABASE_FILES, Blinker, write_tool

# What nextpnr prints: after placement, after routing, and how much the part has.
NEXTPNR = """
echo "Info: 	         SLICE_LUTX:   120/41600     0%"
echo "Info: Max frequency for clock 'clk': 99.00 MHz (PASS at 50.00 MHz)"
echo "Info: Max frequency for clock   'clk': 1${SEED_DIGIT}0.25 MHz (PASS at 50.00 MHz)"
"""


@pytest.fixture
def openxc7(tmp_path, monkeypatch):
    """Stand-ins of openXC7 on the PATH, its databases, and variables that name them."""
    monkeypatch.chdir(tmp_path)  # where a tool that is only asked what it knows notes its call
    bin_folder = tmp_path / "bin"
    for name in DATABASE_FILES:
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.touch()
    # Seed 2 is the fastest; --seed is followed by its number.
    write_tool(bin_folder, "nextpnr-xilinx", 'case "$*" in *"--seed 2"*) SEED_DIGIT=3;; '
               '*) SEED_DIGIT=1;; esac' + NEXTPNR)
    write_tool(bin_folder, "fasm2frames", "")
    write_tool(bin_folder, "xc7frames2bit", 'for last; do :; done; echo bits > "$last"')
    monkeypatch.setenv("PATH", str(bin_folder), prepend=":")
    for name in ("CHIPDB", "CHIPDB_DIR", "DB_DIR", "NEXTPNR_XILINX_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ARTIX7_CHIPDB", str(tmp_path / "chips"))
    monkeypatch.setenv("PRJXRAY_DB_DIR", str(tmp_path / "db"))
    return tmp_path


def test_openxc7_calls(openxc7):
    out = openxc7 / "out"
    built = build(Blinker(), "arty-a7-35t", out, seeds=3, clock_hz=50e6)
    assert (built.toolchain, built.clock_hz, built.seed) == ("openxc7", 50e6, 2)
    assert built.seeds == {1: 110.25e6, 2: 130.25e6, 3: 110.25e6}
    assert (built.fmax_hz, built.meets_timing) == (130.25e6, True)
    assert built.utilisation == {"SLICE_LUTX": Use(120, 20800)}
    assert built.bitstream.read_text() == "bits\n"
    database = openxc7 / "db/artix7"
    calls = (out / "calls").read_text().splitlines()
    assert sorted(calls[:3]) == [
        (f"nextpnr-xilinx --chipdb {openxc7}/chips/xc7a35tcsg324.bin --xdc top.xdc --json xc7.json "
         f"--freq 50 --fasm seed-{seed}.fasm --seed {seed} --timing-allow-fail")
        for seed in (1, 2, 3)]
    assert calls[3:] == [
        f"fasm2frames --part xc7a35tcsg324-1 --db-root {database} seed-2.fasm seed-2.frames",
        (f"xc7frames2bit --part_file {database}/xc7a35tcsg324-1/part.yaml --part_name "
         "xc7a35tcsg324-1 --frm_file seed-2.frames --output_file seed-2.bit")]


@pytest.mark.parametrize("variable, value", [
    ("CHIPDB", "chips"), ("CHIPDB", "chips/xc7a35tcsg324.bin"), ("CHIPDB_DIR", "chips")])
def test_openxc7_script_calls_the_same(openxc7, monkeypatch, variable, value):
    """What --dry-run writes calls the tools as a build does, with any of the variables."""
    monkeypatch.delenv("ARTIX7_CHIPDB")
    monkeypatch.setenv(variable, str(openxc7 / value))
    write_tool(openxc7 / "bin", "yosys", "")
    write_tool(openxc7 / "bin", "other", "echo fastest")
    monkeypatch.setenv("FASM2FRAMES", str(openxc7 / "bin/other"))
    script = write_project(Blinker(), "arty-a7-35t", openxc7 / "out", seed=7)[-1]
    result = subprocess.run(["sh", str(script)], cwd=openxc7, capture_output=True)
    yosys, nextpnr, frames, bits = (script.parent / "calls").read_text().splitlines()
    assert yosys == "yosys -q -l xc7.yosys.log -s xc7.ys"
    assert nextpnr == (
        f"nextpnr-xilinx --chipdb {openxc7}/chips/xc7a35tcsg324.bin --xdc top.xdc --json xc7.json "
        "--freq 100 --fasm seed-7.fasm --seed 7 --timing-allow-fail")
    assert frames == (f"other --part xc7a35tcsg324-1 --db-root {openxc7}/db/artix7 seed-7.fasm "
                      "seed-7.frames")
    assert bits.endswith("--frm_file seed-7.frames --output_file seed-7.bit")
    assert result.returncode == 0, result.stderr
    assert (script.parent / "top.bit").read_text() == "bits\n"


def test_openxc7_himbaechel_calls(openxc7):
    """nextpnr-himbaechel counts if it was built with the part for Xilinx."""
    (openxc7 / "bin/nextpnr-xilinx").unlink()
    tool = write_tool(openxc7 / "bin", "nextpnr-himbaechel", "echo 'Supported uarches: gowin'")
    assert choose("arty-a7-35t").name == "openxc7"
    tool.write_text(tool.read_text().replace("gowin", "gowin xilinx") + (
        """echo '{"fmax": {"a": {"achieved": 80}, "b": {"achieved": 70.5}}}' > seed-1.json"""))
    assert choose("arty-a7-35t").name == "openxc7-himbaechel"
    built = build(Blinker(), "arty-a7-35t", openxc7 / "out")
    assert built.fmax_hz == 70.5e6
    call = (openxc7 / "out/calls").read_text().splitlines()[0]
    assert call == ("nextpnr-himbaechel --device xc7a35tcsg324-1 -o xdc=top.xdc --json xc7.json "
                    "--freq 100 -o fasm=seed-1.fasm --seed 1 --report seed-1.json "
                    "--timing-allow-fail")


def test_reads_the_last_fmax_of_the_slowest_clock(tmp_path):
    log = tmp_path / "log"
    log.write_text("\n".join(f"Info: Max frequency for clock {name}: {mhz} MHz (PASS at 50.00 MHz)"
                             for name, mhz in (("'a'", "10.00"), ("'b'", "20.00"),
                                               ("  'a'", "80.50"), ("  'b'", "70.25"))))
    assert OPENXC7.fmax_hz(log, 1) == 70.25e6


@pytest.mark.parametrize("chain, kinds", [
    (OPENXC7, ("RAMB18E1", "RAMB36E1")),
    (OPENXC7_HIMBAECHEL, ("RAMB18E1_RAMB18E1", "RAMB36E1_RAMB36E1"))])
def test_counts_halves_of_block_rams(tmp_path, chain, kinds):
    """As the two nextpnr for Xilinx call them; of an odd number one stands half empty. LUTs are
    offered twice."""
    log = tmp_path / "log"
    half, whole = kinds
    log.write_text(f"Info: \t {half}:     5/  100     5%\nInfo: \t {whole}:     7/   50    14%\n"
                   "Info: \t     SLICE_LUTX:   120/41600     0%\n")
    assert chain.utilisation(log) == {BOARDS["basys-3"].memory[0]: Use(10, 50),
                                      BOARDS["basys-3"].logic[0]: Use(120, 20800)}


def test_mistral_calls(tmp_path, monkeypatch):
    write_tool(tmp_path / "bin", "mistral", "echo seed > seed-1.rbf\n"
               """echo '{"fmax": {"clk": {"achieved": 60}}}' > seed-1.json""")
    monkeypatch.setenv("NEXTPNR_MISTRAL", str(tmp_path / "bin/mistral"))
    built = build(Blinker(), "de10-nano", tmp_path / "out")
    assert (built.fmax_hz, built.clock_hz, built.bitstream.read_text()) == (60e6, 50e6, "seed\n")
    assert (tmp_path / "out/calls").read_text() == (
        "mistral --device 5CSEBA6U23I7 --qsf top.qsf --json cyclonev.json --freq 50 --rbf "
        "seed-1.rbf --seed 1 --report seed-1.json --timing-allow-fail\n")


def test_vivado_calls(tmp_path, monkeypatch):
    write_tool(tmp_path / "bin", "vivado", "echo bits > top.bit")
    monkeypatch.setenv("VIVADO", str(tmp_path / "bin/vivado"))
    out = tmp_path / "out"
    write_project(Blinker(), "basys-3", out, tools="vivado", clock_hz=50e6)
    assert VIVADO.build(out).bitstream.read_text() == "bits\n"
    assert (out / "calls").read_text() == "vivado -mode batch -log top.log -source top.tcl\n"
    write_tool(tmp_path / "bin", "vivado", "exit 3")
    with pytest.raises(ToolError, match="^vivado failed"):
        VIVADO.build(out)


def test_keeps_a_seed_that_routes(openxc7):
    write_tool(openxc7 / "bin", "nextpnr-xilinx",
               'case "$*" in *"--seed 1"*) exit 1;; esac; SEED_DIGIT=2' + NEXTPNR)
    built = build(Blinker(), "arty-a7-35t", openxc7 / "out", seeds=2)
    assert (built.seed, built.seeds) == (2, {2: 120.25e6})


def test_a_failed_build_leaves_no_bitstream(openxc7):
    """Neither that of the build before, which is another design's, nor half of a new one."""
    out = openxc7 / "out"
    bitstream = build(Blinker(), "arty-a7-35t", out).bitstream
    assert bitstream.is_file()
    write_tool(openxc7 / "bin", "xc7frames2bit",
               'for last; do :; done; echo bi > "$last"; exit 1')
    with pytest.raises(ToolError, match="^xc7frames2bit failed"):
        build(Blinker(), "arty-a7-35t", out)
    assert not list(out.glob("top.bit*"))


def test_all_seeds_fail(openxc7):
    failing = 'echo "Info:  SLICE_LUTX: %s/ 41600  100%%"; exit 1'
    write_tool(openxc7 / "bin", "nextpnr-xilinx", failing % 50000)
    arguments = Blinker(), "arty-a7-35t", openxc7 / "out"
    with pytest.raises(DoesNotFit, match=re.escape(
            "the design does not fit Arty A7-35T, XC7A35T: SLICE_LUTX: 50000 needed, 20800 "
            "available (29200 or 140% too many)")):
        build(*arguments)
    write_tool(openxc7 / "bin", "nextpnr-xilinx", failing % 20800)
    with pytest.raises(ToolError, match="^nextpnr-xilinx failed"):
        build(Blinker(), *arguments[1:])


_OPENXC7 = ("nix develop github:openXC7/toolchain-nix, or the installer of "
            "github.com/openXC7/toolchain-installer")
_MISTRAL = ("build nextpnr of github.com/YosysHQ/nextpnr with -DARCH=mistral and "
            "-DMISTRAL_ROOT=FOLDER, a checkout of github.com/Ravenslofty/mistral, or take an "
            "oss-cad-suite that has it")


@pytest.mark.parametrize("board, tools, names, advice", [
    ("basys-3", "openxc7", "nextpnr-xilinx, fasm2frames, xc7frames2bit", _OPENXC7),
    ("pynq-z1", "openxc7-himbaechel", "nextpnr-himbaechel, fasm2frames, xc7frames2bit",
     ("build nextpnr of github.com/YosysHQ/nextpnr with -DARCH=himbaechel "
      "-DHIMBAECHEL_UARCH=xilinx -DHIMBAECHEL_PRJXRAY_DB=FOLDER, a checkout of "
      f"github.com/openXC7/prjxray-db; {_OPENXC7}")),
    ("de0-cv", "mistral", "nextpnr-mistral", _MISTRAL),
])
def test_names_what_is_missing(tmp_path, monkeypatch, board, tools, names, advice):
    monkeypatch.setenv("PATH", "")
    message = (f"{tools} needs {names}, not found on the PATH; to get it: {advice}; or write the "
               "project alone with --dry-run and run its script elsewhere")
    for make in (build, utilisation):
        with pytest.raises(MissingTool, match=f"^{re.escape(message)}$"):
            make(Blinker(), board, tmp_path / "out", tools=tools)
    assert not (tmp_path / "out").exists()


def test_names_a_missing_vendors_tool(monkeypatch):
    monkeypatch.setenv("PATH", "")
    for name, tools in (("vivado", "vivado"),
                        ("quartus", "quartus_map, quartus_fit, quartus_asm, quartus_sta")):
        with pytest.raises(MissingTool, match=f"^{name} needs {tools}, not found on the PATH; "):
            TOOLCHAINS[name].require(BOARDS["basys-3"])


def test_names_missing_databases(openxc7):
    shutil.rmtree(openxc7 / "chips")
    with pytest.raises(MissingTool, match=re.escape(
            f"nextpnr-xilinx needs the chip database {openxc7}/chips/xc7a35tcsg324.bin, which is "
            "not there; CHIPDB may name another folder; to make it: python3 "
            "$NEXTPNR_XILINX_PYTHON_DIR/bbaexport.py --device xc7a35tcsg324-1 --bba top.bba && "
            f"bbasm -l top.bba {openxc7}/chips/xc7a35tcsg324.bin")):
        TOOLCHAINS["openxc7"].require(BOARDS["arty-a7-35t"])
    shutil.rmtree(openxc7 / "db")
    with pytest.raises(MissingTool, match=re.escape(
            f"xc7frames2bit needs Project X-Ray's {openxc7}/db/artix7/xc7a35tcsg324-1/part.yaml, "
            "which is not there; PRJXRAY_DB_DIR must name a checkout of "
            "github.com/openXC7/prjxray-db")):
        OPENXC7_HIMBAECHEL.check(BOARDS["arty-a7-35t"])


@pytest.mark.parametrize("board, tools, message", [
    ("ulx3s-25f", "vivado", "tools for ulx3s-25f must be one of trellis, not 'vivado'"),
    ("de0-cv", "openxc7", "tools for de0-cv must be one of mistral, quartus, not 'openxc7'"),
    ("arty", None, f"board must be one of {', '.join(BOARDS)}, not 'arty'"),
])
def test_rejects(board, tools, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        choose(board, tools)


def test_vendors_tools_are_not_built_with_the_open_flow(tmp_path):
    with pytest.raises(ValueError, match="^tools: vivado writes its own reports; build with "
                                         "boards.vendor$"):
        build(Blinker(), "basys-3", tmp_path, tools="vivado")


def test_a_failing_tool_names_its_log(tmp_path):
    tool = Tool("nope", "", package="")
    with pytest.raises(MissingTool, match="^nope needs nope, "):
        run(Step(tool, ()), tmp_path / "log")
    write_tool(tmp_path / "bin", "nope", "echo broken; exit 1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOPE", str(tmp_path / "bin/nope"))
        with pytest.raises(ToolError, match="^nope failed; it printed last:\nbroken\n"):
            run(Step(tool, ()), tmp_path / "log")


def test_every_board_has_its_toolchains(tmp_path):
    for board in BOARDS.values():
        assert board.toolchains and set(board.toolchains) <= set(TOOLCHAINS)
    assert set(TOOLCHAINS) == {name for board in BOARDS.values() for name in board.toolchains}
    assert TRELLIS.place.command()
