"""Golden models of the layers on tensors: x (frames, positions * channels), channels fastest."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from golden.convolution import Conv
from golden.embedding import Embedding
from golden.geometry import Geometry
from golden.joining import Concatenate
from golden.pooling import Pool
from golden.resampling import UpSample

__all__ = ["add", "concatenate", "conv", "embedding", "pool", "upsample"]

_CONV = functional.conv1d, functional.conv2d, functional.conv3d
_MAX = functional.max_pool1d, functional.max_pool2d, functional.max_pool3d
_MODES = {"zeros": "constant", "replicate": "replicate", "reflect": "reflect"}


def _channels_first(x: NDArray[Any], size: tuple[int, ...]) -> Tensor:
    """(frames, channels, *size) in float64, which holds all sums exactly."""
    return torch.tensor(x.reshape(len(x), *size, -1), dtype=torch.float64).movedim(-1, 1)


def _channels_last(x: Tensor) -> NDArray[np.int64]:
    return x.movedim(1, -1).reshape(len(x), -1).to(torch.int64).numpy()


def _padded(x: Tensor, geometry: Geometry, mode: str) -> Tensor:
    """As torch.nn.Conv1d to Conv3d pad their input."""
    if not any(geometry.padding):
        return x
    return functional.pad(x, [pad for pad in reversed(geometry.padding) for _ in range(2)],
                          mode=_MODES[mode])


def conv(x: NDArray[Any], layer: Conv) -> NDArray[np.int64]:
    """By PyTorch's convolution. Exact: sums stay below 2**53, which is checked (ValueError)."""
    weights = layer.weights
    greatest = weights[0].size * max(
        abs(end) for end in (layer.input.minimum, layer.input.maximum)) * max(
        abs(int(weights.min())), abs(int(weights.max())))
    if greatest >= 2**53:
        raise ValueError(f"layer {layer.name}: sums must stay below 2**53, not reach {greatest}")
    geometry = layer.geometry
    padded = _padded(_channels_first(x, layer.size), geometry, layer.padding_mode)
    sums = _CONV[len(layer.size) - 1](
        padded, torch.tensor(weights, dtype=torch.float64), stride=geometry.stride,
        dilation=geometry.dilation, groups=layer.groups)
    accumulators = _channels_last(sums).reshape(-1, len(weights))
    if layer.bias is not None:
        accumulators += layer.bias
    if layer.thresholds is not None:
        accumulators = np.where(accumulators >= layer.thresholds, np.int64(1), np.int64(-1))
    return accumulators.reshape(len(x), -1)


def pool(x: NDArray[Any], layer: Pool) -> NDArray[np.int64]:
    """The greatest by PyTorch's pooling; a sum is a convolution with ones."""
    geometry, values = layer.geometry, _channels_first(x, layer.size)
    d = len(layer.size) - 1
    if layer.operation == "max":
        return _channels_last(_MAX[d](values, geometry.kernel, geometry.stride, geometry.padding,
                                      geometry.dilation))
    ones = torch.ones((layer.channels, 1, *geometry.kernel), dtype=torch.float64)
    return _channels_last(_CONV[d](_padded(values, geometry, "zeros"), ones, None, geometry.stride,
                                   0, geometry.dilation, layer.channels))


def upsample(x: NDArray[Any], layer: UpSample) -> NDArray[np.int64]:
    """By indexing, one dimension after the other."""
    tensor = np.asarray(x, np.int64).reshape(len(x), *layer.size, layer.channels)
    for d, places in enumerate(layer.sources):
        shown = np.take(tensor, places, axis=d + 1)
        zeros = (places < 0).reshape(-1, *[1] * (tensor.ndim - d - 2))
        tensor = np.where(zeros, 0, shown)
    return tensor.reshape(len(x), -1)


def embedding(x: NDArray[Any], layer: Embedding) -> NDArray[np.int64]:
    """By indexing."""
    return layer.table[np.minimum(x, len(layer.table) - 1)].reshape(len(x), -1)


def add(x: NDArray[Any], other: NDArray[Any]) -> NDArray[np.int64]:
    """Sums of two tensors of one shape."""
    return np.asarray(x, np.int64) + other


def concatenate(tensors: tuple[NDArray[Any], ...], layer: Concatenate) -> NDArray[np.int64]:
    """Channels of all tensors side by side."""
    return np.concatenate([x.reshape(len(x), layer.positions, -1) for x in tensors],
                          axis=2).reshape(len(tensors[0]), -1)
