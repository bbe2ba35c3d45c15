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
from golden.layer import Add, ArgMax, Concatenate, Dense, Layer, check_name
from golden.number import Number, parse_number

__all__ = ["ArgMax", "Dense", "Layer", "Network"]

FORMAT, VERSION = "lutloom-network", 3


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
    """Layers in a chain, or with branches that meet.

    name : lower-case identifier
    layers : at least one; each takes as many values, of the same kind, as the one before gives, or
        those that ``sources`` name
    sources : name of a layer -> names of the layers, all before it, whose outputs it takes;
        "input" is the network's input. Add and Concatenate have several. Every output but the
        last is taken.
    metadata : facts about the network (input_shape, classes, accuracy, ...) that do not change
        what it computes
    """

    name: str
    layers: tuple[Layer, ...]
    metadata: Mapping[str, str | int | float] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
        object.__setattr__(self, "sources", {name: tuple(of) for name, of in self.sources.items()})
        self._check_sources(names)
        for key, value in self.metadata.items():
            if not isinstance(key, str) or not isinstance(value, str | int | float):
                raise TypeError(f"network {self.name}: metadata must map strings to strings or "
                                f"plain numbers, not {key!r} to {value!r}")

    def _check_sources(self, names: list[str]) -> None:
        where = f"network {self.name}"
        if "input" in names:
            raise ValueError(f'{where}: no layer may be called "input", which names the network\'s '
                             "input; rename it")
        if unknown := set(self.sources) - set(names):
            raise ValueError(f"{where}: sources must be of its layers, not of {min(unknown)}")
        given = {"input": (self.n_in, self.input)}
        for layer in self.layers:
            wanted = layer.takes if isinstance(layer, Add | Concatenate) else (
                (layer.n_in, layer.input),)
            of = self.sources_of(layer)
            if len(of) != len(wanted):
                raise ValueError(f"{where}: layer {layer.name} takes {len(wanted)} sources, not "
                                 f"{len(of)} ({', '.join(of)}); name them in sources")
            for source, (n, number) in zip(of, wanted, strict=True):
                if source not in given:
                    raise ValueError(f"{where}: the sources of layer {layer.name} must be "
                                     f"layers before it, not {source}")
                gives, kind = given[source]
                if (gives, str(kind)) != (n, str(number)):
                    giver = f"layer {source}" if source != "input" else "the input"
                    before = " before it" if layer.name not in self.sources else ""
                    raise ValueError(
                        f"{where}: layer {layer.name} takes {n} values of kind {number}, but "
                        f"{giver}{before} gives {gives} of kind {kind}; change one of the two")
            given[layer.name] = layer.n_out, layer.output
        taken = {source for layer in self.layers for source in self.sources_of(layer)}
        for name in names[:-1]:
            if name not in taken:
                raise ValueError(f"{where}: nothing takes the output of layer {name}; name it in "
                                 "sources or leave it out")

    def sources_of(self, layer: Layer) -> tuple[str, ...]:
        """Names of the layers whose outputs ``layer`` takes, in order; "input" for the input."""
        if layer.name in self.sources:
            return self.sources[layer.name]
        place = self.layers.index(layer)
        return (self.layers[place - 1].name if place else "input",)

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
        return digest({key: content[key] for key in ("name", "layers", "sources")}, arrays)

    def _content(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays: dict[str, NDArray[Any]] = {}
        layers = []
        for layer in self.layers:
            entry, its_arrays = _describe(layer)
            layers.append(entry)
            arrays |= its_arrays
        return {"name": self.name, "layers": layers, "sources": self.sources,
                "metadata": self.metadata}, arrays

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
            return cls(content["name"], layers, content["metadata"], content["sources"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: describes no valid network: {error}") from error
