"""How a dense layer is cut into passes and beats, and what its memories then hold."""

from functools import cached_property

import numpy as np

from golden.check import check_choice, check_divisor
from golden.layer import Dense
from golden.number import Bipolar, Codebook, Integer, Number, Ternary, pack
from hdl.bins import Bins
from hdl.folded_logic import recode
from hdl.folded_products import weighted_logic
from hdl.multipliers import check_dsp, check_multiplier, factor_kind
from hdl.rom import rom_logic
from hdl.unsigned_form import unsigned_form

__all__ = ["CODEBOOKS", "Folding"]

CODEBOOKS = "auto", "multiply", "accumulate"


def _shape_of(kind: Number) -> str:
    """What must be equal for one kind of weights to take the place of another."""
    return f"codebook of {kind.width} bits" if isinstance(kind, Codebook) else str(kind)


class Folding:
    """``pe`` neurons and ``simd`` inputs a cycle.

    A frame takes ``passes * beats`` cycles: in each pass over the input's ``beats`` beats, ``pe``
    neurons add up ``w * x``. What the hardware adds is never negative: in the unsigned form u of an
    input (:func:`hdl.unsigned_form.unsigned_form`), m its maximum, ``w * u + c`` with c = m for
    negative ±1 and ternary weights, ``m * 2**(n - 1)`` for all signed ones of n bits, else 0; with
    DSP multipliers the product itself plus the weight of its sign bit. So the accumulator is
    ``scale`` times the sum s, plus a constant of the row. That constant, or minus the least s that
    reaches the threshold, is the row's *preload*. Lanes beyond n_in add c of weight 0, neurons
    beyond n_out give 0.

    layer : golden.layer.Dense; pe, simd : at least 1; multiplier : "lut" or "dsp", which needs
    integer inputs and integer or codebook weights; codebook : whether entries are decoded in front
    of a multiplier a lane ("multiply"), multiplied once a pass with the sums of their inputs
    ("accumulate"), or what takes fewer LUTs ("auto"); worst_case : for any weights, entries and
    biases of this layer's widths, not for its own; groups : of rows, each of which has inputs of
    its own; units : groups at once, with pe neurons and simd inputs each; share : of several units,
    inputs that lie side by side. Raises TypeError or ValueError otherwise.
    """

    def __init__(self, layer: Dense, pe: int, simd: int, *, multiplier: str = "lut",
                 codebook: str = "auto", worst_case: bool = False, groups: int = 1, units: int = 1,
                 share: int = 1):
        if not isinstance(layer, Dense):
            raise TypeError(f"layer must be a golden.layer.Dense, not {layer!r}")
        for name, value in (("pe", pe), ("simd", simd)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"layer {layer.name}: {name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"layer {layer.name}: {name} must be at least 1, not {value}")
        check_divisor(layer.name, "groups", groups, layer.n_out, "outputs")
        check_divisor(layer.name, "units", units, groups, "groups")
        if units > 1:
            check_divisor(layer.name, "share", share, layer.n_in, "inputs")
            check_divisor(layer.name, "share", share, simd, "inputs a beat")
        self.layer, self.pe, self.simd = layer, pe, simd
        self.groups, self.units, self.share, self.sets = groups, units, share, groups // units
        self.rows = layer.n_out // groups
        self.beats = -(-layer.n_in // simd)
        self.passes = -(-self.rows // pe)
        kind = layer.weight_kind
        self.factor = factor_kind(kind)
        self.form = unsigned_form(layer.input)
        self._maximum = (1 << layer.input.width) - 1
        self.worst_case = worst_case
        self.multiplier, self._codebook = multiplier, codebook
        check_multiplier(layer.name, multiplier)
        check_choice(f"layer {layer.name}", "codebook", codebook, CODEBOOKS)
        if self.dsp:
            check_dsp(layer)

    def of(self, layer: Dense) -> "Folding":
        """The same folding of another layer that hardware for this one can be made to compute.

        Raises ValueError, which says what differs, if it cannot.
        """
        own = self.layer
        facts, others = ((str(of.input), _shape_of(of.weight_kind), of.weights.shape,
                          of.thresholds is not None, of.bias is not None) for of in (own, layer))
        if facts != others:
            raise ValueError(f"layer {own.name}: (input, kind and shape of weights, thresholds, "
                             f"bias) must be {facts}, not {others} as of layer {layer.name}")
        other = Folding(layer, self.pe, self.simd, multiplier=self.multiplier,
                        codebook="multiply" if self.bins is None else "accumulate", worst_case=True,
                        groups=self.groups, units=self.units, share=self.share)
        if other.bias_limit > self.bias_limit:
            raise ValueError(f"layer {own.name}: biases must be at most {self.bias_limit} in "
                             "magnitude to be written, "
                             f"not {other.bias_limit} as of layer {layer.name}")
        if other.factor.width > self.factor.width:
            raise ValueError(f"layer {own.name}: entries must be of {self.factor} to be written, "
                             f"not of {other.factor} as of layer {layer.name}")
        other.factor, other.bias_limit = self.factor, self.bias_limit
        return other

    @property
    def dsp(self) -> bool:
        """Are there multiplier blocks?"""
        return self.multiplier == "dsp"

    @cached_property
    def entries(self) -> tuple[int, ...]:
        """What each index stands for; indices that the codebook lacks stand for 0."""
        kind = self.layer.weight_kind
        if not isinstance(kind, Codebook):
            return ()
        return kind.entries + (0,) * ((1 << kind.width) - len(kind.entries))

    @cached_property
    def bins(self) -> Bins | None:
        """The accumulators of a codebook's entries; None if each lane has its multiplier."""
        if not self.entries or self.dsp or self._codebook == "multiply":
            return None
        width = self.layer.input.width
        bins = Bins(self.entries, self.layer.weight_kind.width, self.factor, width,
                    self.form.flip_top, self.simd, self.layer.n_in, self.accumulator_width,
                    not self.worst_case)
        if self._codebook == "auto":
            multiplied = (
                weighted_logic(self.simd, width, 1, self.form.flip_top, self.factor,
                               self.sum_width)[0].luts + self.accumulator_width
                + self.simd * rom_logic(self.entry_words(), self.factor.width)[0].luts)
            if multiplied <= bins.luts:
                return None
        return bins

    @property
    def cycles(self) -> int:
        """Cycles a frame; of groups, a set of ``units`` of them is one."""
        return self.passes * self.beats

    @property
    def lanes(self) -> tuple[int, int]:
        """Inputs and outputs a beat."""
        return self.units * self.simd, self.units * self.pe

    @property
    def scale(self) -> int:
        """What 1 in the sum is worth in the accumulator."""
        return self.form.scale

    @property
    def has_thresholds(self) -> bool:
        """Whether outputs are bipolar; else they are the accumulators."""
        return self.layer.thresholds is not None

    @property
    def has_parity(self) -> bool:
        """Whether the lowest bit of a raw accumulator is the lowest of its row's preload."""
        kinds = self.layer.weight_kind == Bipolar() and self.layer.bias is None
        return self.scale == 2 and not self.has_thresholds and not kinds

    @property
    def output(self) -> Number:
        """Number kind of the outputs; in the worst case over all weights if so asked for."""
        if not self.worst_case or self.has_thresholds:
            return self.layer.output
        reach = (self._weight_sum * max(self.layer.input.maximum, -self.layer.input.minimum)
                 + self.bias_limit)
        return Integer.holding(-reach, reach, signed=True)

    @cached_property
    def bias_limit(self) -> int:
        """The greatest magnitude of a bias that the core has room for."""
        bias = self.layer.bias
        return 0 if bias is None else (1 << int(np.abs(bias).max()).bit_length()) - 1

    @cached_property
    def _weight_sum(self) -> int:
        """Greatest sum of a row's magnitudes."""
        if self.worst_case:
            return self.layer.n_in * max(self.factor.maximum, -self.factor.minimum)
        return int(np.abs(self.layer.weights.astype(np.int64)).sum(1).max())

    @property
    def product_width(self) -> int:
        """Bits of what a lane adds: never negative."""
        if self.dsp:
            return self.layer.input.width + self.factor.width + (
                not self.layer.input.minimum) + (not self.factor.minimum)
        if isinstance(self.factor, Integer):
            return self.layer.input.width + self.factor.width
        return self.layer.input.width

    @property
    def sum_width(self) -> int:
        """Bits of the sum of one beat."""
        largest = (1 << self.product_width) - 1
        if isinstance(self.factor, Integer) and not self.dsp:
            largest = self._maximum * ((1 << self.factor.width) - 1)
        return (self.simd * largest).bit_length()

    @property
    def accumulator_width(self) -> int:
        """Bits of the accumulator; with a bipolar input's low bit, a constant, left out."""
        if self.has_thresholds:
            reach = max(self._weight_sum, 1) * self._maximum
            return Integer.holding(-reach - 1, reach, signed=True).width
        return max(self.output.width - (self.scale == 2), 1)

    @property
    def preload_width(self) -> int:
        """Bits of a preload."""
        return self.accumulator_width + self.has_parity

    @property
    def never_fires(self) -> bool:
        """Whether neurons beyond n_out start so low that they answer 0; else theirs is masked.

        Their weights are +1: what they add is at most the accumulator's greatest value.
        """
        return self.has_thresholds and self.layer.weight_kind == Bipolar()

    def _added(self) -> np.ndarray:
        """(n_out,) int64: what the hardware adds beyond ``w * u`` in a frame, padding included."""
        lanes = self.beats * self.simd
        weights = self.layer.weights
        if self.bins is not None:
            return np.full(len(weights), self.bins.excess)
        if self.dsp:
            return np.full(len(weights), lanes << self.product_width - 1)
        if isinstance(self.factor, Bipolar | Ternary):
            return self._maximum * (weights < 0).sum(1, dtype=np.int64)
        sign = self.factor.minimum < 0
        return np.full(len(weights), sign * lanes * self._maximum << self.factor.width - 1)

    @cached_property
    def preload(self) -> np.ndarray:
        """(n_out,) int64: where each row's accumulator starts; with its parity if it has one."""
        layer = self.layer
        offset = 0 if self.dsp else self.form.offset
        constant = offset * layer.weights.sum(1, dtype=np.int64) - self.scale * self._added()
        if layer.bias is not None:
            constant += layer.bias
        if layer.thresholds is None:
            return constant if self.has_parity else constant >> (self.scale - 1)
        return (constant - layer.thresholds) // self.scale  # scale * s + constant >= threshold

    def _folded(self, rows: np.ndarray, fill: int) -> np.ndarray:
        """Pad rows (n_out, ...) to whole passes: (sets * passes, units * pe, ...)."""
        rest = rows.shape[1:]
        padded = np.full((self.sets, self.units, self.passes * self.pe, *rest), fill, rows.dtype)
        padded[:, :, :self.rows] = rows.reshape(self.sets, self.units, self.rows, *rest)
        passes = padded.reshape(self.sets, self.units, self.passes, self.pe, *rest).swapaxes(1, 2)
        return passes.reshape(self.sets * self.passes, self.units * self.pe, *rest)

    def weight_words(self) -> list[int]:
        """``sets * cycles`` words of units * pe * simd stored weights, in order of use; lane 0
        lowest.

        A weight is its code, but ±1 weights are recoded (:func:`hdl.folded_logic.recode`).
        """
        layer, kind = self.layer, self.layer.weight_kind
        bipolar = kind == Bipolar()
        codes = np.full((layer.n_out, self.beats * self.simd), int(bipolar), np.uint64)
        codes[:, :layer.n_in] = kind.encode(layer.weights)
        folded = self._folded(codes, int(bipolar))
        folded = folded.reshape(*folded.shape[:2], self.beats, self.simd).transpose(0, 2, 1, 3)
        if bipolar:
            folded = recode(folded)
        return pack(folded.reshape(self.sets * self.cycles, -1), kind.width)

    def preload_words(self) -> list[int]:
        """``sets * passes`` words of units * pe preloads in two's complement, neuron 0 lowest."""
        width = self.preload_width
        folded = self._folded(self.preload, -1 << width - 1 if self.never_fires else 0)
        return pack(folded.astype(np.int64).view(np.uint64) & np.uint64((1 << width) - 1), width)

    def entry_words(self) -> list[int]:
        """The codebook's entries in two's complement; those that it lacks are 0."""
        return self.factor.encode(np.array(self.entries, np.int64)).tolist()

