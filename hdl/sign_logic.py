"""Rows of ±1 weights as logic: half the inputs counted, common sums shared, bit heaps.

With u the unsigned form of the inputs, t their sum and p (q) the sum over a row's +1 (-1)
weights, the row's product is ``2 * p - t = t - 2 * q``: only the smaller side is added up, and t
once for the whole layer. Subsets that several rows add are extracted (:mod:`hdl.sharing`), and the
subtraction and the threshold ride in each row's last carry chain.
"""

from collections.abc import Sequence

import numpy as np

from golden.layer import Dense
from golden.number import Integer
from hdl.heap import add_bits_best
from hdl.logic import Logic
from hdl.sharing import Term, share_sums
from hdl.unsigned_form import unsigned_form

__all__ = ["SignRows"]


class SignRows:
    """Builds one row's word after another; holds what they share.

    Input literal k * width + b of ``logic`` is bit b of input k.
    """

    def __init__(self, layer: Dense, minimum_gain: float):
        width = layer.input.width
        self.logic = Logic(layer.n_in * width)
        flip_top = unsigned_form(layer.input).flip_top
        self.inputs = [
            [(b, self.logic.inputs[k * width + b] ^ (flip_top and b == width - 1))
             for b in range(width)] for k in range(layer.n_in)]
        largest = (1 << width) - 1
        self.total = self.add([bit for word in self.inputs for bit in word],
                              (layer.n_in * largest).bit_length())
        positive = layer.weights > 0
        self.add_positive = positive.sum(1) <= layer.n_in - positive.sum(1)
        counted = np.where(self.add_positive[:, None], positive, ~positive)
        self.shared = share_sums(counted.astype(np.int8), width, minimum_gain)
        self.words: dict[int, list[tuple[int, int]]] = {}
        self.largest = {k: largest for k in range(layer.n_in)}
        self.bases: dict[tuple[bool, bool, int], list[int]] = {}
        # A row's product in unsigned form lies between these.
        self.low = (-largest * (layer.n_in - positive.sum(1))).tolist()
        self.high = (largest * positive.sum(1)).tolist()
        reach = max(self.high) - min(self.low)
        self.base_width = max(Integer.holding(-reach - 1, reach, signed=True).width, 2)

    def add(self, bits: Sequence[tuple[int, int]], width: int, onto: Sequence[int] | None = None,
            subtract: bool = False) -> list[int]:
        return add_bits_best(self.logic, bits, width, onto, subtract)

    def maximum(self, item: int) -> int:
        if item not in self.largest:
            members = self.shared.nodes[item - self.shared.n_inputs]
            self.largest[item] = sum(self.maximum(member) for member, _ in members)
        return self.largest[item]

    def bits(self, terms: Sequence[Term]) -> list[tuple[int, int]]:
        """(column, literal) of every bit of the terms, none of which is taken away."""
        out: list[tuple[int, int]] = []
        for item, _ in terms:
            if item < self.shared.n_inputs:
                out += self.inputs[item]
                continue
            if item not in self.words:
                members = self.shared.nodes[item - self.shared.n_inputs]
                word = self.add(self.bits(members), self.maximum(item).bit_length())
                self.words[item] = list(enumerate(word))
            out += self.words[item]
        return out

    def base(self, negative: bool, upwards: bool, constant: int, width: int) -> list[int]:
        """``constant ± t / 2`` rounded up or down, modulo 2**width; built once for all rows."""
        key = negative, upwards, constant % (1 << width)
        if key not in self.bases:
            half = (self.total[1:] + [0] * width)[:width]
            low = self.total[0]
            carry_in = {(False, False): 0, (False, True): low,
                        (True, False): 1, (True, True): low ^ 1}[negative, upwards]
            self.bases[key] = self.logic.add(
                [(key[2] >> c & 1, [half[c] ^ negative], lambda bit: bit)
                 for c in range(width)], carry_in)[0]
        return self.bases[key]

    def word(self, row: int, constant: int, width: int, base_width: int) -> list[int]:
        """Row's product plus constant, halved and rounded down, modulo 2**width."""
        positive = bool(self.add_positive[row])
        odd = constant & 1
        base = self.base(positive, positive != bool(odd), constant >> 1, base_width)
        return self.add(self.bits(self.shared.rows[row]), width, onto=base[:width],
                        subtract=not positive)

    def exact(self, row: int, constant: int, width: int) -> list[int]:
        """Row's product in unsigned form plus constant, modulo 2**width."""
        low = self.total[0] ^ constant & 1
        return [self.logic.plain(low), *self.word(row, constant, width - 1, width - 1)][:width]

    def negative(self, row: int, constant: int) -> int:
        """Literal: is the row's product in unsigned form plus constant below 0?"""
        reach = [bound + constant >> 1 for bound in (self.low[row], self.high[row])]
        width = Integer.holding(*reach, signed=True).width
        return self.word(row, constant, width, self.base_width)[-1]
