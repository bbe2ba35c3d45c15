"""Coded layers: every bit comes back, sizes and entropy by hand, nonsense is refused."""

import re
from math import ceil, log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from golden.bit_stream import Stream
from golden.coded_layer import CodedLayer
from golden.coded_layout import absolute, relative


def dense(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


@example_settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 300), max_size=40), st.integers(1, 8))
def test_relative_indices(gaps: list[int], bits: int) -> None:
    places = np.cumsum(np.array(gaps, np.int64) + 1) - 1
    zeros, entries = relative(places, bits)
    assert ((zeros >= 0) & (zeros < 2**bits)).all()
    assert (absolute(zeros)[entries] == places).all()
    fillers = np.delete(zeros, entries)
    assert (fillers == 2**bits - 1).all() and len(fillers) == sum(gap // 2**bits for gap in gaps)


def test_relative_indices_of_the_paper() -> None:
    """Figure 2: weights at 1, 4 and 15, three bits: eight places after 4 stands a zero."""
    zeros, entries = relative(np.array([1, 4, 15]), 3)
    assert (zeros + 1).tolist() == [2, 3, 8, 3] and entries.tolist() == [0, 1, 3]


@example_settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 32).flatmap(lambda width: st.tuples(
    st.just(width), st.lists(st.integers(0, 2**width - 1) | st.integers(0, 1), max_size=90))))
def test_streams_come_back(drawn: tuple[int, list[int]]) -> None:
    width, symbols = drawn
    stream = Stream.of(np.array(symbols, np.int64), width)
    facts, data = stream.pack()
    again, rest = Stream.unpack(facts, data + b"rest")
    assert again == stream and rest == b"rest" and again.symbols.tolist() == symbols
    assert stream.bits + stream.table_bits <= len(symbols) * width
    assert len(data) == ceil(stream.bits / 8) + ceil(stream.table_bits / 8)


@pytest.mark.parametrize("weight, parts", [
    # A value of 32 bits, a byte that says where: cheaper than 200 values.
    (dense(*[0] * 130, 0.3, *[0] * 69), (32, 8, 0, 0)),
    # Fillers of 32 bits cost more than eight bits for an index.
    (dense(*[0] * 200, 0.3, *[0] * 50, 0.1), (64, 16, 0, 0)),
    # All different: as they are.
    (dense(0.1, 0.2, 0.3), (96, 0, 0, 0)),
    # Multiples of 1/8 from -4 to 3, three bits each.
    (dense(0.375, -0.5, -0.25, 0.125), (12, 0, 0, 0)),
    # Two bits for each of four floats of a codebook, all as frequent.
    (dense(*[0.1, 0.2, 0.3, 0.7] * 10), (80, 0, 128, 0)),
    # Sixteenths, 1, 2 and 3: codes of 1, 2 and 2 bits; lengths of 0 to 3.
    (dense(*[0.0625, 0.125, 0.1875] * 30), (150, 0, 0, 16)),
    # Three of the integers of eight bits: a codebook, and three lengths.
    (dense(*[-0.5, 0.0078125, 0.125] * 30), (150, 0, 21, 12)),
    # 90, 20, 10 and 10 times: codes of 1, 2, 3 and 3 bits, four lengths.
    (dense(*[0.1] * 90, *[0.2] * 20, *[0.3] * 10, *[0.7] * 10), (190, 0, 128, 16)),
    # Nothing is stored of zeros.
    (dense(*[0] * 9), (0, 0, 0, 0)),
])
def test_sizes_by_hand(weight: np.ndarray, parts: tuple[int, ...]) -> None:
    size = CodedLayer.of("fc", weight, None).size
    assert (size.values, size.indices, size.codebook, size.tables) == parts
    assert size.total == sum(parts) and size.plain == 32 * weight.size and size.bias == 0
    assert size.rate == (size.plain / size.total if size.total else np.inf)


def test_entropy_by_hand() -> None:
    layer = CodedLayer.of("fc", dense(*[0.1] * 96, *[0.7] * 32), np.ones(2, np.float32))
    assert layer.size.entropy == 96 * log2(128 / 96) + 32 * 2
    assert (layer.size.values, layer.size.codebook, layer.size.bias) == (128, 64, 64)
    # Two values and two gaps, each a half of the entries.
    layer = CodedLayer.of("fc", dense(*[0, 0.1, 0, 0, 0, 0, 0, 0, 0.7] * 40), None)
    assert layer.size.entropy == 80 + 80 == layer.size.values + layer.size.indices


@pytest.mark.parametrize("density", [0.02, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("levels", [2, 30, 256, 257, None])
def test_weights_come_back(levels: int | None, density: float, rng: np.random.Generator) -> None:
    book = rng.normal(0, 1, levels or 10**6)
    shape = 9, 7, 3, 17
    weight = np.where(rng.random(shape) < density, rng.choice(book, shape), 0).astype(np.float32)
    layer = CodedLayer.of("conv", weight, None)
    facts, data = layer.pack()
    again, rest = CodedLayer.unpack(facts, data)
    decoded, bias = again.decode()
    assert decoded.tobytes() == weight.tobytes() and bias is None and rest == b""
    size = again.size
    assert size == layer.size and size.total <= size.plain
    assert size.entropy <= size.values + size.indices + 1e-6


def test_fillers_come_back() -> None:
    """One long run among short ones: narrow indices and some zeros are cheaper than wide ones."""
    weight = dense(*[0.1, 0, -0.7, 0] * 40, *[0] * 100, *[0.7] * 9)
    layer = CodedLayer.of("fc", weight, None)
    assert layer.indices is not None and layer.values.n > np.count_nonzero(weight)
    assert layer.decode()[0].tobytes() == weight.tobytes()


def coded(weight: np.ndarray, **changes: Any) -> CodedLayer:
    layer = CodedLayer.of("fc", weight, None)
    return CodedLayer(**{**layer.__dict__, **changes})


@pytest.mark.parametrize("layer, message", [
    (coded(dense(*[0.1, 0.7] * 9), codebook=Stream.of(np.zeros(1, int), 32)),
     "layer fc: values must be places in a codebook of 1"),
    (coded(dense(0.1, 0.7), shape=(1, 3)),
     "layer fc: entries must be 3 weights, or have an index each that lies among them"),
    (coded(dense(*[0] * 99, 0.7), shape=(1, 99)),
     "layer fc: entries must be 99 weights, or have an index each that lies among them"),
])
def test_layers_of_nonsense_are_refused(layer: CodedLayer, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        layer.decode()
