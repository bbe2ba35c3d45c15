"""lutloom bringup: is a board, or the simulated one, right in everything a host can see?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from boards.platforms import BOARDS
from boards.project import choose
from golden.archive import replacing
from scripts.build import ClockOption, ToolsOption, clocks
from scripts.charts import STYLE, html_table
from scripts.files import beside, network_file
from scripts.generate import load_design
from scripts.output import (
    DataOption,
    JsonOption,
    PlanOption,
    RandomOption,
    SeedOption,
    bar,
    fail,
    say,
    table,
    write_results,
)
from scripts.verify import frames_for

__all__ = ["bringup", "check_board", "page"]

SIMULATED = "sim"
BAUD = 1_000_000
_SIMULATED_BIT = 4  # cycles, the fewest there may be
_SIMULATED_GAP = 100e-6  # s; as long as on a board it would take most of the time


def check_board(board: Any, core: Any, x: Any, seed: int, clock_hz: float) -> dict[str, Any]:
    """All checks of a connected board, which runs at clock_hz, by section, and the rates in frames
    a second."""
    from boards.host import checks

    rng = np.random.default_rng(seed)
    with bar(f"golden frames of {board.network.name}", len(x)) as show:
        golden = checks.golden_checks(board, core, x, show)
    return {
        "checks": {"Link": checks.link_checks(board, rng), "Golden vectors": golden,
                   "Disturbances": checks.error_checks(board),
                   "Timing": checks.timing_checks(board, core, clock_hz)},
        "rates": checks.line_rate(board, core, x), "identity": board.identity,
        "retried": board.retried, "counters": board.counters()}


def page(title: str, port: str, outcome: Mapping[str, Any]) -> str:
    """The report, one self-contained HTML page."""
    lead = f"{_verdict(outcome)}; port {port}, {outcome['retried']} requests repeated"
    sections = [f"<h1>{escape(title)}</h1>", f'<p class="lead">{escape(lead)}</p>']
    for name, found in outcome["checks"].items():
        rows = [(check.what, check.wanted, check.got, "right" if check.passed else "WRONG")
                for check in found]
        sections += [f"<h2>{name}</h2>", html_table(["check", "wanted", "got", ""], rows)]
    rates = [(name, f"{rate:,.0f}") for name, rate in outcome["rates"].items()]
    sections += ["<h2>Frames a second</h2>", html_table(["limit", "frames/s"], rates),
                 "<h2>Identity</h2>", html_table(["", ""], [
                     (key, str(value)) for key, value in outcome["identity"].items()])]
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Lutloom: '
            f"{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(sections)}"
            "</body></html>\n")


def _wrong(outcome: Mapping[str, Any]) -> list[Any]:
    return [check for found in outcome["checks"].values() for check in found if not check.passed]


def _verdict(outcome: Mapping[str, Any]) -> str:
    total, wrong = sum(map(len, outcome["checks"].values())), len(_wrong(outcome))
    return f"{total - wrong} of {total} checks passed"


@contextmanager
def _terminal(core: Any, clock_hz: float, port: str, baud: int) -> Iterator[tuple[str, float]]:
    """Name of the port, and how long a gap is there."""
    if port != SIMULATED:
        yield port, 0.03
        return
    from boards.link import LinkedCore
    from tb.simulated_board import simulated_board

    say("building and starting the simulated board")
    linked = LinkedCore(core, clock_hz, baud, gap_seconds=_SIMULATED_GAP)
    with simulated_board(linked) as name:
        yield name, 0.05


def bringup(
    board: Annotated[str, typer.Argument(help=f"One of {', '.join(BOARDS)}.",
                                         show_default=False)],
    port: Annotated[str, typer.Option(
        help='Serial port of the board\'s UART, or "sim": the same top in the simulator.',
        show_default=False)],
    network: Annotated[Path, typer.Option(
        callback=network_file, help="Network file (.npz) that the bitstream was built from, or the "
        "name of one that comes along.", show_default=False)],
    plan: PlanOption,
    clock: ClockOption = None,
    tools: ToolsOption = None,
    baud: Annotated[int | None, typer.Option(
        min=1, help=f"Of the bitstream (default: {BAUD:,}; simulated, a quarter of the clock).",
        show_default=False)] = None,
    frames: Annotated[int, typer.Option(min=1, help="Golden frames to compare.")] = 20,
    out: Annotated[Path | None, typer.Option(
        dir_okay=False, help="HTML file to write (default: bringup.html beside the network).",
        show_default=False)] = None,
    random: RandomOption = False,
    data: DataOption = None,
    seed: SeedOption = 0,
    json: JsonOption = None,
) -> None:
    """Test a programmed board through its host link: link, identity, golden vectors layer by layer,
    disturbed packets, latency and throughput against the plan. Writes a page of what was found."""
    from boards.host.driver import Board
    from hdl.accelerator import Accelerator

    chain = choose(board, tools)
    loaded, made = load_design(network, plan)
    x = frames_for(loaded, data, random, seed, frames)
    _, clock_hz = clocks(made, board, chain, clock)
    core = Accelerator(loaded, made, taps=True)
    rate = baud or (int(clock_hz / _SIMULATED_BIT) if port == SIMULATED else BAUD)
    with (_terminal(core, clock_hz, port, rate) as (name, pause),
          Board.connect(name, loaded, baud=rate, pause=pause,
                        timeout=10 if port == SIMULATED else 1) as connected):
        outcome = check_board(connected, core, x, seed, clock_hz)
    title = f"{loaded.name} on {BOARDS[board].title}{', simulated' * (port == SIMULATED)}"
    for section, found in outcome["checks"].items():
        table(section, ["check", "wanted", "got", ""],
              [(check.what, check.wanted, check.got, "right" if check.passed else "WRONG")
               for check in found])
    table("Frames a second", ["limit", "frames/s"],
          [(limit, f"{rate:,.0f}") for limit, rate in outcome["rates"].items()])
    out = out or beside(network, "bringup.html")
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as unfinished:
        unfinished.write_text(page(title, port, outcome))
    write_results(json, "bringup", {"board": board, "network": loaded.name,
                                    "digest": loaded.digest, "passed": not _wrong(outcome),
                                    **outcome})
    if wrong := _wrong(outcome):
        fail(f"{_verdict(outcome)}; the first that did not: {wrong[0].what}: wanted "
             f"{wrong[0].wanted}, got {wrong[0].got}")
    say(f"{_verdict(outcome)}; {out}")
