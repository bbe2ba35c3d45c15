"""Recipe files: what comes with the project loads, and every wrong key is named."""

import re
from pathlib import Path
from typing import Any

import pytest

from golden.compress_steps import Prune, Share
from golden.models import MODELS, ModelSpec
from golden.recipe_file import FAMILIES, find_recipe, load_recipe, recipes
from golden.recipe_steps import RecipeStep
from golden.recipes import RECIPES, Recipe
from hdl.synth import FAMILIES as SYNTHESISED

HEAD = 'title = "t"\nmodel = "digits"\n'


@pytest.mark.parametrize("name", recipes())
def test_recipes_of_the_project_load(name: str) -> None:
    recipe = find_recipe(name)
    assert recipe.name == name and recipe.title


def test_all_keys_arrive(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("""
title = "A title"
model = "sfc"
kind = "float"
norm = false
seed = 7
[change]
dropout = 0.25
[train]
epochs = 3
[[compress]]
step = "prune"
by = "percentile"
amount = 50
train = {epochs = 2, learning_rate = 1e-4}
[[compress]]
step = "share"
clusters = 8
[[published]]
what = "accuracy"
value = "98 %"
goal = 0.98
source = "S"
""")
    recipe = load_recipe(path)
    assert (recipe.name, recipe.title, recipe.kind, recipe.norm, recipe.seed) == (
        "mine", "A title", "float", False, 7)
    assert isinstance(recipe.spec, ModelSpec)
    assert recipe.spec.dropout == 0.25 and MODELS["sfc"].dropout == 0
    assert (recipe.training.epochs, recipe.training.shift) == (3, RECIPES["sfc"].shift)
    assert recipe.steps == (RecipeStep(Prune("percentile", 50), Recipe(2, learning_rate=1e-4)),
                            RecipeStep(Share(8)))
    assert recipe.published[0].goal == 0.98


def test_models_are_recipes() -> None:
    recipe = find_recipe("tfc")
    assert (recipe.spec, recipe.training) == (MODELS["tfc"], RECIPES["tfc"])


STEPS = "step = \"prune\"\nby = \"percentile\"\namount = 1"


@pytest.mark.parametrize("content, message", [
    ("title = ", r"{path}: no TOML file \(.*\)"),
    ('model = "digits"', "recipe {path}: title must be given"),
    (HEAD + 'modle = "x"', 'recipe {path}: unknown key "modle"; did you mean "model"?'),
    ('title = "t"\nmodel = "xfc"', r"recipe {path}: model must be one of .*, not \"xfc\""),
    (HEAD + 'kind = "int"', 'recipe {path}: kind must be "binary" or "float", not "int"'),
    (HEAD + 'norm = 1', "recipe {path}: norm must be true or false, not 1"),
    (HEAD + "[train]\nepoch = 3", ('recipe {path}, train: unknown key "epoch"; did you mean '
                                   '"epochs"?')),
    (HEAD + "[train]\nepochs = 0", "recipe {path}, train: epochs must be at least 1, not 0"),
    (HEAD + "[change]\nwidths = [1]", 'recipe {path}, change: unknown key "widths"; .*'),
    (HEAD + "[change]\ndropout = 2", ("recipe {path}, change: model digits: dropout must be from 0 "
                                      "to below 1, not 2")),
    (HEAD + "train = 3", "recipe {path}: train must be a table, not 3"),
    (HEAD + "[[compress]]\n" + STEPS, ('recipe {path}: kind must be "float" to be compressed, not '
                                       '"binary"')),
    (HEAD + 'kind = "float"\n[[compress]]\nby = 1',
     ("recipe {path}, compress step 1: step must be one of prune, share, quantise, incremental, "
      "factorise, not None")),
    (HEAD + 'kind = "float"\n[[compress]]\n' + STEPS + "\ntrain = {batch = 2}",
     "recipe {path}, compress step 1 (prune), train: epochs must be given"),
    (HEAD + '[[published]]\nwhat = "a"\nvalue = "1"',
     "recipe {path}, published row 1: goal must be given"),
    (HEAD + '[[published]]\nwhat = "acuracy"\nvalue = "1"\ngoal = 1',
     ("recipe {path}, published row 1: what must be one of accuracy, float_accuracy, pruning_rate, "
      'compression_rate, bytes, luts, ffs, brams, dsps, cycles, latency, not "acuracy"')),
    (HEAD + 'kind = "float"\n[rtl]',
     ('recipe {path}: kind must be "binary" for rtl, or a step of compression must quantise the '
      'network, not "float" alone')),
    (HEAD + "compress = 3", "recipe {path}: compress must be a list of tables, not 3"),
    (HEAD + "published = 3", "recipe {path}: published must be a list of tables, not 3"),
    (HEAD + "seed = -1", "recipe {path}: seed must be at least 0, not -1"),
    (HEAD + '[change]\ndropout = "x"',
     "recipe {path}, change: dropout must be a number, not 'x'"),
    (HEAD + '[rtl]\ncycles = "x"', "recipe {path}, rtl: cycles must be an integer, not 'x'"),
    (HEAD + "[rtl]\ncycles = 0", "recipe {path}, rtl: cycles must be at least 1, not 0"),
    (HEAD + '[rtl]\nfamily = "zz"',
     'recipe {path}, rtl: family must be one of xc7, cyclonev, ecp5, ice40, gowin, not "zz"'),
    (HEAD + '[rtl]\nvariant = "zz"',
     'recipe {path}, rtl: variant must be one of portable, xc7, not "zz"'),
    (HEAD + '[rtl]\nstorages = ["disk"]',
     """recipe {path}, rtl: storages must be some of "logic", "rom", "ram", not ['disk']"""),
    ('title = "t"\nmodel = "resnet8"\nkind = "float"',
     ("recipe {path}: model resnet8: stage 1 must not be residual in a float network; take the "
      "network of few bits")),
    ('title = "t"\nmodel = "text_cnn"\nkind = "float"\n[[compress]]\n' + STEPS,
     ("recipe {path}: model text_cnn: norm_3 must stand behind a convolution or dense layer to be "
      "folded; train without batch norm")),
])
def test_wrong_files_are_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    pattern = message.format(path=path) if "*" in message else re.escape(message.format(path=path))
    with pytest.raises(ValueError, match=f"^{pattern}$"):
        load_recipe(path)


@pytest.mark.parametrize("step, message", [
    ('step = "prun"', (": step must be one of prune, share, quantise, incremental, factorise, not "
                       "'prun'")),
    (STEPS + "\namonut = 3", ' (prune): unknown key "amonut"; did you mean "amount"?'),
    ('step = "prune"', " (prune): by and amount must be given"),
    (STEPS + "\ntrain = {epochs = 1}\ndistil = {heat = 1}",
     ' (prune), distil: unknown key "heat"; it has temperature, weight'),
    (STEPS + "\ntrain = 1", " (prune), train: must be a table, not 1"),
])
def test_wrong_steps_are_refused(step: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + 'kind = "float"\n[[compress]]\n' + step)
    with pytest.raises(ValueError, match="^" + re.escape(
            f"recipe {path}, compress step 1{message}") + "$"):
        load_recipe(path)


def test_recipe_numbers_are_no_truth_values(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + "seed = true")
    with pytest.raises(ValueError, match=f"^recipe {re.escape(str(path))}: seed must be an "
                                         "integer, not True$"):
        load_recipe(path)


def test_families_are_those_of_the_hardware() -> None:
    assert FAMILIES == tuple(SYNTHESISED)


def test_missing_files_are_named(tmp_path: Path) -> None:
    path = str(tmp_path / "mine.toml")
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(path)}: no such file; Lutloom comes "
                                                f"with the recipes {', '.join(recipes())}$"):
        find_recipe(path)
    wrong: Any = "mine"
    with pytest.raises(ValueError, match=r"^recipe must be a file that ends in \.toml, or one of "
                                         r".*, not \"mine\"$"):
        find_recipe(wrong)
