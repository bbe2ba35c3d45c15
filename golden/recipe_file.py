"""Recipe files: a result as a TOML file, from the model to the last step of compression.

::

    title = "LeNet-300-100, pruned, shared and coded"
    model = "lenet300"        # one of golden.models.MODELS or golden.convspec.CONVNETS
    kind = "float"            # or "binary" (few bits), as golden.train.train takes it
    seed = 1
    [change]                  # of the model's description: dropout, weights, input, ...
    [train]                   # of the model's own golden.recipes.Recipe
    epochs = 30
    [[compress]]              # steps, see golden.compress; each may end with a training
    step = "prune"
    by = "deviation"
    amount = 1.5
    train = {epochs = 10, learning_rate = 3e-4}
    [rtl]                     # how the network is built and counted, see RtlPlan
    cycles = 1
    [[published]]             # what the literature has, to stand beside
    what = "accuracy"
    value = "98.42 %"
    goal = 0.984
    source = "S. Han et al., ICLR 2016, arXiv:1510.00149"

Every key may be left out but ``title`` and ``model``.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from golden.check import check_name
from golden.convspec import ConvSpec
from golden.models import ModelSpec, named
from golden.recipes import RECIPES, Recipe

__all__ = ["ZOO", "Published", "RecipeFile", "RtlPlan", "checked_keys", "find_recipe",
           "load_recipe", "recipes"]

ZOO = Path(__file__).parent / "zoo"
_FIXED = "name", "widths", "data", "stages", "size", "channels"  # they are what the model is


@dataclass(frozen=True)
class Published:
    """A published figure.

    what : "accuracy", "compression_rate", ... as a run measures it
    value : as published; goal : ours to reach, at least or, if ``at_most``, at most
    source : where it was published; unit : of value and goal, none for shares of 1
    """

    what: str
    value: str
    goal: float
    source: str = ""
    unit: str = ""
    at_most: bool = False


@dataclass(frozen=True)
class RtlPlan:
    """How a recipe's network is built to be counted.

    cycles : between frames, at most; storages : where weights may be; levels : of logic between
    registers; variant : "portable" or "xc7"; family : that it is synthesised for
    """

    cycles: int
    storages: tuple[str, ...] = ("logic", "rom")
    levels: int = 3
    variant: str = "xc7"
    family: str = "xc7"


@dataclass(frozen=True)
class RecipeFile:
    """What a recipe file says; ``spec`` and ``training`` are complete.

    name : of the file, without its suffix
    steps : (its own keys, Recipe of the training behind it or None) of each step of compression
    rtl : how its network is built and counted, if it is
    """

    name: str
    title: str
    spec: ModelSpec | ConvSpec
    training: Recipe
    kind: str = "binary"
    norm: bool = True
    seed: int = 1
    steps: tuple[tuple[Mapping[str, Any], Recipe | None], ...] = ()
    published: tuple[Published, ...] = ()
    rtl: RtlPlan | None = None


def checked_keys(where: str, table: Any, known: Iterable[str]) -> dict[str, Any]:
    """``table`` itself; ValueError for what is no table and for keys that nobody knows."""
    if not isinstance(table, dict):
        raise ValueError(f"{where}: must be a table, not {table!r}")
    names = sorted(known)
    for key in table:
        if key not in names:
            near = get_close_matches(key, names, 1)
            way = f'; did you mean "{near[0]}"?' if near else f"; it has {', '.join(names)}"
            raise ValueError(f'{where}: unknown key "{key}"{way}')
    return table


def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _replaced(where: str, value: Any, changes: Any, without: tuple[str, ...] = ()) -> Any:
    """``value`` with the fields that a table changes; errors tell where it stands."""
    known = [name for name in _names(value) if name not in without]
    try:
        return replace(value, **checked_keys(where, changes, known))
    except (TypeError, ValueError) as error:
        if str(error).startswith(where):
            raise
        raise ValueError(f"{where}: {error}") from error


def _step(where: str, table: Any) -> tuple[Mapping[str, Any], Recipe | None]:
    if not isinstance(table, dict) or not isinstance(table.get("step"), str):
        raise ValueError(f'{where}: must be a table with a key "step"')
    table = dict(table)
    training = table.pop("train", None)
    if training is None:
        return table, None
    if not isinstance(training, dict) or "epochs" not in training:
        raise ValueError(f'{where}: train must be a table with a key "epochs", not {training!r}')
    return table, _replaced(f"{where}, train", Recipe(1), training)


def _published(where: str, table: Any) -> Published:
    checked_keys(where, table, _names(Published))
    for key, kind, what in (("what", str, "a text"), ("value", str, "a text"),
                            ("goal", int | float, "a number")):
        if not isinstance(table.get(key), kind):
            raise ValueError(f"{where}: {key} must be {what}, not {table.get(key)!r}")
    return Published(**table)


def recipes() -> tuple[str, ...]:
    """Names of the recipes that come with Lutloom."""
    return tuple(sorted(path.stem for path in ZOO.glob("*.toml")))


def find_recipe(name: str) -> RecipeFile:
    """The recipe of a file whose name ends in .toml, of a name in ``recipes``, or of a model."""
    if name.endswith(".toml"):
        return load_recipe(name)
    if name in recipes():
        return load_recipe(ZOO / f"{name}.toml")
    if name not in RECIPES:
        raise ValueError(f'recipe must be a file that ends in .toml, or one of '
                         f'{", ".join((*recipes(), *RECIPES))}, not "{name}"')
    return RecipeFile(name, f"the model {name}", named(name), RECIPES[name])


def load_recipe(path: str | os.PathLike[str]) -> RecipeFile:
    """The recipe in ``path``.

    Raises FileNotFoundError, or ValueError that names file, table, key, rule and value.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; Lutloom comes with the recipes "
                                f"{', '.join(recipes())}")
    try:
        content = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no TOML file ({error})") from error
    where = f"recipe {path}"
    checked_keys(where, content, ("title", "model", "kind", "norm", "seed", "change", "train",
                                  "compress", "published", "rtl"))
    for key, kind, what in (("title", str, "a text"), ("model", str, "a name"),
                            ("kind", str, "a text"), ("norm", bool, "true or false"),
                            ("seed", int, "a number from 0")):
        missing = key in ("title", "model") and key not in content
        if missing or not isinstance(content.get(key, kind()), kind):
            raise ValueError(f"{where}: {key} must be {what}, not {content.get(key)!r}")
    try:
        check_name(path.stem, "recipe")
        spec = named(content["model"])
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    training = RECIPES[spec.name]
    spec = _replaced(f"{where}, change", spec, content.get("change", {}), _FIXED)
    training = _replaced(f"{where}, train", training, content.get("train", {}))
    steps = tuple(_step(f"{where}, compress step {k}", table)
                  for k, table in enumerate(content.get("compress", ()), 1))
    published = tuple(_published(f"{where}, published row {k}", table)
                      for k, table in enumerate(content.get("published", ()), 1))
    kind = content.get("kind", "binary")
    if kind not in ("binary", "float"):
        raise ValueError(f'{where}: kind must be "binary" or "float", not "{kind}"')
    if steps and kind != "float":
        raise ValueError(f'{where}: kind must be "float" to be compressed, not "{kind}"')
    rtl = _replaced(f"{where}, rtl", RtlPlan(1), content["rtl"]) if "rtl" in content else None
    return RecipeFile(path.stem, content["title"], spec, training, kind,
                      content.get("norm", True), content.get("seed", 1), steps, published, rtl)
