"""Lowering: a trained binary model's eval mode -> the integer Network that equals it exactly.

Batch norm and sign become one threshold an output. The threshold is found by asking the very
module: for a monotone function of an integer, bisection finds the least accumulator that it
answers with +1. So rounding of the batch norm's float32 arithmetic is reproduced, not analysed.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from golden.layer import ArgMax, Dense
from golden.models import BinaryMLP
from golden.network import Network
from golden.number import Bipolar, Integer, Number
from golden.trainable import BatchNorm

__all__ = ["fold", "lower"]

_BIPOLAR = Bipolar()


def _fires(norm: BatchNorm, accumulator: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the activation behind ``norm`` gives +1: accumulators (n,) -> (n,)."""
    with torch.no_grad():
        return (norm(torch.tensor(accumulator[None], dtype=torch.float32))[0] >= 0).numpy()


def fold(name: str, number: Number, weights: NDArray[np.int8], norm: BatchNorm,
         kind: Number = _BIPOLAR) -> Dense:
    """One Dense layer that equals dense, batch norm in eval mode and sign.

    name, number : of the layer and of its inputs
    weights : (n_out, n_in) of kind ``kind``, bipolar or ternary
    norm : batch norm of the n_out sums

    A negative slope turns the comparison round: acc <= t is -acc >= -t, so the row is negated. A
    slope of zero leaves a constant: the threshold is out of reach on one side. Raises ValueError
    if a parameter is no finite number, or a sum of 24 bits or more could be inexact in float32.
    """
    if norm.training:
        raise ValueError(f"layer {name}: batch norm must be in eval mode; call model.eval()")
    with torch.no_grad():
        slope = norm.slope().numpy()
        for what, values in (("slope", slope), ("mean", norm.mean.numpy()),
                             ("shift", norm.shift.numpy())):
            wrong = np.flatnonzero(~np.isfinite(values))
            if wrong.size:
                raise ValueError(f"layer {name}: the batch norm's {what} must be finite, not "
                                 f"{values[wrong[0]]} at output {wrong[0]}; train again with a "
                                 "lower learning rate")
    sign = np.where(slope < 0, -1, 1)
    raw = Dense(name, number, weights * sign[:, None].astype(np.int8), None, kind)
    low, high = raw.accumulator_minimum, raw.accumulator_maximum + 1
    if max(-low.min(), high.max()) > 2**24:
        raise ValueError(f"layer {name}: accumulators reach {max(-low.min(), high.max() - 1)}, but "
                         "float32 is exact below 2**24 only; use fewer or narrower inputs")
    # Invariant: every accumulator below low gives -1, every one from high on gives +1.
    while (low < high).any():
        middle = (low + high) >> 1
        fires = _fires(norm, middle * sign)
        low, high = np.where(fires | (low == high), low, middle + 1), np.where(fires, middle, high)
    return Dense(name, number, raw.weights, high, kind)


def lower(model: BinaryMLP, *, classify: bool = True, name: str | None = None,
          metadata: Mapping[str, str | int | float] | None = None) -> Network:
    """The Network whose layers dense_0, dense_1, ... give the very integers of ``model.eval()``.

    With ``classify`` an ArgMax follows the scores. The network's inputs are the pixels 0..255, or
    for a model of binarised ones -1 and +1 (``golden.data.encode_pixels``). Raises TypeError for
    another kind of model, ValueError for one in training mode or with batch norm that is not
    finite.
    """
    if not isinstance(model, BinaryMLP):
        raise TypeError(f"model must be a BinaryMLP, not {type(model).__name__}")
    if model.training:
        raise ValueError(f"model {model.spec.name} must be in eval mode; call model.eval()")
    number: Number = Integer(8, False) if model.spec.input == "pixels" else Bipolar()
    layers: list[Dense | ArgMax] = []
    weights = [dense.integers().detach().numpy().astype(np.int8) for dense in model.dense]
    for k, norm in enumerate(model.norm):
        layers.append(fold(f"dense_{k}", number, weights[k], norm, model.weight_kind))
        number = Bipolar()
    scores = Dense(f"dense_{len(model.norm)}", number, weights[-1], None, model.weight_kind)
    layers.append(scores)
    if classify:
        layers.append(ArgMax("argmax", scores.output, scores.n_out))
    return Network(name or model.spec.name, tuple(layers), metadata or {})
