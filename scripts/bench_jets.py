"""lutloom bench jets: networks that tag jets, as hard-wired logic, beside the published figures."""

from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.archive import replacing
from scripts.compress import integer_accuracy
from scripts.lower import lower_model
from scripts.measure import measure
from scripts.output import JsonOption, bar, marked_section, percent, say, write_results

if TYPE_CHECKING:  # torch takes two seconds to import
    from golden.data import Dataset
    from golden.network import Network
    from golden.recipe_file import RecipeFile, RtlPlan

__all__ = ["bench_jets", "drawn_jets"]

RECIPES = "jets_binary", "jets_ternary", "jets_relu"
LEVELS = 3, 8
PART = 663_360  # LUTs of the part with which the published shares were counted
COLUMNS = ("network", "weights, not 0", "levels", "LUT", "of the part", "FF", "latency, cycles",
           "interval, cycles", "accuracy")
PUBLISHED = ("*published*", "", "", "", "at most 15 %", "", "0.06 to 0.21 us", "", "62 to 72 %")


def drawn_jets(train: int = 10_000, test: int = 2_000) -> "Dataset":
    """No jets, but numbers of the same shape: five clouds, each around a point of its own."""
    import numpy as np

    from golden.data import Dataset
    from golden.jets import CLASSES, FEATURES

    rng = np.random.default_rng(1)
    y = rng.integers(0, len(CLASSES), train + test)
    centres = rng.normal(0, 24, (len(CLASSES), FEATURES))
    x = np.rint(rng.normal(128 + centres[y], 32)).clip(0, 255).astype(np.uint8)
    return Dataset("drawn", x[:train], y[:train], x[train:], y[train:], (FEATURES,), CLASSES)


def _plan(recipe: "RecipeFile") -> "RtlPlan":
    """How its network is built."""
    if recipe.rtl is None:
        raise ValueError(f"recipe {recipe.name} must have a table rtl, which says how its network "
                         "is built")
    return recipe.rtl


def _network(recipe: "RecipeFile", dataset: "Dataset") -> "Network":
    """Trained, and compressed if the recipe says so."""
    from golden.compress import compress
    from golden.train import train

    model: Any = train(recipe.spec, dataset, recipe.training, seed=recipe.seed, kind=recipe.kind,
                       norm=recipe.norm)
    for outcome in compress(recipe, model, dataset) if recipe.steps else ():
        model = outcome.model
    return lower_model(model, dataset, {"recipe": recipe.name, "seed": recipe.seed})


def _lines(rows: list[dict[str, Any]], data: str, command: str) -> list[str]:
    """What stands between the marks of the page."""
    drawn = (" The jets were not at hand: the networks were trained on drawn numbers, of which no "
             "accuracy is told. What hard-wired layers take depends on their weights, so LUTs of "
             "networks trained on jets will differ." if data == "drawn" else "")
    tools = ", ".join(f"{name} {version(name)}" for name in ("torch", "amaranth", "pyosys"))
    cells = [(row["title"], f"{row['non_zeros']:,}", str(row["levels"]), f"{row['luts']:,}",
              percent(row["luts"] / PART), f"{row['ffs']:,}", str(row["latency"]),
              str(row["cycles"]),
              "not at hand" if row["accuracy"] is None else percent(row["accuracy"]))
             for row in rows]
    table = [COLUMNS, ["---"] * len(COLUMNS), PUBLISHED, *cells]
    return [(f"`{command}`, {date.today()}, {tools}; synthesised for 7-series, *levels* of logic "
             f"between registers, shares are of {PART:,} LUTs.{drawn}"), "",
            *(f"| {' | '.join(line)} |" for line in table)]


def _parts(page: Path) -> tuple[str, str, str]:
    """The page up to the section on jets, that section, and the rest."""
    parts = marked_section(page.read_text(), "jets")
    if parts is None:
        raise ValueError(f"{page}: must have the lines <!-- jets: begin --> and "
                         "<!-- jets: end -->")
    return parts


def bench_jets(
    data: Annotated[Path | None, typer.Option(
        help="Folder of the jets; without it, the networks are trained on drawn numbers.",
        show_default=False)] = None,
    recipe: Annotated[list[str] | None, typer.Option(
        help=f"Recipe of a network for jets; may be given again (default: {', '.join(RECIPES)}).",
        show_default=False)] = None,
    page: Annotated[Path, typer.Option(
        dir_okay=False, help="Page whose section on jets, between its two marks, is written anew.")
    ] = Path("docs/results.md"),
    json: JsonOption = None,
) -> None:
    """Train the networks for jets, synthesise them as logic, and write LUTs and cycles."""
    from golden.data import load
    from golden.layer import Dense
    from golden.recipe_file import find_recipe

    _parts(page)  # before anything is trained
    found = [find_recipe(name) for name in recipe or RECIPES]
    for own in found:
        _plan(own)
    dataset = drawn_jets() if data is None else load("jets", data)
    rows: list[dict[str, Any]] = []
    with bar("bench jets", len(found) * len(LEVELS)) as show:
        for own in found:
            network, plan = _network(own, dataset), _plan(own)
            non_zeros = sum(int((layer.weights != 0).sum()) for layer in network.layers
                            if isinstance(layer, Dense))
            reached = None if data is None else integer_accuracy(network, dataset)
            for levels in LEVELS:
                folder = Path("build") / "jets" / f"{own.name}_{levels}"
                folder.mkdir(parents=True, exist_ok=True)
                network.save(folder / "network.npz")
                rows.append({"recipe": own.name, "title": own.title, "levels": levels,
                             "non_zeros": non_zeros, "accuracy": reached,
                             **measure(network, replace(plan, levels=levels), folder)})
                show(len(rows))
    command = " ".join(["lutloom bench jets", *(["--data FOLDER"] if data else []),
                        *(f"--recipe {name}" for name in recipe or ())])
    lines = _lines(rows, dataset.name, command)
    before, _, after = _parts(page)  # as it is by now
    with replacing(page) as unfinished:
        unfinished.write_text(before + "\n".join(lines) + "\n" + after)
    for line in lines:
        say(line)
    write_results(json, "bench jets", {"data": dataset.name, "rows": rows})
