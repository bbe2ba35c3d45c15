"""Pictures of the wiring: their pins are the platforms', and those in docs/ are the program's."""

import re
from xml.etree import ElementTree

import pytest

from boards.platforms import BOARDS
from scripts.wiring import HEADERS, pictures, pins, wired
from tb.cache import repository
from tb.cli_case import lutloom

# Header -> connector of the Amaranth platform, and what it adds to the number on the header.
CONNECTORS = {"PMOD A": (("pmod", 0), 0), "Arduino": (("arduino", 0), 1), "GPIO_0": (("j", 1), 0)}


def test_every_kind_of_link_has_a_picture() -> None:
    kinds = wired()
    assert sorted(sum(kinds.values(), [])) == sorted(BOARDS)
    assert kinds.keys() == HEADERS.keys() | {"USB-UART"}
    assert list(pictures()) == ["wiring_usb.svg", "wiring_pmod.svg", "wiring_arduino.svg",
                                "wiring_gpio.svg"]


@pytest.mark.parametrize("kind", HEADERS)
def test_pins_are_those_of_the_platform(kind: str) -> None:
    """What a person reads on the header leads to the pins that the bitstream uses."""
    connector, more = CONNECTORS[kind]
    for name in wired()[kind]:
        mapping = BOARDS[name].platform().connectors[connector].mapping
        named = re.findall(r"\d+", BOARDS[name].link)[-2:]
        assert tuple(mapping[str(int(pin) + more)] for pin in named) == pins(name)
        labels = [label for row in HEADERS[kind].rows for label in row]
        assert all(labels.count(pin) == 1 for pin in named)
        row, column = HEADERS[kind].ground
        assert HEADERS[kind].rows[row][column] == "GND"


@pytest.mark.parametrize("name", pictures())
def test_pictures_show_boards_and_pins(name: str) -> None:
    root = ElementTree.fromstring(pictures()[name])
    words = " ".join(filter(None, root.itertext()))
    [kind] = [kind for kind in wired() if kind.lower().startswith(name[7:10])]
    for board in wired()[kind]:
        assert board in words and ", ".join(pins(board)) in words
    ends = [path for path in root.iter() if path.get("class") == "wire"]
    assert len(ends) == 4  # the cable, and three more


def test_the_documentation_has_them(tmp_path) -> None:
    status, output, _ = lutloom("boards", "--wiring", tmp_path)
    assert status == 0
    for name in pictures():
        assert f"{tmp_path / name}\n" in output
        drawn = (tmp_path / name).read_text()
        assert drawn == (repository() / "docs" / name).read_text()
        assert f"]({name})" in (repository() / "docs/boards.md").read_text()
