"""When beats move through a chain of cores: control without data, cycle for cycle.

Each core's ``timing()`` is a model of its handshakes. :func:`first_output` runs a chain of them
with a source that always offers and a sink that always takes. ``hdl/graph_timing.py`` does so where
streams fork and join.
"""

from collections.abc import Sequence
from typing import Protocol

__all__ = ["ArgMaxTiming", "ConverterTiming", "EmbeddingTiming", "FifoTiming", "FoldedTiming",
           "PipelineTiming", "ReduceTiming", "RepeatTiming", "ScheduledTiming", "Timing",
           "WindowTiming", "WireTiming", "fifo_latency", "first_output"]


class Timing(Protocol):
    """Handshakes of one core."""

    def valid(self, offered: bool) -> bool:
        """Is o.valid high, if i.valid is ``offered``?"""

    def ready(self, wanted: bool) -> bool:
        """Is i.ready high, if o.ready is ``wanted``?"""

    def step(self, take: bool, give: bool) -> None:
        """Clock edge; take and give: a beat enters, leaves."""


class WireTiming:
    """No register at all."""

    def valid(self, offered: bool) -> bool:
        return offered

    def ready(self, wanted: bool) -> bool:
        return wanted

    def step(self, take: bool, give: bool) -> None:
        pass


class PipelineTiming:
    """Registers that move together: ``latency`` of them, all beats alike."""

    def __init__(self, latency: int):
        self._stages = [False] * latency

    def valid(self, offered: bool) -> bool:
        return self._stages[-1]

    def ready(self, wanted: bool) -> bool:
        return wanted or not self._stages[-1]

    def step(self, take: bool, give: bool) -> None:
        if give or not self._stages[-1]:
            self._stages = [take, *self._stages[:-1]]


class ArgMaxTiming(PipelineTiming):
    """A pipeline out of which only the last beat of a frame comes."""

    def __init__(self, beats: int, latency: int):
        super().__init__(latency)
        self._beats, self._taken = beats, 0

    def step(self, take: bool, give: bool) -> None:
        self._taken += take
        super().step(take and self._taken % self._beats == 0, give)


class ReduceTiming:
    """An output register that the beats of a frame behind the first ``silent`` enter."""

    def __init__(self, silent: int, beats: int):
        self._silent, self._beats, self._beat, self._full = silent, beats, 0, False

    def valid(self, offered: bool) -> bool:
        return self._full

    def ready(self, wanted: bool) -> bool:
        return wanted or not self._full or self._beat < self._silent

    def step(self, take: bool, give: bool) -> None:
        self._full = take and self._beat >= self._silent or self._full and not give
        self._beat = (self._beat + take) % self._beats


class EmbeddingTiming:
    """An output register that ``beats`` beats enter for each one taken."""

    def __init__(self, beats: int):
        self._beats, self._beat, self._full = beats, 0, False

    def valid(self, offered: bool) -> bool:
        return self._full

    def ready(self, wanted: bool) -> bool:
        return self._beat == 0 and (wanted or not self._full)

    def step(self, take: bool, give: bool) -> None:
        if give or not self._full:
            self._full = take or self._beat > 0
            self._beat = (self._beat + self._full) % self._beats


class RepeatTiming:
    """A ring of ``room`` beats and an output register.

    first, last : for each output beat of a frame, does it show an input beat for the first time,
        which must be there then, for the last time, which then leaves the ring?
    """

    def __init__(self, first: Sequence[bool], last: Sequence[bool], room: int):
        self._first, self._last, self._room = bytes(first), bytes(last), room  # quick to copy
        self._beat = self._fresh = self._taken = 0
        self._full = False

    def valid(self, offered: bool) -> bool:
        return self._full

    def ready(self, wanted: bool) -> bool:
        return self._taken < self._room

    def step(self, take: bool, give: bool) -> None:
        free = not self._full or give
        first, last = self._first[self._beat], self._last[self._beat]
        step = free and (not first or self._fresh > 0)
        self._full = step or not free
        self._fresh += take - (step and first)
        self._taken += take - (step and last)
        self._beat = (self._beat + step) % len(self._first)


def fifo_latency(depth: int) -> int:
    """Cycles that a beat stays at least in a FIFO: registers up to depth 2, then a memory."""
    return 1 if depth <= 2 else 2


class FifoTiming:
    """A queue; a beat is offered ``latency`` cycles after it entered."""

    def __init__(self, depth: int, latency: int):
        self._depth = depth
        self._level = self._shown = 0  # beats inside; those of them that have been for long enough
        self._entering = [False] * (latency - 1)

    def valid(self, offered: bool) -> bool:
        return self._shown > 0

    def ready(self, wanted: bool) -> bool:
        return self._level < self._depth or self._depth == 1 and wanted

    def step(self, take: bool, give: bool) -> None:
        self._entering.insert(0, take)
        self._shown += self._entering.pop() - give
        self._level += take - give


class ConverterTiming:
    """A buffer of ``capacity`` units; beats of ``take`` units, the frame's last of ``last``."""

    def __init__(self, beats: int, take: int, last: int, give: int, capacity: int):
        self._beats, self._take, self._last, self._give = beats, take, last, give
        self._capacity, self._level, self._beat = capacity, 0, 0

    @property
    def _add(self) -> int:
        return self._last if self._beat == self._beats - 1 else self._take

    def valid(self, offered: bool) -> bool:
        return self._level >= self._give

    def ready(self, wanted: bool) -> bool:
        return self._level + self._add <= self._capacity

    def step(self, take: bool, give: bool) -> None:
        self._level += take * self._add - give * self._give
        self._beat = (self._beat + take) % self._beats


