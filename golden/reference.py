"""The golden answer: what a Network computes, in exact PyTorch integers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.argmax import argmax
from golden.dense import dense
from golden.elementwise import (
    clamp,
    leaky_relu,
    multi_threshold,
    piecewise_linear,
    scale,
    table,
)
from golden.layer import (
    ArgMax,
    Clamp,
    Dense,
    Layer,
    LeakyReLU,
    MultiThreshold,
    PiecewiseLinear,
    Scale,
    Table,
    TopK,
)
from golden.network import Network
from golden.topk import topk

__all__ = ["run"]


_MODELS: dict[type[Layer], Callable[[NDArray[Any], Any], NDArray[np.int64]]] = {
    Dense: dense,
    ArgMax: lambda x, layer: argmax(x),
    TopK: lambda x, layer: topk(x, layer.k),
    MultiThreshold: multi_threshold,
    Scale: scale,
    Clamp: clamp,
    LeakyReLU: leaky_relu,
    Table: table,
    PiecewiseLinear: piecewise_linear,
}


def run(network: Network, x: NDArray[Any], batch: int = 1000) -> list[NDArray[np.int64]]:
    """Outputs of every layer, each (frames, layer.n_out) values; the last are the answers.

    x : (frames, n_in) values of kind ``network.input``, for example pixels 0..255 or -1 and +1
    batch : frames computed at once; it bounds the memory and changes no result

    Raises ValueError for other shapes and for values that ``network.input`` cannot hold.
    """
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != network.n_in:
        raise ValueError(f"x must have shape (frames, {network.n_in}) for network {network.name}, "
                         f"not {x.shape}")
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    outputs = [np.empty((len(x), layer.n_out), np.int64) for layer in network.layers]
    for start in range(0, len(x), batch):
        part = slice(start, start + batch)
        values = network.input.decode(network.input.encode(x[part]))
        for layer, output in zip(network.layers, outputs, strict=True):
            output[part] = values = _MODELS[type(layer)](values, layer)
    return outputs
