"""Zeros made of small weights, and what whole channels of zeros leave out of a network.

Both work on the integers of a finished ``Network``. What is to be trained around its zeros is
pruned before, as a float model: ``golden.masking``.
"""

from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from golden.activation import Elementwise
from golden.check import check_count
from golden.layer import Conv, Dense, Layer, MultiThreshold, Pool, Scale, UpSample, Weighted
from golden.network import Network
from golden.number import Bipolar, Codebook

__all__ = ["compact", "prune"]


def prune(layer: Weighted, threshold: int) -> Weighted:
    """The layer with 0 for every weight whose magnitude is below ``threshold``.

    Thresholds and biases stay. Raises ValueError for weights of a kind without 0 and for a
    threshold below 1.
    """
    kind = layer.weight_kind
    if isinstance(kind, Bipolar) or isinstance(kind, Codebook) and 0 not in kind.entries:
        raise ValueError(f"layer {layer.name}: weight_kind must have a 0 to be pruned, not {kind}; "
                         "take ternary weights or put a 0 into the codebook")
    check_count(layer.name, "threshold", threshold, 1, 2**31)
    kept = np.where(np.abs(layer.weights.astype(np.int64)) < threshold, 0, layer.weights)
    thresholds = layer.thresholds
    if thresholds is not None:  # what is out of the smaller reach means the same at its end
        bare = replace(layer, weights=kept, thresholds=None)
        thresholds = np.clip(thresholds, bare.accumulator_minimum, bare.accumulator_maximum + 1)
    return replace(layer, weights=kept, thresholds=thresholds)


def compact(network: Network) -> Network:
    """A network that computes the same without the channels that nothing uses.

    A channel that no weight of the next weighted layer meets is left out of that layer, of all
    layers between and of the one that computes it: its filter, its thresholds, its place in line
    buffers. From the last layer to the first, so that a channel used by removed ones alone goes,
    too. Inputs of the network, its outputs, channels of grouped convolutions and of networks with
    branches stay, and as many of each layer as keep the kind of its accumulators.
    """
    layers = list(network.layers)
    for end in range(len(layers) - 1, 0, -1) if not network.sources else ():
        start = end - 1
        while start > 0 and isinstance(layers[start], Elementwise | Pool | UpSample):
            start -= 1
        user, giver = layers[end], layers[start]
        if not _plain(user) or not _plain(giver):
            continue
        used = _used(user, giver.channels_out)
        used[:1] |= not used.any()
        if str(_without_rows(giver, used).output) != str(giver.output):
            used[[giver.accumulator_minimum.argmin(), giver.accumulator_maximum.argmax()]] = True
        layers[end] = _without_inputs(user, used)
        layers[start + 1:end] = [_without_channels(layer, used) for layer in layers[start + 1:end]]
        layers[start] = _without_rows(giver, used)
    return replace(network, layers=tuple(layers))


def _plain(layer: Layer) -> TypeGuard[Weighted]:
    return isinstance(layer, Dense) or isinstance(layer, Conv) and layer.groups == 1


def _used(layer: Weighted, channels: int) -> NDArray[np.bool_]:
    """(channels,) does any weight meet the channel?"""
    if isinstance(layer, Conv):
        return (layer.weights != 0).reshape(len(layer.weights), channels, -1).any((0, 2))
    return (layer.weights != 0).reshape(len(layer.weights), -1, channels).any((0, 1))


def _without_inputs(layer: Weighted, used: NDArray[np.bool_]) -> Weighted:
    if isinstance(layer, Conv):
        return replace(layer, weights=layer.weights[:, used])
    weights = layer.weights.reshape(len(layer.weights), -1, len(used))[:, :, used]
    return replace(layer, weights=weights.reshape(len(weights), -1))


def _without_rows(layer: Weighted, used: NDArray[np.bool_]) -> Weighted:
    return replace(layer, weights=layer.weights[used], **{
        name: values[used] for name in ("thresholds", "bias")
        if (values := getattr(layer, name)) is not None})


def _without_channels(layer: Any, used: NDArray[np.bool_]) -> Layer:
    """A layer without weights, of fewer channels."""
    match layer:
        case MultiThreshold():
            return replace(layer, thresholds=layer.thresholds[used])
        case Scale():
            return replace(layer, n=int(used.sum()), multiplier=layer.multiplier[used],
                           bias=layer.bias[used])
        case Pool() | UpSample():
            return replace(layer, channels=int(used.sum()))
    return replace(layer, n=int(used.sum()))
