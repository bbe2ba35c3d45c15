"""SlidingWindow against PyTorch's windows: every kind of geometry, cycle for cycle."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from golden.geometry import Geometry
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from hdl.sliding_window import SlidingWindow
from hdl.timing import WindowTiming
from hdl.window_order import WindowOrder, frame_starts
from tb.capacity import capacity
from tb.cases import rtl_only
from tb.harness import Frames, simulate
from tb.window_cases import draw, geometries, geometry, random_geometry, windows

BYTE = Integer(8, True)


# Convolutions with padding of all modes, pooling (stride as wide as the kernel), 1 to 3 dimensions,
# strides that leave rows over, and whole lines. (size, kernel, stride, padding, dilation, mode).
CASES = [
    (geometry((6, 5), 3, 1, 1), 2, Bipolar(), 1, {}),
    rtl_only(geometry((7,), 3, 1, 1), 1, Bipolar(), 1, {"line_buffers": 3}),
    rtl_only(geometry((5,), 5), 3, Ternary(), 3, {}),
    (geometry((5, 6), (3, 2), (2, 3), (1, 0), (1, 2)), 5, BYTE, 5,
     {"pad": -128, "memory": "block"}),
    rtl_only(geometry((6, 5), (3, 2), (1, 2), (2, 1), (2, 1), "reflect"), 6, Integer(4, False), 2,
             {}),
    (geometry((4, 5), 3, 1, (1, 2), 1, "replicate"), 7, BYTE, 7, {"line_buffers": 3}),
    rtl_only(geometry((3, 4, 3), 2, (1, 2, 1), (1, 0, 1)), 3, Ternary(), 1, {"memory": "lut"}),
    rtl_only(geometry((3, 3, 4), 2), 1, BYTE, 1, {"line_buffers": 3}),
    rtl_only(geometry((7, 5), 2, 3), 1, Bipolar(), 1, {}),
    rtl_only(geometry((6, 6), 2, 2), 4, BYTE, 2, {"pad": 7}),
    rtl_only(geometry((3, 4), 1), 5, Bipolar(), 5, {"line_buffers": 2}),
    rtl_only(geometry((6, 5), 3), 1, Integer(3, True), 1, {"line_buffers": 5}),
    (geometry((5, 4), 3, 1, 1), 4, Bipolar(), 1, {"sets": 2}),
    rtl_only(geometry((3, 4, 3), 2, 1, 1, 1, "reflect"), 6, BYTE, 2, {"sets": 3}),
    rtl_only(geometry((4, 5), (2, 3), (2, 1)), 2, BYTE, 1, {"sets": 2, "line_buffers": 3}),
]


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("place, channels, number, lanes, options",
                         CASES, ids=map(str, range(len(CASES))))
def test_matches_golden(rng: np.random.Generator, place: Geometry, channels: int, number: Number,
                        lanes: int, options: dict, netlist: bool) -> None:
    core = SlidingWindow(place, channels, number, lanes=lanes, **options)
    x = draw(rng, number, (4, place.positions_in * channels))
    starts = core.starts(4)
    assert starts[0] == core.latency
    result = simulate(core, Frames.of(x, number, lanes),
                      Frames.of(windows(x, place, channels, options.get("pad", 0),
                                        options.get("sets", 1)), core.output, lanes),
                      starts=starts, netlist=netlist)
    assert result.capacity == capacity([core.timing()], 4 * core.beats_in)


def test_random_geometry(rng: np.random.Generator) -> None:
    place = random_geometry(rng)
    core = SlidingWindow(place, 6, BYTE, lanes=3, pad=1)
    x = draw(rng, BYTE, (3, place.positions_in * 6))
    simulate(core, Frames.of(x, BYTE, 3), Frames.of(windows(x, place, 6, 1), BYTE, 3),
             starts=core.starts(3))


@settings(max_examples=100, deadline=None)
@given(geometries(), strategies.integers(1, 3))
def test_takes_what_torch_takes(place: Geometry, channels: int) -> None:
    needs = WindowOrder(place).needs
    x = np.arange(1, 2 * place.positions_in * channels + 1).reshape(2, -1)
    pixels = np.concatenate([np.full((2, 1, channels), -7), x.reshape(2, -1, channels)], axis=1)
    taken = pixels[:, needs].reshape(2, -1)
    assert (taken == windows(x, place, channels, pad=-7)).all()


@settings(max_examples=100, deadline=None)
@given(geometries())
def test_keeps_what_windows_need(place: Geometry) -> None:
    order, size = WindowOrder(place), place.positions_in
    first = np.where(order.needs == 0, size, order.needs - 1).min(1)
    needed = np.minimum.accumulate(first[::-1])[::-1]
    assert (order.kept <= needed).all() and (np.diff(order.kept) >= 0).all()
    if all((sources >= 0).any(1).all() for sources in place.sources):
        assert (order.kept == needed).all()


def _interval(order: WindowOrder, pixels: int, groups: int, unit: int = 1, sets: int = 1
              ) -> int | None:
    """Cycles of a late frame; None if no frame is so late."""
    place = order.geometry
    core = WindowTiming(order.needs.ravel().tolist(), order.kept.tolist(), place.positions_in,
                        pixels, groups, unit, sets)
    beats = order.needs.size * groups
    most = 20 * (beats + place.positions_in * groups) + 100
    starts = frame_starts(core, beats, 8, most)
    return starts[-1] - starts[-2] if len(starts) == 8 else None


@settings(max_examples=60, deadline=None)
@given(geometries(5), strategies.integers(1, 3), strategies.integers(1, 2))
def test_memory_is_the_least_of_the_rate(place: Geometry, groups: int, sets: int) -> None:
    groups *= sets
    core = SlidingWindow(place, groups, BYTE, lanes=1, sets=sets)
    order, interval, least = WindowOrder(place), core.initiation_interval, core.capacity
    assert _interval(order, least, groups, sets=sets) == interval
    assert least == 1 or _interval(order, least - 1, groups, sets=sets) != interval


@settings(max_examples=60, deadline=None)
@given(geometries(5))
def test_least_lines(place: Geometry) -> None:
    order = WindowOrder(place, lines=True)
    line, least = order.pitches[0], order.least_lines
    assert _interval(order, least * line, 1, line)
    assert least <= place.extent[0] or place.mode == "reflect"
    if least > 1 and all((sources >= 0).any(1).all() for sources in place.sources):
        assert not _interval(order, (least - 1) * line, 1, line)


def test_filling_overlaps_with_using() -> None:
    place, found = geometry((12, 8), 3), {}
    for lines in (3, 4, 5, None):
        core = SlidingWindow(place, 1, BYTE, lanes=1, line_buffers=lines)
        found[lines] = core.initiation_interval, core.capacity
    # With three lines each row of windows waits for a line; with more only a frame's first does.
    assert found == {3: (576, 24), 4: (550, 32), 5: (542, 40), None: (540, 30)}


@pytest.mark.parametrize("place, number, pad, output", [
    (geometry((4,), 3, 1, 1), Bipolar(), None, Ternary()),
    (geometry((4,), 3, 1, 1), Bipolar(), -1, Bipolar()),
    (geometry((4,), 3, 1, 1, 1, "reflect"), Bipolar(), None, Bipolar()),
    (geometry((4,), 3), Bipolar(), None, Bipolar()),
    (geometry((4,), 3, 1, 1), Ternary(), None, Ternary()),
    (geometry((4,), 3, 1, 1), BYTE, -128, BYTE),
])
def test_output(place: Geometry, number: Number, pad: int | None, output: Number) -> None:
    assert SlidingWindow(place, 1, number, lanes=1, pad=pad).output == output


@pytest.mark.parametrize("changes, error, message", [
    ({"channels": 0}, ValueError, r"^layer window: channels must be from 1 to 1048576, not 0$"),
    ({"channels": 1.5}, TypeError, r"^layer window: channels must be an integer, not 1.5$"),
    ({"number": 8}, TypeError, r"^layer window: input must be a Number, not 8$"),
    ({"number": Codebook((-1, 2))}, ValueError,
     (r"^layer window: input must be bipolar, ternary or an integer, not codebook\(-1,2\); only "
      r"weights have a codebook$")),
    ({"lanes": 7}, ValueError, r"^layer window: lanes must be from 1 to 6, not 7$"),
    ({"lanes": "2"}, TypeError, r"^layer window: lanes must be an integer, not '2'$"),
    ({"lanes": 4}, ValueError, (r"^layer window: lanes must divide the 6 channels, not 4; use 1, "
                                r"2, 3 or 6$")),
    ({"pad": 128}, ValueError, (r"^layer window: pad must be a value of the input, int8, not 128; "
                                r"use one from -128 to 127$")),
    ({"number": Bipolar(), "pad": 2}, ValueError,
     (r"^layer window: pad must be a value of the input, bipolar, not 2; use one from -1 to 1$")),
    ({"pad": 0.5}, TypeError, r"^layer window: pad must be an integer, not 0.5$"),
    ({"line_buffers": 2}, ValueError,
     r"^layer window: line_buffers must be from 3 to 65536, not 2$"),
    ({"line_buffers": "3"}, TypeError,
     r"^layer window: line_buffers must be an integer, not '3'$"),
    ({"memory": "uram"}, ValueError,
     r"^layer window: memory must be one of auto, lut, block, not 'uram'$"),
    ({"sets": 2}, ValueError, r"^layer window: sets must divide the 3 beats of a pixel, not 2$"),
])
def test_rejects(changes: dict, error: type[Exception], message: str) -> None:
    arguments = {"channels": 6, "number": BYTE, "lanes": 2, **changes}
    with pytest.raises(error, match=message):
        SlidingWindow(geometry((5, 5), 3, 1, 1), arguments.pop("channels"),
                      arguments.pop("number"), **arguments)
