"""Structure of a folded ±1 layer: the sum of simd products for each of pe neurons, then accumulate.

A product is ``x`` for weight 1 and its bitwise complement for weight 0, in each of the input's bit
columns the XNOR of an input bit and the weight. Three XNORs take six literals, one LUT: their carry
is one LUT6. Their parity is the parity of the inputs (computed once for all neurons) XNOR the
parity of the weights, which is stored in place of the triple's first weight: the memory is not
larger, and the parities are added up like products.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hdl.heap import add_bits, best_shape
from hdl.logic import Logic

__all__ = ["accumulate_logic", "add_logic", "add_neurons", "products_logic", "recode"]

Pair = tuple[int, int]  # literals of an input bit and a weight; their XNOR is one product bit


def recode(weights: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Weights as stored: (..., simd) bits; of each whole triple the first becomes their parity."""
    stored = weights.copy()
    whole = weights.shape[-1] // 3 * 3
    stored[..., :whole:3] ^= weights[..., 1:whole:3] ^ weights[..., 2:whole:3]
    return stored


def _agreeing(bits: Sequence[int]) -> int:
    """Number of equal pairs among x0, w0, x1, w1, ..."""
    return sum(1 ^ x ^ w for x, w in zip(bits[::2], bits[1::2], strict=True))


def _flat(pairs: Sequence[Pair]) -> list[int]:
    return [literal for pair in pairs for literal in pair]


def _count(logic: Logic, pairs: Sequence[Pair]) -> list[int]:
    """The number of equal pairs among up to three, as one or two literals."""
    return [logic.lut(_flat(pairs), lambda *bits, j=j: _agreeing(bits) >> j & 1)
            for j in range(1 if len(pairs) == 1 else 2)]


def _carry(logic: Logic, triple: Sequence[Pair]) -> int:
    """Whether two or three of three products are one; the first weight is the stored parity."""
    def carry(x0: int, parity: int, x1: int, w1: int, x2: int, w2: int) -> int:
        return _agreeing((x0, parity ^ w1 ^ w2, x1, w1, x2, w2)) >> 1

    return logic.lut(_flat(triple), carry)


def _count_pairs(logic: Logic, pairs: list[Pair]) -> list[tuple[int, int]]:
    """Any number of pairs as weighted bits (column, literal).

    Eleven pairs cost eight LUTs: three triples are counted, then one chain adds the first count,
    the two pairs left with the low bit of the second, and the low bit of the third.
    """
    bits: list[tuple[int, int]] = []
    while len(pairs) >= 8:
        group, pairs = pairs[:11], pairs[11:]
        first, second = _count(logic, group[:3]), _count(logic, group[3:6])
        third = _count(logic, group[8:]) if group[8:] else [0]
        inputs = [second[0], *_flat(group[6:8])]

        def addend(j: int) -> Callable[..., int]:
            return lambda low, *rest: low + _agreeing(rest) >> j & 1

        sums, carry = logic.add([(first[j], inputs, addend(j)) for j in range(2)], third[0])
        bits += [(0, sums[0]), (1, sums[1]), (2, carry), (1, second[1])]
        bits += [(1, literal) for literal in third[1:]]
    while pairs:
        bits += enumerate(_count(logic, pairs[:3]))
        pairs = pairs[3:]
    return bits


def products_logic(simd: int, width: int, pe: int, flip_top: bool = False,
                   ) -> tuple[Logic, list[int]]:
    """For each of pe neurons the sum of ``x if w else ~x`` over simd unsigned inputs.

    Input literals: simd * width input bits (lane 0 lowest; the top bit of each inverted if
    flip_top), then pe * simd stored weights (neuron 0 lowest, :func:`recode`). Outputs, neuron 0
    first: a word of sum_width(simd, width) bits and one more bit of weight 1, for the carry-in of
    what adds the word up.
    """
    logic = Logic(simd * (width + pe))
    sum_width = (simd * ((1 << width) - 1)).bit_length()
    x = [[logic.inputs[k * width + b] ^ (flip_top and b == width - 1) for b in range(width)]
         for k in range(simd)]
    triples = range(0, simd // 3 * 3, 3)
    parity = {(k, b): logic.lut([x[k][b], x[k + 1][b], x[k + 2][b]], lambda p, q, r: p ^ q ^ r)
              for k in triples for b in range(width)}
    neurons = []
    for neuron in range(pe):
        first = simd * (width + neuron)
        w = logic.inputs[first:first + simd]
        bits: list[tuple[int, int]] = []
        for b in range(width):
            pairs = [(x[k][b], w[k]) for k in range(simd)]
            bits += [(b + 1, _carry(logic, pairs[k:k + 3])) for k in triples]
            pairs = [(parity[k, b], w[k]) for k in triples] + pairs[len(triples) * 3:]
            bits += [(b + column, literal) for column, literal in _count_pairs(logic, pairs)]
        neurons.append(bits)
    return logic, add_neurons(logic, neurons, sum_width)


def add_neurons(logic: Logic, neurons: Sequence[list[tuple[int, int]]], width: int) -> list[int]:
    """For each neuron the sum of its bits (column, literal), but for one of weight 1, and that.

    Neurons are alike in all but their literals: one shape serves all.
    """
    outputs: list[int] = []
    for bits in neurons:
        spare = max((bit for bit in bits if bit[0] == 0), key=lambda bit: logic.level(bit[1]))
        bits.remove(spare)
        if not outputs:
            shape = best_shape(logic, bits, width)
        outputs += [*add_bits(logic, bits, width, shape), logic.plain(spare[1])]
    return outputs


def add_logic(width: int) -> tuple[Logic, list[int]]:
    """Word + carry + other word, modulo 2**width; input literals in this order."""
    logic = Logic(2 * width + 1)
    word, carry, other = logic.inputs[:width], logic.inputs[width], logic.inputs[width + 1:]
    positions = [(word[j], [other[j]], lambda bit: bit) for j in range(width)]
    return logic, logic.add(positions, carry)[0]


def accumulate_logic(sum_width: int, width: int) -> tuple[Logic, list[int]]:
    """One neuron's accumulator: (preload if first else accumulator) + sum + carry, modulo 2**width.

    Input literals: sum (sum_width), carry, first, preload (width), accumulator (width).
    """
    logic = Logic(sum_width + 2 + 2 * width)
    total, (carry, first), rest = (logic.inputs[:sum_width], logic.inputs[sum_width:sum_width + 2],
                                   logic.inputs[sum_width + 2:])
    total = (total + [0] * width)[:width]
    return logic, logic.add(
        [(total[j], [first, rest[j], rest[width + j]], lambda f, new, old: new if f else old)
         for j in range(width)], carry)[0]
