"""The tools that follow yosys: where one stands, how one is got, and how one is run."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from hdl.yosys import ToolError

__all__ = ["MissingTool", "Step", "Tool", "YOSYS", "require", "run"]


@dataclass(frozen=True)
class Tool:
    """name: of the command; advice: how one gets it; package: a Python package that brings it, too,
    a YoWASP package where `wasm` names the tool within, else a module with a main program;
    uarch: nextpnr-himbaechel must have been built with it."""

    name: str
    advice: str
    package: str = ""
    wasm: str = ""
    uarch: str = ""

    @property
    def variable(self) -> str:
        """Environment variable that names another command instead, as Amaranth spells it."""
        return self.name.upper().replace("-", "_")

    def command(self) -> list[str] | None:
        """How it is called here; None if it is missing. What the variable names comes first, then
        the package, then the PATH."""
        chosen = os.environ.get(self.variable)
        if chosen is None and self.package and importlib.util.find_spec(self.package):
            if not self.wasm:
                return [sys.executable, "-P", "-m", self.package]
            function = f"run_{self.wasm.replace('-', '_')}"
            return [sys.executable, "-P", "-c", (f"import sys, {self.package}; sys.exit("
                                                 f"{self.package}.{function}(sys.argv[1:]))")]
        if self.uarch and chosen is None:
            # Built for one part alone it has a name of its own.
            alone, common = shutil.which(f"{self.name}-{self.uarch}"), shutil.which(self.name)
            return [alone] if alone else [common] if common and _has(common, self.uarch) else None
        found = shutil.which(chosen or self.name)
        return None if found is None else [found]


def _has(nextpnr: str, uarch: str) -> bool:
    listed = subprocess.run([nextpnr, "--list-uarch"], capture_output=True, text=True)
    return uarch in listed.stdout + listed.stderr


# Run within a child process by hdl.yosys; its command is for scripts that are run elsewhere.
YOSYS = Tool("yosys", "pip install pyosys", package="pyosys")


class MissingTool(RuntimeError):
    """A tool, or a file of one, is not there; the message says how to get it."""


_ELSEWHERE = "; or write the project alone with --dry-run and run its script elsewhere"


def require(toolchain: str, tools: Iterable[Tool], otherwise: str = _ELSEWHERE) -> None:
    """Raise MissingTool unless all tools of a toolchain are there; otherwise: another way out."""
    missing = [tool for tool in tools if tool.command() is None]
    if missing:
        raise MissingTool(
            f"{toolchain} needs {', '.join(tool.name for tool in missing)}, not found on the PATH; "
            f"to get it: {'; '.join(dict.fromkeys(tool.advice for tool in missing))}{otherwise}")


@dataclass(frozen=True)
class Step:
    """A call of a tool in the folder of a project; `$NAME` in its arguments stands for a variable.

    Paths must be relative: the tools of YoWASP packages see another /tmp than we do.
    """

    tool: Tool
    arguments: tuple[str, ...]

    def shell(self) -> str:
        """The call as a line of a shell script in which every tool has its variable."""
        words = [f'"{word}"' if set(word) & set("$ ;()*?") else word for word in self.arguments]
        return " ".join([f'"${{{self.tool.variable}}}"', *words])


def run(step: Step, log: Path, variables: Mapping[str, str] | None = None) -> Path:
    """Run a step in the folder of its log; returns the log. Raises ToolError if it fails."""
    require(step.tool.name, [step.tool])
    command = step.tool.command() or []
    arguments = [Template(word).safe_substitute(variables or {}) for word in step.arguments]
    cache = Path(os.environ.get("YOWASP_CACHE_DIR", Path(sys.prefix) / "yowasp"))
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock, log.open("w") as output:
        # The first use compiles the tool; a second process must not load what is half written.
        compiled = not step.tool.wasm or any(
            (cache / step.tool.package / f"{step.tool.wasm}.wasm").glob("*"))
        fcntl.flock(lock, fcntl.LOCK_SH if compiled else fcntl.LOCK_EX)
        result = subprocess.run([*command, *arguments], cwd=log.parent,
                                env={**os.environ, "YOWASP_CACHE_DIR": str(cache)},
                                stdout=output, stderr=subprocess.STDOUT)
    if result.returncode:
        raise ToolError.from_log(step.tool.name, log)
    return log
