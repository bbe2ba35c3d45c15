"""What the memories of a scheduled layer hold."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from golden.layer import Dense
from golden.number import Codebook, pack
from hdl.schedule import Schedule

__all__ = ["Contents", "contents", "fitted", "schedule_word_width"]


class Contents(NamedTuple):
    """Words of a memory, each of ``width`` bits."""
    words: list[int]
    width: int


def schedule_word_width(schedule: Schedule) -> int:
    """Bits of a schedule word: weight code, place of the input, 1 for a row's last product."""
    return schedule.layer.weight_kind.width + schedule.index_bits + 1


def contents(schedule: Schedule, frame: Schedule) -> dict[str, Contents]:
    """All memories for a schedule, in the sizes of another one, ``frame``, that is no smaller.

    ``schedule_{j}``: ``cycles`` words of element j: weight code lowest, then the lane of its
    input, then the beat, then 1 for a row's last product. ``preloads_{j}``: where the accumulator
    of each of its ``slots`` rows starts, in two's complement. ``entries``, only of a codebook: the
    weight of each code. ``order``: ``beats_out`` words of the places of the results, lane 0
    lowest, each its slot and above it its element.
    """
    found = {f"schedule_{j}": Contents(_filled(_schedule_words(schedule, j), frame.cycles),
                                       schedule_word_width(frame)) for j in range(frame.pe)}
    width = frame.accumulator_width
    for j, rows in enumerate(schedule.rows):
        starts = [int(start) & (1 << width) - 1 for start in schedule.preload[list(rows)]]
        found[f"preloads_{j}"] = Contents(_filled(starts, frame.slots), width)
    kind, own = schedule.layer.weight_kind, frame.layer.weight_kind
    if isinstance(kind, Codebook) and isinstance(own, Codebook):
        mask = (1 << own.entry.width) - 1
        found["entries"] = Contents(_filled([entry & mask for entry in kind.entries],
                                            1 << own.width), own.entry.width)
    found["order"] = Contents(_order_words(schedule, frame.slot_bits),
                              max(frame.lanes_out * frame.place_bits, 1))
    return found


def _filled(words: list[int], length: int) -> list[int]:
    # An idle schedule word is never the last of a row, so that nothing comes of it.
    return words + [0] * (length - len(words))


def _schedule_words(schedule: Schedule, element: int) -> list[int]:
    return [word for row in schedule.rows[element] for word in _row_words(schedule, row)]


def _row_words(schedule: Schedule, row: int) -> Iterator[int]:
    layer, lanes = schedule.layer, schedule.lanes_in
    # An empty row adds its first weight, a zero.
    used = np.flatnonzero(layer.weights[row]) if layer.weights[row].any() else np.zeros(1, int)
    codes = layer.weight_kind.encode(layer.weights[row, used])
    for code, place in zip(codes.tolist(), used.tolist(), strict=True):
        index = place % lanes | place // lanes << schedule.lane_bits
        yield (code | index << layer.weight_kind.width
               | int(place == used[-1]) << schedule_word_width(schedule) - 1)


def _order_words(schedule: Schedule, slot_bits: int) -> list[int]:
    places = np.zeros(schedule.beats_out * schedule.lanes_out, np.uint64)
    for element, rows in enumerate(schedule.rows):
        for slot, row in enumerate(rows):
            places[row] = slot | element << slot_bits
    width = max(int(places.max()).bit_length(), slot_bits + (schedule.pe - 1).bit_length(), 1)
    return pack(places.reshape(schedule.beats_out, schedule.lanes_out), width)


def fitted(layer: Dense, frame: Schedule) -> Schedule:
    """The schedule of another layer in memories of the sizes of ``frame``.

    Raises ValueError, with what does not fit, unless the layer has the shape, kinds and kind of
    output of that of ``frame``, and no wider entries or biases and no longer schedule.
    """
    own = frame.layer
    facts, others = (_facts(of) for of in (own, layer))
    if facts != others:
        raise ValueError(f"layer {own.name}: (input, weights' kind, weights' shape, bias, "
                         f"thresholds) must be {facts}, not {others} as of layer {layer.name}")
    kinds = own.weight_kind, layer.weight_kind
    widths = [kind.entry.width for kind in kinds if isinstance(kind, Codebook)]
    if widths and widths[1] > widths[0]:
        raise ValueError(f"layer {own.name}: entries must have at most {widths[0]} bits, not "
                         f"{widths[1]} as of layer {layer.name}; make the core with a codebook "
                         "of wider entries")
    schedule = Schedule(layer, frame.pe, frame.lanes_in, frame.lanes_out, slots=frame.slots)
    bits, most_bits = schedule.bias_bits, frame.bias_bits
    if not frame.has_thresholds and bits and most_bits and bits > most_bits:
        raise ValueError(f"layer {own.name}: biases must have at most {most_bits} bits, not "
                         f"{bits} as of layer {layer.name}; make the core with a wider bias")
    if schedule.cycles > frame.cycles:
        raise ValueError(f"layer {own.name}: a schedule must have at most {frame.cycles} "
                         f"cycles, not {schedule.cycles} as of layer {layer.name}; prune that "
                         "further, or make the core for it and write this one")
    return schedule


def _facts(layer: Dense) -> tuple[Any, ...]:
    """What layers share that the same core can compute."""
    kind = layer.weight_kind
    weights = f"codebook of {kind.width} bits" if isinstance(kind, Codebook) else str(kind)
    return (str(layer.input), weights, layer.weights.shape, layer.bias is not None,
            layer.thresholds is not None)
