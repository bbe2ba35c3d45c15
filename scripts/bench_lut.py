"""lutloom bench lut: what every kind of core takes, beside the naive structure of each."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from scripts.output import JsonOption, bar, say, write_results

__all__ = ["Subject", "bench_lut", "measure", "subjects"]

COLUMNS = "LUT", "FF", "CARRY4", "DSP", "BRAM", "levels"


@dataclass(frozen=True)
class Subject:
    """Something to measure: how to make its structures, by name, and units of work they do."""

    name: str
    cores: dict[str, Callable[[], Any]]
    units: int
    unit: str


def _bipolar(n_in: int, n_out: int, thresholds: bool) -> Any:
    from golden.network import Dense
    from golden.number import Bipolar

    weights = np.random.default_rng(1).choice([-1, 1], size=(n_out, n_in)).astype(np.int8)
    chosen = np.round(np.random.default_rng(7).normal(0, n_in**0.5 / 2, n_out)).astype(int)
    return Dense("layer", Bipolar(), weights, chosen if thresholds else None)


def _ternary(n_in: int, n_out: int, input: Any) -> Any:
    """Half of the weights are 0."""
    from golden.network import Dense
    from golden.number import Ternary

    rng = np.random.default_rng(2)
    signs = rng.choice([-1, 1], size=(n_out, n_in))
    return Dense("layer", input, signs * (rng.random((n_out, n_in)) >= 0.5), None, Ternary())


def _pruned(n_in: int, n_out: int) -> Any:
    """8-bit weights, of which a tenth is not 0, and 8-bit inputs."""
    from golden.network import Dense
    from golden.number import Integer

    rng = np.random.default_rng(3)
    weights = rng.integers(-127, 128, size=(n_out, n_in))
    weights[weights == 0] = 1
    byte = Integer(8, True)
    return Dense("layer", byte, weights * (rng.random((n_out, n_in)) < 0.1), None, byte)


def _clustered(n_in: int, n_out: int, entries: int) -> Any:
    """A tenth of the weights is not 0, all of so many values of 8 bits."""
    from golden.network import Dense
    from golden.number import Codebook

    layer = _pruned(n_in, n_out)
    values = np.unique(np.linspace(-127, 127, entries).round().astype(int))
    values[np.abs(values).argmin()] = 0
    nearest = np.abs(layer.weights[..., None] - values).argmin(-1)
    return Dense("layer", layer.input, values[nearest], None, Codebook(tuple(values.tolist())))


def _popcounts() -> Iterator[Subject]:
    from hdl.naive import NaivePopcount
    from hdl.popcount import Popcount

    for n in (64, 256, 784):
        yield Subject(f"popcount of {n} bits", {
            "naive": partial(NaivePopcount, n), "portable": partial(Popcount, n),
            "xc7": partial(Popcount, n, variant="xc7")}, n, "bit")


def _hard_wired(large: bool) -> Iterator[Subject]:
    from golden.number import Bipolar, Integer
    from hdl.hardwired_dense import HardwiredDense
    from hdl.naive import NaiveDense

    def subject(name: str, layer: Any, units: int, unit: str, naive: bool = True) -> Subject:
        cores: dict[str, Callable[[], Any]] = {
            "naive": partial(NaiveDense, layer), "portable": partial(HardwiredDense, layer),
            "xc7": partial(HardwiredDense, layer, variant="xc7")}
        if not naive:
            del cores["naive"]
        return Subject(f"hard-wired {layer.n_in}x{layer.n_out}, {name}", cores, units, unit)

    shapes = [(64, 64), (256, 64)] + ([(256, 256), (784, 128)] if large else [])
    for n_in, n_out in shapes:
        for thresholds in (False, True):
            yield subject(f"±1, {'thresholds' if thresholds else 'sums'}",
                          _bipolar(n_in, n_out, thresholds), n_in * n_out, "weight",
                          n_in * n_out <= (64 * 256 if large else 64 * 64))
    layer = _ternary(64, 64, Bipolar())
    yield subject("ternary, 1-bit inputs", layer, layer.weights.size, "weight")
    for n in (32, 64) if large else (32,):
        layer = _ternary(n, n, Integer(8, True))
        yield subject("ternary, 8-bit inputs", layer, layer.non_zeros, "non-zero")
        layer = _pruned(n, n)
        yield subject("8-bit weights, 90 % pruned", layer, layer.non_zeros, "non-zero")


def _folded() -> Iterator[Subject]:
    from golden.number import Bipolar, Integer
    from hdl.folded_bins import FoldedBins
    from hdl.folded_sum import FoldedSum
    from hdl.folding import Folding
    from hdl.naive import NaiveAccumulator, NaiveMac

    def subject(name: str, layer: Any, simd: int, pe: int, **options: Any) -> Subject:
        folding = Folding(layer, pe, simd, **options)
        arithmetic = FoldedSum if folding.bins is None else FoldedBins
        kinds = layer.input, layer.weight_kind, folding.output.width
        naive: Callable[[], Any] = partial(NaiveMac, simd, pe, *kinds)
        if layer.weight_kind == Bipolar():
            naive = partial(NaiveAccumulator, simd, pe, folding.accumulator_width)
        return Subject(f"folded, simd {simd}, pe {pe}, {name}", {
            "naive": naive, "portable": partial(arithmetic, folding),
            "xc7": partial(arithmetic, folding, variant="xc7")}, simd * pe, "product")

    byte = Integer(8, True)
    yield subject("±1", _bipolar(1024, 16, True), 64, 16)
    yield subject("ternary, 1-bit inputs", _ternary(64, 64, Bipolar()), 32, 8)
    yield subject("ternary, 8-bit inputs", _ternary(64, 64, byte), 16, 4)
    yield subject("8-bit weights", _pruned(64, 64), 8, 4)
    yield subject("8-bit weights, DSP", _pruned(64, 64), 8, 4, multiplier="dsp")
    for entries, codebook in ((16, "multiply"), (3, "multiply"), (3, "accumulate")):
        yield subject(f"codebook of {entries}, {codebook}", _clustered(64, 64, entries), 8, 4,
                      codebook=codebook)


def _sparse() -> Iterator[Subject]:
    from hdl.scheduled_dense import ScheduledDense
    from hdl.sparse_engine import SparseEngine

    layer = _pruned(64, 64)
    for multiplier in ("lut", "dsp"):
        yield Subject(f"schedule of non-zeros, 4 elements, {multiplier}", {
            "portable": partial(ScheduledDense, layer, pe=4, multiplier=multiplier)},
            4, "product")
    yield Subject("sparse engine, 4 elements", {
        "portable": partial(SparseEngine, _clustered(64, 64, 16), pe=4, depth=8)}, 4, "product")


def subjects(large: bool) -> Iterator[Subject]:
    """Cores of fixed layers; the arithmetic of folded ones without memories."""
    yield from _popcounts()
    yield from _hard_wired(large)
    yield from _folded()
    yield from _sparse()


def measure(make: Callable[[], Any], structure: str, family: str) -> dict[str, Any]:
    """What a core takes after synthesis, and the processor seconds that its RTL took to make."""
    from hdl.netlist_levels import logic_levels
    from hdl.synth import synthesize_rtlil
    from hdl.verilog import to_rtlil

    start = time.process_time()
    rtlil = to_rtlil(make())
    seconds = time.process_time() - start
    # What is written as a product is meant as one of LUTs where no structure is chosen.
    options = ["-nodsp"] if structure == "naive" and family != "ice40" else []
    with TemporaryDirectory() as folder:
        made = synthesize_rtlil(rtlil, family, folder, options=options)
        totals = made.totals
        return {"LUT": totals.lut + totals.lutram, "FF": totals.ff, "CARRY4": totals.carry,
                "DSP": totals.dsp, "BRAM": totals.bram,
                "levels": logic_levels(made.json) if family == "xc7" else None,
                "seconds": round(seconds, 1)}


def bench_lut(
    family: Annotated[str, typer.Option(help="FPGA family to synthesise for.")] = "xc7",
    large: Annotated[bool, typer.Option(
        help="Also layers up to 784x128 and larger naive ones, which take minutes each.")] = False,
    out: Annotated[Path, typer.Option(
        dir_okay=False, help="Markdown file to write.")] = Path("build/bench/lut.md"),
    json: JsonOption = None,
) -> None:
    """LUTs, registers, depth and time of every kind of core beside a naive structure's."""
    measured = [replace(subject, cores={name: make for name, make in subject.cores.items()
                                        if name != "xc7" or family == "xc7"})
                for subject in subjects(large)]
    rows: list[dict[str, Any]] = []
    with bar(f"bench lut ({family})", sum(len(subject.cores) for subject in measured)) as show:
        for subject in measured:
            for structure, make in subject.cores.items():
                rows.append({"name": subject.name, "structure": structure, "units": subject.units,
                             "unit": subject.unit, **measure(make, structure, family)})
                show(len(rows))
    lines = _page(rows, f"lutloom bench lut --family {family}" + " --large" * large, family)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n")
    for line in lines:
        say(line)
    write_results(json, "bench lut", {"family": family, "rows": rows})


def _page(rows: list[dict[str, Any]], command: str, family: str) -> list[str]:
    """The table as Markdown."""
    lines = [
        "# What the cores take", "",
        f"`{command}`, {date.today()}, yosys {version('pyosys')}, amaranth {version('amaranth')}.",
        "",
        (f"Resources of {family} as `hdl.synth.Resources` counts them, LUTs as memory or shift "
        "registers included. Levels are LUTs on the longest path between registers; *naive* "
        "structures have no registers inside. Seconds are processor time to generate RTL."), "",
        "| core | structure | LUT | LUT per unit | " + " | ".join(COLUMNS[1:]) + " | s |",
        "| --- | --- | ---: | --- |" + " ---: |" * len(COLUMNS)]
    for row in rows:
        cells = ["-" if row[column] is None else f"{row[column]:,}" for column in COLUMNS]
        per_unit = f"{row['LUT'] / row['units']:.3f} a {row['unit']}"
        lines.append(f"| {row['name']} | {row['structure']} | {cells[0]} | {per_unit} | "
                     + " | ".join(cells[1:]) + f" | {row['seconds']} |")
    return lines
