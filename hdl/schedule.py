"""Which element multiplies what and when: a static schedule of a layer's non-zero weights."""

import heapq
from functools import cached_property

import numpy as np
from amaranth.utils import ceil_log2
from numpy.typing import NDArray

from golden.layer import Dense
from golden.number import Codebook, Integer, Number

__all__ = ["Schedule"]


class Schedule:
    """``pe`` elements multiply one non-zero weight a cycle each; zeros take no cycle.

    A row takes as many cycles as it has non-zeros, at least one, in one element. Rows are given
    out the longest first, each to the element with the least to do so far (of equals the lowest):
    longest processing time first, Graham, SIAM J. Appl. Math. 17, 1969. An element works through
    its rows in ascending order; elements that end early idle until the longest one has.

    layer : golden.layer.Dense, weights and inputs of any kind
    pe : elements; lanes_in, lanes_out : inputs and outputs a beat; all at least 1
    worst_case : accumulators hold any weights and thresholds of the layer's kinds, and raw ones any
        bias of as many bits as the layer's greatest
    slots : most rows of an element, at least n_out / pe; None for any number

    Raises TypeError or ValueError otherwise.
    """

    def __init__(self, layer: Dense, pe: int, lanes_in: int = 1, lanes_out: int = 1, *,
                 worst_case: bool = False, slots: int | None = None):
        if not isinstance(layer, Dense):
            raise TypeError(f"layer must be a golden.layer.Dense, not {layer!r}")
        for name, value in (("pe", pe), ("lanes_in", lanes_in), ("lanes_out", lanes_out)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"layer {layer.name}: {name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"layer {layer.name}: {name} must be at least 1, not {value}")
        self.layer, self.pe, self.lanes_in, self.lanes_out = layer, pe, lanes_in, lanes_out
        self.beats_in, self.beats_out = -(-layer.n_in // lanes_in), -(-layer.n_out // lanes_out)
        self._worst_case = worst_case
        loads = np.maximum(np.count_nonzero(layer.weights, axis=1), 1)
        totals = [(0, element) for element in range(pe)]
        rows: list[list[int]] = [[] for _ in range(pe)]
        for row in np.argsort(-loads, kind="stable"):
            load, element = heapq.heappop(totals)
            rows[element].append(int(row))
            if len(rows[element]) != slots:
                heapq.heappush(totals, (load + int(loads[row]), element))
        self.rows = tuple(tuple(sorted(of)) for of in rows)  # of each element, in their order
        self.cycles = max(int(loads[list(of)].sum()) for of in self.rows)  # cycles a frame
        self.slots = max(map(len, self.rows))  # rows of an element, at most

    @property
    def imbalance(self) -> float:
        """Cycles over those of an even share of the non-zeros, 1 at best."""
        return self.cycles * self.pe / max(self.layer.non_zeros, 1)

    @property
    def lanes_needed(self) -> int:
        """Outputs a beat that keep the pace of the inputs and the products."""
        return -(-self.layer.n_out // max(self.cycles, self.beats_in))

    @property
    def has_thresholds(self) -> bool:
        """Whether outputs are bipolar; else they are the accumulators."""
        return self.layer.thresholds is not None

    @cached_property
    def _reach(self) -> int:
        """Greatest absolute sum of products, whatever the weights."""
        layer, kind = self.layer, self.layer.weight_kind
        weight = kind.entry if isinstance(kind, Codebook) else kind
        return layer.n_in * max(-weight.minimum, weight.maximum) * max(
            -layer.input.minimum, layer.input.maximum)

    @property
    def bias_bits(self) -> int | None:
        """Bits of the layer's greatest bias."""
        bias = self.layer.bias
        if bias is None:
            return None
        return Integer.holding(int(bias.min()), int(bias.max()), signed=True).width

    @property
    def output(self) -> Number:
        """Number kind of the outputs."""
        if self.has_thresholds or not self._worst_case:
            return self.layer.output
        reach = self._reach + (0 if (bits := self.bias_bits) is None else 1 << bits - 1)
        return Integer.holding(-reach, reach, signed=True)

    @property
    def accumulator_width(self) -> int:
        """Bits of an accumulator, which starts at its row's preload."""
        layer = self.layer
        if layer.thresholds is None:
            return self.output.width
        if self._worst_case:
            return Integer.holding(-2 * self._reach - 1, 2 * self._reach, signed=True).width
        return Integer.holding(int((layer.accumulator_minimum - layer.thresholds).min()),
                               int((layer.accumulator_maximum - layer.thresholds).max()),
                               signed=True).width

    @cached_property
    def preload(self) -> NDArray[np.int64]:
        """(n_out,) int64: where each row's accumulator starts; its sign answers thresholds."""
        layer = self.layer
        start = np.zeros(layer.n_out, np.int64) if layer.bias is None else layer.bias
        return start if layer.thresholds is None else start - layer.thresholds

    @property
    def lane_bits(self) -> int:
        """Bits of an input's lane."""
        return ceil_log2(self.lanes_in)

    @property
    def index_bits(self) -> int:
        """Bits of an input's place: its lane, and above it its beat."""
        return self.lane_bits + ceil_log2(self.beats_in)

    @property
    def slot_bits(self) -> int:
        """Bits of the place of a row within its element."""
        return ceil_log2(self.slots)

    @property
    def place_bits(self) -> int:
        """Bits of a result's place: its slot, and above it its element."""
        return self.slot_bits + ceil_log2(self.pe)
