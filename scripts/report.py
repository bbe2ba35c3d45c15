"""lutloom report: a network, its plan and the results of other commands as one HTML file."""

import json as json_module
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from scripts.charts import (
    COLOURS,
    STYLE,
    confusion_matrix,
    histogram,
    html_table,
    pipeline,
    stacked_bars,
)
from scripts.files import beside
from scripts.generate import load_design
from scripts.output import (
    DataOption,
    JsonOption,
    NetworkArgument,
    PlanOption,
    percent,
    say,
    speed,
    write_results,
)
from scripts.plan import plan_rows

__all__ = ["read_results", "render", "report"]

# Commands -> what of their results is shown; a build that placed nothing has none of it.
_SHOWN = {"verify": ("kind", "frames", "images", "fault"), "synth": ("families",),
          "build": ("fits", "utilisation")}
_WAY_OUT = "give what --json of verify, synth or build wrote"


def render(network: Any, plan: Any, results: Sequence[Mapping[str, Any]],
           confusion: NDArray[np.int64] | None = None) -> str:
    """The report as text of one self-contained HTML file.

    results: what --json of other commands wrote (key "command" tells which); confusion:
    (classes, classes) counts, rows the true class, from the integer network's answers.
    """
    from hdl.accelerator import Accelerator

    accelerator = Accelerator(network, plan)
    rows = plan_rows(network, plan)
    sections = [
        f"<h1>{escape(network.name)}</h1>",
        (f'<p class="lead">{speed(accelerator.initiation_interval, accelerator.latency)}; '
         f"network {network.digest[:12]}</p>"),
        _summary(results),
        "<h2>Pipeline</h2>", _pipeline(network, plan, rows),
        html_table(["layer", "storage", "pe", "simd", "cycles", "LUT (estimate)", "FF", "BRAM"],
                   [(row["name"], row["storage"], row["pe"], row["simd"], row["cycles"],
                     row["lut"], row["ff"], row["bram"]) for row in rows]),
        "<h2>Weights</h2>", _weights(network),
    ]
    if confusion is not None:
        right, total = int(np.trace(confusion)), int(confusion.sum())
        classes = str(network.metadata.get("classes", "")).split()
        names = classes if len(classes) == len(confusion) else list(map(str, range(len(confusion))))
        sections += ["<h2>Confusion matrix</h2>",
                     f"<p>{right:,} of {total:,} test images right ({percent(right / total)}).</p>",
                     confusion_matrix(confusion, names)]
    families = {family: costs for result in results if result["command"] == "synth"
                for family, costs in result["families"].items()}
    if families:
        sections += ["<h2>Resources after synthesis</h2>", _resources(network, families)]
    builds = [result for result in results if result["command"] == "build" and result["fits"]]
    if builds:
        sections += ["<h2>Boards, after place and route</h2>", _boards(builds)]
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Lutloom: '
            f'{escape(network.name)}</title><meta name="viewport" content="width=device-width">'
            f"<style>{STYLE}</style></head><body>{''.join(sections)}</body></html>\n")


