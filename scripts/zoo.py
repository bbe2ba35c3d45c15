"""lutloom zoo: what comes trained, and the recipes that made it."""

import json as json_module
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.output import JsonOption, table, write_results

__all__ = ["records", "zoo"]


def records() -> Iterator[tuple[Any, dict[str, Any] | None]]:
    """Each recipe that comes with the project, and what it came to where it was run."""
    from golden.recipe_file import ZOO, find_recipe, recipes

    for name in recipes():
        path = ZOO / "results" / f"{name}.json"
        yield find_recipe(name), json_module.loads(path.read_text()) if path.is_file() else None


def _files(folder: Path, name: str) -> str:
    places = {"checkpoint": folder / f"{name}.npz", "network": folder / "networks" / f"{name}.npz",
              "coded": folder / "coded" / f"{name}.npz"}
    return ", ".join(f"{what} {path.stat().st_size / 1024:,.0f} KiB"
                     for what, path in places.items() if path.is_file()) or "none"


def zoo(json: JsonOption = None) -> None:
    """List the trained models and the recipes that come along, with what they reach.

    `lutloom lower NAME` takes a checkpoint; `lutloom train NAME` or `lutloom compress NAME` runs a
    recipe anew.
    """
    from golden.checkpoint import load_checkpoint
    from golden.recipe_file import ZOO

    rows: list[dict[str, Any]] = []
    for path in sorted(ZOO.glob("*.npz")):
        model, facts = load_checkpoint(path)
        rows.append({"name": path.stem, "data": model.spec.data, "title": model.spec.name,
                     "accuracy": facts["test_accuracy"], "command": facts["command"]})
    for recipe, record in records():
        kind = "compress" if recipe.steps else "train"
        rows.append({"name": recipe.name, "data": recipe.spec.data, "title": recipe.title,
                     "accuracy": record and record["measured"]["accuracy"],
                     "command": f"lutloom {kind} {recipe.name}"})
    table("zoo", ["name", "data", "accuracy", "files", "made by"],
          [(row["name"], row["data"],
            "not run" if row["accuracy"] is None else f"{row['accuracy']:.2%}",
            _files(ZOO, row["name"]), row["command"]) for row in rows])
    write_results(json, "zoo", {"models": rows})
