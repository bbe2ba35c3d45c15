"""Products of inputs and weights from memory as weighted bits: what a folded layer adds up.

``simd`` products of each of ``pe`` neurons, in unsigned form as :class:`hdl.folding.Folding` says.
±1 weights have a structure of their own (:mod:`hdl.folded_logic`).
"""

from collections.abc import Callable, Sequence

import numpy as np

from golden.number import Integer, Number
from hdl.digit_logic import signed_digits
from hdl.folded_logic import add_neurons
from hdl.heap import add_bits_best
from hdl.logic import LUT_INPUTS, Logic

__all__ = ["entry_sums_logic", "sum_logic", "weighted_entries_logic", "weighted_logic"]

Term = tuple[tuple[int, ...], Callable[..., int]]  # inputs and the bit they give


def _ternary(x: Sequence[int], w: Sequence[int]) -> list[tuple[int, Term]]:
    """x, its complement or 0 as bits (column, term); w: is it other than 0, is it negative?"""
    def term(bit: int, other: int, negative: int) -> int:
        return other & (bit ^ negative)

    return [(b, ((bit, *w), term)) for b, bit in enumerate(x)]


def _integer(x: Sequence[int], w: Sequence[int], signed: bool) -> list[tuple[int, Term]]:
    """``w * x``, for signed w plus ``(2**len(x) - 1) * 2**(len(w) - 1)``, as (column, term).

    Source: Baugh and Wooley, "A two's complement parallel array multiplication algorithm", IEEE
    Transactions on Computers C-22, 1973.
    """
    def term(bit: int, weight: int) -> int:
        return bit & weight

    def top_term(bit: int, weight: int) -> int:
        return 1 ^ bit & weight

    return [(b + c, ((bit, weight), top_term if signed and c == len(w) - 1 else term))
            for b, bit in enumerate(x) for c, weight in enumerate(w)]


def _count(logic: Logic, terms: Sequence[tuple[int, Term]]) -> list[tuple[int, int]]:
    """Terms as bits (column, literal): as many of a column as a LUT takes are counted at once."""
    columns: dict[int, list[Term]] = {}
    for column, term in terms:
        columns.setdefault(column, []).append(term)
    bits = []
    for column, own in columns.items():
        size = min(LUT_INPUTS // len(own[0][0]), 3)
        for k in range(0, len(own), size):
            group = own[k:k + size]
            inputs = [literal for literals, _ in group for literal in literals]

            def number(*code: int, group: Sequence[Term] = group) -> int:
                rest, total = list(code), 0
                for literals, function in group:
                    total += function(*rest[:len(literals)])
                    del rest[:len(literals)]
                return total

            bits += [(column + j, logic.lut(inputs, lambda *code, j=j: number(*code) >> j & 1))
                     for j in range(len(group).bit_length())]
    return bits


def weighted_logic(simd: int, width: int, pe: int, flip_top: bool, factor: Number,
                   sum_width: int) -> tuple[Logic, list[int]]:
    """For each of pe neurons the sum over simd inputs of ``w * u + c``, c as in Folding.

    factor: number kind of the weights, ternary or integer. Input literals: simd * width input bits
    (lane 0 lowest; the top bit of each inverted if flip_top), then pe * simd weights' codes (neuron
    0 lowest). Outputs, neuron 0 first: a word of sum_width bits and one more bit of weight 1, for
    the carry-in of what adds the word up.
    """
    logic = Logic(simd * (width + pe * factor.width))
    x = [[logic.inputs[k * width + b] ^ (flip_top and b == width - 1) for b in range(width)]
         for k in range(simd)]
    weights = logic.inputs[simd * width:]
    neurons = []
    for neuron in range(pe):
        terms: list[tuple[int, Term]] = []
        for k in range(simd):
            first = (neuron * simd + k) * factor.width
            w = weights[first:first + factor.width]
            terms += (_integer(x[k], w, factor.signed) if isinstance(factor, Integer)
                      else _ternary(x[k], w))
        neurons.append(_count(logic, terms))
    return logic, add_neurons(logic, neurons, sum_width)


def entry_sums_logic(simd: int, width: int, pe: int, flip_top: bool, indices: Sequence[int],
                     index_width: int, sum_width: int) -> tuple[Logic, list[int]]:
    """For each of pe neurons and of the indices, the sum of the inputs with that index.

    Input literals: as of :func:`weighted_logic`, with index_width bits a weight. Outputs, neuron 0
    and its first index first, as there.
    """
    logic = Logic(simd * (width + pe * index_width))
    x = [[logic.inputs[k * width + b] ^ (flip_top and b == width - 1) for b in range(width)]
         for k in range(simd)]
    codes = logic.inputs[simd * width:]
    neurons = []
    for neuron in range(pe):
        for index in indices:
            terms: list[tuple[int, Term]] = []
            for k in range(simd):
                first = (neuron * simd + k) * index_width
                match = _match(logic, codes[first:first + index_width], index)
                terms += [(b, ((bit, *match), lambda *bits: int(all(bits))))
                          for b, bit in enumerate(x[k])]
            neurons.append(_count(logic, terms))
    return logic, add_neurons(logic, neurons, sum_width)


def _match(logic: Logic, code: Sequence[int], index: int) -> list[int]:
    """At most two literals that are all 1 if the code is the index."""
    literals = [literal ^ 1 ^ (index >> b & 1) for b, literal in enumerate(code)]
    while len(literals) > 2:
        literals = [logic.lut(literals[k:k + LUT_INPUTS], lambda *bits: int(all(bits)))
                    for k in range(0, len(literals), LUT_INPUTS)]
    return literals


def weighted_entries_logic(entries: Sequence[int], width: int,
                           sum_width: int) -> tuple[Logic, list[int], int]:
    """The sum of unsigned inputs of width bits times constant entries, modulo 2**sum_width.

    Inputs: one word an entry. Outputs as of :func:`weighted_logic`, pe = 1; the third value is what
    the word is too much, a sum of places at which complements stand for negative digits.
    """
    logic = Logic(len(entries) * width)
    digits = signed_digits(np.array(entries))
    bits = [(place + b, logic.inputs[k * width + b] ^ (digits[k, place] < 0))
            for k, place in np.argwhere(digits).tolist() for b in range(width)]
    excess = sum(((1 << width) - 1) << place for _, place in np.argwhere(digits < 0).tolist())
    return logic, [*add_bits_best(logic, bits, sum_width), 0], excess


def sum_logic(simd: int, width: int, pe: int, sum_width: int) -> tuple[Logic, list[int]]:
    """For each of pe neurons the sum of simd products in two's complement plus 2**(width - 1).

    Input literals: pe * simd products of width bits (neuron 0, lane 0 lowest). Outputs as of
    :func:`weighted_logic`.
    """
    logic = Logic(simd * width * pe)
    products = [logic.inputs[first:first + width] for first in range(0, logic.n_inputs, width)]
    neurons = [[(b, literal ^ (b == width - 1)) for product in products[first:first + simd]
                for b, literal in enumerate(product)] for first in range(0, pe * simd, simd)]
    return logic, add_neurons(logic, neurons, sum_width)