def _summary(results: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for result in results:
        if result["command"] == "demo":
            lines.append(html_table(["version", "accuracy", "test images"],
                                    [(name, percent(share), images)
                                     for name, (share, images) in result["accuracy"].items()]))
        if result["command"] == "verify":
            verdict = ("bad", f"differs: {result['fault']}") if result["fault"] else (
                "good", "bit-exact")
            lines.append(f'<p><span class="{verdict[0]}">{escape(verdict[1])}</span> '
                         f"{escape(result['kind'])}: {result['frames']:,} frames compared "
                         f"({result['images']:,} different ones)</p>")
    return "".join(lines)


def _pipeline(network: Any, plan: Any, rows: Sequence[Mapping[str, Any]]) -> str:
    facts = {row["name"]: [f"{row['cycles']:,} cycles", f"≈ {row['lut']:,} LUT"] for row in rows}
    stages: list[tuple[str, Sequence[str]]] = [
        ("input", [f"{network.n_in} x {network.input}", f"{plan.lanes} a beat"])]
    arrows = [f"{plan.lanes}"]
    for layer in network.layers:
        shape = " → ".join("x".join(map(str, of)) for of in (layer.shape_in, layer.shape_out))
        stages.append((layer.name, [shape, *facts.get(layer.name, [])]))
        arrows.append(f"{plan.lanes_out(layer)} x {layer.output}")
    stages.append(("output", [f"{network.n_out} x {network.output}"]))
    return pipeline(stages, arrows)


def _weights(network: Any) -> str:
    from golden.layer import Weighted

    figures = []
    for number, layer in enumerate(network.layers):
        if not isinstance(layer, Weighted):
            continue
        colour, layer = COLOURS[number % len(COLOURS)], layer.own
        kind, others = layer.weight_kind, layer.weights[layer.weights != 0]
        if str(kind) == "bipolar":
            figures.append(histogram(f"{layer.name}: share of +1 weights, by neuron",
                                     100 * (layer.weights > 0).mean(axis=1), 0, 100, " %", colour))
        else:
            zeros = 1 - others.size / layer.weights.size
            figures.append(histogram(f"{layer.name}: weights, {kind}, {zeros:.0%} of them 0",
                                     others, kind.minimum, kind.maximum, "", colour))
        if layer.thresholds is not None:
            low, high = layer.accumulator_minimum, layer.accumulator_maximum
            place = 100 * (layer.thresholds - low) / (high + 1 - low)
            figures.append(histogram(f"{layer.name}: thresholds within the range of sums", place,
                                     0, 100, " %", colour))
    return f'<div class="grid">{"".join(figures)}</div>'


def _resources(network: Any, families: Mapping[str, Mapping[str, Any]]) -> str:
    parts, order = [], [layer.name for layer in network.layers]
    for column, unit in (("lut", "LUT"), ("ff", "FF"), ("bram", "BRAM")):
        rows = {family: {layer: cost[column] for layer, cost in costs["layers"].items()}
                or {"total": costs["totals"][column]} for family, costs in families.items()}
        if any(sum(row.values()) for row in rows.values()):
            parts.append(f"<h3>{unit}</h3>{stacked_bars(rows, unit, order)}")
    parts.append("<p><small>Families differ in what a LUT is; see hdl/synth.py.</small></p>")
    return "".join(parts)


def _boards(builds: Sequence[Mapping[str, Any]]) -> str:
    from boards.platforms import BOARDS

    rows = []
    for result in builds:
        board = BOARDS[result["board"]]
        cells = ", ".join(f"{kind} {use['used']:,} of {use['available']:,}"
                          for kind, use in result["utilisation"].items()
                          if kind in (*board.logic, board.memory[0]))
        rows.append((board.title, f"{result['fmax_hz'] / 1e6:.1f} MHz",
                     f"{result['clock_hz'] / 1e6:g} MHz", cells))
    return html_table(["board", "Fmax", "board clock", "cells"], rows)


def report(
    network: NetworkArgument,
    plan: PlanOption,
    results: Annotated[list[Path] | None, typer.Option(
        exists=True, dir_okay=False, help="File that --json of verify, synth or build wrote for "
        "this network; may be given again.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(
        dir_okay=False, help="HTML file to write (default: report.html beside the network).",
        show_default=False)] = None,
    data: DataOption = None,
    json: JsonOption = None,
) -> None:
    """Write one self-contained HTML file: pipeline, weights, confusion matrix, resources."""
    from golden.data import DATASETS, encode_pixels, load
    from golden.reference import run

    loaded, made = load_design(network, plan)
    read = [read_results(path, loaded) for path in results or []]
    confusion = None
    if loaded.metadata.get("data") in DATASETS:
        dataset = load(str(loaded.metadata["data"]), data)
        answers = np.concatenate([  # in parts: all layers' outputs are kept meanwhile
            run(loaded, encode_pixels(dataset.test_x[k:k + 500], loaded.input))[-1][:, 0]
            for k in range(0, len(dataset.test_x), 500)])
        confusion = count_answers(dataset.test_y, answers, len(dataset.classes))
    out = out or beside(network, "report.html")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render(loaded, made, read, confusion))
    say(str(out))
    write_results(json, "report", {"network": loaded.name, "report": out, "confusion": confusion})


def read_results(path: Path, network: Any) -> Any:
    """What --json of another command wrote of this network.

    Raises ValueError that names the file for another one, and for what no report shows.
    """
    try:
        content = json_module.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} holds no results: {error}; {_WAY_OUT}") from error
    if not isinstance(content, dict) or not isinstance(command := content.get("command"), str):
        raise ValueError(f'{path} holds no results: it has no "command"; {_WAY_OUT}')
    if command not in _SHOWN or any(key not in content for key in _SHOWN[command]):
        raise ValueError(f"{path} holds results of lutloom {command} that no report shows; "
                         f"{_WAY_OUT}")
    if content.get("digest") != network.digest:
        raise ValueError(f"{path} holds results of another network than {network.name} "
                         f"{network.digest[:12]}; run lutloom {command} with this one")
    return content


def count_answers(truth: NDArray[np.int64], answers: NDArray[np.int64],
                  classes: int) -> NDArray[np.int64]:
    """(classes, classes) counts; row: true class, column: answer."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, answers), 1)
    return matrix
