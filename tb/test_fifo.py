"""StreamFIFO: what goes in comes out, at full rate, and as many words fit as promised."""

import numpy as np
import pytest

from hdl.fifo import StreamFIFO
from tb.cases import rtl_only
from tb.harness import Frames, simulate


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("width, depth", [
    (1, 1), (8, 2), rtl_only(7, 3), (64, 5), rtl_only(13, 16), (72, 600),
])
def test_keeps_order_and_holds_depth(rng: np.random.Generator, width: int, depth: int,
                                     netlist: bool) -> None:
    x = Frames(rng.integers(0, 2, (2 * depth + 50, width)).astype(np.uint64), 1, width)
    result = simulate(StreamFIFO(width, depth), x, x, netlist=netlist)
    assert result.capacity == depth


@pytest.mark.parametrize("arguments, error, message", [
    ((0, 1), ValueError, r"^StreamFIFO width must be at least 1, not 0$"),
    ((1, 0), ValueError, r"^StreamFIFO depth must be at least 1, not 0$"),
    ((1.0, 1), TypeError, r"^StreamFIFO width must be an integer, not 1.0$"),
    ((1, True), TypeError, r"^StreamFIFO depth must be an integer, not True$"),
])
def test_rejects(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        StreamFIFO(*arguments)
