"""Lowering: a trained model's eval mode -> the integer Network that equals it exactly.

Batch norm and activation become thresholds (``golden.folding``).
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from golden.convnet import ConvNet
from golden.float_net import FloatNet
from golden.folding import check_exact, checked_slope, least
from golden.layer import ArgMax, Dense, Layer
from golden.lower_convnet import lower_stages
from golden.lower_float import lower_modules
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
    slope = checked_slope(name, norm)
    sign = np.where(slope < 0, -1, 1)
    raw = Dense(name, number, weights * sign[:, None].astype(np.int8), None, kind)
    low, high = raw.accumulator_minimum, raw.accumulator_maximum
    check_exact(name, low, high)
    thresholds = least(low, high + 1, lambda middle: _fires(norm, middle * sign))
    return Dense(name, number, raw.weights, thresholds, kind)


def _mlp_layers(model: BinaryMLP) -> list[Layer]:
    number: Number = Integer(8, False) if model.spec.input == "pixels" else Bipolar()
    layers: list[Layer] = []
    weights = [dense.integers().detach().numpy().astype(np.int8) for dense in model.dense]
    for k, norm in enumerate(model.norm):
        layers.append(fold(f"dense_{k}", number, weights[k], norm, model.weight_kind))
        number = Bipolar()
    return [*layers, Dense(f"dense_{len(model.norm)}", number, weights[-1], None,
                           model.weight_kind)]


def lower(model: BinaryMLP | ConvNet | FloatNet, *, classify: bool = True, name: str | None = None,
          metadata: Mapping[str, str | int | float] | None = None) -> Network:
    """The Network whose layers dense_0, dense_1, ... give the very integers of ``model.eval()``.

    With ``classify`` an ArgMax follows the scores. The network's inputs are the pixels 0..255, or
    for a model of binarised ones -1 and +1 (``golden.data.encode_pixels``). A convolutional
    network's layers are those of ``golden.lower_convnet``; a float network must be quantised, see
    ``golden.lower_float``, and its scores are the model's but for a factor. Raises TypeError for
    another kind of model, ValueError for one in training mode or with batch norm that is not
    finite.
    """
    if not isinstance(model, BinaryMLP | ConvNet | FloatNet):
        raise TypeError("model must be a BinaryMLP, ConvNet or FloatNet, not "
                        f"{type(model).__name__}")
    if model.training:
        raise ValueError(f"model {model.spec.name} must be in eval mode; call model.eval()")
    sources: dict[str, tuple[str, ...]] = {}
    if isinstance(model, ConvNet):
        layers, sources = lower_stages(model)
    elif isinstance(model, FloatNet):
        layers = lower_modules(model)
    else:
        layers = _mlp_layers(model)
    if classify:
        layers.append(ArgMax("argmax", layers[-1].output, layers[-1].n_out))
    return Network(name or model.spec.name, tuple(layers), metadata or {}, sources)
