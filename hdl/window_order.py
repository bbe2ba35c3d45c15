"""In which order windows use the pixels of a frame, and how many must be kept for that."""

from dataclasses import dataclass
from functools import cached_property
from math import inf, prod

import numpy as np
from numpy.typing import NDArray

from golden.geometry import Geometry
from hdl.timing import Timing

__all__ = ["Sources", "WindowOrder", "extended", "frame_starts"]


def frame_starts(core: Timing, beats: int, frames: int, most: float = inf) -> list[int]:
    """Cycles from the first input beat to the first output beat of each frame of ``beats``.

    Inputs are always offered, outputs always taken. Those after ``most`` cycles are left out.
    """
    starts: list[int] = []
    cycle = given = 0
    while len(starts) < frames and cycle < most:
        give, take = core.valid(True), core.ready(True)
        if give and given % beats == 0:
            starts.append(cycle)
        core.step(take, give)
        given, cycle = given + give, cycle + 1
    return starts


def extended(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places (output, tap) as if each tap went on beyond the border, instead of -1 for a zero."""
    filled, outputs = places.copy(), np.arange(len(places))
    for column in filled.T:
        inside = np.flatnonzero(column >= 0)
        if inside.size:
            first, last = inside[0], inside[-1]
            step = (column[last] - column[first]) // max(last - first, 1)
            column[:] = np.where(column < 0, column[first] + (outputs - first) * step, column)
    return filled


@dataclass(frozen=True, eq=False)
class Sources:
    """Which words of a tensor of words each output takes, as a Geometry says it of pixels.

    size : words in each dimension
    sources : for each dimension (output, tap): the word that a tap reads, -1 for a zero
    lanes : (output, tap) of the first dimension: which part of the word it takes
    """

    size: tuple[int, ...]
    sources: tuple[NDArray[np.int64], ...]
    lanes: NDArray[np.int64]

    @property
    def positions_in(self) -> int:
        """Words in."""
        return prod(self.size)

    @property
    def positions_out(self) -> int:
        """Outputs."""
        return prod(len(places) for places in self.sources)


@dataclass(frozen=True)
class WindowOrder:
    """Pixels that the windows of a geometry need and leave behind, all counted row-major.

    lines: are pixels given up a whole line, a slice of the outermost dimension, at a time?
    parallel: are all taps of a window read at once? Zeros then need a pixel of the first line.
    """

    geometry: Geometry | Sources
    lines: bool = False
    parallel: bool = False

    @cached_property
    def pitches(self) -> tuple[int, ...]:
        """For each dimension: pixels from one place to the next."""
        size = self.geometry.size
        return tuple(prod(size[d + 1:]) for d in range(len(size)))

    @cached_property
    def lows(self) -> tuple[NDArray[np.int64], ...]:
        """For each dimension (output,): the least place that this or a later output needs."""
        found = []
        for d, (n, sources) in enumerate(zip(self.geometry.size, self.geometry.sources,
                                             strict=True)):
            least = np.where(sources < 0, n - 1, sources).min(1)
            kept = np.minimum.accumulate(least[::-1])[::-1]
            found.append(np.zeros_like(kept) if self.lines and d else kept)
        return tuple(found)

    @cached_property
    def leaves(self) -> tuple[NDArray[np.bool_], ...]:
        """For each dimension (output,): is its least place given up with this output?"""
        return tuple(np.append(low[1:] > low[:-1], True) for low in self.lows)

    @cached_property
    def kept(self) -> NDArray[np.int64]:
        """(positions,) the first pixel that is kept until a window is out.

        Along a line, pixels are given up only if no output of the next line needs that line.
        """
        first, leaving = np.zeros((), np.int64), np.ones((), bool)
        for low, leaves, pitch in zip(self.lows, self.leaves, self.pitches, strict=True):
            place = np.where(leaving[..., None], low, low[0])
            first, leaving = first[..., None] + place * pitch, leaving[..., None] & leaves
        return first.ravel()

    @cached_property
    def needs(self) -> NDArray[np.int64]:
        """(positions, taps) how many pixels are in once a tap's own is; 0 for a zero.

        (positions, 1) for all taps in parallel.
        """
        dimensions = len(self.geometry.size)
        pixel, zero = np.ones((), np.int64), np.zeros((), bool)
        for d, (sources, pitch) in enumerate(zip(self.geometry.sources, self.pitches,
                                                 strict=True)):
            if self.parallel:
                sources = sources.clip(min=0)
            shape = [1] * (2 * dimensions)
            shape[d], shape[dimensions + d] = sources.shape
            pixel = pixel + sources.reshape(shape) * pitch
            zero = zero | (sources < 0).reshape(shape)
        needs = np.where(zero, 0, pixel).reshape(self.geometry.positions_out, -1)
        return needs.max(1, keepdims=True) if self.parallel else needs

    @cached_property
    def least_lines(self) -> int:
        """Lines that must be kept at once."""
        greatest = np.maximum.accumulate(self.geometry.sources[0].max(1))
        return max(1, int((greatest - self.lows[0]).max()) + 1)

    def least_pixels(self, groups: int, sets: int = 1) -> int:
        """Least memory with which one beat a cycle enters or leaves, whichever are more.

        Pixels have ``groups`` beats and leave tap by tap, in each window one of ``sets`` equal
        parts of them after the other. Either the inputs or the outputs never pause; the outputs
        then come as early, the inputs as late as they can, and what is in memory meanwhile is what
        it must hold.
        """
        pixels, (windows, taps) = self.geometry.positions_in, self.needs.shape
        share, more = groups // sets, (self.needs.size - pixels) * groups
        # The later parts of a pixel come later, but are read no sooner than that after the first.
        needs = np.maximum(self.needs[:, None].repeat(sets, 1).ravel(), 1) - 1
        steps = np.arange(needs.size) * share
        if more <= 0:
            # A pixel enters every ``groups`` cycles; a tap is read a cycle after it, or later.
            late = np.maximum.accumulate(needs * groups + 1 - steps)
            late = np.maximum(late, late[-1] + more)
            ends = (steps + late).reshape(windows, -1)[:, -1] + share
            return int((-(-ends // groups) - self.kept).max())
        # A tap is read every ``groups`` cycles; a pixel enters a cycle before its first, or sooner.
        slack = np.full(pixels, np.iinfo(np.int64).max // 2)
        np.minimum.at(slack, needs, steps - 1 - needs * groups)
        soon = np.minimum.accumulate(slack[::-1])[::-1]
        soon = np.minimum(soon, soon[0] + more)
        enters = np.arange(pixels) * groups + soon
        frame, window = np.divmod(enters // (groups * taps), windows)
        return int((np.arange(pixels) + 1 - self.kept[window] - frame * pixels).max())
