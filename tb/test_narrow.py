"""Narrow: the same numbers in fewer bits."""

import numpy as np
import pytest

from golden.number import Integer
from hdl.narrow import Narrow
from tb.harness import Frames, simulate


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
def test_numbers_stay(rng: np.random.Generator, netlist: bool) -> None:
    wide, number, lanes = Integer(7, True), Integer(3, True), 3
    x = rng.integers(number.minimum, number.maximum, (30, 6), endpoint=True)
    simulate(Narrow(lanes, wide.width, number.width), Frames.of(x, wide, lanes),
             Frames.of(x, number, lanes), interval=2, scenarios=("none", "both", "patient"),
             netlist=netlist)


def test_rejects() -> None:
    with pytest.raises(ValueError, match="^Narrow width_out must be at most width_in, 3, not 4$"):
        Narrow(1, 3, 4)
