"""lutloom train: a network of few bits from labelled images, texts or volumes."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from golden.recipes import RECIPES
from scripts.lower import lower_model
from scripts.measure import measure
from scripts.output import DataOption, DeviceOption, JsonOption, bar, percent, say, write_results
from scripts.plots import log_training, plot_training

__all__ = ["command_line", "train", "train_model"]

_OF_MODEL = "input", "dropout", "weights"  # options that change the model, not its training


def command_line(command: str, recipe: str, found: Any) -> str:
    """What runs a golden.recipe_file.RecipeFile, as results keep it."""
    from golden.data import FOLDERLESS

    folder = "" if found.spec.data in FOLDERLESS else " --data FOLDER"
    return f"lutloom {command} {recipe}{folder}"


def train_model(recipe: Any, data: Path | None, *, seed: int, device: str = "cpu",
                state: Path | None = None) -> tuple[Any, Any, list[Any]]:
    """(trained model, data set, progress of each epoch) of a golden.recipe_file.RecipeFile."""
    from golden.data import load
    from golden.prediction import find_device
    from golden.train import train as run
    from golden.training_state import Progress

    find_device(device)  # before anything is read
    dataset = load(recipe.spec.data, data)
    what = recipe.spec.weights if recipe.kind == "binary" else recipe.kind
    history: list[Progress] = []
    with bar(f"train {recipe.name} ({what})", recipe.training.epochs) as show:
        def progress(now: Progress) -> None:
            history.append(now)
            show(now.epoch)

        trained = run(recipe.spec, dataset, recipe.training, seed=seed, kind=recipe.kind,
                      norm=recipe.norm, device=device, state=state, progress=progress)
    return trained, dataset, history


def train(
    recipe: Annotated[str, typer.Argument(
        help="A recipe file (.toml), the name of one that `lutloom zoo` lists, or the name of a "
        f"model: {', '.join(RECIPES)}.", show_default=False)],
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option(
        dir_okay=False, help="Checkpoint to write (default: build/RECIPE/checkpoint.npz).",
        show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(
        min=0, help="Seed of everything random (default: the recipe's own, 1 for a model).",
        show_default=False)] = None,
    epochs: Annotated[int | None, typer.Option(
        min=1, help="Passes over the training images (default: the recipe's own).",
        show_default=False)] = None,
    batch: Annotated[int | None, typer.Option(
        min=2, help="Images a step (default: the recipe's own).", show_default=False)] = None,
    learning_rate: Annotated[float | None, typer.Option(
        help="Step width at the start (default: the recipe's own).", show_default=False)] = None,
    dropout: Annotated[float | None, typer.Option(
        help="Share of hidden values left out in training (default: the recipe's own).",
        show_default=False)] = None,
    input: Annotated[str | None, typer.Option(
        help="What the first layer sees: pixels (8 bits) or binarised (default: the recipe's own).",
        show_default=False)] = None,
    weights: Annotated[str | None, typer.Option(
        help="binary or ternary (default: the recipe's own).", show_default=False)] = None,
    device: DeviceOption = "auto",
    json: JsonOption = None,
) -> None:
    """Train a recipe's or a named model on its data set and write a checkpoint.

    The checkpoint's folder also gets a plot and a table of loss and accuracy, and the state by
    which an interrupted training goes on when it is started again.
    """
    from golden.checkpoint import save_checkpoint
    from golden.convspec import ConvSpec
    from golden.prediction import accuracy
    from golden.recipe_file import find_recipe

    changes = {"epochs": epochs, "batch": batch, "learning_rate": learning_rate,
               "dropout": dropout, "input": input, "weights": weights}
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    found = find_recipe(recipe)
    for name in ("input", "dropout"):
        if name in given and isinstance(found.spec, ConvSpec):
            raise ValueError(f"--{name} is for models of dense layers alone, not for "
                             f"{found.name}; leave it out")
    found = replace(
        found, seed=found.seed if seed is None else seed,
        spec=replace(found.spec, **{name: given[name] for name in _OF_MODEL if name in given}),
        training=replace(found.training, **{name: value for name, value in given.items()
                                            if name not in _OF_MODEL}))
    out = out or Path("build") / found.name / "checkpoint.npz"
    out.parent.mkdir(parents=True, exist_ok=True)
    trained, dataset, history = train_model(found, data, seed=found.seed, device=device,
                                            state=out.with_suffix(".training"))
    reached = accuracy(trained, dataset.test_x, dataset.test_y)
    options = "".join(f" --{name.replace('_', '-')} {value}" for name, value in given.items())
    command = f"{command_line('train', recipe, found)} --seed {found.seed}{options}"
    save_checkpoint(out, trained, {"command": command, "seed": found.seed,
                                   "test_accuracy": reached})
    measured: dict[str, float] = {"accuracy": reached}
    if found.rtl is not None and not found.steps:  # those quantise what can be built
        network = lower_model(trained, dataset, {"command": command, "seed": found.seed})
        network.save(out.with_name("network.npz"))
        measured |= measure(network, found.rtl, out.parent)
    plot_training(out.with_name("training.svg"), {found.name: history})
    log_training(out.with_name("training.csv"), {found.name: history})
    say(f"{found.name}: {percent(reached)} of {len(dataset.test_y):,} test images right; {out}")
    write_results(json, "train", {
        "model": found.name, "title": found.title, "run": command, "seed": found.seed, **given,
        "data": dataset.name, "torch": version("torch"), "checkpoint": out,
        "test_accuracy": reached, "test_images": len(dataset.test_y),
        "measured": measured,
        "history": [vars(epoch) for epoch in history]})
