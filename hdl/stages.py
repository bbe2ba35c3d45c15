"""Which cores compute a layer, and what brings a stream into the form that the next one takes."""

from dataclasses import dataclass, replace

from amaranth.lib import wiring

from golden.layer import (
    Add,
    ArgMax,
    Concatenate,
    Conv,
    Dense,
    Embedding,
    Layer,
    Pool,
    UpSample,
    Weighted,
)
from golden.number import Number
from hdl import embedding, join, up_sample
from hdl.argmax import ArgMax as ArgMaxCore
from hdl.folded_dense import FoldedDense
from hdl.grouping import divisor
from hdl.hardwired_dense import HardwiredDense
from hdl.lane_converter import LaneConverter
from hdl.narrow import Narrow
from hdl.output_cores import output_core
from hdl.parallel_window import ParallelWindow
from hdl.plan import Plan, grouping
from hdl.reduce import Reduce
from hdl.scheduled_dense import ScheduledDense
from hdl.sliding_window import SlidingWindow

__all__ = ["Stage", "Tensor", "adapters", "layer_stages"]


@dataclass(frozen=True)
class Stage:
    """A core of an accelerator.

    name : of the layer, behind what else it is
    core : with ``timing()`` and ``initiation_interval``
    repeats : frames of the core in one of the network: a position may be a frame of its own
    """

    name: str
    core: wiring.Component
    repeats: int = 1

    @property
    def interval(self) -> int:
        """Cycles a frame of the network."""
        return self.repeats * self.core.initiation_interval


@dataclass(frozen=True)
class Tensor:
    """What a stream carries: (positions, channels) of a kind, ``lanes`` elements a beat.

    Each position begins on a beat of its own.
    """

    positions: int
    channels: int
    lanes: int
    number: Number

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.lanes * self.number.width

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.positions * -(-self.channels // self.lanes)

    @property
    def flat_lanes(self) -> int:
        """As many lanes as leave no gap between positions."""
        return self.lanes if self.positions == 1 else divisor(self.channels, self.lanes)


def _converted(name: str, given: Tensor, positions: int, channels: int, lanes: int
               ) -> tuple[list[Stage], Tensor]:
    """To other lanes, within parts of ``channels`` elements that begin on a beat on both sides."""
    if given.lanes == lanes:
        return [], replace(given, positions=positions, channels=channels)
    core = LaneConverter(channels, given.number.width, given.lanes, lanes)
    return [Stage(name, core, positions)], Tensor(positions, channels, lanes, given.number)


def adapters(name: str, given: Tensor, wanted: Tensor) -> list[Stage]:
    """What turns one stream into another of the same elements, coded in as many bits or fewer.

    Parts that begin on a beat are positions, or the whole frame where the two differ in their
    positions: from lanes that do not divide a position it goes through such as do.
    """
    found = []
    if wanted.number.width < given.number.width:
        found.append(Stage(f"narrow_{name}", Narrow(given.lanes, given.number.width,
                                                    wanted.number.width),
                           given.beats))
        given = replace(given, number=wanted.number)
    if given.positions == wanted.positions:
        return found + _converted(f"lanes_{name}", given, given.positions, given.channels,
                                  wanted.lanes)[0]
    n = given.positions * given.channels
    for suffix, positions, channels, lanes in (
            ("split_", given.positions, given.channels, given.flat_lanes),
            ("", 1, n, wanted.flat_lanes),
            ("join_", wanted.positions, wanted.channels, wanted.lanes)):
        stages, given = _converted(f"{suffix}lanes_{name}", given, positions, channels, lanes)
        found += stages
    return found


def layer_stages(layer: Layer, plan: Plan, number: Number) -> tuple[list[Stage], Number]:
    """The cores that compute a layer from beats of ``plan.lanes_in(layer)`` lanes, in a row.

    The first takes the layer's sources, the last one bears its name. Also the kind of its outputs,
    which may be wider than the layer's own: see :class:`hdl.folded_dense.FoldedDense`.
    """
    own, lanes, name = plan.layers[layer.name], plan.lanes_in(layer), layer.name
    match layer:
        case Dense() | Conv():
            return _weighted(layer, plan)
        case Pool():
            geometry, channels = layer.geometry, layer.channels
            found = []
            if geometry.taps < geometry.positions_in or any(geometry.padding):
                pad = number.minimum if layer.operation == "max" else None
                window = SlidingWindow(geometry, channels, number, lanes=lanes, pad=pad,
                                       memory=own.memory)
                found, number = [Stage(f"window_{name}", window)], window.output
            core: wiring.Component = Reduce(number, channels, geometry.taps, lanes=lanes,
                                            operation=layer.operation, output=layer.output)
            return [*found, Stage(name, core, layer.positions_out)], layer.output
        case UpSample():
            return [Stage(name, up_sample.UpSample(layer, lanes=lanes))], layer.output
        case Add():
            core = join.Add(layer, lanes=lanes)
            return [Stage(name, core, layer.positions)], layer.output
        case Concatenate():
            core = join.Concatenate(layer, lanes=lanes)
            return [Stage(name, core, layer.positions)], layer.output
        case Embedding():
            core = embedding.Embedding(layer, lanes=plan.lanes_out(layer))
            return [Stage(name, core, layer.positions)], layer.output
        case ArgMax():
            core = ArgMaxCore(layer.n_in, number, own.simd, plan.levels)
            return [Stage(name, core)], layer.output
    return [Stage(name, output_core(layer, own, plan.variant), layer.positions_in)], layer.output


def _weighted(layer: Weighted, plan: Plan) -> tuple[list[Stage], Number]:
    """The dense core of each window, behind the window."""
    own, lanes = plan.layers[layer.name], plan.lanes_in(layer)
    levels, variant = plan.levels, plan.variant
    groups = grouping(layer, own)
    dense, sets = groups.layer, groups.sets
    core: wiring.Component
    if own.engine == "scheduled":
        core = scheduled = ScheduledDense(
            dense, pe=own.pe, lanes_in=own.simd, lanes_out=plan.lanes_out(layer),
            storage=own.storage, memory=own.memory, multiplier=own.multiplier)
        simd, output = own.simd, scheduled.output
    elif own.storage == "logic":
        core = HardwiredDense(dense, levels=levels, variant=variant)
        simd, output = dense.n_in, dense.output
    else:
        core = folded = FoldedDense(
            dense, pe=groups.pe, simd=groups.simd, storage=own.storage, memory=own.memory,
            multiplier=own.multiplier, codebook=own.codebook, levels=levels, variant=variant,
            groups=groups.groups, units=groups.units, share=groups.share)
        simd, output = groups.units * groups.simd, folded.output
    found, number, n = [], layer.input, groups.units * dense.n_in  # inputs of a set
    positions = layer.positions_out * sets
    if isinstance(layer, Conv) and not layer.geometry.trivial:
        window: ParallelWindow | SlidingWindow
        if own.window == "parallel":
            window = ParallelWindow(layer.geometry, lanes, layer.input, sets=sets)
        else:
            window = SlidingWindow(layer.geometry, layer.channels_in, layer.input, lanes=lanes,
                                   sets=sets)
        number = window.output
        found = [Stage(f"window_{layer.name}", window)]
        if own.window == "parallel":
            found += _converted(f"window_sets_{layer.name}",
                                Tensor(layer.positions_out, sets * n, sets * n, number),
                                layer.positions_out, sets * n, n)[0]
            lanes = n
    found += _converted(f"window_lanes_{layer.name}", Tensor(positions, n, lanes, number),
                        positions, n, simd)[0]
    return [*found, Stage(layer.name, core, positions)], output
