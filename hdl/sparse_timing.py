"""When the sparse engine gives its frames: an exact model of its cycles without its hardware."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golden.sparse import Columns, InterleavedColumns

__all__ = ["SparseTiming"]

_SUMS = 4  # cycles from the last read of entries until ``finished``: code, weight, product, sum
_LONG_AGO = -1 << 40


def _cycles(columns: Columns) -> NDArray[np.int64]:
    """(n_in,) cycles that each column takes: entries, a filling one together with the next."""
    real = np.flatnonzero(columns.codes)
    filling = np.diff(real, prepend=-1) - 1
    column = np.searchsorted(columns.starts, real, side="right") - 1
    cycles = np.zeros(len(columns.starts) - 1, np.int64)
    np.add.at(cycles, column, filling // 2 + 1)
    return cycles


class SparseTiming:
    """Cycles of :class:`hdl.sparse_engine.SparseEngine` for inputs and outputs without stalls.

    Every beat, activation and column happens at the maximum of what it waits for plus a constant;
    these maxima are computed in order, for all elements at once.

    columns : weights; lanes : activations of an input beat; depth : of the elements' queues
    """

    def __init__(self, columns: InterleavedColumns, lanes: int, depth: int) -> None:
        self.work = np.array([_cycles(element) for element in columns.elements])  # (pe, n_in)
        self._lanes, self._depth = lanes, depth
        self._rows = -(-columns.n_out // len(columns.elements))

    @property
    def beats(self) -> int:
        """Input beats of a frame."""
        return -(-self.work.shape[1] // self._lanes)

    @property
    def buffer(self) -> int:
        """Input beats that wait: those of a frame, and at least three."""
        return max(self.beats, 3)

    @cached_property
    def slowest(self) -> tuple[int, int]:
        """(latency, interval) of frames without zeros."""
        starts = self.starts(np.ones((4, self.work.shape[1]), bool))
        return starts[0], starts[3] - starts[2]

    def starts(self, x: ArrayLike) -> list[int]:
        """Cycles from the first input beat to each frame's first output beat.

        x : (frames, n_in), of which only matters what is 0
        """
        queue_latency = 1 if self._depth <= 2 else 2
        work, depth = self.work, self._depth
        pe, n_in = work.shape
        busy = np.maximum(work, 1)
        popped = np.full((pe, depth), _LONG_AGO)  # when the last ``depth`` columns left the queue
        pushed = np.zeros(pe, np.int64)
        free = np.full(pe, _LONG_AGO)  # when an element's column is over
        everyone, places = np.ones(pe, bool), np.arange(pe)
        taken, fired, emptied = -1, _LONG_AGO, _LONG_AGO
        left: list[int] = []  # when beats left the buffer
        starts = []
        for frame in np.asarray(x) != 0:
            for beat in range(self.beats):
                taken += 1
                if len(left) >= self.buffer:
                    taken = max(taken, left[-self.buffer] + 1)
                first = beat * self._lanes
                chosen: list[int | None] = list(
                    first + np.flatnonzero(frame[first:first + self._lanes]))
                ends = beat == self.beats - 1
                if not chosen and not ends:
                    continue
                issued = _LONG_AGO
                for k, column in enumerate(chosen or [None]):
                    last = ends and k == max(len(chosen) - 1, 0)
                    issued = max(fired, taken + 2)
                    fired = issued + 1
                    cycles = work[:, column] if column is not None else np.zeros(pe, np.int64)
                    active = everyone if last else cycles > 0
                    slot = pushed % depth
                    before = popped[places, slot]
                    waits = before[active]
                    if waits.size:
                        fired = max(fired, int(waits.max()) + (depth > 1))
                    start = np.maximum(fired + queue_latency, free)
                    if last:
                        start = np.maximum(start, emptied + 1)
                    popped[places, slot] = np.where(active, start, before)
                    longest = busy[:, column] if column is not None else 1
                    free = np.where(active, start + longest, free)
                    pushed = pushed + active
                left.append(issued)
            drained = int(free.max()) + _SUMS
            starts.append(drained + 1)
            emptied = drained + self._rows - 1
        return starts
