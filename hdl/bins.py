"""A codebook's accumulators: the inputs of each entry are added up and multiplied once a pass."""

from dataclasses import dataclass
from functools import cached_property

from golden.number import Number
from hdl.folded_products import entry_sums_logic, weighted_entries_logic, weighted_logic
from hdl.logic import Logic

__all__ = ["Bins"]


@dataclass(frozen=True)
class Bins:
    """For ``simd`` inputs a beat, ``n_in`` a frame.

    entries : what each index of ``index_width`` bits stands for; factor : kind of the entries;
    input_width, flip_top : of the inputs; width : bits of the result, modulo which all is added up;
    known : whether the entries are constants; else they may be written
    """

    entries: tuple[int, ...]
    index_width: int
    factor: Number
    input_width: int
    flip_top: bool
    simd: int
    n_in: int
    width: int
    known: bool

    @property
    def indices(self) -> list[int]:
        """Those with an accumulator: all, or of known entries the ones that are not 0."""
        return [k for k, entry in enumerate(self.entries) if entry or not self.known]

    @property
    def bin_width(self) -> int:
        """Bits of an accumulator."""
        return (self.n_in * ((1 << self.input_width) - 1)).bit_length()

    @property
    def sum_width(self) -> int:
        """Bits of what is added to it in a beat."""
        return (self.simd * ((1 << self.input_width) - 1)).bit_length()

    def sums(self, pe: int) -> tuple[Logic, list[int]]:
        """See :func:`hdl.folded_products.entry_sums_logic`."""
        return entry_sums_logic(self.simd, self.input_width, pe, self.flip_top, self.indices,
                                self.index_width, self.sum_width)

    @cached_property
    def _weighted(self) -> tuple[Logic, list[int], int]:
        if self.known:
            return weighted_entries_logic([self.entries[index] for index in self.indices],
                                          self.bin_width, self.width)
        too_much = len(self.indices) * ((1 << self.bin_width) - 1) << self.factor.width - 1
        return *weighted_logic(len(self.indices), self.bin_width, 1, False, self.factor,
                               self.width), too_much

    @property
    def weighted(self) -> tuple[Logic, list[int]]:
        """Accumulators, then entries that may be written, to the word and carry of their product.

        Modulo 2**width it is ``excess`` more than the sum of entries times accumulators.
        """
        return self._weighted[:2]

    @property
    def excess(self) -> int:
        """What the product is too much."""
        return self._weighted[2]

    @property
    def luts(self) -> int:
        """LUTs of a neuron."""
        return (self.sums(1)[0].luts + len(self.indices) * self.bin_width
                + self.weighted[0].luts + self.width)
