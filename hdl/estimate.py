"""What a planned layer will cost, before anything is built.

LUTs, flip-flops and block RAMs in units of 7-series. The coefficients are fitted to the structures
of :mod:`hdl.folded_logic` and :mod:`hdl.dense_logic`, for layers from 16 to 1024 on a side and 1 to
8 bits; docs/results.md compares estimates with what yosys counts.
"""

from dataclasses import dataclass
from math import gcd, log

from golden.layer import ArgMax, Dense, Layer
from golden.network import Network
from hdl.folded_dense import memory_for
from hdl.folding import Folding
from hdl.plan import LayerPlan, Plan

__all__ = ["Estimate", "block_rams", "converter_luts", "estimate", "estimate_layer"]

# RAMB18: (bits, words) of its widest ports.
_RAMB18 = (36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)
_PRODUCT_LUT = 0.87  # a bit of a product, with its share of the adders
_SHARED_LUT = 1 / 3  # an input bit, for the parities that all neurons share
_HARD_WIRED_LUT = 2.5  # a weight, over the logarithm of their number
_CONTROL_LUT, _CONTROL_FF = 60, 40


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


def estimate_layer(layer: Layer, plan: LayerPlan, levels: int = 3) -> Estimate:
    """A layer on its own, without a converter."""
    if isinstance(layer, ArgMax):
        beats = -(-layer.n_in // plan.simd)
        lut = 2 * plan.simd * layer.input.width
        return Estimate(layer.name, beats, lut, lut, 0)
    width = layer.input.width
    if plan.storage == "logic":
        weights = max(layer.n_in * layer.n_out, 2)
        lut = round(_HARD_WIRED_LUT * weights * width**0.8 / log(weights)) + 2 * layer.n_out
        return Estimate(layer.name, 1, lut, 2 * lut // levels, 0)
    return _folded(layer, plan, levels)


def _folded(layer: Dense, plan: LayerPlan, levels: int) -> Estimate:
    folding = Folding(layer, plan.pe, plan.simd, worst_case=plan.storage == "ram")
    operands = plan.simd * layer.input.width
    products = round(_PRODUCT_LUT * operands) * plan.pe + round(_SHARED_LUT * operands)
    accumulators = plan.pe * folding.accumulator_width
    weights = plan.pe * plan.simd
    lut = products + accumulators + _CONTROL_LUT
    ff = 3 * products // levels + 3 * accumulators + weights + operands + _CONTROL_FF
    bram = 0.0
    lut_words = 64 if plan.storage == "rom" else 48  # bits that a LUT keeps: RAM64M wastes some
    memories = [(weights, folding.cycles, memory_for(plan.memory, folding.cycles)),
                (accumulators, folding.passes, "lut")]
    for bits, words, memory in memories:
        if memory == "lut":
            lut += -(-words // lut_words) * bits
        else:
            bram += block_rams(bits, words)
    lut += -(-2 * folding.beats // 48) * operands  # the ring of inputs
    return Estimate(layer.name, folding.cycles, lut, ff, bram)


def estimate(network: Network, plan: Plan) -> list[Estimate]:
    """Every layer of a planned network, with the converter and the FIFO in front of it."""
    plan.check(network)
    out = []
    lanes = plan.lanes
    for layer in network.layers:
        alone = estimate_layer(layer, plan.layers[layer.name], plan.levels)
        width = layer.input.width
        converter = converter_luts(lanes, plan.lanes_in(layer), width)
        queue = plan.layers[layer.name].fifo * lanes * width // 48
        beats = -(-layer.n_in // lanes)
        out.append(Estimate(alone.name, max(alone.cycles, beats), alone.lut + converter + queue,
                            alone.ff + converter, alone.bram))
        lanes = plan.lanes_out(layer)
    return out
