"""Pieces of a report as HTML with inlined SVG: tables, pipeline, histograms, bars."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS", "STYLE", "confusion_matrix", "histogram", "html_table", "pipeline",
           "stacked_bars"]

COLOURS = ("#3b6fb6", "#d98032", "#4c9a62", "#b5485d", "#7d62a8", "#8a7452", "#5b9fb5", "#9aa03c")
STYLE = """
:root{color-scheme:light dark;--ink:#1d2530;--soft:#5d6875;--line:#d5dae0;--paper:#fff;
--box:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b2;--line:#39424d;
--paper:#14181d;--box:#1c2229}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1100px;
margin:2rem auto;padding:0 1rem}
h1{margin:0}h2{margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line)}
p.lead,figcaption,small{color:var(--soft)}
.wide{overflow-x:auto}table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:right;
border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums;white-space:nowrap}
td:first-child,th:first-child{text-align:left}.confusion td,.confusion th{text-align:center;
min-width:1.6rem;padding:.2rem .4rem}
svg text{font:12px system-ui,sans-serif;fill:var(--soft);text-anchor:middle}
svg .name{font-weight:600;fill:var(--ink);font-size:13px}svg .left{text-anchor:start}
svg .right{text-anchor:end}.box{fill:var(--box);stroke-width:2}.arrow,.axis{stroke:var(--soft);
fill:none}.head{fill:var(--soft)}
svg{max-width:100%;height:auto}.grid{display:flex;flex-wrap:wrap;gap:1rem 2rem}figure{margin:0}
.bars div{display:grid;grid-template-columns:9rem 1fr 9rem;gap:.8rem;align-items:center;
margin:.25rem 0}.bars span:nth-child(2){display:flex;height:1.2rem;background:var(--box)}
.bars b{display:block;height:100%}.legend span{margin-right:1rem}.legend i{display:inline-block;
width:.8rem;height:.8rem;margin-right:.35rem;border-radius:2px}
.good{color:#2f8a4e;font-weight:600}.bad{color:#c23b3b;font-weight:600}
"""


def html_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; whole numbers with thousands separated."""
    def cell(value: object) -> str:
        return f"{value:,}" if isinstance(value, int) else escape(str(value))

    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{cell(value)}</td>" for value in row) + "</tr>"
                   for row in rows)
    return (f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
            "</div>")


def pipeline(stages: Sequence[tuple[str, Sequence[str]]], arrows: Sequence[str]) -> str:
    """Boxes in a row: stages are (name, lines below it), arrows the text on each arrow between.

    The first and the last are grey, those between have the colours of COLOURS in order.
    """
    box, gap, line = 128, 72, 16
    height = 44 + line * max(len(lines) for _, lines in stages)
    width = len(stages) * box + (len(stages) - 1) * gap
    parts = []
    for index, (name, lines) in enumerate(stages):
        x = index * (box + gap)
        inner = 0 < index < len(stages) - 1
        colour = COLOURS[(index - 1) % len(COLOURS)] if inner else "#8a939d"
        parts.append(f'<rect x="{x + 1}" y="1" width="{box - 2}" height="{height - 2}" rx="6" '
                     f'class="box" stroke="{colour}"/>'
                     f'<text x="{x + box / 2}" y="22" class="name">{escape(name)}</text>')
        parts += [f'<text x="{x + box / 2}" y="{42 + line * k}">{escape(text)}</text>'
                  for k, text in enumerate(lines)]
    for index, text in enumerate(arrows):
        x, y = index * (box + gap) + box, height / 2
        parts.append(f'<path d="M{x + 4} {y} H{x + gap - 9}" class="arrow"/>'
                     f'<path d="M{x + gap - 11} {y - 5} l8 5 l-8 5 z" class="head"/>'
                     f'<text x="{x + gap / 2}" y="{y - 9}">{escape(text)}</text>')
    # Shrinks with the page; a long row is scrolled before its text becomes unreadable.
    return (f'<div class="wide"><svg viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="pipeline" style="width:100%;max-width:{width}px;min-width:'
            f'{width * 3 // 5}px">{"".join(parts)}</svg></div>')


def histogram(title: str, values: NDArray[np.float64], low: float, high: float, unit: str,
              colour: str) -> str:
    """Bars of how many values lie in each of 32 equal parts of low..high."""
    counts, _ = np.histogram(values, bins=32, range=(low, high))
    tallest = max(int(counts.max()), 1)
    bars = "".join(
        f'<rect x="{9 * k}" y="{90 - 80 * count / tallest:.1f}" width="8" '
        f'height="{80 * count / tallest:.1f}" fill="{colour}"><title>{count}</title></rect>'
        for k, count in enumerate(counts.tolist()) if count)
    return (f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="-2 0 292 112" '
            f'width="292" height="112" role="img" aria-label="{escape(title)}">{bars}'
            '<path d="M0 90.5 H287" class="axis"/>'
            f'<text x="0" y="106" class="left">{low:g}{unit}</text>'
            f'<text x="144" y="106">{(low + high) / 2:g}{unit}</text>'
            f'<text x="287" y="106" class="right">{high:g}{unit}</text></svg></figure>')


def confusion_matrix(matrix: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Rows are true classes, columns the answers; the redder, the more wrong answers."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    head = "".join(f"<th>{escape(name)}</th>" for name in classes)
    body = ""
    for row, name in enumerate(classes):
        cells = ""
        for column in range(len(classes)):
            hue, strength = (COLOURS[0], shares[row, column]) if row == column else (
                "#c23b3b", min(1.0, 0.25 + 4 * shares[row, column]))
            count = int(matrix[row, column])
            style = f' style="background:{hue}{round(180 * strength):02x}"' if count else ""
            cells += f"<td{style}>{count or '·'}</td>"
        body += f"<tr><th>{escape(name)}</th>{cells}</tr>"
    return (f'<table class="confusion"><thead><tr><th>true \\ answer</th>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>")


def stacked_bars(rows: Mapping[str, Mapping[str, float]], unit: str, order: Sequence[str]) -> str:
    """One bar a row, each made of its named parts; all bars have one scale.

    order: the names that get the first of COLOURS; others follow.
    """
    longest = max((sum(parts.values()) for parts in rows.values()), default=0) or 1
    shown = {name for parts in rows.values() for name, value in parts.items() if value}
    names = list(dict.fromkeys([*order, *(name for parts in rows.values() for name in parts)]))
    colour = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    legend = "".join(f'<span><i style="background:{colour[name]}"></i>{escape(name)}</span>'
                     for name in names if name in shown)
    bars = ""
    for row, parts in rows.items():
        pieces = "".join(
            f'<b style="width:{100 * value / longest:.3f}%;background:{colour[name]}" '
            f'title="{escape(name)}: {value:,g} {unit}"></b>' for name, value in parts.items())
        bars += (f"<div><span>{escape(row)}</span><span>{pieces}</span>"
                 f"<span>{sum(parts.values()):,g} {unit}</span></div>")
    return f'<div class="legend">{legend}</div><div class="bars">{bars}</div>'
