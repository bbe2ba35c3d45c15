"""Lowering of quantised float networks: fixed point becomes integers with a step.

A tensor of the network stands for ``integers * step``. Weighted layers multiply the steps of their
inputs and weights; a fixed-point activation becomes a Scale that divides by the step which it
gives. Steps that are powers of two, as of ``FixedWeights`` and ``FixedActivation``, make all of it
exact: the Network then gives the very scores of the model in float64 with ``round_biases``. Of
other steps the factors are rounded to 15 bits, but not in front of a ``LearntStepActivation``: that
becomes the thresholds of its codes, which are computed in fractions: exact for the integer sums.
Biases that are multiples of such steps are rounded in float32, so the model's codes are the same
but where a sum lies nearer to the middle of two codes than that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, inf, prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from golden.activations import FixedActivation, LearntStepActivation, make_activation
from golden.convnet import Pool as PoolModule
from golden.fixed import Fixed
from golden.float_net import PIXEL_STEP, FloatNet, Pixels, SumPool, Words
from golden.layer import Conv, Dense, Embedding, Layer, MultiThreshold, Pool, Scale
from golden.number import Bipolar, Integer, Number
from golden.quantised import integer_weights
from golden.trainable import BatchNorm
from golden.weighted_modules import IntegerWeights, WeightedModule

__all__ = ["lower_modules", "quantise_activations", "round_biases"]

_FACTOR_BITS = 15  # of a Scale's multiplier where the ratio of steps is no power of two

Steps = NDArray[np.float64]


def quantise_activations(model: FloatNet, width: int, steps: str = "power_of_two") -> None:
    """Put an activation of ``width`` bits, unsigned, in the place of every ReLU.

    steps : "power_of_two" (``FixedActivation``) or "learnt" (``LearntStepActivation``)

    Embedded words get as many bits, signed, in fixed point. ``golden.activations.calibrate`` must
    follow.
    """
    for name, module in list(model.named_children()):
        if isinstance(module, nn.ReLU):
            setattr(model, name, make_activation(width, steps))
        if isinstance(module, Words) and module.fixed is None:
            module.round(width)


@dataclass
class _Tensor:
    """What flows between two modules: number kind, step of each channel or of all, shape."""

    number: Number
    step: Steps
    size: tuple[int, ...]
    channels: int

    @property
    def positions(self) -> int:
        return max(prod(self.size), 1)


def _layers(model: FloatNet) -> Iterator[tuple[nn.Module, Layer, Steps]]:
    """Modules that compute, the layer of each, and the step of what it gives."""
    spec = model.spec
    integers = integer_weights(model)
    tensor = _Tensor(Integer(8, False), np.array(PIXEL_STEP), getattr(spec, "size", ()),
                     getattr(spec, "channels", spec.n_in))
    for name, module in model.named_modules():
        called = name.replace(".", "_")
        layer: Layer
        match module:
            case Pixels():
                if module.signs:
                    tensor.number, tensor.step = Bipolar(), np.array(1.0)
                continue
            case Words(fixed=Fixed() as fixed):
                layer = Embedding(called, module.codes(), fixed.integer, tensor.positions)
                tensor.step, tensor.channels = np.array(fixed.step), module.embedding_dim
            case nn.Linear() | nn.Conv1d() | nn.Conv2d() | nn.Conv3d():
                layer = _weighted(called, module, integers[name], tensor)
                tensor.step = tensor.step * integers[name].step
                tensor.channels = len(integers[name].values)
                tensor.size = layer.geometry.output if isinstance(layer, Conv) else ()
            case FixedActivation(fixed=Fixed() as fixed):
                layer = _requantise(called, tensor, fixed)
                tensor.step = np.array(fixed.step)
            case LearntStepActivation():
                layer = _thresholds(called, tensor, module)
                tensor.step = np.array(module.exact_step())
            case PoolModule():
                layer = Pool(called, tensor.number, tensor.size, tensor.channels, module.kernel,
                             module.operation)
                tensor.size = layer.geometry.output
                if isinstance(module, SumPool):
                    tensor.step = tensor.step * module.step
            case Words() | nn.ReLU() | FixedActivation():
                raise ValueError(f"layer {name}: must be in fixed point; see quantise_activations "
                                 "and golden.activations.calibrate")
            case BatchNorm():
                raise ValueError(f"layer {name}: batch norm must be folded before quantisation; "
                                 "see golden.float_net.fold_norms")
            case _:
                continue
        tensor.number = layer.output
        yield module, layer, tensor.step


def _weighted(name: str, module: WeightedModule, weights: IntegerWeights, tensor: _Tensor
              ) -> Conv | Dense:
    options: dict[str, Any] = {"weight_kind": weights.kind}
    if module.bias is not None:
        steps = tensor.step * weights.step
        bias = np.rint(module.bias.detach().double().numpy() / steps)
        if not (np.abs(bias) < 2**31).all():
            raise ValueError(f"layer {name}: bias must fit 32 bits in steps of {steps.min():g}, "
                             f"not be {np.abs(bias).max():g} of them; use fewer bits")
        options["bias"] = bias.astype(np.int64)
    if isinstance(module, nn.Linear):
        return Dense(name, tensor.number, weights.values, **options)
    assert not isinstance(module.padding, str)
    return Conv(name, tensor.number, tensor.size, weights.values, module.stride, module.padding,
                module.dilation, module.groups, **options)


def _requantise(name: str, tensor: _Tensor, kind: Fixed) -> Scale:
    """The Scale that turns ``tensor`` into codes of ``kind``."""
    assert isinstance(tensor.number, Integer)
    ratio = np.broadcast_to(tensor.step / kind.step, tensor.channels)
    mantissa, exponent = np.frexp(ratio)
    bits = 1 if (mantissa == 0.5).all() else _FACTOR_BITS
    shift = max(bits - int(exponent.min()), 0)
    multiplier = np.rint(np.ldexp(ratio, shift)).astype(np.int64)
    return Scale(name, tensor.number, tensor.channels, multiplier, np.array(0), shift, "half_up",
                 "saturate", kind.integer, tensor.positions)


def _thresholds(name: str, tensor: _Tensor, activation: LearntStepActivation) -> MultiThreshold:
    """The least integers of each channel that reach the codes; a half belongs to the even code."""
    number, kind, step = tensor.number, activation.kind, activation.exact_step()
    assert isinstance(number, Integer)
    if not 0 < step < inf:
        raise ValueError(f"layer {name}: the learnt step must be above 0 and finite, not {step}; "
                         "see golden.activations.calibrate")

    def least(code: int, own: float) -> int:
        border = (code - Fraction(1, 2)) * Fraction(step) / Fraction(own)
        return min(max(floor(border) + 1 if code % 2 else ceil(border), number.minimum),
                   number.maximum + 1)

    rows = [[least(code, own) for code in range(kind.minimum + 1, kind.maximum + 1)]
            for own in np.broadcast_to(tensor.step, tensor.channels).tolist()]
    return MultiThreshold(name, number, np.array(rows), kind, tensor.positions)


def round_biases(model: FloatNet) -> None:
    """Make every bias a multiple of the step of the sums to which it is added, as lowering does."""
    for module, layer, step in _layers(model):
        if isinstance(layer, Conv | Dense) and layer.bias is not None:
            assert isinstance(module.bias, torch.Tensor)
            with torch.no_grad():
                module.bias.copy_(torch.from_numpy(layer.bias * step))


def lower_modules(model: FloatNet) -> list[Layer]:
    """The integer layers of ``model`` up to its scores, called as its modules.

    Raises ValueError that names the layer for a module that is not quantised yet, and where the
    last layer's outputs have steps of their own, so that scores could not be compared.
    """
    found = list(_layers(model))
    _, last, step = found[-1]
    if len(np.unique(step)) > 1:
        raise ValueError(f"layer {last.name}: all outputs must have one step, so that scores can "
                         "be compared; quantise the last layer without per_channel")
    return [layer for _, layer, _ in found]
