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

Every key may be left out but ``title`` and ``model``; docs/recipes.md lists all.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden.check import check_name
from golden.convspec import ConvSpec
from golden.models import ModelSpec, named
from golden.recipe_keys import changed, checked, made
from golden.recipe_steps import RecipeStep, read_steps
from golden.recipes import RECIPES, Recipe

__all__ = ["FAMILIES", "FIGURES", "FIXED", "KEYS", "ZOO", "Published", "RecipeFile", "RtlPlan",
           "find_recipe", "load_recipe", "recipes"]

FIGURES = ("accuracy", "float_accuracy", "pruning_rate", "compression_rate", "bytes", "luts", "ffs",
           "brams", "dsps", "cycles", "latency")  # that runs measure
FAMILIES = "xc7", "cyclonev", "ecp5", "ice40", "gowin"
KEYS: dict[str, Any] = {
    "title": str, "model": str, "kind": str, "norm": bool, "seed": int, "change": dict,
    "train": dict, "compress": list[dict], "published": list[dict], "rtl": dict}
ZOO = Path(__file__).parent / "zoo"
FIXED = "name", "widths", "data", "stages", "size", "channels"  # they are what the model is


@dataclass(frozen=True)
class Published:
    """A published figure.

    what : one of ``FIGURES``
    value : as published; goal : ours to reach, at least or, if ``at_most``, at most
    source : where it was published; unit : of value and goal, none for shares of 1
    """

    what: str
    value: str
    goal: float
    source: str = ""
    unit: str = ""
    at_most: bool = False

    def __post_init__(self) -> None:
        if self.what not in FIGURES:
            raise ValueError(f'what must be one of {", ".join(FIGURES)}, not "{self.what}"')


@dataclass(frozen=True)
class RtlPlan:
    """How a recipe's network is built to be counted.

    cycles : between frames, at most; storages : where weights may be; levels : of logic between
    registers; variant : "portable" or "xc7"; family : that it is synthesised for
    """

    cycles: int = 1
    storages: tuple[str, ...] = ("logic", "rom")
    levels: int = 3
    variant: str = "xc7"
    family: str = "xc7"

    def __post_init__(self) -> None:
        for name in ("cycles", "levels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.storages or set(self.storages) - {"logic", "rom", "ram"}:
            raise ValueError('storages must be some of "logic", "rom", "ram", not '
                             f"{list(self.storages)}")
        for name, choices in (("variant", ("portable", "xc7")), ("family", FAMILIES)):
            if getattr(self, name) not in choices:
                raise ValueError(f'{name} must be one of {", ".join(choices)}, not '
                                 f'"{getattr(self, name)}"')


@dataclass(frozen=True)
class RecipeFile:
    """What a recipe file says; ``spec`` and ``training`` are complete.

    name : of the file, without its suffix
    steps : of compression, with their trainings
    rtl : how its network is built and counted, if it is
    """

    name: str
    title: str
    spec: ModelSpec | ConvSpec
    training: Recipe
    kind: str = "binary"
    norm: bool = True
    seed: int = 1
    steps: tuple[RecipeStep, ...] = ()
    published: tuple[Published, ...] = ()
    rtl: RtlPlan | None = None


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
    checked(where, content, KEYS, ("title", "model"))
    try:
        check_name(path.stem, "recipe")
        spec = named(content["model"])
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    kind, norm, seed = (content.get(key, default) for key, default in (
        ("kind", "binary"), ("norm", True), ("seed", 1)))
    tables = content.get("compress", [])
    if kind not in ("binary", "float"):
        raise ValueError(f'{where}: kind must be "binary" or "float", not "{kind}"')
    if tables and kind != "float":
        raise ValueError(f'{where}: kind must be "float" to be compressed, not "{kind}"')
    if "rtl" in content and kind == "float" and not tables:
        raise ValueError(f'{where}: kind must be "binary" for rtl, or a step of compression must '
                         'quantise the network, not "float" alone')
    if seed < 0:
        raise ValueError(f"{where}: seed must be at least 0, not {seed}")
    training = changed(f"{where}, train", RECIPES[spec.name], content.get("train", {}))
    spec = changed(f"{where}, change", spec, content.get("change", {}), FIXED)
    try:
        steps = read_steps(where, spec, norm, tables) if kind == "float" else ()
    except ValueError as error:
        if str(error).startswith(where):
            raise
        raise ValueError(f"{where}: {error}") from error
    published = tuple(made(f"{where}, published row {k}", table, Published)
                      for k, table in enumerate(content.get("published", ()), 1))
    rtl = made(f"{where}, rtl", content["rtl"], RtlPlan) if "rtl" in content else None
    return RecipeFile(path.stem, content["title"], spec, training, kind, norm, seed, steps,
                      published, rtl)
