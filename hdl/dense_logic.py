"""Structure of a hard-wired ±1 layer: half the inputs counted, common sums shared, bit heaps.

With u the unsigned form of the inputs, t their sum and p (q) the sum over a row's +1 (-1)
weights, the row's product is ``2 * p - t = t - 2 * q``: only the smaller side is added up, and t
once for the whole layer. Subsets that several rows add are extracted (:mod:`hdl.sharing`), and the
subtraction and the threshold ride in each row's last carry chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from golden.layer import Dense
from golden.number import Bipolar, Integer, Number, Ternary
from hdl.heap import add_bits_best
from hdl.logic import Logic
from hdl.sharing import share_sums

__all__ = ["UnsignedForm", "unsigned_form", "dense_logic"]


@dataclass(frozen=True)
class UnsignedForm:
    """``value = scale * u + offset`` with u = code, its top bit inverted if ``flip_top``."""
    scale: int
    offset: int
    flip_top: bool


def unsigned_form(number: Number) -> UnsignedForm:
    """How the values of a number kind follow from an unsigned integer of the same width."""
    match number:
        case Bipolar():
            return UnsignedForm(2, -1, False)
        case Ternary():
            return UnsignedForm(1, -2, True)
        case Integer():
            return UnsignedForm(1, number.minimum, number.signed)
    raise ValueError(f"inputs must be bipolar, ternary or integers, not {number}")


class _Rows:
    """Builds one row's word after another; holds what they share."""

    def __init__(self, layer: Dense, minimum_gain: float):
        width = layer.input.width
        self.logic = Logic(layer.n_in * width)
        self.form = unsigned_form(layer.input)
        self.inputs = [
            [(b, self.logic.inputs[k * width + b] ^ (self.form.flip_top and b == width - 1))
             for b in range(width)] for k in range(layer.n_in)]
        largest = (1 << width) - 1
        self.total = self.add([bit for word in self.inputs for bit in word],
                              (layer.n_in * largest).bit_length())
        positive = layer.weights > 0
        self.add_positive = positive.sum(1) <= layer.n_in - positive.sum(1)
        counted = np.where(self.add_positive[:, None], positive, ~positive)
        self.shared = share_sums(counted, width, minimum_gain)
        self.words: dict[int, list[tuple[int, int]]] = {}
        self.largest = {k: largest for k in range(layer.n_in)}
        self.bases: dict[tuple[bool, bool, int], list[int]] = {}

    def add(self, bits: Sequence[tuple[int, int]], width: int, onto: Sequence[int] | None = None,
            subtract: bool = False) -> list[int]:
        return add_bits_best(self.logic, bits, width, onto, subtract)

    def maximum(self, item: int) -> int:
        if item not in self.largest:
            members = self.shared.nodes[item - self.shared.n_inputs]
            self.largest[item] = sum(map(self.maximum, members))
        return self.largest[item]

    def bits(self, items: Sequence[int]) -> list[tuple[int, int]]:
        """(column, literal) of every bit of the items."""
        out: list[tuple[int, int]] = []
        for item in items:
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
        """Row's product plus constant, modulo 2**width."""
        low = self.total[0] ^ constant & 1
        return [self.logic.plain(low), *self.word(row, constant, width - 1, width - 1)][:width]


def dense_logic(layer: Dense, minimum_gain: float = 3.0) -> tuple[Logic, list[int]]:
    """The whole layer as combinational logic.

    Input literal k * width + b is bit b of input k; returned literals are the outputs' bits in the
    same order. minimum_gain: see :func:`hdl.sharing.share_sums`; infinity shares nothing.
    """
    rows = _Rows(layer, minimum_gain)
    scale, offset = rows.form.scale, rows.form.offset
    low, high = layer.accumulator_minimum.tolist(), layer.accumulator_maximum.tolist()
    correction = (offset * layer.weights.sum(1, dtype=np.int64)).tolist()
    outputs: list[int] = []
    if layer.thresholds is None:
        width = layer.output.width
        for row in range(layer.n_out):
            if scale == 2:  # all accumulators have the parity of n_in
                word = rows.exact(row, correction[row] >> 1, width - 1)
                outputs += [correction[row] & 1, *word]
            else:
                outputs += rows.exact(row, correction[row], width)
        return rows.logic, outputs
    base_width = max(
        Integer.holding(min(low) - max(high) - 1, max(high) - min(low), signed=True).width, 2)
    for row, threshold in enumerate(layer.thresholds.tolist()):
        if not low[row] < threshold <= high[row]:
            outputs.append(int(threshold <= low[row]))
            continue
        # The answer is whether product + constant >= 0.
        constant = (correction[row] - threshold) // scale
        reach = [(bound - correction[row]) // scale + constant >> 1
                 for bound in (low[row], high[row])]
        width = Integer.holding(*reach, signed=True).width
        sign = rows.word(row, constant, width, base_width)[-1]
        outputs.append(rows.logic.lut([sign], lambda bit: 1 - bit))
    return rows.logic, outputs
