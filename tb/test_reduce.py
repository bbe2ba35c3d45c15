"""Reduce against PyTorch's pooling over one window that is the whole frame."""

import numpy as np
import pytest

from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.pooling import Pool
from golden.spatial import pool
from hdl.reduce import Reduce
from tb.capacity import capacity
from tb.cases import rtl_only
from tb.harness import Frames, simulate


def draw(rng: np.random.Generator, n: int, number: Number, frames: int = 40) -> np.ndarray:
    """Random values, first below zero and small, where a partial result of zero would show."""
    values = np.array([-1, 1]) if isinstance(number, Bipolar) else np.arange(
        number.minimum, number.maximum + 1)
    x = rng.choice(values, (frames, n))
    x[:3] = number.minimum
    x[3], x[4] = number.maximum, rng.choice(values[:(values.size + 1) // 2], n)
    return x


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, channels, taps, lanes, operation", [
    rtl_only(Integer(8, True), 1, 1, 1, "max"), rtl_only(Bipolar(), 2, 3, 3, "max"),
    (Integer(5, True), 7, 3, 2, "max"), rtl_only(Ternary(), 3, 2, 3, "max"),
    rtl_only(Integer(4, False), 3, 5, 1, "sum"), (Bipolar(), 5, 4, 3, "sum"),
    rtl_only(Ternary(), 2, 1, 1, "sum"),
])
def test_matches_golden(rng: np.random.Generator, number: Number, channels: int, taps: int,
                        lanes: int, operation: str, netlist: bool) -> None:
    layer = Pool("pool", number, (taps,), channels, taps, operation)
    x = draw(rng, layer.n_in, number)
    core = Reduce(number, channels, taps, lanes=lanes, operation=operation, output=layer.output)
    result = simulate(core, Frames.of(x, number, lanes, positions=taps),
                      Frames.of(pool(x, layer), layer.output, lanes), netlist=netlist)
    assert result.capacity == capacity([core.timing()], len(x) * taps * core.beats)


@pytest.mark.parametrize("changes, error, message", [
    ({"channels": 0}, ValueError, r"^Reduce channels must be at least 1, not 0$"),
    ({"taps": 0}, ValueError, r"^Reduce taps must be at least 1, not 0$"),
    ({"lanes": -1}, ValueError, r"^Reduce lanes must be at least 1, not -1$"),
    ({"lanes": 1.0}, TypeError, r"^Reduce lanes must be an integer, not 1.0$"),
    ({"taps": True}, TypeError, r"^Reduce taps must be an integer, not True$"),
    ({"number": 3}, TypeError,
     r"^Reduce number must be a bipolar, ternary or integer Number, not 3$"),
    ({"output": Codebook((0, 1))}, TypeError,
     (r"^Reduce output must be a bipolar, ternary or integer Number, not "
      r"Codebook\(entries=\(0, 1\)\)$")),
    ({"operation": "mean"}, ValueError, r"^Reduce: operation must be one of max, sum, not 'mean'$"),
    ({"output": Integer(9, True)}, ValueError,
     r'^Reduce output must be int8 as the inputs to give the "max", not int9$'),
    ({"operation": "sum", "output": Integer(9, True)}, ValueError,
     (r"^Reduce output must be an integer that holds all sums, -384 to 381, not int9$")),
])
def test_rejects(changes: dict, error: type[Exception], message: str) -> None:
    number = Integer(8, True)
    with pytest.raises(error, match=message):
        Reduce(**{"number": number, "channels": 2, "taps": 3, "lanes": 1, "output": number,
                  **changes})
