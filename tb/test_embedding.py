"""Embedding against indexing, every index and some beyond the table."""

import re

import numpy as np
import pytest

from golden.embedding import Embedding as EmbeddingLayer
from golden.number import Bipolar, Integer, Number, Ternary
from golden.spatial import embedding
from hdl.embedding import Embedding
from tb.capacity import capacity
from tb.cases import rtl_only
from tb.harness import Frames, simulate


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("entries, channels, number, lanes, options", [
    rtl_only(2, 1, Bipolar(), 1, {}), (5, 7, Integer(5, True), 3, {"variant": "xc7"}),
    rtl_only(3, 3, Ternary(), 3, {"memory": "lut"}),
    (100, 5, Integer(8, False), 1, {"memory": "block"}),
])
def test_matches_golden(rng: np.random.Generator, entries: int, channels: int, number: Number,
                        lanes: int, options: dict, netlist: bool) -> None:
    values = [-1, 1] if number == Bipolar() else np.arange(number.minimum, number.maximum + 1)
    layer = EmbeddingLayer("words", rng.choice(values, (entries, channels)), number)
    x = rng.permutation(np.tile(np.arange(layer.input.maximum + 1), 4))[:200, None]
    core = Embedding(layer, lanes=lanes, **options)
    result = simulate(core, Frames.of(x, layer.input),
                      Frames.of(embedding(x, layer), number, lanes), netlist=netlist)
    assert result.capacity == capacity([core.timing()], len(x))


@pytest.mark.parametrize("changes, error, message", [
    ({"lanes": 3}, ValueError, "layer words: lanes must be from 1 to 2, not 3"),
    ({"lanes": 1.0}, TypeError, "layer words: lanes must be an integer, not 1.0"),
    ({"memory": "uram"}, ValueError,
     "layer words: memory must be one of auto, lut, block, not 'uram'"),
    ({"variant": "xc6"}, ValueError, "variant must be one of portable, xc7, not 'xc6'"),
])
def test_rejects(changes: dict, error: type[Exception], message: str) -> None:
    layer = EmbeddingLayer("words", np.ones((2, 2), np.int64), Bipolar())
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Embedding(layer, **{"lanes": 1, **changes})
