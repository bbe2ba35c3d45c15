"""What the memories of the sparse engine hold, and which layers fit into them."""

from typing import Any, NamedTuple

from golden.layer import Dense
from golden.number import Integer
from golden.sparse import InterleavedColumns

__all__ = ["Contents", "check_room", "checked_input", "contents", "fitted"]


class Contents(NamedTuple):
    """Words of a memory, each of ``width`` bits."""
    words: list[int]
    width: int


def checked_input(layer: Any) -> Integer:
    """The kind of input; TypeError or ValueError unless the engine computes what the layer does."""
    if not isinstance(layer, Dense):
        raise TypeError(f"layer must be a golden.layer.Dense, not {layer!r}")
    if not isinstance(layer.input, Integer) or layer.input.width > 16:
        raise ValueError(f"layer {layer.name}: input must be an integer of at most 16 bits for the "
                         f"sparse engine, not {layer.input}")
    if layer.thresholds is not None or layer.bias is not None:
        raise ValueError(f"layer {layer.name}: the sparse engine has no thresholds and no bias; "
                         "leave them out or use a folded layer")
    return layer.input


def contents(columns: InterleavedColumns, room: int, value: Integer) -> dict[str, Contents]:
    """All memories of an engine with ``room`` entries an element and values of a kind.

    ``starts_{p}``: n_in + 1 places where the columns of element p start. ``entries_{p}``: ``room``
    bytes, ``zeros`` in the lower four bits, the code in the upper four; 0 beyond the last entry.
    ``values``: those of 16 codes in two's complement, 0 beyond the last.
    """
    found = {}
    for p, element in enumerate(columns.elements):
        found[f"starts_{p}"] = Contents(element.starts.tolist(), room.bit_length())
        found[f"entries_{p}"] = Contents(_filled(element.words.tolist(), room), 8)
    codes = [number & (1 << value.width) - 1 for number in columns.values]
    return found | {"values": Contents(_filled(codes, 16), value.width)}


def _filled(words: list[int], length: int) -> list[int]:
    return words + [0] * (length - len(words))


def fitted(layer: Dense, own: Dense, columns: InterleavedColumns, room: int) -> InterleavedColumns:
    """Columns of another layer for an engine made for ``own``, which has these ``columns``.

    Raises TypeError or ValueError, with what does not fit, unless the layer is one for the engine
    and has the shape and kind of input of ``own``, no wider values, and columns of at most ``room``
    entries an element.
    """
    checked_input(layer)
    facts, others = ((str(of.input), of.weights.shape) for of in (own, layer))
    if facts != others:
        raise ValueError(f"layer {own.name}: (input, shape of weights) must be {facts}, not "
                         f"{others} as of layer {layer.name}; make a core for that")
    made, width = InterleavedColumns.of(layer, len(columns.elements)), columns.value.width
    if made.value.width > width:
        raise ValueError(f"layer {own.name}: entries must have at most {width} bits, not "
                         f"{made.value.width} as of layer {layer.name}; make the core with a "
                         "codebook of wider entries")
    check_room(made, layer, own, room)
    return made


def check_room(columns: InterleavedColumns, layer: Dense, own: Dense, room: int) -> None:
    """Raise ValueError if ``columns``, those of ``layer``, do not fit into the core of ``own``."""
    if columns.longest > room:
        raise ValueError(f"layer {own.name}: room must be at least {columns.longest}, the entries "
                         f"of the longest element of layer {layer.name}, not {room}; make the core "
                         "with more room, or prune that layer further")
