"""What a planned layer will cost, before anything is built.

LUTs, flip-flops and block RAMs in units of 7-series. The coefficients are fitted to the structures
of :mod:`hdl.folded_logic` and :mod:`hdl.dense_logic`, for layers from 16 to 1024 on a side and 1 to
8 bits; docs/results.md compares estimates with what yosys counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, log, prod

import numpy as np

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
from golden.network import Network
from golden.number import Bipolar, Ternary
from hdl.digit_logic import signed_digits
from hdl.folding import Folding
from hdl.grouping import Grouping
from hdl.multipliers import factor_kind
from hdl.output_estimate import output_cycles, output_logic, output_memories
from hdl.parameters import memory_for
from hdl.plan import LayerPlan, Plan, grouping, lanes_in, lanes_out
from hdl.schedule import Schedule
from hdl.schedule_words import schedule_word_width

__all__ = ["Estimate", "block_rams", "converter_luts", "estimate", "estimate_layer",
           "layer_cycles"]

# RAMB18: (bits, words) of its widest ports.
_RAMB18 = (36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)
# A bit of a product, with its share of the adders.
_SIGN_LUT, _TERNARY_LUT, _INTEGER_LUT, _ADDER_LUT = 0.87, 1.58, 1.07, 0.6
_SHARED_LUT = 1 / 3  # an input bit, for the parities that all neurons of ±1 weights share
# A weight, or a signed digit of one, over the logarithm of their number.
_HARD_WIRED_SIGN, _HARD_WIRED_DIGIT = 2.5, 4.5
_CONTROL_LUT, _CONTROL_FF = 60, 40
_BLOCK_BITS = 4096  # bits from which on yosys takes block RAM where it may choose


Cost = tuple[int, int, float]  # LUTs, flip-flops, block RAMs


@dataclass(frozen=True)
class Estimate:
    """A layer, with the lane converter in front of it. cycles: between frames."""
    name: str
    cycles: int
    lut: int
    ff: int
    bram: float


def block_rams(width: int, depth: int) -> float:
    """36-kbit block RAMs of a memory, in halves."""
    return min(-(-width // bits) * -(-depth // words) for bits, words in _RAMB18) / 2


def converter_luts(lanes_in: int, lanes_out: int, width: int) -> int:
    """A lane converter, 0 for equal lanes; dear where neither side divides the other."""
    if lanes_in == lanes_out:
        return 0
    least = min(lanes_in, lanes_out) // gcd(lanes_in, lanes_out)
    return width * (lanes_in + lanes_out) * least + 20


def layer_cycles(layer: Layer, plan: LayerPlan) -> int:
    """Cycles between frames."""
    lanes = lanes_in(layer, plan)
    beats_in = layer.positions_in * -(-layer.channels_in // lanes)
    match layer:
        case Dense():
            return _window_cycles(layer, plan)
        case Conv() | Pool():
            window = layer.positions_out * layer.geometry.taps * layer.channels_in // lanes
            if isinstance(layer, Pool):
                return max(beats_in, window)
            if layer.geometry.trivial or plan.window == "parallel":
                window = layer.positions_out
            return max(beats_in, layer.positions_out * _window_cycles(layer, plan), window)
        case Add() | Concatenate() | UpSample() | Embedding():
            return max(beats_in, layer.positions_out
                       * -(-layer.channels_out // lanes_out(layer, plan)))
        case ArgMax():
            return beats_in
    return output_cycles(layer, plan)


def _window_cycles(layer: Weighted, plan: LayerPlan) -> int:
    """Cycles that the core of a layer takes a window."""
    if plan.engine == "scheduled":
        lanes_out = Schedule(layer.dense, plan.pe, plan.simd).lanes_needed
        schedule = Schedule(layer.dense, plan.pe, plan.simd, lanes_out)
        return max(schedule.cycles, schedule.beats_in, schedule.beats_out)
    return 1 if plan.storage == "logic" else grouping(layer, plan).cycles


def estimate_layer(layer: Layer, plan: LayerPlan, levels: int = 3) -> Estimate:
    """A layer on its own, without a converter in front of it."""
    lut, ff, bram = _cost(layer, plan, levels)
    return Estimate(layer.name, layer_cycles(layer, plan), lut, ff, bram)


def _cost(layer: Layer, plan: LayerPlan, levels: int) -> Cost:
    lanes = lanes_in(layer, plan)
    match layer:
        case ArgMax():
            lut = 2 * plan.simd * layer.input.width
            return lut, lut, 0
        case Dense():
            return _dense(grouping(layer, plan), plan, levels)
        case Conv():
            groups = grouping(layer, plan)
            alone = _dense(groups, plan, levels)
            n, width = groups.units * groups.layer.n_in, layer.window_input.width  # of a set
            parallel = plan.window == "parallel" and not layer.geometry.trivial
            given = n if parallel else lanes
            simd = n if plan.storage == "logic" else groups.units * groups.simd
            held = groups.sets * n * width if parallel else 0
            converter = converter_luts(given, simd, width) + (
                converter_luts(groups.sets * n, n, width) if parallel else 0)
            if layer.geometry.trivial:
                return _sum(alone, (converter, converter, 0))
            return _sum(alone, _window(layer, lanes, plan.memory),
                        (converter, converter + held, 0))
        case Pool():
            lut = 2 * lanes * layer.output.width + _CONTROL_LUT // 2
            return _sum((lut, lut, 0), _window(layer, lanes, plan.memory))
        case Add() | Concatenate() | UpSample() | Embedding():
            lut = 2 * lanes * layer.output.width + _CONTROL_LUT // 2
            line = layer.n_in if isinstance(layer, UpSample) else 0
            lut += -(-line * layer.input.width // 64)
            bram = 0.0
            if isinstance(layer, Embedding):
                rows = len(layer.table) * -(-layer.channels_out // plan.simd)
                more, bram = _kept([(plan.simd * layer.output.width, rows,
                                     memory_for(plan.memory, rows))], "rom")
                lut += more
            return lut, lut, bram
    lut, ff = output_logic(layer, plan)
    rows_ = [(bits, words, memory_for("lut" if plan.storage == "logic" else plan.memory, words))
             for bits, words in output_memories(layer, plan) if words > 1]
    lut_memories, bram = _kept(rows_, plan.storage)
    return lut + lut_memories, ff + sum(bits for bits, _, _ in rows_), bram


def _sum(*costs: Cost) -> Cost:
    return sum(c[0] for c in costs), sum(c[1] for c in costs), sum(c[2] for c in costs)


def _window(layer: Conv | Pool, lanes: int, memory: str) -> Cost:
    """A sliding window, whose line buffer holds all but one of the kernel's lines."""
    geometry, bits = layer.geometry, lanes * layer.input.width
    held = (geometry.extent[0] - 1) * prod(geometry.size[1:]) + geometry.extent[-1] + 1
    words = held * layer.channels_in // lanes
    lut, bram = _kept([(bits, words, memory_for(memory, words))], "ram")
    return lut + bits + _CONTROL_LUT, bits + _CONTROL_FF, bram


