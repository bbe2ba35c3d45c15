"""A line chart as a stand-alone SVG file."""

from collections.abc import Mapping, Sequence
from html import escape

from scripts.charts import COLOURS

__all__ = ["line_chart"]

_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 130, 40, 50
_STYLE = ("text{font:12px system-ui,sans-serif;fill:#1d2530}.title{font-weight:600;font-size:14px}"
          ".middle{text-anchor:middle}.right{text-anchor:end}.grid{stroke:#d5dae0}")


def line_chart(title: str, x_label: str, y_label: str, x: Sequence[object],
               lines: Mapping[str, Sequence[float]], low: float, high: float) -> str:
    """Lines over equally spaced places of x; y from low to high, all in one SVG document.

    Names stand at the ends of their lines, apart from each other.
    """
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def across(k: int) -> float:
        return _LEFT + (right - _LEFT) * k / max(len(x) - 1, 1)

    def up(value: float) -> float:
        return bottom - (bottom - _TOP) * (value - low) / (high - low)

    parts = [f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
             f'<text class="title" x="{_LEFT}" y="22">{escape(title)}</text>',
             (f'<text class="middle" x="{(_LEFT + right) / 2}" y="{_HEIGHT - 12}">'
              f"{escape(x_label)}</text>"),
             (f'<text class="middle" transform="translate(16 {(_TOP + bottom) / 2}) rotate(-90)">'
              f"{escape(y_label)}</text>")]
    for step in range(7):
        value = low + (high - low) * step / 6
        parts.append(f'<path class="grid" d="M{_LEFT} {up(value):.1f}H{right}"/>'
                     f'<text class="right" x="{_LEFT - 8}" y="{up(value) + 4:.1f}">'
                     f"{value:g}</text>")
    for k, name in enumerate(x):
        parts.append(f'<text class="middle" x="{across(k):.1f}" y="{bottom + 18}">'
                     f"{escape(str(name))}</text>")
    names = []
    for colour, (name, values) in zip(COLOURS, lines.items(), strict=False):
        path = "L".join(f"{across(k):.1f} {up(value):.1f}" for k, value in enumerate(values))
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        names.append((up(values[-1]), name, colour))
    place = 0.0
    for height, name, colour in sorted(names):
        place = max(place + 15, height)
        parts.append(f'<text x="{right + 8}" y="{place + 4:.1f}" style="fill:{colour}">'
                     f"{escape(name)}</text>")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'width="{_WIDTH}" height="{_HEIGHT}"><style>{_STYLE}</style>{"".join(parts)}</svg>\n')
