"""A whole Network as one streaming core."""

from functools import cached_property

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.layer import ArgMax as ArgMaxLayer
from golden.layer import Layer
from golden.network import Network
from golden.number import Number
from hdl.argmax import ArgMax
from hdl.fifo import StreamFIFO
from hdl.folded_dense import FoldedDense
from hdl.hardwired_dense import HardwiredDense
from hdl.lane_converter import LaneConverter
from hdl.plan import LayerPlan, Plan
from hdl.timing import first_output

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
    write_<layer name> : for each layer with storage "ram", see :class:`FoldedDense`

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
            if "write" in core.signature.members:
                members[f"write_{name}"] = In(core.write.signature.flip())
        super().__init__(members)

    def _core(self, layer: Layer, number: Number) -> tuple[wiring.Component, Number]:
        plan: LayerPlan = self.plan.layers[layer.name]
        if isinstance(layer, ArgMaxLayer):
            return ArgMax(layer.n_in, number, plan.simd), layer.output
        levels, variant = self.plan.levels, self.plan.variant
        if plan.storage == "logic":
            return HardwiredDense(layer, levels=levels, variant=variant), layer.output
        core = FoldedDense(layer, pe=plan.pe, simd=plan.simd, storage=plan.storage,
                           memory=plan.memory, levels=levels, variant=variant)
        return core, core.output

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return max(stage.initiation_interval for stage in self.stages.values())

    @cached_property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return first_output([stage.timing() for stage in self.stages.values()])

    def elaborate(self, platform: object) -> Module:
        m = Module()

        source = wiring.flipped(self.i)
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
            if "write" in core.signature.members:
                wiring.connect(m, wiring.flipped(getattr(self, f"write_{name}")), core.write)

        return m
