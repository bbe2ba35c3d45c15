"""lutloom bench results: the page of published results and ours, from what recipes came to."""

from pathlib import Path
from typing import Annotated, Any

import typer

from golden.archive import replacing
from scripts.output import JsonOption, marked_section, percent, say, write_results
from scripts.zoo import records

__all__ = ["bench_results"]

COLUMNS = ("result", "figure", "published", "in", "goal", "ours", "made by", "seed", "data",
           "run on", "torch")


def _shown(value: float, unit: str) -> str:
    if not unit:
        return percent(value)
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.4g} {unit}"


def _rows(recipe: Any, record: dict[str, Any] | None) -> list[dict[str, str]]:
    """A row for each published figure of a recipe."""
    rows = []
    for figure in recipe.published:
        ours = record["measured"].get(figure.what) if record else None
        at_most = figure.at_most
        reached = ours is not None and (ours <= figure.goal if at_most else ours >= figure.goal)
        shown = "not run" if ours is None else _shown(ours, figure.unit)
        way = "at most" if at_most else "at least"
        rows.append({
            "result": recipe.title, "figure": figure.what.replace("_", " "),
            "published": figure.value, "in": figure.source,
            "goal": f"{way} {_shown(figure.goal, figure.unit)}",
            "ours": shown if reached or ours is None else f"{shown}: falls short",
            "made by": f"`{record['run']}`" if record else "",
            "seed": str(record["seed"]) if record else "",
            "data": f"{record['data']}, {record['test_images']:,} for the test" if record else "",
            "run on": record["date"] if record else "",
            "torch": record["torch"] if record else ""})
    return rows


def bench_results(
    page: Annotated[Path, typer.Option(
        dir_okay=False, help="Page whose table, between its two marks, is written anew.")
    ] = Path("docs/results.md"),
    json: JsonOption = None,
) -> None:
    """Write the table of published results beside ours, from the records of the recipes' runs."""
    parts = marked_section(page.read_text(), "results")
    if parts is None:
        raise ValueError(f"{page}: must have the lines <!-- results: begin --> and "
                         "<!-- results: end -->")
    rows = [row for recipe, record in records() for row in _rows(recipe, record)]
    cells = [COLUMNS, ["---"] * len(COLUMNS), *([row[name] for name in COLUMNS] for row in rows)]
    lines = "".join(f"| {' | '.join(line)} |\n" for line in cells)
    with replacing(page) as unfinished:
        unfinished.write_text(parts[0] + lines + parts[2])
    say(f"{page}: {len(rows)} rows")
    write_results(json, "bench results", {"rows": rows})
