"""Pictures of how a host is wired to boards: at the USB plug, or by an adapter on a header.

Pins are those of `boards.platforms`. Sources: Digilent's Pmod Interface Specification, Terasic's
manuals of DE10-Nano and DE0-CV, and the Arduino Uno's header, for where pins lie.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from boards.platforms import BOARDS
from scripts.charts import COLOURS

__all__ = ["HEADERS", "Header", "pictures", "pins", "wired"]

_WIDTH, _PITCH, _PAD = 900, 30, 24
_STYLE = ("text{font:12px system-ui,sans-serif;fill:#1d2530;text-anchor:middle}"
          ".name{font-weight:600;font-size:13px}.small{fill:#5d6875;font-size:10px}"
          ".used{font-size:10px;font-weight:600}.start{text-anchor:start}.box{fill:#f6f8fa;stroke:#5d6875}.end{text-anchor:end}"
          ".wire{stroke-width:2.5;fill:none}.pin{fill:#fff}")
_GREY = "#5d6875"


@dataclass(frozen=True)
class Header:
    """Rows of pins as one sees them; ground: the one to take, of its row; note: what to mind."""

    title: str
    seen: str
    rows: tuple[tuple[str, ...], ...]
    ground: tuple[int, int]
    note: str


HEADERS: Mapping[str, Header] = {
    "PMOD A": Header(
        "PMOD A", "seen from outside, into the connector",
        (("3V3", "GND", "4", "3", "2", "1"), ("3V3", "GND", "10", "9", "8", "7")), (0, 1),
        "leave 3V3 open: the board has its own power"),
    "Arduino": Header(
        "Arduino header", "seen from above, its digital pins",
        ((*"SCL SDA AREF GND 13 12 11 10 9 8".split(), "", *"7 6 5 4 3 2 1 0".split()),), (0, 3),
        "no shield on it; 3.3 V, not the 5 V of other Arduino headers"),
    "GPIO_0": Header(
        "GPIO_0", "seen from above, its first 14 pins; pin 1 is marked",
        (tuple("1 3 5 7 9 5V 13".split()), tuple("2 4 6 8 10 GND 14".split())), (1, 5),
        "pin 11 gives 5 V: nothing belongs there"),
}


def wired() -> dict[str, list[str]]:
    """Kind of link, "USB-UART" or one of HEADERS -> boards that have it."""
    kinds: dict[str, list[str]] = {}
    for name, board in BOARDS.items():
        kinds.setdefault(re.sub(r" \d+, \d+$", "", board.link), []).append(name)
    return kinds


def pins(board: str) -> tuple[str, str]:
    """Pins of the part that receive and transmit."""
    uart: Any = BOARDS[board].platform().request("uart", 0, dir="-")
    return uart.rx.io.metadata[0].name, uart.tx.io.metadata[0].name


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text{f" class={kind!r}" if kind else ""} x="{x:g}" y="{y:g}">{escape(words)}</text>'


def _box(x: float, y: float, width: float, height: float, name: str, *lines: str) -> str:
    """A box with its name and lines below it, all in its middle."""
    middle, top = x + width / 2, y + height / 2 + 4 - 8 * len(lines)
    return (f'<rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>'
            + _text(middle, top, name, "name")
            + "".join(_text(middle, top + 16 * (k + 1), line, "small")
                      for k, line in enumerate(lines)))


def _wire(path: str, colour: str, dashes: str = "") -> str:
    return f'<path class="wire" d="{path}" stroke="{colour}" stroke-dasharray="{dashes}"/>'


def _page(title: str, height: int, parts: Sequence[str]) -> str:
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}"><style>{_STYLE}</style>'
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>'
            f'{_text(14, 24, title, "name start")}\n' + "\n".join(parts) + "</svg>\n")


def _usb(boards: Sequence[str]) -> str:
    parts = [_box(14, 50, 110, 120, "host", "lutloom"),
             _wire("M124 110H200", _GREY), _text(162, 102, "USB", "small"),
             '<rect class="box" x="200" y="40" width="400" height="140" rx="8"/>',
             _text(590, 56, "board", "small end"),
             _box(214, 66, 130, 96, "USB chip", "first part: loads", "second part: UART"),
             _box(456, 66, 130, 96, "FPGA"),
             _wire("M344 82H456", _GREY, "5 4"), _text(400, 77, "bitstream", "small"),
             _wire("M344 118H456", COLOURS[0]), _text(400, 113, "to rx", "small"),
             _wire("M456 148H344", COLOURS[1]), _text(400, 143, "from tx", "small")]
    parts.append(_text(616, 48, "pins of the FPGA, rx and tx", "small start"))
    for k, name in enumerate(boards):
        down = 66 + 17 * k
        parts += [_text(616, down, name, "start"), _text(800, down, ", ".join(pins(name)), "end")]
    return _page("One USB cable loads the bitstream and is the host link",
                 max(204, 66 + 17 * len(boards)), parts)


def _header(header: Header, boards: Sequence[str]) -> str:
    receives, transmits = re.findall(r"\d+", BOARDS[boards[0]].link)[-2:]
    left, top = _WIDTH - 30 - len(header.rows[0]) * _PITCH, 78
    width, height = _WIDTH - 14 - left, len(header.rows) * _PITCH + 16
    below = top + height + 16
    adapter = {receives: ("TX", COLOURS[0]), transmits: ("RX", COLOURS[1])}
    pads, ends = [], []
    for row, labels in enumerate(header.rows):
        for column, label in enumerate(labels):
            x, y = left + column * _PITCH + _PITCH / 2, top + row * _PITCH + _PITCH / 2
            mine = ("GND", _GREY) if (row, column) == header.ground else adapter.get(label)
            if mine:  # a wire to the upper of two rows passes beside the lower one
                beside = row + 1 < len(header.rows)
                ends.append((x + beside * _PITCH / 2, x, y, *mine))
            if label:
                pads.append(f'<rect class="pin" x="{x - _PAD / 2:g}" y="{y - _PAD / 2:g}" '
                            f'width="{_PAD}" height="{_PAD}" stroke="{mine[1] if mine else _GREY}" '
                            f'stroke-width="{3 if mine else 1}"/>'
                            + _text(x, y + 4, label, "used" if mine else "small"))
    wires = []
    for k, (side, x, y, name, colour) in enumerate(sorted(ends)):  # so that none cross
        start, turn, lane = 88 + 37 * k, 288 - 12 * k, below + 14 * k
        wires += [f'<circle cx="216" cy="{start}" r="5" fill="{colour}"/>',
                  _text(228, start + 4, name, "start"),
                  _wire(f"M256 {start}H{turn}V{lane}H{side:g}V{y:g}H{x:g}", colour)]
    bottom = max(below + 60, 216)
    fpga = "; ".join(f"{name} {', '.join(pins(name))}" for name in boards)
    return _page(f"{', '.join(boards)}: a USB-UART adapter on {header.title}", bottom + 48, [
        _box(14, 60, 80, 130, "host", "lutloom"),
        _wire("M94 125H124", _GREY), _text(109, 118, "USB", "small"),
        _box(124, 60, 92, 130, "adapter", "USB to UART", "3.3 V"),
        _text(_WIDTH - 22, top - 18, f"{header.title}, {header.seen}", "small end"),
        (f'<rect class="box" x="{left - 8}" y="{top - 8}" width="{width}" height="{height}" '
         'rx="4"/>'), *wires, *pads,
        _text(14, bottom, f"TX of the adapter to {receives}, which receives; its RX to {transmits}"
                          ", which transmits; GND to GND.", "start"),
        _text(14, bottom + 18, f"Mind: {header.note}.", "start"),
        _text(14, bottom + 36, f"Pins of the FPGA, rx and tx: {fpga}", "small start")])


def pictures() -> dict[str, str]:
    """Name of a file -> SVG, one for each kind of link."""
    drawn = {}
    for kind, boards in wired().items():
        name = re.sub(r"\W.*", "", kind).lower().removesuffix("_0")
        drawn[f"wiring_{name}.svg"] = (_header(HEADERS[kind], boards) if kind in HEADERS
                                       else _usb(boards))
    return drawn
