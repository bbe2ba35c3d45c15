"""Which modules of a PyTorch model have weights to compress, and what quantisers make of them."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from golden.number import Number

__all__ = ["IntegerWeights", "Quantiser", "WeightedModule", "weighted_modules"]

WeightedModule = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


class IntegerWeights(NamedTuple):
    """Weights as the hardware holds them: ``weight = values * step``.

    values : of kind ``kind``, in the shape of the weight
    step : one for all, shape (), or one a row of the weight's first dimension, shape (n_out,)
    """

    values: NDArray[np.int64]
    kind: Number
    step: NDArray[np.float64]


class Quantiser(Protocol):
    """A parametrization of ``weight`` behind which a layer of a Network can stand."""

    def integers(self, weight: Tensor) -> IntegerWeights:
        """What eval mode makes of the latent ``weight``, exactly, in integers."""
        ...


def weighted_modules(model: nn.Module) -> dict[str, WeightedModule]:
    """Dense layers and convolutions of ``model`` by name, in the order in which it holds them.

    Methods of compression are parametrizations (``torch.nn.utils.parametrize``) of a module's
    ``weight``, one behind the other: what is pruned may be shared or quantised afterwards, and
    ``weight`` always gives what the layer computes with. Raises ValueError if there is none.
    """
    found = {name: module for name, module in model.named_modules()
             if isinstance(module, WeightedModule)}
    if not found:
        raise ValueError("a model to compress must have dense layers or convolutions of torch.nn, "
                         f"but {type(model).__name__} has none")
    return found
