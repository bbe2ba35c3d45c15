"""A whole Network as one streaming core."""

from dataclasses import fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.layer import Add, ArgMax, Conv, Layer, Pool, Weighted
from golden.network import Network
from hdl.address_map import BEGIN, COMMIT, Region
from hdl.credited import CreditedPipelines, pipeline_rows
from hdl.fifo import StreamFIFO
from hdl.fifo_depths import check_depths, fifo_depths, fork_edges, is_steady
from hdl.graph_timing import Edge, GraphTiming
from hdl.join import Fork
from hdl.plan import Plan, grouping
from hdl.stages import Stage, Tensor, adapters, layer_stages
from hdl.timing import Timing, first_output
from hdl.window_order import frame_starts
from hdl.write_bus import WriteBus

__all__ = ["Accelerator"]

_FILLED = 8  # frames after which the rhythm does not change any more


class Accelerator(wiring.Component):
    """The layers of a network, bit-exact to :func:`golden.reference.run`.

    Between layers stand lane converters where lane counts differ and the FIFOs that the plan asks
    for; an output that several layers take is forked; hard-wired layers in a row are one part, a
    :class:`hdl.credited.CreditedPipelines`. One frame every ``initiation_interval`` cycles, that of
    the slowest part; ``latency`` cycles from a frame's first input beat to its first output beat,
    when the core was empty and inputs come every cycle. Frames need no reset in between.

    Parameters
    ----------
    network : golden.network.Network
    plan : hdl.plan.Plan for its layers
    taps : whether each layer's output can be watched

    Members
    -------
    i : In(stream.Signature(plan.lanes * network.input.width))
    o : Out(stream.Signature(lanes_out * output.width)), ``lanes_out`` lanes of the last layer
    tap_<layer name> : only with taps. Out(Signature) of ``valid``, a beat leaves the layer in
        this cycle, and ``payload``
    write, write_error : only with a layer of storage "ram", see :class:`hdl.write_bus.WriteBus`;
        ``writes`` gives the pairs for ``write`` and ``address_map`` the regions

    Raises ValueError where the plan does not fit the network.
    """

    def __init__(self, network: Network, plan: Plan, *, taps: bool = False):
        plan.check(network)
        self.network, self.plan = network, plan
        self._taps = taps
        self._stages: dict[str, Stage] = {}  # all parts in order of the data
        self._sources: dict[str, tuple[str, ...]] = {}  # of each stage; "input" is the input
        self.cores: dict[str, wiring.Component] = {}  # those that compute a layer, by its name
        given = {"input": Tensor(1, network.n_in, plan.lanes, network.input)}
        edges: dict[Edge, tuple[str, Tensor]] = {}
        for layer in network.layers:
            given[layer.name] = self._add_layer(layer, given, edges)
        last, self._end = given[layer.name], layer.name
        flat = replace(last, lanes=last.flat_lanes)  # frames leave without gaps
        for stage in adapters("output", last, flat):
            self._end = self._add(stage, self._end)
        self.lanes_out, self.output = flat.lanes, flat.number
        self._beats = {name: -(-n // lanes) for name, n, lanes in (
            ("i", network.n_in, plan.lanes), ("o", network.n_out, flat.lanes))}
        self._join_pipelines(edges)
        self._add_queues(edges)
        members = {"i": In(stream.Signature(plan.lanes * network.input.width)),
                   "o": Out(stream.Signature(self.lanes_out * self.output.width))}
        for name, core in self.cores.items():
            if taps:
                members[f"tap_{name}"] = Out(wiring.Signature(
                    {"valid": Out(1), "payload": Out(core.o.payload.shape())}))
        writable = {name: core for name, core in self.cores.items()
                    if "write" in core.signature.members}
        self.bus = WriteBus(writable, self._beats["i"], self._beats["o"]) if writable else None
        if self.bus is not None:
            members |= {"write": In(self.bus.write.signature.flip()), "write_error": Out(1)}
        super().__init__(members)

    def _add_layer(self, layer: Layer, given: dict[str, Tensor],
                   edges: dict[Edge, tuple[str, Tensor]]) -> Tensor:
        """All parts of a layer; what it gives. edges : those of the parts that lead to it."""
        plan, sources = self.plan.layers[layer.name], self.network.sources_of(layer)
        wanted = self._wanted(layer, given)
        cores, number = layer_stages(layer, self.plan, wanted[0].number)
        takes: list[str] = []
        for k, (source, want) in enumerate(zip(sources, wanted, strict=True)):
            name = layer.name if len(sources) == 1 else f"{layer.name}_{k}"
            tensor, end, before = given[source], source, len(self._stages)
            if plan.fifo:
                queue = StreamFIFO(tensor.width, plan.fifo)
                end = self._add(Stage(f"fifo_{name}", queue, tensor.beats), end)
            for stage in adapters(name, tensor, want):
                end = self._add(stage, end)
            takes.append(end)
            consumer = [*self._stages, cores[0].name][before]
            edges[source, consumer] = f"{source} -> {layer.name}", tensor
        for stage in cores:
            takes = [self._add(stage, *takes)]
        if isinstance(layer, Conv | Pool) and cores[0].name == f"window_{layer.name}":
            window, n = cores[0].core, layer.geometry.taps * layer.channels_in
            lanes = len(window.o.payload) // window.output.width
            edges[cores[0].name, cores[1].name] = f"{cores[0].name} -> {layer.name}", Tensor(
                layer.positions_out, n, lanes, window.output)
        self.cores[layer.name] = self._stages[layer.name].core
        return Tensor(layer.positions_out, layer.channels_out, self.plan.lanes_out(layer), number)

    def _join_pipelines(self, edges: dict[Edge, tuple[str, Tensor]]) -> None:
        """Make rows of pipelines with several hard-wired layers parts that are never stopped."""
        planned = self.plan.queues or {}
        queued = [edge for edge, (name, _) in edges.items() if planned.get(name)]
        for row in pipeline_rows(self.stages, self._sources, queued):
            first, end = row[0], row[-1]
            core = CreditedPipelines({name: self._stages[name].core for name in row})
            self._stages[end] = Stage(end, core, self._stages[end].repeats)
            self._sources[end] = self._sources[first]
            for name in row[:-1]:
                del self._stages[name], self._sources[name]
            for source, taker in [edge for edge in edges if edge[1] in row]:
                if taker == first:
                    edges[source, end] = edges[source, taker]
                del edges[source, taker]

    def _add_queues(self, edges: dict[Edge, tuple[str, Tensor]]) -> None:
        """FIFOs of the planned depths, or of those without which the rate is not reached."""
        self.queues: dict[str, int] = {}
        dense = all(tensor.positions == 1 for _, tensor in edges.values())
        if dense and not fork_edges(self._sources):
            return  # dense layers keep two frames, so nothing waits for anything
        timings = {name: stage.core.timing() for name, stage in self._stages.items()}
        rate: Any = {"beats": (self._beats["i"], self._beats["o"]),
                     "interval": self.initiation_interval}
        if self.plan.queues is None:
            depths = self._needed(timings, list(edges), rate)
        else:
            depths = {edge: self.plan.queues.get(name, 0) for edge, (name, _) in edges.items()}
            check_depths(timings, self._sources, depths, **rate)
        stages, self._stages = self._stages, {}
        for name, stage in stages.items():
            sources = []
            for k, source in enumerate(self._sources[name]):
                if (depth := depths.get((source, name), 0)):
                    edge, tensor = edges[source, name]
                    self.queues[edge] = depth
                    queue = StreamFIFO(tensor.width, depth)
                    source = self._add(Stage(f"queue_{name}_{k}", queue, tensor.beats), source)
                sources.append(source)
            self._stages[name], self._sources[name] = stage, tuple(sources)

    def _needed(self, timings: dict[str, Timing], edges: list[Edge], rate: Any) -> dict[Edge, int]:
        """Depths behind forks or, where layers give and take in bursts, in front of layers or, as
        the last resort, behind windows."""
        beats, interval = rate["beats"][1], rate["interval"]

        def steady(depths: dict[Edge, int]) -> bool:
            return is_steady(GraphTiming(timings, self._sources, depths), beats, interval, 6)

        forks = fork_edges(self._sources)
        if not forks and steady({}):
            return {}
        layers = [edge for edge in edges if not edge[0].startswith("window_")]
        for some in (forks, layers) if forks else (layers,):
            try:
                depths = fifo_depths(timings, self._sources, **rate, edges=some)
            except ValueError:
                continue
            if steady(depths):
                return depths
        return fifo_depths(timings, self._sources, **rate, edges=edges)

    def _add(self, stage: Stage, *sources: str) -> str:
        if stage.name in self._stages:
            raise ValueError(f"network {self.network.name}: two parts would be called "
                             f"{stage.name}; rename the layer that is called like a part of "
                             "another")
        self._stages[stage.name], self._sources[stage.name] = stage, sources
        return stage.name

    def _wanted(self, layer: Layer, given: dict[str, Tensor]) -> list[Tensor]:
        """What the layer takes from each of its sources."""
        tensors = [given[source] for source in self.network.sources_of(layer)]
        numbers = [layer.input, layer.other] if isinstance(layer, Add) else (
            [layer.input] * len(tensors))
        if isinstance(layer, ArgMax):  # which compares numbers of any width
            numbers = [tensors[0].number]
        lanes, positions = self.plan.lanes_in(layer), layer.positions_in
        sizes = [tensor.positions * tensor.channels for tensor in tensors]
        return [Tensor(positions, n // positions, lanes, number)
                for n, number in zip(sizes, numbers, strict=True)]

    @property
    def stages(self) -> dict[str, wiring.Component]:
        """All parts in order of the data."""
        return {name: stage.core for name, stage in self._stages.items()}

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return max(stage.interval for stage in self._stages.values())

    @cached_property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return first_output([self._timing()])

    def _timing(self) -> Timing:
        return GraphTiming({name: stage.timing() for name, stage in self.stages.items()},
                           self._sources)

    def starts(self, frames: int) -> list[int]:
        """Cycles from the first input beat to each frame's first output beat, without stalls.

        Where layers take or give in bursts the first frames may come in another rhythm than
        ``initiation_interval``, which holds once the accelerator is full.
        """
        wanted = min(frames, _FILLED)
        most = (len(self._stages) + wanted + 1) * self.initiation_interval + 1000
        found = frame_starts(self._timing(), self._beats["o"], wanted, most)
        if len(found) < wanted:
            raise ValueError(f"network {self.network.name}: its layers stop each other for good; "
                             "leave out the queues of the plan")
        return found + [found[-1] + (k + 1) * self.initiation_interval
                        for k in range(frames - len(found))]

    @property
    def address_map(self) -> tuple[Region, ...]:
        """Where each memory that can be written lies on the bus ``write``."""
        return () if self.bus is None else self.bus.regions

    def writes(self, network: Network) -> list[tuple[int, int]]:
        """(address, data) pairs for ``write``, one transaction, that make another network of it.

        Raises ValueError unless that has layers of the same names, kinds and shapes, and differs
        in no more than what can be written; TypeError if nothing can.
        """
        if self.bus is None:
            raise TypeError(f"network {self.network.name}: no layer can be written; plan one with "
                            'storage "ram"')
        names = [[layer.name for layer in of.layers] for of in (self.network, network)]
        if names[0] != names[1]:
            raise ValueError(f"network {self.network.name} has layers {', '.join(names[0])}, but "
                             f"network {network.name} has {', '.join(names[1])}")
        pairs = [(BEGIN, 0)]
        for own, layer in zip(self.network.layers, network.layers, strict=True):
            core = self.cores[own.name]
            if "write" in core.signature.members:
                written = (grouping(layer, self.plan.layers[own.name]).layer
                           if isinstance(layer, Weighted) else layer)
                pairs += self.bus.pairs(own.name, core.writes(written))
            elif not _equal(own, layer):
                raise ValueError(f"layer {own.name}: storage must be ram to be written, not "
                                 f"{self.plan.layers[own.name].storage}")
        return [*pairs, (COMMIT, 0)]

    def elaborate(self, platform: object) -> Module:
        m = Module()

        source: Any = wiring.flipped(self.i)
        if self.bus is not None:
            source = self._connect_bus(m, self.bus)
        given = {"input": source}
        takers: dict[str, list[Any]] = {name: [] for name in ("input", *self._stages)}
        for name, stage in self.stages.items():
            m.submodules[name] = stage
            given[name] = stage.o
            sources = self._sources[name]
            ports = [stage.i] if len(sources) == 1 else [
                getattr(stage, f"i_{k}") for k in range(len(sources))]
            for taken, port in zip(sources, ports, strict=True):
                takers[taken].append(port)
        takers[self._end].append(wiring.flipped(self.o))
        for name, ports in takers.items():
            outputs = [given[name]]
            if len(ports) > 1:
                fork = Fork(len(given[name].payload), len(ports))
                m.submodules[f"fork_{name}"] = fork
                wiring.connect(m, given[name], fork.i)
                outputs = [getattr(fork, f"o_{k}") for k in range(len(ports))]
            for output, port in zip(outputs, ports, strict=True):
                wiring.connect(m, output, port)
        for name, core in self.cores.items():
            if self._taps:
                tap = getattr(self, f"tap_{name}")
                m.d.comb += [tap.valid.eq(core.o.valid & core.o.ready),
                             tap.payload.eq(core.o.payload)]

        return m

    def _connect_bus(self, m: Module, bus: WriteBus) -> Any:
        """The input behind the bus's gate."""
        m.submodules.write_bus = bus
        gated = self.i.signature.flip().create()
        m.d.comb += [
            gated.payload.eq(self.i.payload),
            gated.valid.eq(self.i.valid & ~bus.hold), self.i.ready.eq(gated.ready & ~bus.hold),
            bus.entered.eq(self.i.valid & self.i.ready), bus.left.eq(self.o.valid & self.o.ready),
            self.write_error.eq(bus.error),
        ]
        wiring.connect(m, wiring.flipped(self.write), bus.write)
        for name, core in self.cores.items():
            if "write" in core.signature.members:
                wiring.connect(m, getattr(bus, f"write_{name}"), core.write)
        return gated


def _equal(own: Layer, other: Layer) -> bool:
    """Do the layers compute the same?"""
    return type(own) is type(other) and all(
        np.array_equal(getattr(own, field.name), getattr(other, field.name))
        for field in fields(own))
