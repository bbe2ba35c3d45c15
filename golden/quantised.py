"""Quantisers where they stand in a model, and the integers that they make of its weights."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.weighted_modules import (
    IntegerWeights,
    Quantiser,
    WeightedModule,
    weighted_modules,
)

__all__ = ["integer_weights", "quantises", "weight_chain", "weight_quantisers"]


def weight_chain(module: WeightedModule) -> list[Any]:
    """Parametrizations of the module's weight, in the order in which it passes them."""
    if not parametrize.is_parametrized(module, "weight"):
        return []
    return list(module.parametrizations.weight)  # type: ignore[arg-type, union-attr]


def quantises(part: Any) -> bool:
    """Is ``part`` a Quantiser, and not a method of another kind?"""
    return isinstance(part, nn.Module) and hasattr(part, "integers")


def weight_quantisers(model: nn.Module) -> dict[str, tuple[Quantiser, Tensor]]:
    """Layers that have one, by name: their quantiser, and the latent weight that reaches it.

    Raises ValueError for a quantiser that is not the last parametrization.
    """
    found = {}
    for name, module in weighted_modules(model).items():
        chain = weight_chain(module)
        if any(map(quantises, chain[:-1])):
            raise ValueError(f"layer {name}: the quantiser of weight must be its last "
                             f"parametrization, not followed by {type(chain[-1]).__name__}")
        if chain and quantises(chain[-1]):
            weight: Any = module.parametrizations.weight.original  # type: ignore[union-attr]
            with torch.no_grad():
                for part in chain[:-1]:
                    weight = part(weight)
            found[name] = chain[-1], weight.detach()
    return found


def integer_weights(model: nn.Module) -> dict[str, IntegerWeights]:
    """What the layers of a model compute with in eval mode, in integers, by the layer's name.

    Raises ValueError for a layer without a quantiser, for weights that are not finite, and for
    what its quantiser refuses.
    """
    quantisers = weight_quantisers(model)
    for name in weighted_modules(model):
        if name not in quantisers:
            raise ValueError(f"layer {name}: weight must have a quantiser, such as "
                             "FixedWeights(8); see golden.quantisers.quantise_weights")
        if not quantisers[name][1].isfinite().all():
            raise ValueError(f"layer {name}: weight must be finite")
    return {name: quantiser.integers(weight) for name, (quantiser, weight) in quantisers.items()}
