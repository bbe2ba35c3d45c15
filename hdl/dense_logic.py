"""A whole hard-wired layer as combinational logic."""

import numpy as np

from golden.layer import Dense
from golden.number import Bipolar
from hdl.digit_logic import DigitRows
from hdl.logic import Logic
from hdl.sign_logic import SignRows
from hdl.unsigned_form import unsigned_form

__all__ = ["dense_logic"]


def dense_logic(layer: Dense, minimum_gain: float = 3.0) -> tuple[Logic, list[int]]:
    """All rows: ±1 weights by :mod:`hdl.sign_logic`, others by :mod:`hdl.digit_logic`.

    Input literal k * width + b is bit b of input k; returned literals are the outputs' bits in the
    same order. minimum_gain: see :func:`hdl.sharing.share_sums`; infinity shares nothing.
    """
    form = unsigned_form(layer.input)
    rows: SignRows | DigitRows = (SignRows if layer.weight_kind == Bipolar() else DigitRows)(
        layer, minimum_gain)
    # accumulator = scale * (product in unsigned form) + correction
    correction = form.offset * layer.weights.sum(1, dtype=np.int64)
    if layer.bias is not None:
        correction += layer.bias
    outputs: list[int] = []
    if layer.thresholds is None:
        width = layer.output.width
        for row, constant in enumerate(correction.tolist()):
            if form.scale == 2:
                outputs += [constant & 1, *rows.exact(row, constant >> 1, width - 1)]
            else:
                outputs += rows.exact(row, constant, width)
        return rows.logic, outputs
    low, high = layer.accumulator_minimum.tolist(), layer.accumulator_maximum.tolist()
    for row, threshold in enumerate(layer.thresholds.tolist()):
        if not low[row] < threshold <= high[row]:
            outputs.append(int(threshold <= low[row]))
            continue
        below = rows.negative(row, (int(correction[row]) - threshold) // form.scale)
        outputs.append(rows.logic.lut([below], lambda bit: 1 - bit))
    return rows.logic, outputs