class FoldedTiming:
    """A ring of two frames, ``passes`` over ``beats``, and a pipeline that the output stops."""

    def __init__(self, beats: int, passes: int, delay: int):
        self._beats, self._passes = beats, passes
        self._fresh = self._taken = self._step = 0
        self._results = [False] * (delay + 1)  # is the last beat of a pass in this stage?
        self._full = False

    def valid(self, offered: bool) -> bool:
        return self._full

    def ready(self, wanted: bool) -> bool:
        return self._taken < 2 * self._beats

    def step(self, take: bool, give: bool) -> None:
        stalled = self._results[-1] and self._full and not give
        first = self._step < self._beats
        step = not stalled and (not first or self._fresh > 0)
        if not stalled:
            self._full = self._results[-1] or self._full and not give
            ends = step and self._step % self._beats == self._beats - 1
            self._results = [ends, *self._results[:-1]]
        self._fresh += take - (step and first)
        self._taken += take - (step and self._step >= (self._passes - 1) * self._beats)
        self._step = (self._step + step) % (self._beats * self._passes)


class ScheduledTiming:
    """Two whole frames of inputs, ``cycles`` steps a frame, two whole frames of results."""

    def __init__(self, beats_in: int, cycles: int, beats_out: int, delay: int):
        self._beats_in, self._cycles, self._beats_out = beats_in, cycles, beats_out
        self._beat = self._held = self._fresh = self._step = self._complete = self._out = 0
        self._stages = [(False, False)] * delay  # is it a frame's first, last step?
        self._full = False

    @property
    def _advance(self) -> bool:
        return not (self._stages[-1][0] and self._complete == 2)

    def valid(self, offered: bool) -> bool:
        return self._full

    def ready(self, wanted: bool) -> bool:
        return self._held < 2 or self._stages[0][1] and self._advance

    def step(self, take: bool, give: bool) -> None:
        read = self._complete > 0 and (not self._full or give)
        self._full = read or self._full and not give
        ended = self._step == self._cycles - 1 and self._fresh > 0 and self._advance
        finished = self._stages[-1][1] and self._advance
        if self._advance:
            self._held -= self._stages[0][1]
            step = self._fresh > 0
            self._stages = [(step and self._step == 0, ended), *self._stages[:-1]]
            self._step = (self._step + step) % self._cycles
        self._beat += take
        whole = self._beat == self._beats_in
        self._beat -= whole * self._beats_in
        self._held += whole
        self._fresh += whole - ended
        self._out += read
        left = self._out == self._beats_out
        self._out -= left * self._beats_out
        self._complete += finished - left


class WindowTiming:
    """A memory of ``capacity`` pixels and an output register; inputs count by whole units.

    needs : for each tap of a frame, its last window's last tap at the end, how many pixels must be
        in; 0 for a zero, which waits for the frame's first beat
    kept : for each window, the first pixel that is kept until it is out
    pixels : of a frame, each of ``groups`` beats, as a tap has
    unit : beats that become available together
    sets : a window shows all taps of the first ``groups / sets`` beats, then of the next
    """

    def __init__(self, needs: Sequence[int], kept: Sequence[int], pixels: int, capacity: int,
                 groups: int = 1, unit: int = 1, sets: int = 1):
        self._needs, self._kept, self._capacity = needs, kept, capacity * groups
        self._frame, self._groups, self._unit = pixels * groups, groups, unit
        self._taps, self._sets, self._share = len(needs) // len(kept), sets, groups // sets
        self._window = self._taps * groups  # beats
        self._beats = len(needs) * groups
        self._taken = self._beat = 0  # from the start of the frame that leaves
        self._full = False

    @property
    def _received(self) -> int:
        return self._taken - self._taken % self._unit

    def valid(self, offered: bool) -> bool:
        return self._full

    def ready(self, wanted: bool) -> bool:
        kept = self._kept[self._beat // self._window] * self._groups
        return self._received - kept < self._capacity

    def step(self, take: bool, give: bool) -> None:
        tap, group = divmod(self._beat, self._share)
        if self._sets > 1:
            turn, tap = divmod(tap, self._taps)
            window, chosen = divmod(turn, self._sets)
            tap, group = window * self._taps + tap, chosen * self._share + group
        need = self._needs[tap]
        present = self._received > ((need - 1) * self._groups + group if need else 0)
        step = present and (give or not self._full)
        self._full = step or self._full and not give
        self._taken += take
        self._beat += step
        if self._beat == self._beats:
            self._beat = 0
            self._taken -= self._frame


def first_output(stages: Sequence[Timing]) -> int:
    """Cycles from the first beat that enters the chain to the first that it offers."""
    cycle, started = 0, False
    while True:
        valid = [True]
        for stage in stages:
            valid.append(stage.valid(valid[-1]))
        ready = [True]
        for stage in reversed(stages):
            ready.append(stage.ready(ready[-1]))
        ready.reverse()
        if valid[-1]:
            return cycle
        moves = [offered and wanted for offered, wanted in zip(valid, ready, strict=True)]
        for k, stage in enumerate(stages):
            stage.step(moves[k], moves[k + 1])
        started = started or moves[0]
        cycle += started
