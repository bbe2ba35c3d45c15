"""lutloom bench sparse: cycles of the sparse engine on layers like those EIE was measured on."""

from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from golden.sparse import Columns, InterleavedColumns, sparse
from hdl.sparse_timing import SparseTiming
from scripts.output import JsonOption, SeedOption, bar, fail, percent, say, write_results
from scripts.plots import plot_curve

__all__ = ["LAYERS", "Shape", "bench_sparse", "draw", "measure"]

PE, LANES, DEPTH = 64, 8, 8
DEPTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
FRAMES = 4


@dataclass(frozen=True)
class Shape:
    """A layer: densities of weights and activations in per cent; goal: cycles not to exceed."""

    name: str
    n_in: int
    n_out: int
    weights: float
    activations: float
    goal: int | None = None


# Shapes and densities of table III of Han et al., ISCA 2016, arXiv:1602.01528. The goals are its
# times on AlexNet, 30.3, 12.2 and 9.9 us, at its clock of 800 MHz.
LAYERS = (
    Shape("AlexNet FC-6", 9216, 4096, 9, 35.1, 24240),
    Shape("AlexNet FC-7", 4096, 4096, 9, 35.3, 9760),
    Shape("AlexNet FC-8", 4096, 1000, 25, 37.5, 7920),
    Shape("VGG FC-6", 25088, 4096, 4, 18.3),
    Shape("VGG FC-7", 4096, 4096, 4, 37.5), Shape("VGG FC-8", 4096, 1000, 23, 41.1),
    Shape("NeuralTalk We", 4096, 600, 10, 100), Shape("NeuralTalk Wd", 600, 8791, 11, 100),
)


def draw(shape: Shape, seed: int) -> tuple[InterleavedColumns, NDArray[np.int64]]:
    """Random weights and ``FRAMES`` frames of activations of the shape's densities.

    Weights that are not 0 lie anywhere; their 15 values follow a bell curve. Activations are from
    1 to 32767, and exactly as many of each frame are not 0 as the density says.
    """
    rng = np.random.default_rng([seed, shape.n_in, shape.n_out])
    elements = []
    for p in range(PE):
        rows = len(range(p, shape.n_out, PE))
        chosen = rng.random((rows, shape.n_in), np.float32) < shape.weights / 100
        codes = np.zeros(chosen.shape, np.int64)
        codes[chosen] = 1 + rng.binomial(14, 0.5, np.count_nonzero(chosen))
        elements.append(Columns.of(codes))
    x = np.zeros((FRAMES, shape.n_in), np.int64)
    n = round(shape.n_in * shape.activations / 100)
    for frame in x:
        frame[rng.choice(shape.n_in, n, replace=False)] = rng.integers(1, 32768, n)
    values = 0, *(256 * k for k in range(-7, 8) if k), 2048
    return InterleavedColumns(shape.n_out, values, tuple(elements)), x


