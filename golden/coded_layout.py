"""Ways to store a layer's weights: dense or by relative indices, with a codebook or without."""

from collections.abc import Iterator
from math import frexp, ldexp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golden.bit_stream import best_code
from golden.fixed import whole_multiples
from golden.number import Integer

__all__ = ["FLOAT_BITS", "Layout", "NumberFormat", "absolute", "layouts", "relative"]

INDEX_BITS = range(1, 9)  # widths of relative indices that are tried
FLOAT_BITS, _MOST_BITS, _MOST_ENTRIES = 32, 16, 256

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def relative(places: Integers, bits: int) -> tuple[Integers, Integers]:
    """Zeros before each of some entries, at most ``2**bits - 1``; which entries ``places`` are.

    A longer run is bridged by entries for zeros, each the last of ``2**bits`` zeros.
    places : (non_zeros,) ascending, from 0
    """
    gaps = np.diff(places, prepend=-1) - 1
    ends = np.cumsum((gaps >> bits) + 1)
    zeros = np.full(ends[-1] if ends.size else 0, 2**bits - 1, np.int64)
    zeros[ends - 1] = gaps & 2**bits - 1
    return zeros, ends - 1


def absolute(zeros: Integers) -> Integers:
    """(entries,) places of entries with so many zeros before them."""
    return np.cumsum(zeros + 1) - 1


class NumberFormat(NamedTuple):
    """Numbers of ``width`` bits: multiples of ``2**exponent``, or float32 if that is None."""

    width: int
    exponent: int | None

    @classmethod
    def of(cls, numbers: Floats) -> "NumberFormat":
        """The narrowest; ``numbers`` are different."""
        if 0 < numbers.size <= 2**_MOST_BITS:
            step, multiples = whole_multiples(numbers)
            width = Integer.holding(min(multiples), max(multiples), signed=True).width
            if width <= _MOST_BITS:
                return cls(width, frexp(step)[1] - 1)
        return cls(FLOAT_BITS, None)

    def codes(self, numbers: Floats) -> Integers:
        """Two's complement, or the bits of the floats."""
        if self.exponent is None:
            return numbers.view(np.uint32).astype(np.int64)
        multiples = np.ldexp(numbers.astype(np.float64), -self.exponent).astype(np.int64)
        return Integer(self.width, True).encode(multiples).astype(np.int64)

    def numbers(self, codes: Integers) -> Floats:
        """Inverse of ``codes``."""
        if self.exponent is None:
            return codes.astype(np.uint32).view(np.float32)
        values = Integer(self.width, True).decode(codes)
        return (values * ldexp(1, self.exponent)).astype(np.float32)


class Layout(NamedTuple):
    """A way to store weights: symbols and their width of each stream, and the numbers' format."""

    exponent: int | None
    values: tuple[Integers, int]
    indices: tuple[Integers, int] | None
    codebook: tuple[Integers, int] | None

    @property
    def bits(self) -> int:
        """Bits of all streams, tables and all."""
        return sum(best_code(*stream)[1].total for stream in self[1:] if stream)


def layouts(weight: Floats) -> Iterator[Layout]:
    """Dense and, if there are zeros, with indices of all widths; without and with a codebook.

    weight : flat
    """
    places = np.flatnonzero(weight)
    numbers, member = np.unique(weight[places], return_inverse=True)
    form = NumberFormat.of(numbers)
    for bits in (0, *INDEX_BITS) if places.size < weight.size else (0,):
        zeros, entries = relative(places, bits) if bits else (None, places)
        n = weight.size if zeros is None else zeros.size
        indices = None if zeros is None else (zeros, bits)
        values = np.zeros(n, np.int64)
        values[entries] = form.codes(numbers)[member]
        yield Layout(form.exponent, (values, form.width), indices, None)
        if numbers.size <= _MOST_ENTRIES:
            zero = int(n > places.size)  # has a place in the codebook
            book = np.concatenate([np.zeros(zero, np.float32), numbers])
            values = np.zeros(n, np.int64)
            values[entries] = member + zero
            yield Layout(form.exponent, (values, max(1, (book.size - 1).bit_length())), indices,
                          (form.codes(book), form.width))
