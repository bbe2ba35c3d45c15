"""The compressed file: a model pruned, shared or quantised, in as few bits as its entropy allows.

Whatever made the weights (``golden.masking``, ``golden.sharing``, ``golden.quantisers``, or all of
them), each layer is stored in the way that is smallest for what they are: see
``golden.coded_layer``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.archive import read_archive, write_archive
from golden.coded_layer import CodedLayer, CodedSize
from golden.weighted_modules import weighted_modules

__all__ = ["CodedModel"]

FORMAT, VERSION = "lutloom-coded", 1


def _others(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of a model that are no weight or bias of its layers."""
    layers = [f"{name}." * bool(name) for name in weighted_modules(model)]
    own = {layer + parameter for layer in layers for parameter in ("weight", "bias")}
    hidden = tuple(f"{layer}parametrizations." for layer in layers)
    return {name: value for name, value in model.state_dict().items()
            if name not in own and not name.startswith(hidden)}


@dataclass(frozen=True)
class CodedModel:
    """A model's weights and biases as streams of bits; batch norm and the like as they are.

    layers : dense layers and convolutions, in the order of ``weighted_modules``
    others : all other parameters and buffers, by name
    """

    layers: tuple[CodedLayer, ...]
    others: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, model: nn.Module) -> "CodedModel":
        """What ``model`` computes with. Raises TypeError or ValueError for weights of another kind
        than finite float32."""
        with torch.no_grad():
            layers = tuple(
                CodedLayer.of(name, module.weight.cpu().numpy(),
                              None if module.bias is None else module.bias.cpu().numpy())
                for name, module in weighted_modules(model).items())
        return cls(layers, {name: value.cpu().numpy() for name, value in _others(model).items()})

    @cached_property
    def sizes(self) -> tuple[CodedSize, ...]:
        """Bits of each layer."""
        return tuple(layer.size for layer in self.layers)

    @property
    def total(self) -> CodedSize:
        """Bits of all layers; ``others`` are neither in its plain nor in its stored ones."""
        return CodedSize("total", *map(sum, zip(*(size[1:] for size in self.sizes), strict=True)))

    @property
    def other_bits(self) -> int:
        """Bits of ``others``, plain and stored."""
        return sum(8 * array.nbytes for array in self.others.values())

    def apply(self, model: nn.Module) -> None:
        """Put everything into a model of the same architecture, equal in every bit.

        Raises ValueError for other layers, shapes, biases or buffers, and for a model with
        parametrizations of weights; it is left as it was then.
        """
        modules, others = weighted_modules(model), _others(model)
        _check_equal("layers", [layer.name for layer in self.layers], list(modules))
        _check_equal("other parameters and buffers", sorted(self.others), sorted(others))
        pairs: list[tuple[Tensor, Tensor]] = []
        for layer in self.layers:
            module, (weight, bias) = modules[layer.name], layer.decode()
            where = f"layer {layer.name}: "
            if parametrize.is_parametrized(module):
                raise ValueError(f"{where}the model must have no masks and quantisers, which stay "
                                 "in the weights; make a new one")
            _check_equal(f"{where}shape", list(weight.shape), list(module.weight.shape))
            _check_equal(f"{where}biases", [] if bias is None else list(bias.shape),
                         [] if module.bias is None else list(module.bias.shape))
            pairs.append((module.weight, torch.from_numpy(weight)))
            if bias is not None and module.bias is not None:
                pairs.append((module.bias, torch.from_numpy(bias)))
        for name, array in self.others.items():
            _check_equal(f"{name}: shape", list(array.shape), list(others[name].shape))
            pairs.append((others[name], torch.from_numpy(array.copy())))
        with torch.no_grad():
            for target, value in pairs:
                target.copy_(value)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file of ``total`` and ``other_bits``, and some hundred bytes a layer."""
        packed = [layer.pack() for layer in self.layers]
        content = {"layers": [facts for facts, _ in packed],
                   "others": [[name, array.dtype.str, array.shape]
                              for name, array in self.others.items()]}
        data = b"".join([*(bits for _, bits in packed),
                         *(array.tobytes() for array in self.others.values())])
        write_archive(path, FORMAT, VERSION, content, {"data": np.frombuffer(data, np.uint8)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "CodedModel":
        """The model that ``save`` wrote to ``path``.

        Raises FileNotFoundError, or ValueError with the reason for a file that is damaged, newer
        than this program, of another kind, or that describes no valid model.
        """
        content, arrays = read_archive(path, FORMAT, VERSION)
        try:
            data, layers, others = arrays["data"].tobytes(), [], {}
            for facts in content["layers"]:
                layer, data = CodedLayer.unpack(facts, data)
                layers.append(layer)
            for name, dtype, shape in content["others"]:
                size = prod(shape) * np.dtype(dtype).itemsize
                if len(data) < size:
                    raise ValueError(f"{name} of {size} bytes begins in {len(data)} bytes")
                others[name] = np.frombuffer(data[:size], dtype).reshape(shape)
                data = data[size:]
            if data:
                raise ValueError(f"{len(data)} bytes are left over")
            return cls(tuple(layers), others)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: describes no valid model: {error}") from error


def _check_equal(what: str, coded: list[Any], there: list[Any]) -> None:
    if coded != there:
        raise ValueError(f"{what} of the model must be those of the coded one, {coded}, not "
                         f"{there}")
