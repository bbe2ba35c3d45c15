"""TopK against a stable sort."""

from typing import Any

import numpy as np
import pytest

from golden.layer import TopK as TopKLayer
from golden.number import Bipolar, Integer, Number, Ternary
from golden.topk import topk
from hdl.topk import TopK
from tb.cases import rtl_only
from tb.harness import Frames, simulate

LAYER = TopKLayer("top", Integer(4, True), 5, 2)


def draw(rng: np.random.Generator, n: int, number: Number) -> np.ndarray:
    """Random values, of few different ones (ties), rising, falling, of the extremes."""
    kinds = [-1, 1] if isinstance(number, Bipolar) else (
        rng.integers(number.minimum, number.maximum, 99, endpoint=True))
    span = rng.choice(kinds, (20, n))
    ties = rng.choice(span[0], (10, n))
    ends = rng.choice([number.minimum, number.maximum], (6, n))
    return np.concatenate([np.sort(span[:2]), span, ties, ends, -np.sort(-span[:2])])


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, number, k, lanes", [
    rtl_only(1, Bipolar(), 1, 1), rtl_only(2, Ternary(), 2, 1), (5, Integer(3, True), 3, 2),
    rtl_only(13, Integer(8, False), 5, 1), (7, Integer(6, True), 7, 7),
])
def test_matches_golden(rng: np.random.Generator, n: int, number: Number, k: int, lanes: int,
                        netlist: bool) -> None:
    x = draw(rng, n, number)
    layer = TopKLayer("top", number, n, k)
    simulate(TopK(layer, lanes=lanes), Frames.of(x, number, lanes),
             Frames.of(topk(x, k), layer.output, k), netlist=netlist)


@pytest.mark.parametrize("lanes, error, message", [
    (0, ValueError, "layer top: lanes must be from 1 to 5, the layer's elements, not 0"),
    (6, ValueError, "layer top: lanes must be from 1 to 5, the layer's elements, not 6"),
    (1.0, TypeError, "layer top: lanes must be an integer, not 1.0"),
])
def test_rejects(lanes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        TopK(LAYER, lanes=lanes)
