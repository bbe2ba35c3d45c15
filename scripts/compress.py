"""lutloom compress: a trained float network pruned, shared, quantised and coded by a recipe."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.measure import measure
from scripts.output import (
    DataOption,
    DeviceOption,
    JsonOption,
    bar,
    bars,
    percent,
    say,
    table,
    write_results,
)
from scripts.plots import log_training, plot_training, plot_weights
from scripts.train import command_line, train_model

if TYPE_CHECKING:  # torch takes two seconds to import
    from golden.data import Dataset

__all__ = ["compress", "integer_accuracy"]


def integer_accuracy(network: Any, dataset: "Dataset") -> float:
    """Share of the test images that the integer network answers right."""
    import numpy as np

    from golden.data import encode_pixels
    from golden.reference import run

    answers = [run(network, encode_pixels(dataset.test_x[k:k + 500], network.input))[-1][:, 0]
               for k in range(0, len(dataset.test_x), 500)]
    return float((np.concatenate(answers) == dataset.test_y).mean())


def _outcomes(found: Any, model: Any, dataset: "Dataset", history: list[Any], out: Path,
              device: str) -> Iterator[Any]:
    """The float network, then an outcome for each round of each step, under one bar."""
    from golden.compress import Outcome
    from golden.compress import compress as run
    from golden.prediction import accuracy

    yield Outcome("float", accuracy(model, dataset.test_x, dataset.test_y), model, tuple(history))
    with bar("compress", None) as show:
        yield from run(found, model, dataset, device=device, folder=out,
                       progress=lambda _, training, now: show(now.epoch, training.epochs))


def compress(
    recipe: Annotated[str, typer.Argument(
        help="A recipe file (.toml) with steps of compression, or the name of one that `lutloom "
        "zoo` lists as made by this command.", show_default=False)],
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option(
        file_okay=False, help="Folder of everything it writes (default: build/RECIPE).",
        show_default=False)] = None,
    device: DeviceOption = "auto",
    json: JsonOption = None,
) -> None:
    """Train a recipe's float network and run its steps of compression.

    The folder gets the compressed file coded.npz, the integer network.npz if the steps quantise
    it, plots of the trainings and of the weights before and after each step, and the trainings'
    log training.csv. What was interrupted goes on when it is started again, to the same result.
    """
    from golden.coded import CodedModel
    from golden.compress import weights_of
    from golden.masking import sparsity, total_sparsity
    from golden.quantise_steps import is_quantised
    from golden.recipe_file import find_recipe
    from scripts.lower import lower_model

    found = find_recipe(recipe)
    if not found.steps:
        raise ValueError(f"recipe {recipe} has no steps of compression; `lutloom train` runs it")
    command = command_line("compress", recipe, found)
    out = out or Path("build") / found.name
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    histories: dict[str, Any] = {}
    before: dict[str, Any] = {}
    with bars():
        model, dataset, history = train_model(found, data, seed=found.seed, device=device,
                                              state=out / "float.training")
        for k, outcome in enumerate(_outcomes(found, model, dataset, history, out, device)):
            final, after = outcome.model, weights_of(outcome.model)
            layers, coded = sparsity(final), CodedModel.of(final)
            rows.append({"step": outcome.title, "accuracy": outcome.accuracy,
                         "pruning_rate": total_sparsity(layers).rate,
                         "bytes": -(-coded.total.total // 8),
                         "compression_rate": coded.total.rate})
            if outcome.history:
                histories[f"{k + 1}. {outcome.title}"] = outcome.history
            if k and after.keys() == before.keys():
                plot_weights(out / f"weights_{k}.svg", before, after)
            before = after
    coded.save(out / "coded.npz")
    measured = {**rows[-1], "float_accuracy": rows[0]["accuracy"]}
    if is_quantised(final):
        network = lower_model(final, dataset, {"command": command, "seed": found.seed})
        measured["accuracy"] = integer_accuracy(network, dataset)
        network.save(out / "network.npz")
        if found.rtl is not None:
            measured |= measure(network, found.rtl, out)
        rows.append({**rows[-1], "step": "integer network", "accuracy": measured["accuracy"]})
    else:
        say("no network.npz: some weights or activations are not quantised, which a step "
            "quantise does")
    plot_training(out / "training.svg", histories)
    log_training(out / "training.csv", histories)
    table(found.title, ["step", "accuracy", "pruned", "bytes", "compressed"],
          [(row["step"], percent(row["accuracy"]), f"{row['pruning_rate']:.2f} x", row["bytes"],
            f"{row['compression_rate']:.1f} x") for row in rows])
    pruned, sizes = [*layers, total_sparsity(layers)], [*coded.sizes, coded.total]
    _tables(pruned, sizes)
    say(f"{out}: {', '.join(sorted(path.name for path in out.glob('*.npz')))} and plots")
    write_results(json, "compress", {
        "model": found.name, "title": found.title, "run": command,
        "seed": found.seed, "data": dataset.name, "torch": version("torch"),
        "test_images": len(dataset.test_y), "steps": rows, "measured": measured,
        "layers": [
            {**row._asdict(), "pruned": row.pruned, "pruning_rate": row.rate,
             "bits": {**size._asdict(), "total": size.total, "compression_rate": size.rate}}
            for row, size in zip(pruned, sizes, strict=True)]})


def _tables(layers: Any, sizes: Any) -> None:
    """What pruning left of each layer, and what its code takes."""
    table("weights", ["layer", "shape", "weights", "not 0", "pruned", "rate"],
          [(row.name, "x".join(map(str, row.shape)), row.weights, row.non_zeros, row.pruned,
            f"{row.rate:.2f} x") for row in layers])
    table("bits; entropy is what no code of values and indices goes below",
          ["layer", "values", "indices", "entropy", "codebook", "tables", "bias", "total", "rate"],
          [(row.name, row.values, row.indices, round(row.entropy), row.codebook, row.tables,
            row.bias, row.total, f"{row.rate:.1f} x") for row in sizes])
