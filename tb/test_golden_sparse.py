"""Interleaved compressed columns against a walk through the matrix, entry by entry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.dense import dense
from golden.layer import Dense
from golden.number import Bipolar, Codebook, Integer
from golden.sparse import InterleavedColumns, sparse

KIND = Codebook((-5, -1, 0, 2, 7))


def layer_of(weights: np.ndarray, kind: Codebook = KIND) -> Dense:
    return Dense("fc", Integer(4, True), weights, weight_kind=kind)


def walk(column: list[int]) -> list[tuple[int, int]]:
    """(zeros before, value) of a column's entries, as the text of the paper says."""
    entries, zeros = [], 0
    waiting: list[tuple[int, int]] = []
    for value in column:
        if value or zeros == 15:
            waiting.append((zeros, value))
            zeros = 0
        else:
            zeros += 1
        if value:  # what fills a gap is kept only once an entry follows
            entries += waiting
            waiting = []
    return entries


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(1, 80), st.integers(1, 4), st.integers(1, 5), st.sampled_from([0, .03, .2, 1]),
       st.integers(0, 2**32 - 1))
def test_entries_of_every_column(n_out: int, n_in: int, pe: int, density: float,
                                 seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.choice([-5, -1, 2, 7], (n_out, n_in)) * (rng.random((n_out, n_in)) < density)
    columns = InterleavedColumns.of(layer_of(weights), pe)
    assert (columns.decode() == weights).all()
    for p, element in enumerate(columns.elements):
        for k in range(n_in):
            part = slice(element.starts[k], element.starts[k + 1])
            found = zip(element.zeros[part].tolist(),
                        (columns.values[code] for code in element.codes[part]), strict=True)
            assert list(found) == walk(weights[p::pe, k].tolist())
    assert columns.bits["entries"] == 8 * (np.count_nonzero(weights) + columns.padding)


def test_example_of_the_paper() -> None:
    """Section III: column [0, 0, 1, 2, 18 zeros, 3] has values 1, 2, 0, 3 and zeros 2, 0, 15, 2."""
    column = np.array([0, 0, 1, 2, *[0] * 18, 3])[:, None]
    columns = InterleavedColumns.of(layer_of(column, Codebook((0, 1, 2, 3))), 1)
    element, = columns.elements
    assert [columns.values[code] for code in element.codes] == [1, 2, 0, 3]
    assert element.zeros.tolist() == [2, 0, 15, 2]
    assert columns.padding == 1
    assert columns.bits == {"entries": 32, "starts": 2 * 3, "values": 4 * 3}


def test_sums_and_sizes() -> None:
    rng = np.random.default_rng(3)
    weights = rng.choice([-5, -1, 2, 7], (90, 30)) * (rng.random((90, 30)) < 0.1)
    layer, x = layer_of(weights), rng.integers(-8, 8, (20, 30))
    columns = InterleavedColumns.of(layer, 4)
    assert (sparse(x, columns) == dense(x, layer)).all()
    assert (sparse(x, columns, relu=True) == dense(x, layer).clip(min=0)).all()
    sizes = columns.huffman()
    assert sizes["codes"].payload <= 4 * len(columns.words) >= sizes["zeros"].payload
    assert sizes["together"].entropy <= sizes["codes"].entropy + sizes["zeros"].entropy
    assert sizes["together"].table == 1024 and sizes["zeros"].table == 64


@pytest.mark.parametrize("changes, message", [
    ({"weight_kind": Bipolar()}, (r"^layer fc: weight_kind must be a codebook to be compressed "
                                  r"into columns, not bipolar; cluster the weights$")),
    ({"weight_kind": Codebook(tuple(range(1, 17)))},
     r"^layer fc: weight_kind must have at most 15 entries beside 0, not 16$"),
    ({"weight_kind": Codebook((1, 65536))},
     r"^layer fc: weight_kind must have entries of at most 16 bits, not 18$"),
])
def test_rejects(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InterleavedColumns.of(Dense("fc", Integer(4, True), np.ones((2, 2), int), **changes), 1)
