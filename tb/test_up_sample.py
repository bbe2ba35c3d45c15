"""UpSample against indexing, in one to three dimensions, repeated or among zeros."""

import re

import numpy as np
import pytest

from golden.number import Bipolar, Integer, Number, Ternary
from golden.resampling import UpSample as UpSampleLayer
from golden.spatial import upsample
from hdl.up_sample import UpSample
from tb.capacity import capacity
from tb.cases import rtl_only
from tb.harness import Frames, simulate


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, size, channels, lanes, factor, mode, extra, memory", [
    rtl_only(Integer(3, True), (1,), 1, 1, 1, "nearest", 0, "auto"),
    (Bipolar(), (3, 2), 5, 2, (2, 3), "nearest", 0, "lut"),
    rtl_only(Ternary(), (2, 2, 3), 2, 1, (2, 1, 2), "nearest", 0, "block"),
    rtl_only(Integer(8, False), (3, 5), 3, 3, (1, 2), "nearest", 0, "auto"),
    (Bipolar(), (2, 3), 3, 2, 2, "zeros", (2, 0), "auto"),
    rtl_only(Integer(4, True), (2, 1, 2), 2, 2, (1, 3, 2), "zeros", (0, 1, 1), "lut"),
])
def test_matches_golden(rng: np.random.Generator, number: Number, size: tuple[int, ...],
                        channels: int, lanes: int, factor: int | tuple[int, ...], mode: str,
                        extra: int | tuple[int, ...], memory: str, netlist: bool) -> None:
    layer = UpSampleLayer("up", number, size, channels, factor, mode, extra)
    values = [-1, 1] if number == Bipolar() else np.arange(number.minimum, number.maximum + 1)
    x = rng.choice(values, (30, layer.n_in))
    core = UpSample(layer, lanes=lanes, memory=memory)
    inputs = Frames.of(x, number, lanes, positions=layer.positions_in)
    result = simulate(core, inputs, Frames.of(upsample(x, layer), layer.output, lanes,
                                              positions=layer.positions_out), netlist=netlist)
    assert result.capacity == capacity([core.timing()], len(x) * inputs.beats)


@pytest.mark.parametrize("size, factor, mode", [
    ((5, 6), 2, "nearest"), ((5, 6), 3, "zeros"), ((3, 2, 4), (1, 3, 2), "nearest"),
    ((3, 2, 4), 2, "zeros")])
def test_keeps_pace_with_even_inputs(size: tuple[int, ...], factor: int | tuple[int, ...],
                                     mode: str) -> None:
    """From a source that needs as long for each beat as the rate allows, and never catches up."""
    core = UpSample(UpSampleLayer("up", Bipolar(), size, 3, factor, mode), lanes=2)
    n_in, n_out = core.layer.positions_in * 2, core.initiation_interval
    timing, given, due = core.timing(), 0, 0
    for cycle in range(8 * n_out):
        offered = cycle >= due
        valid, ready = timing.valid(offered), timing.ready(True)
        timing.step(offered and ready, valid)
        given, due = given + valid, cycle + n_out // n_in if offered and ready else due
    assert given > 7 * n_out


@pytest.mark.parametrize("changes, error, message", [
    ({"lanes": 3}, ValueError, "layer up: lanes must be from 1 to 2, the layer's elements, not 3"),
    ({"lanes": 0}, ValueError, "layer up: lanes must be from 1 to 2, the layer's elements, not 0"),
    ({"lanes": "1"}, TypeError, "layer up: lanes must be an integer, not '1'"),
    ({"memory": "uram"}, ValueError,
     "layer up: memory must be one of auto, lut, block, not 'uram'"),
])
def test_rejects(changes: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        UpSample(UpSampleLayer("up", Bipolar(), (2,), 2, 2), **{"lanes": 1, **changes})
