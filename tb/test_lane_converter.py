"""LaneConverter against the golden repacking, any lanes, without bubbles."""

import numpy as np
import pytest

from golden.lane_converter import from_beats, lane_converter, to_beats
from hdl.lane_converter import LaneConverter
from tb.cases import rtl_only
from tb.harness import Frames, simulate

# (n, width, lanes_in, lanes_out): to wider, to narrower, equal, coprime, beyond the frame on
# either side, and the whole frame in one beat.
CASES = [
    (1, 1, 1, 1), rtl_only(1, 3, 1, 2), (1, 2, 5, 1), rtl_only(2, 1, 1, 2), rtl_only(2, 1, 3, 2),
    (3, 2, 2, 3), rtl_only(3, 2, 2, 2), rtl_only(7, 1, 1, 7), rtl_only(7, 8, 7, 1),
    rtl_only(10, 3, 4, 6), (10, 3, 6, 4), rtl_only(11, 5, 3, 4), rtl_only(12, 1, 4, 2),
    rtl_only(12, 1, 2, 4), rtl_only(13, 4, 5, 3), (29, 1, 8, 3), (64, 8, 16, 24),
    rtl_only(100, 1, 7, 64),
]


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, width, lanes_in, lanes_out", CASES)
def test_matches_golden(rng: np.random.Generator, n: int, width: int, lanes_in: int,
                        lanes_out: int, netlist: bool) -> None:
    x = rng.integers(0, 2**width, (60, n))
    x[:2] = [[0], [2**width - 1]]
    y = from_beats(lane_converter(to_beats(x, lanes_in), n, lanes_out), n)
    simulate(LaneConverter(n, width, lanes_in, lanes_out), Frames(x, width, lanes_in),
             Frames(y, width, lanes_out), netlist=netlist)


@pytest.mark.parametrize("arguments, error, message", [
    ((0, 1, 1, 1), ValueError, r"^LaneConverter n must be at least 1, not 0$"),
    ((1, 0, 1, 1), ValueError, r"^LaneConverter width must be at least 1, not 0$"),
    ((1, 1, 0, 1), ValueError, r"^LaneConverter lanes_in must be at least 1, not 0$"),
    ((1, 1, 1, -1), ValueError, r"^LaneConverter lanes_out must be at least 1, not -1$"),
    (("1", 1, 1, 1), TypeError, r"^LaneConverter n must be an integer, not '1'$"),
    ((1, 1.5, 1, 1), TypeError, r"^LaneConverter width must be an integer, not 1.5$"),
    ((1, 1, None, 1), TypeError, r"^LaneConverter lanes_in must be an integer, not None$"),
    ((1, 1, 1, True), TypeError, r"^LaneConverter lanes_out must be an integer, not True$"),
])
def test_rejects(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LaneConverter(*arguments)
