"""Plots of trainings, weights and results, as SVG files; and the log of trainings."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden.archive import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["log_training", "plot_curve", "plot_training", "plot_weights"]

_MOST_BINS = 101


def _figure(width: float, height: float, rows: int, columns: int) -> tuple["Figure", Any]:
    """A figure of axes without frames, that no window shows."""
    from matplotlib.figure import Figure  # imported late: it costs half a second

    figure = Figure((width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for one in axes.flat:
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: "Figure", path: Path) -> None:
    """Write the file; equal plots give equal bytes."""
    import matplotlib

    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": "lutloom"}):
        figure.savefig(path, metadata={"Date": None})


def log_training(path: Path, histories: Mapping[str, Sequence[Any]]) -> None:
    """A table (CSV) of what ``plot_training`` draws, a row for each epoch."""
    rows = [{"training": title, **vars(progress)}
            for title, history in histories.items() for progress in history]
    with replacing(path) as unfinished, open(unfinished, "w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def plot_training(path: Path, histories: Mapping[str, Sequence[Any]]) -> None:
    """Loss and accuracies against the epoch: trainings one behind the other.

    histories : title of each training -> Progress of its epochs (``golden.training_state``)
    """
    figure, ((loss, accuracy),) = _figure(10, 3.6, 1, 2)
    passed = 0
    for k, (title, history) in enumerate(histories.items()):
        epochs = [passed + p.epoch for p in history]
        colour = f"C{k}"
        loss.plot(epochs, [p.loss for p in history], color=colour, label=title)
        for values, style, name in (
                ([p.train_accuracy for p in history], ":", "training"),
                ([p.test_accuracy for p in history], "-", "test"),
                ([p.validation_accuracy for p in history], "--", "held out")):
            if history and values[0] is not None:
                accuracy.plot(epochs, [100 * value for value in values], style, color=colour,
                              label=name if not k else None)
        passed += len(history)
    for axes, label in ((loss, "loss"), (accuracy, "accuracy, % of images")):
        axes.set(xlabel="epoch", ylabel=label)
    if len(histories) > 1:
        loss.legend(frameon=False, fontsize="small")
    accuracy.legend(frameon=False, fontsize="small")
    _save(figure, path)


def plot_weights(path: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Histograms of each layer's weights that are not 0, before a step and after it.

    before, after : name of each layer -> its weights, arrays of any shape
    """
    import numpy as np

    figure, axes = _figure(max(3.2 * len(before), 5), 4.6, 2, max(len(before), 1))
    for column, name in zip(axes.T, before, strict=True):
        kept = [np.asarray(values[name]).ravel() for values in (before, after)]
        kept = [values[values != 0] for values in kept]
        reach = max((float(np.abs(values).max(initial=0)) for values in kept), default=1) or 1.0
        bins = np.linspace(-reach, reach, _MOST_BINS + 1)
        for one, values, when in zip(column, kept, ("before", "after"), strict=True):
            _histogram(one, values, bins, f"{name}, {when}: {values.size:,}")
    _save(figure, path)


def plot_curve(path: Path, x_label: str, y_label: str, x: Sequence[float],
               lines: Mapping[str, Sequence[float]], levels: Mapping[str, float] | None = None
               ) -> None:
    """Lines over x, which is drawn to the base of two; ``levels`` are drawn across."""
    figure, ((axes,),) = _figure(6, 3.6, 1, 1)
    for name, values in lines.items():
        axes.plot(x, values, marker="o", markersize=3, label=name)
    for name, value in (levels or {}).items():
        axes.axhline(value, color="grey", linestyle=":", label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(x, [f"{value:g}" for value in x])
    axes.minorticks_off()
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.legend(frameon=False)
    _save(figure, path)


def _histogram(axes: "Axes", values: Any, bins: Any, title: str) -> None:
    import numpy as np

    axes.stairs(np.histogram(values, bins)[0], bins, fill=True)
    axes.set_title(title, fontsize="small")
    axes.tick_params(labelsize="small")
    axes.set_yscale("symlog")
    axes.set_ylim(0)
