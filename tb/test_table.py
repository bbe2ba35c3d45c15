"""Tables and straight pieces against golden models that index and divide."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from golden.elementwise import piecewise_linear, table
from golden.fixed import Fixed
from golden.number import Integer
from golden.tabulated import PiecewiseLinear as PiecewiseLinearLayer
from golden.tabulated import Table as TableLayer
from golden.tabulated import fit_pieces, sigmoid, tabulate
from hdl.table import PiecewiseLinear, Table
from tb.cases import rtl_only
from tb.harness import Frames, simulate


def every(layer: Any, n: int) -> np.ndarray:
    """Every input once, in frames of n; the last filled up with the least."""
    number = layer.input
    values = np.arange(number.minimum, number.maximum + 1)
    return np.pad(values, (0, -values.size % n), constant_values=number.minimum).reshape(-1, n)


def draw_table(rng: np.random.Generator, n: int, input_: Integer, output: Integer) -> TableLayer:
    values = rng.integers(output.minimum, output.maximum, 2**input_.width, endpoint=True)
    return TableLayer("table", input_, n, values, output)


def draw_pieces(rng: np.random.Generator, n: int, input_: Integer, pieces: int,
                rounding: str = "half_up", overflow: str = "saturate") -> PiecewiseLinearLayer:
    slopes, offsets = rng.integers(-64, 64, pieces), rng.integers(-2000, 2000, pieces)
    slopes[0], offsets[0] = -64, 1999
    return PiecewiseLinearLayer("pieces", input_, n, slopes, offsets, 4, rounding, overflow,
                                Integer(7, True))


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, input_, output, options", [
    rtl_only(1, Integer(1, True), Integer(1, False), {"lanes": 1, "storage": "logic"}),
    (5, Integer(7, True), Integer(9, True), {"lanes": 2, "variant": "xc7", "memory": "lut"}),
    (7, Integer(9, False), Integer(3, True), {"lanes": 3, "memory": "block"}),
])
def test_table(rng: np.random.Generator, n: int, input_: Integer, output: Integer,
               options: dict[str, Any], netlist: bool) -> None:
    layer = draw_table(rng, n, input_, output)
    x, lanes = every(layer, n), options["lanes"]
    simulate(Table(layer, **options), Frames.of(x, input_, lanes),
             Frames.of(table(x, layer), output, lanes), netlist=netlist)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, input_, pieces, rounding, overflow, options", [
    rtl_only(3, Integer(5, True), 1, "half_even", "wrap", {"lanes": 2}),
    (5, Integer(7, True), 8, "half_up", "saturate", {"lanes": 3, "multiplier": "dsp"}),
    (2, Integer(6, False), 64, "floor", "saturate", {"lanes": 1, "storage": "ram"}),
])
def test_pieces(rng: np.random.Generator, n: int, input_: Integer, pieces: int, rounding: str,
                overflow: str, options: dict[str, Any], netlist: bool) -> None:
    layer = draw_pieces(rng, n, input_, pieces, rounding, overflow)
    x, lanes = every(layer, n), options["lanes"]
    simulate(PiecewiseLinear(layer, **options), Frames.of(x, input_, lanes),
             Frames.of(piecewise_linear(x, layer), layer.output, lanes), netlist=netlist)


@pytest.mark.parametrize("kind", ["table", "pieces"])
def test_can_be_written(rng: np.random.Generator, kind: str) -> None:
    """tanh becomes a sigmoid."""
    input_, output = Fixed(7, 4, True), Fixed(8, 7, True)
    layers: list[Any] = []
    for function in (np.tanh, sigmoid):
        fitted = fit_pieces(function, input_, output, 8, shift=6)
        layers.append(
            TableLayer("f", input_.integer, 3, tabulate(function, input_, output), output.integer)
            if kind == "table" else
            PiecewiseLinearLayer("f", input_.integer, 3, fitted.slopes, fitted.offsets,
                                 fitted.shift, fitted.rounding, fitted.overflow, output.integer))
    core: Any = (Table if kind == "table" else PiecewiseLinear)(layers[0], lanes=2, storage="ram")
    x = every(layers[1], 3)
    golden = (table if kind == "table" else piecewise_linear)(x, layers[1])
    simulate(core, Frames.of(x, input_.integer, 2), Frames.of(golden, output.integer, 2),
             writes=Frames.of_words(core.writes(layers[1]), len(core.write.payload.as_value())))


def test_rejects(rng: np.random.Generator) -> None:
    layer = draw_pieces(rng, 2, Integer(5, True), 4)
    core = PiecewiseLinear(layer, lanes=1, storage="ram")
    wide = replace(layer, slopes=layer.slopes * 8)
    with pytest.raises(ValueError, match="^" + re.escape(
            "layer pieces: slopes must fit the 7 bits kept for them, not 10 as of layer pieces; "
            "make the core for the widest") + "$"):
        core.writes(wide)
    with pytest.raises(ValueError, match="^" + re.escape(
            "layer pieces: multiplier must be one of lut, dsp, not 'fast'") + "$"):
        PiecewiseLinear(layer, lanes=1, multiplier="fast")
