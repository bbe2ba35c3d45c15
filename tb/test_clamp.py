"""Clamp and leaky ReLU on all of their inputs."""

import re
from typing import Any

import numpy as np
import pytest

from golden.activation import Clamp as ClampLayer
from golden.activation import LeakyReLU as LeakyReLULayer
from golden.elementwise import clamp, leaky_relu
from golden.number import Integer
from hdl.clamp import Clamp, LeakyReLU
from tb.cases import rtl_only
from tb.harness import Frames, simulate


def every(number: Integer, n: int) -> np.ndarray:
    """Every value once, in frames of n; the last filled up with the least."""
    values = np.arange(number.minimum, number.maximum + 1)
    return np.pad(values, (0, -values.size % n), constant_values=number.minimum).reshape(-1, n)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, input_, low, high, lanes", [
    rtl_only(1, Integer(2, True), None, None, 1), rtl_only(3, Integer(7, True), 0, None, 2),
    (5, Integer(6, True), -17, 9, 3), rtl_only(2, Integer(5, False), 3, 20, 2),
])
def test_clamp(n: int, input_: Integer, low: int | None, high: int | None, lanes: int,
               netlist: bool) -> None:
    layer, x = ClampLayer("clamp", input_, n, low, high), every(input_, n)
    simulate(Clamp(layer, lanes=lanes), Frames.of(x, input_, lanes),
             Frames.of(clamp(x, layer), layer.output, lanes), netlist=netlist)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, width, multiplier, shift, rounding, options", [
    rtl_only(1, 1, 1, 0, "floor", {"lanes": 1}),
    (5, 8, 3, 3, "half_even", {"lanes": 2}),
    (3, 7, 51, 8, "half_up", {"lanes": 3, "multiplier": "dsp"}),
])
def test_leaky_relu(n: int, width: int, multiplier: int, shift: int, rounding: str,
                    options: dict[str, Any], netlist: bool) -> None:
    input_, lanes = Integer(width, True), options["lanes"]
    layer = LeakyReLULayer("leaky", input_, n, multiplier, shift, rounding)
    x = every(input_, n)
    simulate(LeakyReLU(layer, **options), Frames.of(x, input_, lanes),
             Frames.of(leaky_relu(x, layer), layer.output, lanes), netlist=netlist)


@pytest.mark.parametrize("options, message", [
    ({"storage": "ram"}, ("layer clamp: storage must be logic or rom, since a Clamp has nothing "
     "to write, not 'ram'")),
    ({"storage": "flash"}, "layer clamp: storage must be one of logic, rom, ram, not 'flash'"),
    ({"memory": "big"}, "layer clamp: memory must be one of auto, lut, block, not 'big'"),
    ({"lanes": 3}, "layer clamp: lanes must be from 1 to 2, the layer's elements, not 3"),
])
def test_rejects(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Clamp(ClampLayer("clamp", Integer(4, True), 2), **{"lanes": 1, **options})
