"""lutloom train: a network of few bits from labelled images, texts or volumes."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.output import DataOption, JsonOption, SeedOption, bar, say, write_results

__all__ = ["train", "train_model"]


def train_model(model: str, data: Path | None, *, seed: int, kind: str = "binary",
                device: str = "cpu", **changes: Any) -> tuple[Any, Any]:
    """(trained model, data set) of a named model; changes replace parameters of its recipe."""
    from golden.convspec import ConvSpec
    from golden.data import load
    from golden.models import named
    from golden.prediction import find_device
    from golden.recipes import RECIPES
    from golden.train import train as run
    from golden.training_state import Progress

    find_device(device)  # before anything is read
    spec: Any = named(model)
    for name in ("input", "dropout"):
        if name in changes and isinstance(spec, ConvSpec):
            raise ValueError(f"--{name} is for models of dense layers alone, not for {model}; "
                             "leave it out")
    spec = replace(spec, **{name: changes.pop(name) for name in ("input", "dropout", "weights")
                            if name in changes})
    recipe = replace(RECIPES[model], **changes)
    dataset = load(spec.data, data)
    what = spec.weights if kind == "binary" else kind
    with bar(f"train {model} ({what})", recipe.epochs) as show:
        def progress(now: Progress) -> None:
            show(now.epoch)

        trained = run(spec, dataset, recipe, seed=seed, kind=kind, device=device,
                      progress=progress)
    return trained, dataset


def train(
    model: Annotated[str, typer.Argument(
        help="Name of the model: digits, tfc, sfc, lfc, tiny_cnn, lenet5, cnv, cnv_w1a2, "
        "cnv_ternary, resnet8, text or voxels.", show_default=False)],
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option(
        help="Checkpoint to write (default: build/MODEL/checkpoint.npz).",
        show_default=False)] = None,
    seed: SeedOption = 1,
    epochs: Annotated[int | None, typer.Option(
        min=1, help="Passes over the training images (default: the model's own).",
        show_default=False)] = None,
    batch: Annotated[int | None, typer.Option(
        min=2, help="Images a step (default: the model's own).", show_default=False)] = None,
    learning_rate: Annotated[float | None, typer.Option(
        help="Step width at the start (default: the model's own).", show_default=False)] = None,
    dropout: Annotated[float | None, typer.Option(
        help="Share of hidden values left out in training (default: the model's own).",
        show_default=False)] = None,
    input: Annotated[str | None, typer.Option(
        help="What the first layer sees: pixels (8 bits) or binarised (default: the model's own).",
        show_default=False)] = None,
    weights: Annotated[str | None, typer.Option(
        help="binary or ternary (default: the model's own).", show_default=False)] = None,
    device: Annotated[str, typer.Option(
        help="Where it computes: cpu, cuda, or auto for the latter if there is one.")] = "auto",
    json: JsonOption = None,
) -> None:
    """Train a named model on its data set and write a checkpoint."""
    from golden.checkpoint import save_checkpoint
    from golden.prediction import accuracy

    changes = {"epochs": epochs, "batch": batch, "learning_rate": learning_rate,
               "dropout": dropout, "input": input, "weights": weights}
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    trained, dataset = train_model(model, data, seed=seed, device=device, **given)
    reached = accuracy(trained, dataset.test_x, dataset.test_y)
    out = out or Path("build") / model / "checkpoint.npz"
    out.parent.mkdir(parents=True, exist_ok=True)
    options = "".join(f" --{name.replace('_', '-')} {value}" for name, value in given.items())
    command = f"lutloom train {model} --seed {seed}{options}"
    save_checkpoint(out, trained, {"command": command, "seed": seed, "test_accuracy": reached})
    say(f"{model}: {reached:.2%} of {len(dataset.test_y):,} test images right; {out}")
    write_results(json, "train", {"model": model, "seed": seed, **given, "checkpoint": out,
                                  "test_accuracy": reached, "test_images": len(dataset.test_y)})
