"""lutloom zoo: what comes trained, and the recipes that made it."""

import json as json_module
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.output import JsonOption, percent, say, table, write_results
from scripts.train import command_line

__all__ = ["records", "zoo"]


def records() -> Iterator[tuple[Any, dict[str, Any] | None]]:
    """Each recipe that comes with the project, and what it came to where it was run."""
    from golden.recipe_file import ZOO, find_recipe, recipes

    for name in recipes():
        path = ZOO / "results" / f"{name}.json"
        yield find_recipe(name), json_module.loads(path.read_text()) if path.is_file() else None


def _files(folder: Path, name: str) -> dict[str, Path]:
    """What there is of a name: its checkpoint, its network, its compressed file."""
    places = {"checkpoint": folder, "network": folder / "networks", "coded": folder / "coded"}
    return {what: path for what, place in places.items()
            if (path := place / f"{name}.npz").is_file()}


def zoo(json: JsonOption = None) -> None:
    """List the trained models and the recipes that come along, with what they reach.

    `lutloom lower NAME` takes a checkpoint, `lutloom plan NAME`, `verify` and the others a network;
    `lutloom train NAME` or `lutloom compress NAME` runs a recipe anew.
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
                     "command": command_line(kind, recipe.name, recipe)})
    for row in rows:
        row["files"] = _files(ZOO, row["name"])
    table("zoo", ["name", "data", "accuracy", "files", "made by"],
          [(row["name"], row["data"],
            "not run" if row["accuracy"] is None else percent(row["accuracy"]),
            ", ".join(f"{what} {path.stat().st_size / 1024:,.0f} KiB"
                      for what, path in row["files"].items()) or "none",
            row["command"]) for row in rows])
    say("`lutloom lower NAME` takes a checkpoint by its name, `lutloom plan NAME` and the other "
        "commands a network.")
    say(f"Files: {ZOO / 'NAME.npz'} (checkpoints), {ZOO / 'networks' / 'NAME.npz'}, "
        f"{ZOO / 'coded' / 'NAME.npz'}")
    write_results(json, "zoo", {"models": rows})
