"""Options and fixtures of all testbenches.

``pytest --seed N`` seeds all random data, stalls and moments of reset; the seed is printed in the
header and with each failure. ``pytest --waves`` records all signals of every simulation as FST
under ``build/waves`` and says where. ``pytest -n 2`` is safe: builds are shared through a locked
cache.
"""

import re
import zlib
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from tb.cache import forget, repository
from tb.cli_case import write_tiny
from tb.fault_list import FAULTS
from tb.harness import settings

NO_TESTS = pytest.StashKey[list[str]]()  # what faults name, of the files that were collected


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lutloom")
    group.addoption("--seed", type=int, default=0, help="seed of all random data (default 0)")
    group.addoption("--waves", action="store_true", help="record signals to build/waves/*.fst")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rtl_only: parameters that do not run as a netlist, too")
    settings.seed, settings.waves = config.getoption("--seed"), config.getoption("--waves")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Once, not in each of pytest-xdist's workers."""
    if not hasattr(session.config, "workerinput"):
        forget()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sets of parameters in ``tb.cases.rtl_only`` do not run as a netlist."""
    def wanted(item: pytest.Item) -> bool:
        return (item.get_closest_marker("rtl_only") is None or not isinstance(item, pytest.Function)
                or not item.callspec.params["netlist"])

    whole = {item.path for item in items} if not any("::" in arg for arg in config.args) else ()
    known = {name for item in items for name in (item.nodeid, item.nodeid.split("[")[0])}
    config.stash[NO_TESTS] = [fault.test for fault in FAULTS if fault.test not in known
                              and config.rootpath / fault.test.split("::")[0] in whole]
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]


def pytest_report_header(config: pytest.Config) -> str:
    return f"lutloom: --seed {settings.seed}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]
                              ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections.append(("seed", f"repeat with --seed {settings.seed}"))
    return report


@pytest.fixture(autouse=True)
def _simulation_folder(request: pytest.FixtureRequest, tmp_path: Path,
                       monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path
    if settings.waves:
        folder = repository() / "build/waves" / re.sub(r"[^\w.-]+", "_", request.node.name)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"waves: {folder}")
    monkeypatch.setattr(settings, "folder", folder)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers of this test: the same for the same --seed, whatever other tests run."""
    return np.random.default_rng([settings.seed, zlib.crc32(request.node.nodeid.encode())])


@pytest.fixture
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands write where the test is alone."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a small network and its plan."""
    return write_tiny(tmp_path)
