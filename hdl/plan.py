"""The Plan: how each layer of a Network is folded, stored and pipelined."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import gcd
from pathlib import Path
from typing import Any

from golden.archive import replacing
from golden.layer import (
    ArgMax,
    Concatenate,
    Conv,
    Dense,
    Embedding,
    Layer,
    Pool,
    TopK,
    UpSample,
    Weighted,
)
from golden.network import Network
from hdl.folding import CODEBOOKS
from hdl.grouping import Grouping, divisor
from hdl.logic_block import check_levels, check_variant
from hdl.multipliers import MULTIPLIERS
from hdl.parameters import MEMORIES, STORAGES
from hdl.schedule import Schedule

__all__ = ["LayerPlan", "Plan", "grouping", "lanes_in", "lanes_out"]

_FORMAT, _VERSION = "lutloom-plan", 1
_STRUCTURES = "parallel", "serial"
_ENGINES = "dense", "scheduled"
_WINDOWS = "serial", "parallel"


@dataclass(frozen=True)
class LayerPlan:
    """How one layer is built.

    pe : outputs computed in parallel; simd : inputs taken a cycle. With storage "logic" all are;
    an arg-max takes simd inputs a cycle and has no pe. Of a convolution both are those of a window,
    in groups those that :class:`hdl.grouping.Grouping` makes of them; of a layer without weights
    simd is the lanes of a position's channels.
    storage : "logic" (hard-wired), "rom" or "ram"; memory : where weights are kept, see
    :class:`hdl.folded_dense.FoldedDense`; fifo : beats of a FIFO in front of the layer, 0 for none;
    window : of a convolution, "serial" (:class:`hdl.sliding_window.SlidingWindow`, a tap at a time
    in as many lanes as divide the channels) or "parallel" (:class:`hdl.parallel_window`, a whole
    window a cycle).
    engine : "dense" (:class:`hdl.folded_dense.FoldedDense`) or "scheduled", for which zero weights
    cost nothing (:class:`hdl.scheduled_dense.ScheduledDense`: pe multipliers, simd inputs a beat,
    as many outputs a beat as keep its pace); multiplier : "lut" or "dsp";
    codebook : "auto", "multiply" or "accumulate", see :class:`hdl.folded_dense.FoldedDense`.
    structure : of a multi-threshold, "parallel" or "serial" comparisons. All layers that are not
    fully connected take simd inputs a cycle and have no pe.
    """
    pe: int = 1
    simd: int = 1
    storage: str = "rom"
    memory: str = "auto"
    fifo: int = 0
    engine: str = "dense"
    multiplier: str = "lut"
    codebook: str = "auto"
    structure: str = "parallel"
    window: str = "serial"


@dataclass(frozen=True)
class Plan:
    """How a Network is built.

    layers : a LayerPlan for every layer's name, in the Network's order
    lanes : inputs of the network that enter in one beat
    levels, variant : see :class:`hdl.logic_block.LogicBlock`
    clock_hz : the clock that the plan was made for, or None
    queues : beats of the FIFOs that the rate needs, by "SOURCE -> LAYER", the sources of a layer
        being layers, "input", or its own window, "window_LAYER"; None lets
        :class:`hdl.accelerator.Accelerator` compute them

    Raises TypeError or ValueError that name layer, parameter, rule and value.
    """
    layers: Mapping[str, LayerPlan]
    lanes: int = 1
    levels: int = 3
    variant: str = "portable"
    clock_hz: int | None = None
    queues: Mapping[str, int] | None = None
    metadata: Mapping[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_levels(self.levels)
        check_variant(self.variant)
        _check_count("plan", "lanes", self.lanes, 1)
        if self.clock_hz is not None:
            _check_count("plan", "clock_hz", self.clock_hz, 1)
        for name, layer in self.layers.items():
            where = f"layer {name}"
            for parameter, least in (("pe", 1), ("simd", 1), ("fifo", 0)):
                _check_count(where, parameter, getattr(layer, parameter), least)
            for parameter, choices in (("storage", STORAGES), ("memory", MEMORIES),
                                       ("engine", _ENGINES), ("multiplier", MULTIPLIERS),
                                       ("codebook", CODEBOOKS), ("structure", _STRUCTURES),
                                       ("window", _WINDOWS)):
                if (value := getattr(layer, parameter)) not in choices:
                    raise ValueError(f"{where}: {parameter} must be one of {', '.join(choices)}, "
                                     f"not {value!r}")
            if layer.storage == "logic":
                for parameter, only in (("engine", "dense"), ("multiplier", "lut")):
                    if (value := getattr(layer, parameter)) != only:
                        raise ValueError(f'{where}: {parameter} must be {only} with storage '
                                         f'"logic", not {value!r}; take "rom" or "ram"')

    def check(self, network: Network) -> None:
        """Raise ValueError unless the plan fits the network's layers."""
        names = [layer.name for layer in network.layers]
        if list(self.layers) != names:
            raise ValueError(f"plan is for layers {', '.join(self.layers)}, but network "
                             f"{network.name} has {', '.join(names)}; plan it anew")
        if self.lanes > network.n_in:
            raise ValueError(f"plan: lanes must be at most the {network.n_in} inputs of network "
                             f"{network.name}, not {self.lanes}")
        for layer in network.layers:
            plan = self.layers[layer.name]
            if plan.engine == "scheduled" and not isinstance(layer, Weighted):
                raise ValueError(f"layer {layer.name}: engine must be dense for a layer without "
                                 "weights, not 'scheduled'")
            n_in, n_out = _sizes(layer)
            for parameter, value, most in (("pe", plan.pe, n_out), ("simd", plan.simd, n_in)):
                if value > most:
                    raise ValueError(f"layer {layer.name}: {parameter} must be at most {most}, "
                                     f"the layer's {'outputs' if parameter == 'pe' else 'inputs'}, "
                                     f"not {value}")
        edges = {f"{source} -> {layer.name}" for layer in network.layers
                 for source in (*network.sources_of(layer), f"window_{layer.name}")}
        for edge, depth in (self.queues or {}).items():
            _check_count("plan", f"queue {edge}", depth, 0)
            if edge not in edges:
                raise ValueError(f"plan: queues must lie on edges of network {network.name}, not "
                                 f"on {edge}; plan it anew")

    def lanes_in(self, layer: Layer) -> int:
        """See :func:`lanes_in`."""
        return lanes_in(layer, self.layers[layer.name])

    def lanes_out(self, layer: Layer) -> int:
        """See :func:`lanes_out`."""
        return lanes_out(layer, self.layers[layer.name])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, whole or not at all."""
        content = {"format": _FORMAT, "version": _VERSION, **asdict(self)}
        with replacing(path) as unfinished:
            unfinished.write_text(json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Plan":
        """Read a plan; ValueError says what is wrong with the file."""
        try:
            content: dict[str, Any] = json.loads(Path(path).read_text())
            if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
                raise ValueError(f'it has no "format": "{_FORMAT}"')
            if (version := content.pop("version", None)) != _VERSION:
                raise ValueError(f"it is of version {version}, this program reads {_VERSION}")
            if not isinstance(content.get("layers"), dict):
                raise ValueError('it has no "layers"')
            layers = {name: LayerPlan(**_known(LayerPlan, f"layer {name}", entry))
                      for name, entry in content.pop("layers").items()}
            return cls(layers=layers, **_known(cls, "plan", content))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is no plan: {error}; make one with 'lutloom plan'") from error


def grouping(layer: Weighted, plan: LayerPlan) -> Grouping:
    """The layer that the core is made of; to a folded core alone groups are more than zeros."""
    if plan.storage == "logic" or plan.engine == "scheduled":
        return Grouping(layer.dense, plan.pe, plan.simd)
    return Grouping.of(layer, plan.pe, plan.simd)


def lanes_in(layer: Layer, plan: LayerPlan) -> int:
    """Inputs that a layer takes in a beat, from each of its sources."""
    match layer:
        case Embedding():
            return 1
        case Dense() if plan.storage == "logic":
            return layer.n_in
        case Conv() if plan.storage == "logic" or (plan.window == "parallel"
                                                   and not layer.geometry.trivial):
            return layer.channels_in
        case Conv() if (own := grouping(layer, plan)).groups > 1:
            return own.lanes_in
        case Conv() if layer.geometry.trivial:
            return plan.simd
        case Conv() | Pool() | UpSample():
            return divisor(layer.channels_in, plan.simd)
        case Concatenate():
            return divisor(gcd(*layer.channels), plan.simd)
    return plan.simd


def lanes_out(layer: Layer, plan: LayerPlan) -> int:
    """Outputs that a layer gives in a beat."""
    match layer:
        case ArgMax():
            return 1
        case TopK():
            return layer.k
        case Dense() | Conv():
            if plan.engine == "scheduled":
                return Schedule(layer.dense, plan.pe, plan.simd).lanes_needed
            return layer.channels_out if plan.storage == "logic" else (
                grouping(layer, plan).lanes_out)
        case Embedding():
            return plan.simd
    return lanes_in(layer, plan)


def _sizes(layer: Layer) -> tuple[int, int]:
    """The most inputs a beat and outputs at once."""
    if isinstance(layer, Weighted):
        return layer.dense.n_in, layer.dense.n_out
    if isinstance(layer, Embedding):
        return layer.channels_out, layer.channels_out
    return layer.channels_in, layer.channels_out


def _known(kind: type, where: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise TypeError(f"{where}: must be an object, not {entry!r}")
    names = {parameter.name for parameter in fields(kind)}
    if unknown := sorted(set(entry) - names):
        raise ValueError(f"{where}: unknown parameter {unknown[0]}")
    return entry


def _check_count(where: str, name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{where}: {name} must be an integer, not {value!r}")
    if value < least:
        raise ValueError(f"{where}: {name} must be at least {least}, not {value}")
