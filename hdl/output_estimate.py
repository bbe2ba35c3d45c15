"""What a planned layer without weights will take: logic and memories, in units of 7-series.

LUTs are counted structure by structure: an adder or a comparison takes one a bit, a product of
additions as many as it has bits in all its partial products.
"""

from golden.activation import Clamp, LeakyReLU, MultiThreshold, Scale, constant, narrowest
from golden.layer import Layer
from golden.tabulated import PiecewiseLinear, Table
from hdl.plan import LayerPlan

__all__ = ["output_cycles", "output_logic", "output_memories"]


def output_cycles(layer: Layer, plan: LayerPlan) -> int:
    """Cycles between frames."""
    beats = layer.positions_in * -(-layer.channels_in // plan.simd)
    if isinstance(layer, MultiThreshold) and plan.structure == "serial":
        return beats * layer.levels.bit_length()
    return beats


def output_memories(layer: Layer, plan: LayerPlan) -> list[tuple[int, int]]:
    """(bits of a word, words) of every memory; one word alone is a constant."""
    beats, width = -(-layer.channels_in // plan.simd), layer.input.width
    match layer:
        case MultiThreshold():
            once = plan.storage != "ram" and constant(layer.thresholds)
            rows = 1 if once else beats
            if plan.structure == "serial":
                return [(width + 1, rows << layer.levels.bit_length())] * plan.simd
            return [(plan.simd * layer.levels * (width + 1), rows)]
        case Scale():
            return [(plan.simd * narrowest(values).width,
                     1 if plan.storage != "ram" and constant(values) else beats)
                    for values in (layer.multiplier, layer.bias)]
        case Table():
            return [(layer.output.width, 1 << width)] * plan.simd
        case PiecewiseLinear():
            return [(layer.weight_bits // layer.slopes.size, layer.slopes.size)] * plan.simd
    return []


def output_logic(layer: Layer, plan: LayerPlan) -> tuple[int, int]:
    """(LUTs, flip-flops) of the arithmetic."""
    width, out = layer.input.width, layer.output.width
    luts = plan.multiplier == "lut"
    match layer:
        case MultiThreshold(levels=levels):
            compared = 1 if plan.structure == "serial" else levels
            lut, ff = compared * (width + 1) + levels.bit_length(), width + compared + out
        case Scale():
            factor = narrowest(layer.multiplier).width
            total = width + factor + 1
            lut, ff = factor * width * luts + total + 2 * out, width + 2 * total + out
        case PiecewiseLinear():
            factor, place = narrowest(layer.slopes).width, layer.length.bit_length() - 1
            total = narrowest(layer.offsets).width + 1
            lut, ff = factor * place * luts + total + 2 * out, width + 3 * total + out
        case LeakyReLU():
            lut, ff = (layer.multiplier.bit_count() + 1) * width, 4 * width
        case Clamp():
            lut, ff = 3 * width, width + out
        case Table():
            lut, ff = 0, width + out
        case _:  # TopK
            lut = ff = layer.n_out * (2 * width + out)
    return plan.simd * lut + 10, plan.simd * ff + 10
