"""Rows of ternary or wider weights as logic: signed digits, shared sums, bit heaps.

A weight is written in canonical signed digits, the fewest that are not 0. With u the unsigned form
of an input and m its greatest value, -u is ``~u - m``: every digit adds u or its complement at the
digit's place, and the m's of a row are one constant. Subsets of inputs that digits of several rows
add alike, at whatever places, are extracted (:mod:`hdl.sharing`).
Source: Reitwiesner, "Binary arithmetic", Advances in Computers 1, 1960.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from golden.layer import Dense
from golden.number import Integer
from hdl.heap import add_bits_best
from hdl.logic import Logic
from hdl.sharing import Term, share_sums
from hdl.unsigned_form import unsigned_form

__all__ = ["DigitRows", "signed_digits"]

Bits = list[tuple[int, int]]  # column, literal


def signed_digits(weights: NDArray[np.integer]) -> NDArray[np.int8]:
    """Canonical signed digits: weights (...) -> (..., places) of -1, 0 and +1, lowest first.

    No two neighbours differ from 0. At least one place.
    """
    rest = weights.astype(np.int64)
    places: list[NDArray[np.int64]] = []
    while rest.any() or not places:
        digit = np.where(rest & 1, 2 - (rest & 3), 0)
        places.append(digit)
        rest = (rest - digit) >> 1
    return np.stack(places, axis=-1).astype(np.int8)


class DigitRows:
    """Builds one row's word after another; holds what they share.

    Input literal k * width + b of ``logic`` is bit b of input k.
    """

    def __init__(self, layer: Dense, minimum_gain: float):
        width = layer.input.width
        self.logic = Logic(layer.n_in * width)
        flip_top = unsigned_form(layer.input).flip_top
        self._inputs = [[self.logic.inputs[k * width + b] ^ (flip_top and b == width - 1)
                         for b in range(width)] for k in range(layer.n_in)]
        digits = signed_digits(layer.weights)
        self._places = digits.shape[-1]
        self._shared = share_sums(digits.transpose(0, 2, 1).reshape(-1, layer.n_in), width,
                                  minimum_gain)
        self._words: dict[int, tuple[list[int], int]] = {}
        largest = (1 << width) - 1
        self._largest = dict.fromkeys(range(layer.n_in), largest)
        # A row's product in unsigned form lies between these.
        wide = layer.weights.astype(np.int64)
        self._low = (wide.clip(max=0).sum(1) * largest).tolist()
        self._high = (wide.clip(min=0).sum(1) * largest).tolist()

    def _word(self, item: int) -> tuple[list[int], int]:
        """Literals of an item, and the constant that must be added to them."""
        if item < self._shared.n_inputs:
            return self._inputs[item], 0
        if item not in self._words:
            terms = self._shared.nodes[item - self._shared.n_inputs]
            bits, constant = self._bits((term, 0) for term in terms)
            greatest = self._largest[item] = sum(
                (1 << len(self._word(term)[0])) - 1 if negative else self._largest[term]
                for term, negative in terms)
            word = add_bits_best(self.logic, bits, greatest.bit_length())
            self._words[item] = word, constant
        return self._words[item]

    def _bits(self, terms: Iterable[tuple[Term, int]]) -> tuple[Bits, int]:
        """Bits that add up to terms, each at a place, and the constant that must be added."""
        bits: Bits = []
        constant = 0
        for (item, negative), place in terms:
            word, own = self._word(item)
            bits += [(place + c, literal ^ negative) for c, literal in enumerate(word)]
            # The complement of a word of n bits is 2**n - 1 less the word.
            constant += (-own - (1 << len(word)) + 1 if negative else own) << place
        return bits, constant

    def exact(self, row: int, constant: int, width: int) -> list[int]:
        """Row's product in unsigned form plus constant, modulo 2**width."""
        terms = [(term, place) for place in range(self._places)
                 for term in self._shared.rows[row * self._places + place]]
        bits, own = self._bits(terms)
        total = (constant + own) % (1 << width)
        bits += [(c, 1) for c in range(width) if total >> c & 1]
        return add_bits_best(self.logic, bits, width)

    def negative(self, row: int, constant: int) -> int:
        """Literal: is the row's product in unsigned form plus constant below 0?"""
        width = Integer.holding(self._low[row] + constant, self._high[row] + constant,
                                signed=True).width
        return self.exact(row, constant, width)[-1]
