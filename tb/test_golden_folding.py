"""Folding: thresholds of any activation agree with the module on every integer it can meet."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from golden.folding import check_exact, least, thresholds
from golden.trainable import BatchNorm, BinaryActivation, StepActivation

NEAR = st.floats(-300, 300, width=32)
FLOATS = NEAR | st.floats(width=32, allow_nan=False, allow_infinity=False)
SCALES = st.floats(0, 300, width=32) | st.sampled_from([0.0, 1e-45, 1.0, 2.0**60])


def batch_norm(rows: list[tuple[float, float, float, float]]) -> BatchNorm:
    """In eval mode, of (scale, shift, mean, variance) of each channel."""
    norm = BatchNorm(len(rows)).eval()
    with torch.no_grad():
        for name, column in zip(("scale", "shift", "mean", "variance"), zip(*rows, strict=True),
                                strict=True):
            getattr(norm, name).copy_(torch.tensor(column))
    return norm


def assert_folds_exactly(norm: BatchNorm, activation: Any, low: int, high: int) -> np.ndarray:
    n = len(norm.mean)
    rows = thresholds("d", norm, activation, np.full(n, low), np.full(n, high))
    x = np.arange(low, high + 1)
    with torch.no_grad():
        columns = torch.tensor(x, dtype=torch.float32)[:, None].expand(-1, n)
        codes = activation(norm(columns)).numpy()
    counts = (x[:, None, None] >= rows).sum(axis=2)
    least_code, step = (-1, 2) if isinstance(activation, BinaryActivation) else (0, 1)
    assert (least_code + step * counts == codes).all()
    assert rows.min() >= low and rows.max() <= high + 1
    return rows


@hypothesis_settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(st.tuples(SCALES, FLOATS, FLOATS, st.floats(0, 2.0**100, width=32)), min_size=1,
                max_size=5), st.integers(1, 4), st.integers(-3000, 0), st.integers(0, 3000))
def test_any_batch_norm_folds_exactly(rows: list[tuple[float, float, float, float]], bits: int,
                                      low: int, high: int) -> None:
    norm = batch_norm(rows)
    if not bool(torch.isfinite(norm.slope()).all()):
        return  # refused; see test_rejects
    assert_folds_exactly(norm, BinaryActivation() if bits == 1 else StepActivation(bits), low, high)


@pytest.mark.parametrize("bits, levels", [(2, 3), (3, 7), (4, 15)])
def test_typical_batch_norms_fold_exactly(bits: int, levels: int, rng: np.random.Generator) -> None:
    n = 30
    norm = batch_norm([tuple(row) for row in np.stack([
        abs(rng.normal(0, 1, n)), rng.normal(0, 1, n), rng.normal(0, 900, n),
        1e6 * rng.random(n)], axis=1).tolist()])
    rows = assert_folds_exactly(norm, StepActivation(bits), -4000, 4000)
    assert rows.shape == (n, levels)
    assert (np.diff(rows, axis=1) >= 0).all() and len(np.unique(rows)) > n


def test_least_stops_at_the_ends() -> None:
    low, high = np.array([-2, 5, 0]), np.array([4, 5, 1])
    assert least(low, high, lambda x: np.ones(3, bool)).tolist() == low.tolist()
    assert least(low, high, lambda x: np.zeros(3, bool)).tolist() == high.tolist()
    assert least(low, high, lambda x: x >= 1).tolist() == [1, 5, 1]


def test_rejects() -> None:
    def refuses(message: str, call: Any, *arguments: Any) -> None:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call(*arguments)

    ends, act = (np.array([-9]), np.array([9])), StepActivation(2)
    refuses("layer d: batch norm must be in eval mode; call model.eval()",
            thresholds, "d", BatchNorm(1), act, *ends)
    refuses("layer d: the batch norm's scale must be 0 or more, not of slope -1.0 at output 0; "
            "clip it as training does",
            thresholds, "d", batch_norm([(-1.0, 0.0, 0.0, 1 - 1e-5)]), act, *ends)
    refuses("layer d: the batch norm's shift must be finite, not inf at output 0; train again with "
            "a lower learning rate",
            thresholds, "d", batch_norm([(1.0, float("inf"), 0.0, 1.0)]), act, *ends)
    check_exact("d", np.array([1 - 2**24]), np.array([2**24 - 1]))
    for low, high in ((-2**24, 0), (0, 2**24)):
        refuses("layer d: accumulators reach 16777216, but float32 is exact below 2**24 only; use "
                "fewer or narrower inputs", check_exact, "d", np.array([low]), np.array([high]))
