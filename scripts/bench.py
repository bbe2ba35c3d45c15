"""lutloom bench: measurements that the documentation quotes, made anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from hdl.synth import synthesize
from scripts.bench_sparse import bench_sparse
from scripts.output import JsonOption, bar, say, write_results

__all__ = ["Subject", "app", "luts_of", "subjects"]

app = typer.Typer(no_args_is_help=True, help="Measure what the documentation quotes, anew.")


@app.callback()
def bench() -> None:
    """Measure what the documentation quotes, anew."""


app.command("sparse")(bench_sparse)


@dataclass(frozen=True)
class Subject:
    """Something to measure: cores by the name of their structure, and units of work they do."""

    name: str
    cores: dict[str, Any]
    units: int
    unit: str


def _layer(n_in: int, n_out: int, seed: int, thresholds: bool) -> Any:
    from golden.network import Dense
    from golden.number import Bipolar

    weights = np.random.default_rng(seed).choice([-1, 1], size=(n_out, n_in)).astype(np.int8)
    chosen = np.round(np.random.default_rng(7).normal(0, n_in**0.5 / 2, n_out)).astype(int)
    return Dense("layer", Bipolar(), weights, chosen if thresholds else None)


def subjects(seed: int, large: bool) -> Iterator[Subject]:
    """Cores with random weights of a seed, from small to large."""
    from hdl.folded_sum import FoldedSum
    from hdl.folding import Folding
    from hdl.hardwired_dense import HardwiredDense
    from hdl.naive import NaiveAccumulator, NaiveDense, NaivePopcount
    from hdl.popcount import Popcount

    for n in (64, 256, 784):
        yield Subject(f"popcount of {n} bits", {
            "naive": NaivePopcount(n), **{variant: Popcount(n, variant=variant)
                                          for variant in ("portable", "xc7")}}, n, "bit")
    folding = Folding(_layer(1024, 16, seed, True), pe=16, simd=64)
    yield Subject("folded, simd 64, pe 16, without memory", {
        "naive": NaiveAccumulator(64, 16, folding.accumulator_width),
        **{variant: FoldedSum(folding, variant=variant) for variant in ("portable", "xc7")}},
        64 * 16, "XNOR-accumulate")
    shapes = [(64, 64), (256, 64)] + ([(256, 256), (784, 128)] if large else [])
    for n_in, n_out in shapes:
        for thresholds in (False, True):
            layer = _layer(n_in, n_out, seed, thresholds)
            cores: dict[str, Any] = {variant: HardwiredDense(layer, variant=variant)
                                     for variant in ("portable", "xc7")}
            if n_in * n_out <= 64 * 256:
                cores = {"naive": NaiveDense(layer), **cores}
            yield Subject(f"hard-wired {n_in}x{n_out}, {'thresholds' if thresholds else 'sums'}",
                          cores, n_in * n_out, "weight")


def luts_of(core: Any, family: str) -> int:
    """LUTs of a core after synthesis."""
    with TemporaryDirectory() as folder:
        return synthesize(core, family, folder).totals.lut


@app.command()
def lut(
    family: Annotated[str, typer.Option(help="FPGA family to synthesise for.")] = "xc7",
    large: Annotated[bool, typer.Option(
        help="Also layers of 256x256 and 784x128, which take minutes each.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random weights.")] = 1,
    out: Annotated[Path, typer.Option(help="Markdown file to write.")] = Path("build/bench/lut.md"),
    json: JsonOption = None,
) -> None:
    """LUT counts of the cores beside those of naive structures, as a Markdown table."""
    rows: list[dict[str, Any]] = []
    measured = list(subjects(seed, large))
    with bar(f"bench lut ({family})", sum(len(subject.cores) for subject in measured)) as show:
        done = 0
        for subject in measured:
            row: dict[str, Any] = {"name": subject.name, "units": subject.units,
                                   "unit": subject.unit}
            for structure, core in subject.cores.items():
                if structure != "xc7" or family == "xc7":
                    row[structure] = luts_of(core, family)
                show(done := done + 1)
            rows.append(row)
    structures = ["naive", "portable", *(["xc7"] if family == "xc7" else [])]
    command = f"lutloom bench lut --family {family} --seed {seed}" + " --large" * large
    lines = [
        f"`{command}`, {date.today()}, yosys {version('pyosys')}, amaranth {version('amaranth')}.",
        f"LUTs of {family} as `hdl.synth.Resources` counts them; in brackets LUT per unit of work.",
        "",
        f"| core | unit | {' | '.join(structures)} |",
        f"| --- | --- |{' ---: |' * len(structures)}"]
    for row in rows:
        cells = (f"{row[name]:,} ({row[name] / row['units']:.3f})" if name in row else "-"
                 for name in structures)
        lines.append(f"| {row['name']} | {row['unit']} | {' | '.join(cells)} |")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n")
    for line in lines:
        say(line)
    write_results(json, "bench lut", {"family": family, "seed": seed, "rows": rows})
