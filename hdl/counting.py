"""What is counted about frames that pass a core: beats, frames inside, and events."""

from collections.abc import Mapping

from amaranth.hdl import Module, Mux, Signal, Value

__all__ = ["count_events", "count_inside", "frame_ends"]

_INSIDE = 24  # bits of the number of frames inside


def frame_ends(m: Module, port: str, moves: Value, beats: int) -> tuple[Value, Value]:
    """Is the next beat at a port the first of its frame, is it the last? moves: it is taken."""
    beat = Signal(range(max(beats, 2)), name=f"beat_{port}")
    first, last = beat == 0, beat == beats - 1
    with m.If(moves):
        m.d.sync += beat.eq(Mux(last, 0, beat + 1))
    return first, last


def count_inside(m: Module, begins: Value, ends: Value) -> Signal:
    """Frames that have begun and not ended; not more than 2**24 - 1."""
    inside = Signal(_INSIDE)
    m.d.sync += inside.eq(inside + begins - ends)
    return inside


def count_events(m: Module, events: Mapping[str, Value], width: int) -> dict[str, Signal]:
    """In how many cycles each has been 1, modulo 2**width, by its name."""
    counters = {name: Signal(width, name=name) for name in events}
    m.d.sync += [counters[name].eq(counters[name] + event) for name, event in events.items()]
    return counters
