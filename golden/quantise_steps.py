"""Steps of compression that quantise a float network, at once or share by share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from golden.activations import calibrate
from golden.check import check_choice
from golden.compress_steps import Layers, Step, check_names
from golden.data import Dataset
from golden.float_net import FloatNet
from golden.incremental import Incremental, freeze
from golden.lower_float import quantise_activations, round_biases
from golden.prediction import tensor
from golden.quantised import weight_quantisers
from golden.quantisers import (
    Binary,
    FixedWeights,
    LearntStep,
    PowersOfTwo,
    TernaryWeights,
    TrainedTernary,
    quantise_weights,
)
from golden.sharing import Shared
from golden.weighted_modules import weighted_modules

__all__ = ["Grow", "Quantise", "is_quantised"]

_CALIBRATION = 1000  # training images

_QUANTISERS: dict[str, Callable[..., nn.Module]] = {
    "binary": lambda _: Binary(), "stochastic_binary": lambda _: Binary(stochastic=True),
    "ternary": lambda _: TernaryWeights(), "trained_ternary": lambda _: TrainedTernary(),
    "fixed": FixedWeights, "fixed_per_channel": lambda width: FixedWeights(width, True),
    "learnt_step": LearntStep, "powers_of_two": PowersOfTwo}


_ACTIVATION_BITS = {"power_of_two": 16, "learnt": 8}  # at most


def _check_bits(key: str, bits: int, most: int, of: str) -> None:
    if not 2 <= bits <= most:
        raise ValueError(f"{key} must be from 2 to {most} for {of}, not {bits}")


def _codebooks(model: FloatNet) -> dict[str, Shared | TrainedTernary]:
    """Layers whose weights are entries that have to be rounded."""
    return {name: quantiser for name, (quantiser, _) in weight_quantisers(model).items()
            if isinstance(quantiser, Shared | TrainedTernary)}


def is_quantised(model: FloatNet) -> bool:
    """Are all weights and activations of few bits, so that a Network can be made?"""
    return (weight_quantisers(model).keys() == weighted_modules(model).keys()
            and all(codebook.fixed is not None for codebook in _codebooks(model).values())
            and not any(isinstance(part, nn.ReLU) for part in model.modules()))


@dataclass(frozen=True)
class Quantise(Step):
    """Weights and activations of few bits, so that a Network can be made.

    weights : "fixed", "fixed_per_channel", "learnt_step", "ternary", "trained_ternary", "binary",
        "stochastic_binary", "powers_of_two" (``golden.quantisers``), or "shared": codebooks that
        are there get entries of ``width`` bits
    width : bits of the weights
    activations : bits; what an earlier step has quantised keeps its own
    activation_steps : "power_of_two" or "learnt" (``golden.activations``)
    layers : names of the layers whose weights are quantised so; none named: all that are not yet
    """

    weights: str
    width: int = 8
    activations: int = 8
    activation_steps: str = "power_of_two"
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_choice("step quantise", "weights", self.weights, ("shared", *_QUANTISERS))
        check_choice("step quantise", "activation_steps", self.activation_steps,
                     tuple(_ACTIVATION_BITS))
        _check_bits("width", self.width, 6 if self.weights == "powers_of_two" else 16,
                    f"{self.weights} weights")
        _check_bits("activations", self.activations, _ACTIVATION_BITS[self.activation_steps],
                    f"{self.activation_steps} steps")

    def check(self, layers: Layers) -> None:
        """Names, and that weights are quantised once: already, where codebooks are rounded."""
        check_names(self.layers, layers)
        shared = self.weights == "shared"
        free = [name for name, layer in layers.items() if not layer.quantised]
        if not free and not shared:
            raise ValueError("a layer must be left to quantise")
        for name in self.layers or (layers if shared else free):
            if shared and name in free:
                raise ValueError(f'layer {name}: weights must not be "shared" before a step '
                                 '"share"; put one in front, or take "fixed"')
            if not shared and name not in free:
                raise ValueError(f"layer {name}: weight must not be quantised twice")
            if "binary" in self.weights and layers[name].pruned:
                raise ValueError(f"layer {name}: weights must not be pruned before they are "
                                 f'{self.weights}, which has no 0; take "ternary"')
            layers[name].quantised = True

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title once quantised."""
        if self.weights != "shared":
            quantise_weights(model, lambda: _QUANTISERS[self.weights](self.width),
                             self.layers or None)
        quantise_activations(model, self.activations, self.activation_steps)
        calibrate(model, [tensor(dataset.train_x[:_CALIBRATION])])
        yield f"quantise: {self.weights} weights, {self.activations}-bit activations"

    def finish(self, model: FloatNet) -> None:
        """Behind the training: round codebooks once, and biases once all weights are quantised."""
        for name, codebook in _codebooks(model).items():
            if codebook.fixed is None and (not self.layers or name in self.layers):
                codebook.quantise(self.width)
        if is_quantised(model):
            round_biases(model)


@dataclass(frozen=True)
class Grow(Step):
    """Incremental quantisation to powers of two, with a training behind each share but the last."""

    bits: int = 5
    shares: tuple[float, ...] = (0.5, 0.75, 0.875, 1.0)

    def __post_init__(self) -> None:
        _check_bits("bits", self.bits, 6, "powers of two")
        ascending = all(part < after for part, after in pairwise((0, *self.shares)))
        if not ascending or not self.shares or self.shares[-1] != 1:
            raise ValueError(f"shares must ascend from above 0 to 1, not {list(self.shares)}")

    def check(self, layers: Layers) -> None:
        """That there is a weight to quantise."""
        if all(layer.quantised for layer in layers.values()):
            raise ValueError("a layer must be left to quantise")
        for layer in layers.values():
            layer.quantised = True

    def run(self, model: FloatNet, dataset: Dataset) -> Iterator[str]:
        """Yield a title after each share."""
        quantise_weights(model, lambda: Incremental(self.bits))
        for part in self.shares:
            freeze(model, part)
            yield f"freeze {100 * part:.1f} % at powers of two"
