"""A whole Network as one streaming core."""

from dataclasses import fields
from functools import cached_property
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.layer import ArgMax as ArgMaxLayer
from golden.layer import Dense, Layer
from golden.network import Network
from golden.number import Number
from hdl.address_map import BEGIN, COMMIT, Region
from hdl.argmax import ArgMax
from hdl.fifo import StreamFIFO
from hdl.folded_dense import FoldedDense
from hdl.hardwired_dense import HardwiredDense
from hdl.lane_converter import LaneConverter
from hdl.narrow import Narrow
from hdl.output_cores import output_core
from hdl.plan import LayerPlan, Plan
from hdl.scheduled_dense import ScheduledDense
from hdl.timing import first_output
from hdl.write_bus import WriteBus

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """The layers of a network in a row, bit-exact to :func:`golden.reference.run`.

    Between layers stand lane converters where lane counts differ and the FIFOs that the plan asks
    for. One frame every ``initiation_interval`` cycles, that of the slowest part; ``latency``
    cycles from a frame's first input beat to its first output beat, when the core was empty and
    inputs come every cycle. Frames need no reset in between.

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
        self.stages: dict[str, wiring.Component] = {}  # all parts in order of the data
        lanes, number = plan.lanes, network.input
        self.cores: dict[str, wiring.Component] = {}  # those that compute a layer, by its name
        for layer in network.layers:
            if (depth := plan.layers[layer.name].fifo):
                self.stages[f"fifo_{layer.name}"] = StreamFIFO(lanes * number.width, depth)
            if layer.input.width < number.width and not isinstance(layer, ArgMaxLayer):
                self.stages[f"narrow_{layer.name}"] = Narrow(
                    lanes, number.width, layer.input.width)
                number = layer.input
            if lanes != plan.lanes_in(layer):
                self.stages[f"lanes_{layer.name}"] = LaneConverter(
                    layer.n_in, number.width, lanes, plan.lanes_in(layer))
            core, output = self._core(layer, number)
            self.stages[layer.name] = self.cores[layer.name] = core
            lanes, number = plan.lanes_out(layer), output
        self.lanes_out, self.output = lanes, number
        members = {"i": In(stream.Signature(plan.lanes * network.input.width)),
                   "o": Out(stream.Signature(lanes * number.width))}
        for name, core in self.cores.items():
            if taps:
                members[f"tap_{name}"] = Out(wiring.Signature(
                    {"valid": Out(1), "payload": Out(core.o.payload.shape())}))
        writable = {name: core for name, core in self.cores.items()
                    if "write" in core.signature.members}
        self.bus = WriteBus(writable, -(-network.n_in // plan.lanes),
                            -(-network.n_out // lanes)) if writable else None
        if self.bus is not None:
            members |= {"write": In(self.bus.write.signature.flip()), "write_error": Out(1)}
        super().__init__(members)

    def _core(self, layer: Layer, number: Number) -> tuple[wiring.Component, Number]:
        plan: LayerPlan = self.plan.layers[layer.name]
        if isinstance(layer, ArgMaxLayer):
            return ArgMax(layer.n_in, number, plan.simd), layer.output
        if not isinstance(layer, Dense):
            return output_core(layer, plan, self.plan.variant), layer.output
        levels, variant = self.plan.levels, self.plan.variant
        if plan.engine == "scheduled":
            scheduled = ScheduledDense(layer, pe=plan.pe, lanes_in=plan.simd,
                                       lanes_out=self.plan.lanes_out(layer), storage=plan.storage,
                                       memory=plan.memory, multiplier=plan.multiplier)
            return scheduled, scheduled.output
        if plan.storage == "logic":
            return HardwiredDense(layer, levels=levels, variant=variant), layer.output
        core = FoldedDense(layer, pe=plan.pe, simd=plan.simd, storage=plan.storage,
                           memory=plan.memory, multiplier=plan.multiplier, codebook=plan.codebook,
                           levels=levels, variant=variant)
        return core, core.output

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return max(stage.initiation_interval for stage in self.stages.values())

    @cached_property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return first_output([stage.timing() for stage in self.stages.values()])

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
                pairs += self.bus.pairs(own.name, core.writes(layer))
            elif not _equal(own, layer):
                raise ValueError(f"layer {own.name}: storage must be ram to be written, not "
                                 f"{self.plan.layers[own.name].storage}")
        return [*pairs, (COMMIT, 0)]

    def elaborate(self, platform: object) -> Module:
        m = Module()

        source = wiring.flipped(self.i)
        if self.bus is not None:
            source = self._connect_bus(m, self.bus)
        for name, stage in self.stages.items():
            m.submodules[name] = stage
            wiring.connect(m, source, stage.i)
            source = stage.o
        wiring.connect(m, source, wiring.flipped(self.o))
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
