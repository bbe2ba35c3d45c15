"""A recipe that runs in a second, as a file."""

from pathlib import Path

__all__ = ["RECIPE", "write_recipe"]

RECIPE = """
title = "Small digits"
model = "digits"
kind = "float"
[train]
epochs = 2
[[compress]]
step = "prune"
by = "percentile"
amount = 90
train = {epochs = 1}
[[compress]]
step = "share"
clusters = 4
[[compress]]
step = "quantise"
weights = "shared"
activations = 4
[rtl]
cycles = 5000
storages = ["rom"]
[[published]]
what = "accuracy"
value = "12.3 %"
goal = 0.5
source = "A. Author, 2020"
[[published]]
what = "luts"
value = "2 LUT"
goal = 3
unit = "LUT"
at_most = true
"""


def write_recipe(folder: Path) -> Path:
    """The file small.toml with ``RECIPE``."""
    path = folder / "small.toml"
    path.write_text(RECIPE)
    return path
