"""What all commands share: the console, options, tables, progress bars, result files."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from math import inf
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.files import network_file

__all__ = ["DataOption", "DeviceOption", "JsonOption", "NetworkArgument", "PlanOption",
           "RandomOption", "SeedOption", "bar", "bars", "console", "errors", "fail",
           "marked_section", "percent", "positive", "say", "speed", "table", "write_results"]

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

NetworkArgument = Annotated[Path, typer.Argument(
    callback=network_file, help="Network file (.npz), as `lutloom lower` writes it, or the name of "
    "a network that comes along, such as mlp128_binary.", show_default=False)]
PlanOption = Annotated[Path, typer.Option(
    "--plan", exists=True, dir_okay=False, help="Plan file (.json), as `lutloom plan` writes it.",
    show_default=False)]
DataOption = Annotated[Path | None, typer.Option(
    "--data", help="Folder of the data set's files (default: LUTLOOM_DATA); digits and volumes "
    "need none.", show_default=False)]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
DeviceOption = Annotated[str, typer.Option(
    "--device", help="Where it computes: cpu, cuda, or auto for the latter if there is one.")]
RandomOption = Annotated[bool, typer.Option(
    "--random", help="Random frames instead of the data set's test images.")]
JsonOption = Annotated[Path | None, typer.Option(
    "--json", dir_okay=False, help="Also write the results to this file, for other programs.",
    show_default=False)]


def positive(value: float | None) -> float | None:
    """The value of an option, if it was given; refuses what is not above 0 and finite."""
    if value is not None and not 0 < value < inf:
        raise typer.BadParameter(f"must be above 0 and finite, not {value:g}")
    return value


def say(text: str) -> None:
    """Print a line as it is: a path is not broken, brackets are no markup."""
    console.print(text, markup=False, soft_wrap=True)


def fail(text: str) -> NoReturn:
    """End the command with status 1: something was checked and is wrong."""
    errors.print(text, style="bold red", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows; columns after the first, and their cells, stand on the right."""
    drawn = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD,
                  pad_edge=False, collapse_padding=True)
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console.print(drawn)


def speed(interval: float, latency: int) -> str:
    """Cycles between frames and latency in cycles, as a sentence's part."""
    return (f"a frame every {'cycle' if interval == 1 else f'{interval:,.10g} cycles'}, latency "
            f"{latency:,} cycle{'s' * (latency != 1)}")


_shown: Progress | None = None


@contextmanager
def bars() -> Iterator[None]:
    """All bars within stand together and stay."""
    global _shown
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                  TimeElapsedColumn(), console=console) as _shown:
        yield
    _shown = None


@contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A progress bar; yields a function to be called with what is done and optionally the total."""
    if _shown is None:
        with bars(), bar(what, total) as show:
            yield show
        return
    progress = _shown
    task = progress.add_task(what, total=total)
    yield lambda done, total=total: progress.update(task, completed=done, total=total)
    # An estimated total was the number that came.
    progress.update(task, total=progress.tasks[task].completed)


def marked_section(text: str, name: str) -> tuple[str, str, str] | None:
    """A page in three: up to the mark where a section begins, what is in it, from its end mark on.

    The marks are lines ``<!-- name: begin -->`` and ``<!-- name: end -->``; None without both.
    """
    begin, end = (f"<!-- {name}: {word} -->\n" for word in ("begin", "end"))
    before, begins, rest = text.partition(begin)
    inside, ends, after = rest.partition(end)
    return (before + begin, inside, end + after) if begins and ends else None


def percent(share: float, digits: int = 2) -> str:
    """A share of 1 as all tables have it, 98.56 %."""
    return f"{share:.{digits}%}".replace("%", " %")


def write_results(path: Path | None, command: str, results: dict[str, Any]) -> None:
    """Write the results of a command to the file that --json names, if it names one."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"command": command, "lutloom": version("lutloom"),
                   "date": date.today().isoformat(), **results}
        path.write_text(json.dumps(content, indent=2, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # a NumPy array or scalar
        return value.tolist()
    return vars(value)
