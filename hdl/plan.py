"""The Plan: how each layer of a Network is folded, stored and pipelined."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from golden.layer import ArgMax, Dense, Layer, TopK
from golden.network import Network
from hdl.folding import CODEBOOKS
from hdl.logic_block import check_levels, check_variant
from hdl.multipliers import MULTIPLIERS
from hdl.parameters import MEMORIES, STORAGES
from hdl.schedule import Schedule

__all__ = ["LayerPlan", "Plan"]

_FORMAT, _VERSION = "lutloom-plan", 1
_STRUCTURES = "parallel", "serial"
_ENGINES = "dense", "scheduled"


@dataclass(frozen=True)
class LayerPlan:
    """How one layer is built.

    pe : outputs computed in parallel; simd : inputs taken a cycle. With storage "logic" all are;
    an arg-max takes simd inputs a cycle and has no pe.
    storage : "logic" (hard-wired), "rom" or "ram"; memory : where weights are kept, see
    :class:`hdl.folded_dense.FoldedDense`; fifo : beats of a FIFO in front of the layer, 0 for none.
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


@dataclass(frozen=True)
class Plan:
    """How a Network is built.

    layers : a LayerPlan for every layer's name, in the Network's order
    lanes : inputs of the network that enter in one beat
    levels, variant : see :class:`hdl.logic_block.LogicBlock`
    clock_hz : the clock that the plan was made for, or None

    Raises TypeError or ValueError that name layer, parameter, rule and value.
    """
    layers: Mapping[str, LayerPlan]
    lanes: int = 1
    levels: int = 3
    variant: str = "portable"
    clock_hz: int | None = None
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
                                       ("codebook", CODEBOOKS), ("structure", _STRUCTURES)):
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
            if plan.engine == "scheduled" and not isinstance(layer, Dense):
                raise ValueError(f"layer {layer.name}: engine must be dense for a layer that is "
                                 "not fully connected, not 'scheduled'")
            for parameter, value, most in (("pe", plan.pe, layer.n_out),
                                           ("simd", plan.simd, layer.n_in)):
                if value > most:
                    raise ValueError(f"layer {layer.name}: {parameter} must be at most {most}, "
                                     f"the layer's {'outputs' if parameter == 'pe' else 'inputs'}, "
                                     f"not {value}")

    def lanes_in(self, layer: Layer) -> int:
        """Inputs that the layer takes in a beat."""
        plan = self.layers[layer.name]
        hard_wired = plan.storage == "logic" and isinstance(layer, Dense)
        return layer.n_in if hard_wired else plan.simd

    def lanes_out(self, layer: Layer) -> int:
        """Outputs that the layer gives in a beat."""
        if isinstance(layer, ArgMax):
            return 1
        if isinstance(layer, TopK):
            return layer.k
        plan = self.layers[layer.name]
        if not isinstance(layer, Dense):
            return plan.simd
        if plan.engine == "scheduled":
            return Schedule(layer, plan.pe, plan.simd).lanes_needed
        return layer.n_out if plan.storage == "logic" else plan.pe

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, whole or not at all."""
        content = {"format": _FORMAT, "version": _VERSION, **asdict(self)}
        temporary = Path(f"{os.fspath(path)}.part")
        temporary.write_text(json.dumps(content, indent=2) + "\n")
        temporary.replace(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Plan":
        """Read a plan; ValueError says what is wrong with the file."""
        try:
            content: dict[str, Any] = json.loads(Path(path).read_text())
            if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
                raise ValueError(f'it has no "format": "{_FORMAT}"')
            if (version := content.pop("version", None)) != _VERSION:
                raise ValueError(f"it is of version {version}, this program reads {_VERSION}")
            layers = {name: LayerPlan(**_known(LayerPlan, f"layer {name}", entry))
                      for name, entry in content.pop("layers").items()}
            return cls(layers=layers, **_known(cls, "plan", content))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{path} is no plan: {error}; make one with 'lutloom plan'") from error


def _known(kind: type, where: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    names = {parameter.name for parameter in fields(kind)}
    if unknown := sorted(set(entry) - names):
        raise ValueError(f"{where}: unknown parameter {unknown[0]}")
    return entry


def _check_count(where: str, name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{where}: {name} must be an integer, not {value!r}")
    if value < least:
        raise ValueError(f"{where}: {name} must be at least {least}, not {value}")
