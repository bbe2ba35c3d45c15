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
    Add,
    ArgMax,
    Clamp,
    Concatenate,
    Conv,
    Dense,
    Embedding,
    Layer,
    LeakyReLU,
    MultiThreshold,
    PiecewiseLinear,
    Pool,
    Scale,
    Table,
    TopK,
    UpSample,
)
from golden.network import Network
from golden.spatial import add, concatenate, conv, embedding, pool, upsample
from golden.topk import topk

__all__ = ["run"]

Values = NDArray[np.int64]
Model = Callable[[NDArray[Any], Any], Values]


def _everywhere(model: Model) -> Model:
    """A model of (frames, n) at each position of a tensor."""
    def computed(x: NDArray[Any], layer: Any) -> Values:
        return model(x.reshape(-1, layer.n), layer).reshape(len(x), -1)

    return computed


_MODELS: dict[type[Layer], Model] = {
    Dense: dense,
    Conv: conv,
    Pool: pool,
    UpSample: upsample,
    Embedding: embedding,
    ArgMax: lambda x, layer: argmax(x),
    TopK: lambda x, layer: topk(x, layer.k),
    MultiThreshold: _everywhere(multi_threshold),
    Scale: _everywhere(scale),
    Clamp: _everywhere(clamp),
    LeakyReLU: _everywhere(leaky_relu),
    Table: _everywhere(table),
    PiecewiseLinear: _everywhere(piecewise_linear),
}


def _compute(layer: Layer, inputs: tuple[Values, ...]) -> Values:
    match layer:
        case Add():
            return add(*inputs)
        case Concatenate():
            return concatenate(inputs, layer)
    return _MODELS[type(layer)](inputs[0], layer)


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
        values = {"input": network.input.decode(network.input.encode(x[part]))}
        for layer, output in zip(network.layers, outputs, strict=True):
            inputs = tuple(values[name] for name in network.sources_of(layer))
            output[part] = values[layer.name] = _compute(layer, inputs)
    return outputs
