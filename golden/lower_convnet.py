"""Lowering of convolutional networks: stage by stage to the integer layers that equal them."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.convnet import Activate, ConvNet, Pool, Residual, Weighted
from golden.folding import check_exact, output_of, thresholds
from golden.layer import Add, Conv, Dense, Embedding, Layer, MultiThreshold
from golden.layer import Pool as PoolLayer
from golden.number import Bipolar, Integer, Number, parse_number
from golden.trainable import BinaryConv, BinaryEmbedding

__all__ = ["lower_stages"]


class _Builder:
    """Layers and sources so far; each step appends some and returns the name of the last.

    kind : of all weights; number : of the network's inputs

    Steps take the name of the layer before them, or None for the input.
    """

    def __init__(self, kind: Number, number: Number) -> None:
        self.kind, self.number = kind, number
        self.layers: list[Layer] = []
        self.sources: dict[str, tuple[str, ...]] = {}

    def give(self, layer: Layer, *sources: str | None) -> str:
        """Append ``layer``; its name."""
        before = self.layers[-1].name if self.layers else "input"
        named = tuple(source or "input" for source in sources)
        if named != (before,):
            self.sources[layer.name] = named
        self.layers.append(layer)
        return layer.name

    def output(self, source: str | None) -> Number:
        """Number kind of what a layer gives."""
        return next((layer.output for layer in self.layers if layer.name == source), self.number)

    def activate(self, name: str, stage: Activate, source: str | None, positions: int) -> str:
        """Batch norm and activation of a layer's integers."""
        number = self.output(source)
        n = len(stage.norm.mean)
        low, high = np.full(n, number.minimum), np.full(n, number.maximum)
        return self._threshold(name, stage, source, positions, low, high)

    def _threshold(self, name: str, stage: Activate, source: str | None, positions: int,
                   low: NDArray[np.int64], high: NDArray[np.int64]) -> str:
        number = self.output(source)
        assert isinstance(number, Integer)  # only sums and accumulators are activated
        levels = thresholds(name, stage.norm, stage.activation, low, high)
        return self.give(MultiThreshold(name, number, levels, output_of(stage.activation),
                                        positions), source)

    def weighted(self, name: str, stage: Weighted, source: str | None, size: tuple[int, ...]
                 ) -> str:
        """A convolution or dense layer: one threshold is its own, more are a layer behind it."""
        number = self.output(source)
        integers = stage.weights.integers().detach().numpy().astype(np.int8)
        options: dict[str, Any] = {"weight_kind": self.kind}

        def make(name: str, **given: Any) -> Conv | Dense:
            if isinstance(stage.weights, BinaryConv):
                return Conv(name, number, size, integers, stage.weights.stride,
                            stage.weights.padding, **options, **given)
            return Dense(name, number, integers, **options, **given)

        raw = make(name)
        low, high = raw.accumulator_minimum, raw.accumulator_maximum
        check_exact(name, low, high)
        if stage.activate is None:
            return self.give(raw, source)
        if output_of(stage.activate.activation) == Bipolar():
            levels = thresholds(name, stage.activate.norm, stage.activate.activation, low, high)
            return self.give(make(name, thresholds=levels[:, 0]), source)
        accumulators = self.give(raw, source)
        return self._threshold(f"{name}_codes", stage.activate, accumulators, raw.positions_out,
                               low, high)

    def residual(self, name: str, stage: Residual, source: str | None, size: tuple[int, ...]
                 ) -> str:
        """Two convolutions, their shortcut and the sum."""
        codes = source if stage.activate is None else self.activate(
            f"{name}_input", stage.activate, source, prod(size))
        first = self.weighted(f"{name}_first", stage.first, codes, size)
        convolution = next(layer for layer in self.layers if layer.name == f"{name}_first")
        assert isinstance(convolution, Conv)
        second = self.weighted(f"{name}_second", stage.second, first, convolution.geometry.output)
        other = source if stage.shortcut is None else self.weighted(
            f"{name}_shortcut", stage.shortcut, codes, size)
        summed = Add(name, self.output(second), self.output(other), convolution.channels_out,
                     convolution.positions_out)
        return self.give(summed, second, other)


def lower_stages(model: ConvNet) -> tuple[list[Layer], dict[str, tuple[str, ...]]]:
    """The layers that equal ``model`` in eval mode up to its scores, and their sources.

    Stage k becomes a layer conv_k, pool_k, ... of its kind; codes of more than one bit are made by
    a layer conv_k_codes behind it. Raises ValueError for batch norms that cannot be folded.
    """
    spec = model.spec
    build = _Builder(model.weight_kind, parse_number(spec.input))
    source: str | None = None
    for k, ((size, channels), stage) in enumerate(zip(spec.layout(), model.stages, strict=False)):
        name = f"{spec.stages[k].kind}_{k}"
        match stage:
            case BinaryEmbedding():
                table = stage.integers().detach().numpy().T.astype(np.int64)
                source = build.give(Embedding(name, table, Bipolar(), prod(size)), source)
            case Pool():
                source = build.give(PoolLayer(name, build.output(source), size, channels,
                                              stage.kernel, stage.operation), source)
            case Activate():
                source = build.activate(name, stage, source, prod(size))
            case Residual():
                source = build.residual(name, stage, source, size)
            case Weighted():
                source = build.weighted(name, stage, source, size)
    return build.layers, build.sources
