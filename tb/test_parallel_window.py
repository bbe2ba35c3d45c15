"""ParallelWindow against PyTorch's windows: every kind of geometry, cycle for cycle."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from golden.geometry import Geometry
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from hdl.parallel_window import ParallelWindow
from hdl.window_order import frame_starts
from tb.capacity import capacity
from tb.cases import rtl_only
from tb.harness import Frames, simulate
from tb.window_cases import draw, geometries, geometry, random_geometry, windows

BYTE = Integer(8, True)

# (geometry, channels, number, options) as in tb/test_sliding_window.py.
CASES = [
    (geometry((6, 5), 3, 1, 1), 3, Bipolar(), {}),
    rtl_only(geometry((7,), 3, 1, 1), 1, Bipolar(), {"line_buffers": 3}),
    rtl_only(geometry((5, 6), (3, 2), (2, 3), (1, 0), (1, 2)), 5, BYTE,
             {"pad": -128, "memory": "block"}),
    (geometry((6, 5), (3, 2), (1, 2), (2, 1), (2, 1), "reflect"), 2, Integer(4, False),
     {"memory": "block"}),
    rtl_only(geometry((3, 4, 3), 2, (1, 2, 1), (1, 0, 1)), 2, Ternary(), {}),
    rtl_only(geometry((4, 6), 3, 1, 1), 2, Bipolar(), {"pixels": 3}),
    rtl_only(geometry((5, 8), (3, 4), (1, 2), (1, 3), 1, "reflect"), 1, BYTE, {"pixels": 2}),
    rtl_only(geometry((4, 8), 3, 1, 1, 1, "replicate"), 1, BYTE, {"pixels": 4}),
    rtl_only(geometry((7, 5), 2, 3), 1, Bipolar(), {"line_buffers": 4}),
    rtl_only(geometry((4, 3), 1), 7, Bipolar(), {}),
    rtl_only(geometry((4, 5), (4, 5)), 1, BYTE, {}),
    (geometry((4, 5), 3, 1, 1), 6, Bipolar(), {"sets": 3}),
    rtl_only(geometry((4, 6), (2, 3), 1, (0, 1)), 2, BYTE, {"sets": 2, "pixels": 3}),
]


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("place, channels, number, options",
                         CASES, ids=map(str, range(len(CASES))))
def test_matches_golden(rng: np.random.Generator, place: Geometry, channels: int, number: Number,
                        options: dict, netlist: bool) -> None:
    core = ParallelWindow(place, channels, number, **options)
    x, pixels = draw(rng, number, (6, place.positions_in * channels)), options.get("pixels", 1)
    starts = core.starts(6)
    assert starts[0] == core.latency
    result = simulate(core, Frames.of(x, number, pixels * channels), Frames.of(
        windows(x, place, channels, options.get("pad", 0), options.get("sets", 1)), core.output,
        pixels * place.taps * channels), starts=starts, netlist=netlist)
    assert result.capacity == capacity([core.timing()], 6 * place.positions_in // pixels)


def divisors(place: Geometry) -> list[int]:
    """Pixels a beat that fit."""
    row, windows_a_row = place.size[-1], place.output[-1]
    return [n for n in range(1, row + 1) if row % n == windows_a_row % n == 0]


@pytest.mark.parametrize("number", range(2))
def test_random_geometry(rng: np.random.Generator, number: int) -> None:
    place = random_geometry(rng)
    pixels = divisors(place)[-1 - number:][0]
    core = ParallelWindow(place, 2, BYTE, pad=1, pixels=pixels)
    x = draw(rng, BYTE, (5, place.positions_in * 2))
    simulate(core, Frames.of(x, BYTE, 2 * pixels), Frames.of(
        windows(x, place, 2, 1), BYTE, place.taps * 2 * pixels), starts=core.starts(5))


@settings(max_examples=100, deadline=None)
@given(geometries(), strategies.data())
def test_rate(place: Geometry, data: strategies.DataObject) -> None:
    pixels = data.draw(strategies.sampled_from(divisors(place)))
    core, frames = ParallelWindow(place, 1, BYTE, pixels=pixels), 9
    interval, beats = core.initiation_interval, place.positions_out // pixels
    starts = frame_starts(core.timing(), beats, frames, 20 * frames * interval + 100)
    assert len(starts) == frames and starts[-1] - starts[-2] == interval
    assert starts[0] == core.latency
    if all(step == 1 for step in place.stride) and place.output == place.size:
        assert interval == place.positions_in // pixels


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("height, width", [(9, 6), (4, 5), (33, 17)])
def test_three_lines_take_twice_the_time_of_four(height: int, width: int, padding: int) -> None:
    """Filling and using alternate, but for two lines a frame; with four they overlap."""
    place = geometry((height, width), 3, 1, padding, 1)
    intervals = {lines: ParallelWindow(place, 1, BYTE, line_buffers=lines).initiation_interval
                 for lines in (3, 4, 5)}
    whole = height * width
    assert intervals == {3: 2 * (whole - width), 4: whole, 5: whole}


@pytest.mark.parametrize("lines, cycles", [(3, 2 * 8 * 6), (4, 9 * 6)])
def test_lines_filled_and_used_in_turn(rng: np.random.Generator, lines: int, cycles: int) -> None:
    place = geometry((9, 6), 3, 1, 1, 1, "replicate")
    core = ParallelWindow(place, 1, BYTE, line_buffers=lines)
    assert core.initiation_interval == cycles
    x, starts = draw(rng, BYTE, (5, 54)), core.starts(5)
    result = simulate(core, Frames.of(x, BYTE, 1), Frames.of(windows(x, place, 1), BYTE, 9),
                      starts=starts, scenarios=("none", "both"))
    assert result.interval == (starts[-1] - starts[0]) / 4
    assert np.diff(starts)[-2:].tolist() == [cycles, cycles]


# As many lines as the kernel is high; a register more than it is wide, which is free a cycle later.
@pytest.mark.parametrize("place, lines, banks", [
    (geometry((9, 6), 3, 1, 1), None, [3, 4]), (geometry((9, 6), 3, 1, 1), 5, [5, 4]),
    (geometry((9, 6), 3, 2, 1), None, [3, 4]), (geometry((9, 6), (1, 3), 1, (0, 1)), None, [4]),
    (geometry((9, 6), (3, 1), 1, (1, 0)), None, [3]), (geometry((9, 6), 1), None, []),
    (geometry((9, 6), 1), 2, [2]), (geometry((9, 6), 3, 1, 2, 2), None, [5, 6]),
    (geometry((5, 9, 6), 3, 1, 1), None, [3, 3, 4]),
])
def test_memory(place: Geometry, lines: int | None, banks: list[int]) -> None:
    core = ParallelWindow(place, 1, BYTE, line_buffers=lines)
    assert [stage.banks for stage in core.stages] == banks


def test_keeps_more_lines_for_bursts() -> None:
    place = geometry((4, 2, 2), (3, 1, 2), (2, 1, 2), (1, 2, 1), (2, 2, 2), "replicate")
    core = ParallelWindow(place, 1, BYTE)
    assert core.initiation_interval == 16
    assert np.diff(core.starts(9))[-3:].tolist() == [16, 16, 16]


@pytest.mark.parametrize("number, pad, output", [
    (Bipolar(), None, Ternary()), (Bipolar(), 1, Bipolar()), (BYTE, None, BYTE),
])
def test_output(number: Number, pad: int | None, output: Number) -> None:
    assert ParallelWindow(geometry((4, 4), 3, 1, 1), 1, number, pad=pad).output == output


@pytest.mark.parametrize("changes, error, message", [
    ({"channels": 0}, ValueError, r"^layer window: channels must be from 1 to 1048576, not 0$"),
    ({"channels": None}, TypeError, r"^layer window: channels must be an integer, not None$"),
    ({"number": 8}, TypeError, r"^layer window: input must be a Number, not 8$"),
    ({"number": Codebook((-1, 2))}, ValueError,
     (r"^layer window: input must be bipolar, ternary or an integer, not codebook\(-1,2\); only "
      r"weights have a codebook$")),
    ({"pad": 128}, ValueError, (r"^layer window: pad must be a value of the input, int8, not 128; "
                                r"use one from -128 to 127$")),
    ({"sets": 4}, ValueError, r"^layer window: sets must divide the 6 channels, not 4$"),
    ({"pad": True}, TypeError, r"^layer window: pad must be an integer, not True$"),
    ({"pixels": 0}, ValueError, r"^layer window: pixels must be from 1 to 6, not 0$"),
    ({"pixels": "2"}, TypeError, r"^layer window: pixels must be an integer, not '2'$"),
    ({"pixels": 4}, ValueError, (r"^layer window: pixels must divide the 6 pixels and 6 windows of "
                                 r"a row, not 4; use 1 or 2 or 3 or 6$")),
    ({"line_buffers": 2}, ValueError,
     r"^layer window: line_buffers must be from 3 to 65536, not 2$"),
    ({"line_buffers": 3.0}, TypeError,
     r"^layer window: line_buffers must be an integer, not 3.0$"),
    ({"memory": "uram"}, ValueError,
     r"^layer window: memory must be one of auto, lut, block, not 'uram'$"),
])
def test_rejects(changes: dict, error: type[Exception], message: str) -> None:
    arguments = {"channels": 6, "number": BYTE, **changes}
    with pytest.raises(error, match=message):
        ParallelWindow(geometry((5, 6), 3, 1, 1), arguments.pop("channels"),
                       arguments.pop("number"), **arguments)
