"""The integer Network: layers with exact semantics, validated, saved as one file.

A Network says what is computed, on values and not on codes; it knows nothing of floats, training,
cycles or wires. ``golden.reference`` computes it, ``hdl`` builds it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from golden.archive import digest, read_archive, write_archive
from golden.layer import ArgMax, Dense, Layer, check_name
from golden.number import Number, parse_number

__all__ = ["ArgMax", "Dense", "Layer", "Network"]

FORMAT, VERSION = "lutloom-network", 2


def _describe(layer: Layer) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A layer's parameters: a Number as {"number": text}, an array as {"array": its name}."""
    entry: dict[str, Any] = {"kind": type(layer).__name__}
    arrays = {}
    for field_ in fields(layer):
        value = getattr(layer, field_.name)
        if isinstance(value, np.ndarray):
            name = f"{layer.name}.{field_.name}"
            entry[field_.name], arrays[name] = {"array": name}, value
        else:
            entry[field_.name] = {"number": str(value)} if isinstance(value, Number) else value
    return entry, arrays


def _rebuild(entry: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Layer:
    kinds = {kind.__name__: kind for kind in get_args(Layer)}
    if entry["kind"] not in kinds:
        raise ValueError(f'layer {entry["name"]} is of unknown kind "{entry["kind"]}"')
    parameters: dict[str, Any] = {}
    for name, value in entry.items():
        match value:
            case {"number": text}:
                parameters[name] = parse_number(text)
            case {"array": array}:
                parameters[name] = arrays[array]
            case _:
                parameters[name] = value
    return kinds[parameters.pop("kind")](**parameters)


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in a chain.

    name : lower-case identifier
    layers : at least one; each takes as many values, of the same kind, as the one before gives
    metadata : facts about the network (input_shape, classes, accuracy, ...) that do not change
        what it computes
    """

    name: str
    layers: tuple[Layer, ...]
    metadata: Mapping[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name, "network")
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "metadata", dict(self.metadata))
        if not self.layers:
            raise ValueError(f"network {self.name}: layers must not be empty")
        for layer in self.layers:
            if not isinstance(layer, Layer):
                kinds = ", ".join(kind.__name__ for kind in get_args(Layer))
                raise TypeError(f"network {self.name}: layers must be of {kinds}, not {layer!r}")
        names = [layer.name for layer in self.layers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'network {self.name}: layer names must differ, but "{name}" '
                                 f"stands {names.count(name)} times; rename one")
        for before, after in zip(self.layers, self.layers[1:], strict=False):
            gives, takes = ((n, str(number)) for n, number in (
                (before.n_out, before.output), (after.n_in, after.input)))
            if gives != takes:
                raise ValueError(
                    f"network {self.name}: layer {after.name} takes {takes[0]} values of kind "
                    f"{takes[1]}, but layer {before.name} before it gives {gives[0]} of kind "
                    f"{gives[1]}; change one of the two")
        for key, value in self.metadata.items():
            if not isinstance(key, str) or not isinstance(value, str | int | float):
                raise TypeError(f"network {self.name}: metadata must map strings to strings or "
                                f"plain numbers, not {key!r} to {value!r}")

    @property
    def input(self) -> Number:
        """Kind of the network's inputs."""
        return self.layers[0].input

    @property
    def n_in(self) -> int:
        """Inputs a frame."""
        return self.layers[0].n_in

    @property
    def output(self) -> Number:
        """Kind of the network's outputs."""
        return self.layers[-1].output

    @property
    def n_out(self) -> int:
        """Outputs a frame."""
        return self.layers[-1].n_out

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of name and layers: equal digests compute equal answers."""
        content, arrays = self._content()
        return digest({"name": content["name"], "layers": content["layers"]}, arrays)

    def _content(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays: dict[str, NDArray[Any]] = {}
        layers = []
        for layer in self.layers:
            entry, its_arrays = _describe(layer)
            layers.append(entry)
            arrays |= its_arrays
        return {"name": self.name, "layers": layers, "metadata": self.metadata}, arrays

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one file (see ``golden.archive``); an older one is replaced in one step."""
        content, arrays = self._content()
        write_archive(path, FORMAT, VERSION, content, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Network":
        """The Network saved in ``path``.

        Raises FileNotFoundError, or ValueError with the reason for a file that is damaged,
        newer than this program, of another kind, or that describes no valid network.
        """
        content, arrays = read_archive(path, FORMAT, VERSION)
        try:
            layers = tuple(_rebuild(entry, arrays) for entry in content["layers"])
            return cls(content["name"], layers, content["metadata"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: describes no valid network: {error}") from error