def _dense(groups: Grouping, plan: LayerPlan, levels: int) -> Cost:
    layer, width = groups.layer, groups.layer.input.width
    if plan.storage == "logic":
        weights = max(layer.n_in * layer.n_out, 2)
        if layer.weight_kind == Bipolar():
            lut = round(_HARD_WIRED_SIGN * weights * width**0.8 / log(weights)) + 2 * layer.n_out
        else:
            digits = int(np.count_nonzero(signed_digits(layer.weights)))
            lut = round(_HARD_WIRED_DIGIT * digits * width**0.9 / log(weights)) + 2 * layer.n_out
        return lut, 2 * lut // levels, 0
    if plan.engine == "scheduled":
        return _scheduled(layer, plan)
    return _folded(groups, plan, levels)


def _scheduled(layer: Dense, plan: LayerPlan) -> Cost:
    lanes_out = Schedule(layer, plan.pe, plan.simd).lanes_needed
    schedule = Schedule(layer, plan.pe, plan.simd, lanes_out, worst_case=plan.storage == "ram")
    kind, number = factor_kind(layer.weight_kind), layer.input
    width, outputs = schedule.accumulator_width, schedule.output.width
    word = schedule_word_width(schedule)
    short, long = sorted((kind.width, number.width))
    product = 0 if isinstance(kind, Bipolar | Ternary) else kind.width + number.width
    blocks = plan.multiplier == "dsp"  # they hold the operands, the product and the accumulator
    lut = (width if blocks else 2 * width) + plan.simd * number.width // 2
    if not blocks:
        lut += short * (long + 2) if product else number.width
    lut += lanes_out * outputs // 2  # this element's share of choosing the results
    operands = product + 2 * (number.width + kind.width + width)
    ff = (35 if blocks else operands) + kind.width + 30
    bram = 0.0
    ram = plan.storage == "ram"
    for bits, words, where in (
            (word, schedule.cycles, memory_for(plan.memory, schedule.cycles)),
            (width, schedule.slots, "lut"),
            (plan.simd * number.width, 2 << schedule.index_bits - schedule.lane_bits, "auto"),
            (lanes_out * outputs, 2 << schedule.slot_bits, "auto")):
        if where == "auto" and bits * words >= _BLOCK_BITS or where == "block":
            bram += block_rams(bits, words)
        else:
            lut += -(-words // (48 if ram or where == "auto" else 64)) * bits
    order = -(-schedule.beats_out // 64) * lanes_out * schedule.place_bits
    return (plan.pe * lut + order + _CONTROL_LUT,
            plan.pe * ff + plan.simd * number.width + _CONTROL_FF, plan.pe * bram)


def _folded(groups: Grouping, plan: LayerPlan, levels: int) -> Cost:
    layer, pe = groups.layer, groups.lanes_out
    folding = Folding(layer, groups.pe, groups.simd, multiplier=plan.multiplier,
                      worst_case=plan.storage == "ram")
    operands = groups.units * groups.simd * layer.input.width
    products = round(_products(folding, plan.codebook)) * pe
    if layer.weight_kind == Bipolar():
        products += round(_SHARED_LUT * operands)
    accumulators = pe * folding.accumulator_width
    weights = pe * groups.simd * layer.weight_kind.width
    lut = products + accumulators + _CONTROL_LUT
    ff = 3 * products // levels + 3 * accumulators + weights + operands + _CONTROL_FF
    memories = [(weights, groups.cycles, memory_for(plan.memory, groups.cycles)),
                (accumulators, groups.sets * folding.passes, "lut")]
    lut_memories, bram = _kept(memories, plan.storage)
    lut += lut_memories + -(-2 * folding.beats // 48) * operands  # the ring of inputs
    return lut, ff, bram


def _products(folding: Folding, codebook: str) -> float:
    """LUTs of a neuron's products and their sum."""
    layer, operands = folding.layer, folding.simd * folding.layer.input.width
    if layer.weight_kind == Bipolar():
        return _SIGN_LUT * operands
    if layer.weight_kind == Ternary():
        return _TERNARY_LUT * operands
    bits, entries = folding.factor.width, len(folding.entries)
    decoded = folding.simd * bits * -(-entries // 64)
    if folding.dsp:
        return _ADDER_LUT * folding.simd * folding.product_width + decoded
    multiplied = _INTEGER_LUT * bits * operands + decoded
    if not entries or codebook == "multiply":
        return multiplied
    accumulator = (layer.n_in << layer.input.width).bit_length()
    accumulated = entries * (_TERNARY_LUT * operands + accumulator * (1 + _ADDER_LUT * bits / 3))
    return accumulated if codebook == "accumulate" else min(multiplied, accumulated)


def _kept(memories: Sequence[tuple[int, int, str]], storage: str) -> tuple[int, float]:
    """(LUTs, block RAMs) of memories, each of (bits of a word, words, "lut" or "block")."""
    lut, bram = 0, 0.0
    lut_words = 48 if storage == "ram" else 64  # bits that a LUT keeps: RAM64M wastes some
    for bits, words, memory in memories:
        if memory == "lut":
            lut += -(-words // lut_words) * bits
        else:
            bram += block_rams(bits, words)
    return lut, bram


def estimate(network: Network, plan: Plan) -> list[Estimate]:
    """Every layer of a planned network, with the converters and the FIFOs in front of it."""
    plan.check(network)
    found = []
    lanes = {"input": plan.lanes}
    numbers = {"input": network.input}
    for layer in network.layers:
        own = plan.layers[layer.name]
        alone = estimate_layer(layer, own, plan.levels)
        sources = network.sources_of(layer)
        converter = queue = beats = 0
        for source in sources:
            width = numbers[source].width
            depth = own.fifo + (plan.queues or {}).get(f"{source} -> {layer.name}", 0)
            converter += converter_luts(lanes[source], lanes_in(layer, own), width)
            queue += depth * lanes[source] * width // 48
            beats = max(beats, -(-layer.n_in // lanes[source] // len(sources)))
        found.append(Estimate(alone.name, max(alone.cycles, beats), alone.lut + converter + queue,
                              alone.ff + converter, alone.bram))
        lanes[layer.name], numbers[layer.name] = lanes_out(layer, own), layer.output
    return found