def measure(shape: Shape, columns: InterleavedColumns, x: NDArray[np.int64]) -> dict[str, Any]:
    """Cycles of the engine and of what it is compared with; see the page that is written."""
    rows = -(-shape.n_out // PE)
    real = np.zeros(shape.n_in, np.int64)
    for element in columns.elements:
        column = np.repeat(np.arange(shape.n_in), np.diff(element.starts))
        real += np.bincount(column[element.codes > 0], minlength=shape.n_in)
    ideal = float(((x != 0) @ real).mean() / PE)
    balance, cycles = [], {}
    for depth in DEPTHS:
        timing = SparseTiming(columns, LANES, depth)
        starts = timing.starts(x)
        cycles[depth] = (starts[-1] - starts[0]) / (FRAMES - 1)
        work = float(((x[1:] != 0) @ timing.work.T).mean())
        balance.append(work / cycles[depth])
        if depth == DEPTH:
            alone = max(timing.starts(frame[None])[0] + rows for frame in x)
    dense = rows * shape.n_in
    huffman = columns.huffman()
    return {
        "layer": shape.name, "shape": f"{shape.n_in} x {shape.n_out}", "weights": shape.weights,
        "activations": shape.activations, "ideal": ideal, "cycles": cycles[DEPTH], "alone": alone,
        "goal": shape.goal, "dense": dense, "times": dense / cycles[DEPTH],
        "padding": columns.padding / len(columns.words), "balance": balance,
        "bits": columns.bits | {f"huffman {name}": sizes.total for name, sizes in huffman.items()},
    }


def simulate(shape: Shape, columns: InterleavedColumns, x: NDArray[np.int64]) -> tuple[int, ...]:
    """Run the RTL of the whole layer; cycles of each frame, which equal the model's."""
    from golden.layer import Dense
    from golden.number import Codebook, Integer
    from hdl.sparse_engine import SparseEngine
    from tb.harness import Frames, verify

    layer = Dense("layer", Integer(16, True), columns.decode(),
                  weight_kind=Codebook(tuple(sorted(columns.values))))
    core = SparseEngine(layer, pe=PE, lanes=LANES, depth=DEPTH)
    starts = core.timing.starts(x)
    result = verify(core, Frames.of(x, layer.input, LANES),
                    Frames.of(sparse(x, columns), core.output, PE), starts=starts,
                    scenarios=("none",))
    if result.fault:
        fail(f"{shape.name}: {result.fault}")
    return tuple(starts)


def _page(rows: list[dict[str, Any]], simulated: str, command: str, picture: str) -> list[str]:
    head = ["layer", "shape", "weights, activations", "ideal", "cycles", "of ideal",
            "one frame alone", "EIE", "dense", "times fewer"]
    lines = [
        "# The sparse engine, measured", "",
        f"`{command}`, {date.today()}, amaranth {version('amaranth')}, numpy {np.__version__}.", "",
        f"{PE} elements, queues of {DEPTH}, {LANES} activations an input beat, random contents of "
        "the shapes and densities of Han et al., \"EIE\", ISCA 2016, arXiv:1602.01528. Cycles are "
        "those of `hdl/sparse_timing.py`, which equal the RTL's (`tb/test_sparse.py`"
        + (f"; {simulated}" if simulated else "") + ").", "",
        "- *ideal*: products of weights and activations that are not 0, over the elements",
        "- *cycles*: of a frame, back to back; *one frame alone*: from first input to last output",
        ("- *EIE*: the paper's 30.3, 12.2 and 9.9 us at 800 MHz, on its own weights, which are not "
         "at hand (together 52.4 us; its abstract says 18,800 frames/s, 53.2 us)"),
        "- *dense*: `FoldedDense` with as many multipliers", "",
        f"| {' | '.join(head)} |", "| --- | --- | ---: |" + " ---: |" * 7]
    for row in rows:
        goal = f"{row['goal']:,}" if row["goal"] else ""
        lines.append(
            f"| {row['layer']} | {row['shape']} | {row['weights']} %, {row['activations']} % | "
            f"{row['ideal']:,.0f} | {row['cycles']:,.0f} | "
            f"{percent(row['ideal'] / row['cycles'], 1)} | "
            f"{row['alone']:,} | {goal} | {row['dense']:,} | {row['times']:.1f} |")
    lines += ["", "## Balance against the depth of the queues", "",
              "Part of the cycles in which the average element has entries, real or filling.", "",
              f"![balance]({picture})", "",
              f"| layer | {' | '.join(map(str, DEPTHS))} |", "| --- |" + " ---: |" * len(DEPTHS)]
    lines += [f"| {row['layer']} | {' | '.join(percent(part, 1) for part in row['balance'])} |"
              for row in rows]
    lines += ["", "## Exact bits", "",
              "Entries take a byte; of them, *padding* only fills gaps of more than 15 zeros.",
              "Huffman codes with their tables: of zeros and of codes on their own, or together.",
              "", "| layer | padding | entries | starts | Huffman, two codes | Huffman, one code |",
              "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        bits = row["bits"]
        lines.append(f"| {row['layer']} | {percent(row['padding'], 1)} | {bits['entries']:,} | "
                     f"{bits['starts']:,} | {bits['huffman zeros'] + bits['huffman codes']:,} | "
                     f"{bits['huffman together']:,} |")
    return lines


def bench_sparse(
    seed: SeedOption = 1,
    rtl: Annotated[str | None, typer.Option(
        help="Also simulate the RTL of this layer, which takes minutes.",
        show_default=False)] = None,
    out: Annotated[Path, typer.Option(
        dir_okay=False, help="Markdown file to write; the plot lies beside it.")
    ] = Path("build/bench/sparse.md"),
    json: JsonOption = None,
) -> None:
    """Cycles, balance and bits of the sparse engine on layers like those of the EIE paper."""
    if rtl not in (None, *(shape.name for shape in LAYERS)):
        raise typer.BadParameter(f"--rtl must be one of "
                                 f"{', '.join(shape.name for shape in LAYERS)}, not {rtl!r}")
    rows, simulated = [], ""
    with bar("bench sparse", len(LAYERS)) as show:
        for done, shape in enumerate(LAYERS):
            columns, x = draw(shape, seed)
            rows.append(measure(shape, columns, x))
            if shape.name == rtl:
                starts = simulate(shape, columns, x)
                simulated = (f"here also on all of {shape.name}: {len(starts)} frames, which "
                             f"start after {', '.join(f'{start:,}' for start in starts)} cycles")
            show(done + 1)
    command = f"lutloom bench sparse --seed {seed}" + (f" --rtl '{rtl}'" if rtl else "")
    out.parent.mkdir(parents=True, exist_ok=True)
    picture = out.with_suffix(".svg")
    plot_curve(picture, "activations that wait at an element",
               f"balance of {PE} elements: work / cycles, %", DEPTHS,
               {row["layer"]: [100 * part for part in row["balance"]] for row in rows})
    lines = _page(rows, simulated, command, picture.name)
    out.write_text("\n".join(lines) + "\n")
    for line in lines:
        say(line)
    write_results(json, "bench sparse", {"seed": seed, "pe": PE, "depth": DEPTH, "lanes": LANES,
                                         "depths": DEPTHS, "rtl": simulated, "rows": rows})
