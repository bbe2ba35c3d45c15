"""The page on recipes has the keys of the code with its defaults."""

import json
import re
from dataclasses import MISSING, fields
from typing import Any

import pytest

from golden.convspec import CONVNETS
from golden.distillation import Distillation
from golden.models import MODELS
from golden.recipe_file import FAMILIES, FIGURES, FIXED, KEYS, Published, RtlPlan
from golden.recipe_keys import kinds_of
from golden.recipe_steps import STEPS
from golden.recipes import Recipe
from tb.cache import repository

SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", (
    repository() / "docs/recipes.md").read_text(), re.MULTILINE | re.DOTALL))
CLASSES: dict[str, type[Any]] = {
    "`[train]`": Recipe, "`distil`": Distillation, "`[[published]]`": Published, "`[rtl]`": RtlPlan,
    **{f'`step = "{name}"`': kind for name, kind in STEPS.items()}}


def rows(section: str) -> dict[str, str]:
    """Key -> the cell behind it."""
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\|", SECTIONS[section], re.MULTILINE))


def shown(field: Any) -> str:
    """A default as TOML writes it; nothing for none."""
    value = field.default if field.default_factory is MISSING else field.default_factory()
    return "" if value in (MISSING, None) else f"`{json.dumps(value)}`"


@pytest.mark.parametrize("section", CLASSES)
def test_keys_and_defaults(section: str) -> None:
    assert rows(section) == {field.name: shown(field) for field in fields(CLASSES[section])}


def test_other_keys() -> None:
    assert [*rows("The file")] == [*KEYS]
    assert {*rows("`[change]`")} == {*kinds_of(type(MODELS["tfc"]), FIXED),
                                     *kinds_of(type(CONVNETS["cnv"]), FIXED)}
    assert {*SECTIONS} == {*CLASSES, "The file", "`[change]`", "`[[compress]]`"}
    assert all(f"`{name}`" in SECTIONS["`[[published]]`"] for name in FIGURES)
    assert all(f'"{name}"' in SECTIONS["`[rtl]`"] for name in FAMILIES)
