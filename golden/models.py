"""Trainable models: binary multi-layer perceptrons and the named ones."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from golden.convspec import CONVNETS, ConvSpec
from golden.data import WHITE
from golden.layer import check_name
from golden.number import Bipolar, Number, Ternary
from golden.trainable import BatchNorm, BinaryActivation, BinaryLinear, TernaryLinear

__all__ = ["MODELS", "BinaryMLP", "ModelSpec", "named"]

_INPUTS = ("pixels", "binarised")
_WEIGHTS: dict[str, Number] = {"binary": Bipolar(), "ternary": Ternary()}


@dataclass(frozen=True)
class ModelSpec:
    """What a multi-layer perceptron looks like; ``MODELS`` holds the named ones.

    name : lower-case identifier
    widths : inputs, hidden layers, classes; at least two
    data : name of its data set
    input : "pixels" (values 0..255) or "binarised" (-1 below 128, +1 from 128; see
        ``golden.data.encode_pixels``)
    dropout : share of the hidden activations set to 0 in training, from 0 to below 1
    stochastic_weights, stochastic_activations : drawn at random in training; eval mode takes signs
    weights : "binary" or "ternary" (``golden.ternary.ternarise``), which are never drawn

    Raises TypeError and ValueError that name parameter, rule and value.
    """

    name: str
    widths: tuple[int, ...]
    data: str
    input: str = "pixels"
    dropout: float = 0.0
    stochastic_weights: bool = False
    stochastic_activations: bool = False
    weights: str = "binary"

    def __post_init__(self) -> None:
        check_name(self.name, "model")
        object.__setattr__(self, "widths", tuple(self.widths))
        for width in self.widths:
            if not isinstance(width, int) or isinstance(width, bool):
                raise TypeError(f"model {self.name}: widths must be integers, not {width!r}")
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"model {self.name}: widths must be at least two numbers from 1, "
                             f"not {self.widths}")
        if self.input not in _INPUTS:
            raise ValueError(f'model {self.name}: input must be "pixels" or "binarised", '
                             f'not "{self.input}"')
        if self.weights not in _WEIGHTS:
            raise ValueError(f'model {self.name}: weights must be "binary" or "ternary", '
                             f'not "{self.weights}"')
        if self.weights == "ternary" and self.stochastic_weights:
            raise ValueError(f"model {self.name}: stochastic_weights must be False for ternary "
                             "weights; take binary ones")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"model {self.name}: dropout must be from 0 to below 1, "
                             f"not {self.dropout}")
        greatest = self.widths[0] * 255 if self.input == "pixels" else max(self.widths)
        if max(greatest, *self.widths) >= 2**24:
            raise ValueError(f"model {self.name}: sums of {self.widths[0]} inputs do not fit "
                             "float32's 24 exact bits; use fewer inputs")

    @property
    def stochastic(self) -> bool:
        """Whether training draws anything at random that eval mode does not."""
        return self.stochastic_weights or self.stochastic_activations

    @property
    def n_in(self) -> int:
        """Inputs a frame."""
        return self.widths[0]

    @property
    def n_out(self) -> int:
        """Scores, one a class."""
        return self.widths[-1]

    @property
    def fan_in(self) -> int:
        """Inputs of the last layer."""
        return self.widths[-2]


class BinaryMLP(nn.Module):
    """Dense layers of ±1 or ternary weights; all but the last have batch norm and ±1 activations.

    Pixels (batch, n_in), any dtype, 0..255 -> scores (batch, classes) float32. The scores are the
    last layer's plain sums; the class is the greatest. In eval mode every value between layers
    is an integer below 2**24 and so exact: ``golden.lower`` gives the same answers in integers.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.dense = [TernaryLinear(n_in, n_out) if spec.weights == "ternary"
                      else BinaryLinear(n_in, n_out, spec.stochastic_weights)
                      for n_in, n_out in pairwise(spec.widths)]
        self.norm = [BatchNorm(n) for n in spec.widths[1:-1]]
        self.parts = nn.ModuleList([*self.dense, *self.norm])  # registers them with PyTorch
        self.activation = BinaryActivation(spec.stochastic_activations)
        self.dropout = nn.Dropout(spec.dropout)

    @property
    def weight_kind(self) -> Number:
        """Number kind of all weights."""
        return _WEIGHTS[self.spec.weights]

    def encode(self, pixels: Tensor) -> Tensor:
        """Values of the first layer's inputs, float32: 0..255, or -1 and +1."""
        if self.spec.input == "pixels":
            return pixels.to(torch.float32)
        return torch.where(pixels >= WHITE, 1.0, -1.0)

    def clip(self) -> None:
        """Bring all latent weights back into -1..1."""
        for dense in self.dense:
            dense.clip()

    def forward(self, pixels: Tensor) -> Tensor:
        """Integer scores of each class."""
        x = self.encode(pixels)
        for dense, norm in zip(self.dense, self.norm, strict=False):
            x = self.dropout(self.activation(norm(dense(x))))
        return self.dense[-1](x)


MODELS = {spec.name: spec for spec in (
    ModelSpec("tfc", (784, 64, 64, 64, 10), "mnist"),
    ModelSpec("sfc", (784, 256, 256, 256, 10), "mnist"),
    ModelSpec("lfc", (784, 1024, 1024, 1024, 10), "mnist"),
    ModelSpec("digits", (64, 64, 64, 64, 10), "digits"),
    ModelSpec("lenet300", (784, 300, 100, 10), "mnist"),
    ModelSpec("jets", (16, 64, 32, 32, 5), "jets"),
    ModelSpec("mlp128", (784, 128, 128, 128, 10), "mnist", "binarised"),
)}


def named(name: str) -> ModelSpec | ConvSpec:
    """The model ``name`` of ``MODELS`` or ``CONVNETS``; ValueError if there is none."""
    models: dict[str, ModelSpec | ConvSpec] = {**MODELS, **CONVNETS}
    if name not in models:
        raise ValueError(f'model must be one of {", ".join(models)}, not "{name}"')
    return models[name]
