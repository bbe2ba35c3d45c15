"""A layer's weights and bias in as few bits as deep compression needs for them, and how many.

Source: S. Han et al., "Deep compression: compressing deep neural networks with pruning, trained
quantization and Huffman coding", ICLR 2016, arXiv:1510.00149.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golden.bit_stream import Stream, best_code
from golden.coded_layout import FLOAT_BITS, NumberFormat, absolute, layouts

__all__ = ["CodedLayer", "CodedSize"]

_STREAMS = "values", "indices", "codebook", "bias"  # as they stand in a file

Floats = NDArray[np.float32]


class CodedSize(NamedTuple):
    """Bits of a layer, or of all.

    plain : float32 weights and biases
    values, indices, codebook, tables, bias : what is stored; tables are code lengths
    entropy : least bits for values and indices that any code could reach which knows how often each
        symbol occurs (ideal arithmetic coding with the same statistics)
    """

    name: str
    plain: int
    values: int
    indices: int
    codebook: int
    tables: int
    bias: int
    entropy: float

    @property
    def total(self) -> int:
        """Bits stored."""
        return self.values + self.indices + self.codebook + self.tables + self.bias

    @property
    def rate(self) -> float:
        """Times that the float32 layer is larger."""
        return self.plain / self.total if self.total else inf


@dataclass(frozen=True)
class CodedLayer:
    """Weights of a layer in row-major order, as streams, and its bias.

    shape : of the weights
    exponent : numbers are integers times ``2**exponent``; None: float32
    values : of each entry a number, or with a codebook the place of its number there
    indices : relative indices, how many zeros stand before each entry (``relative``); None: every
        weight is an entry
    codebook : numbers that occur, 0 first if it does; None: none
    bias : float32; None: none
    """

    name: str
    shape: tuple[int, ...]
    exponent: int | None
    values: Stream
    indices: Stream | None
    codebook: Stream | None
    bias: Stream | None

    @classmethod
    def of(cls, name: str, weight: NDArray[Any], bias: NDArray[Any] | None) -> "CodedLayer":
        """The smallest: dense or with indices of 1 to 8 bits, with a codebook or without.

        Raises TypeError unless weight and bias are float32, ValueError if they are not finite.
        """
        for parameter, array in (("weight", weight), ("bias", bias)):
            if array is not None and array.dtype != np.float32:
                raise TypeError(f"layer {name}: {parameter} must be float32, not {array.dtype}")
            if array is not None and not np.isfinite(array).all():
                raise ValueError(f"layer {name}: {parameter} must be finite")
        best = min(layouts(weight.ravel()), key=lambda layout: layout.bits)
        floats = NumberFormat(FLOAT_BITS, None)
        return cls(name, weight.shape, best.exponent, Stream.of(*best.values),
                   best.indices and Stream.of(*best.indices),
                   best.codebook and Stream.of(*best.codebook),
                   None if bias is None else Stream.of(floats.codes(bias), floats.width))

    def decode(self) -> tuple[Floats, Floats | None]:
        """Weights and bias, every bit of them but the sign of zeros; ValueError for nonsense."""
        book, values = self.codebook, self.values.symbols
        if book is None:
            numbers = NumberFormat(self.values.width, self.exponent).numbers(values)
        elif (values < book.n).all():
            numbers = NumberFormat(book.width, self.exponent).numbers(book.symbols)[values]
        else:
            raise ValueError(f"layer {self.name}: values must be places in a codebook of {book.n}")
        flat = np.zeros(prod(self.shape), np.float32)
        places = np.arange(flat.size)
        if self.indices is not None:
            places = absolute(self.indices.symbols)
        if places.size != numbers.size or (places >= flat.size).any():
            raise ValueError(f"layer {self.name}: entries must be {flat.size} weights, or have an "
                             "index each that lies among them")
        flat[places] = numbers
        weight = flat.reshape(self.shape)
        if self.bias is None:
            return weight, None
        return weight, NumberFormat(FLOAT_BITS, None).numbers(self.bias.symbols)

    @property
    def _streams(self) -> dict[str, Stream]:
        return {name: stream for name in _STREAMS if (stream := getattr(self, name)) is not None}

    @property
    def size(self) -> CodedSize:
        """Bits of the layer; name, shape and counts are not among them."""
        streams = self._streams
        bits = {name: stream.bits for name, stream in streams.items()}
        n = prod(self.shape) + (self.bias.n if self.bias else 0)
        return CodedSize(
            self.name, FLOAT_BITS * n, bits["values"], bits.get("indices", 0),
            bits.get("codebook", 0), sum(stream.table_bits for stream in streams.values()),
            bits.get("bias", 0), sum(best_code(stream.symbols, stream.width)[1].entropy
                                     for name, stream in streams.items()
                                     if name in ("values", "indices")))

    def pack(self) -> tuple[dict[str, Any], bytes]:
        """Facts for a header, and all streams one behind the other."""
        packed = {name: stream.pack() for name, stream in self._streams.items()}
        facts = {"name": self.name, "shape": self.shape, "exponent": self.exponent}
        return (facts | {name: numbers for name, (numbers, _) in packed.items()},
                b"".join(data for _, data in packed.values()))

    @classmethod
    def unpack(cls, facts: Mapping[str, Any], data: bytes) -> tuple["CodedLayer", bytes]:
        """Inverse of ``pack``, and the bytes behind the layer."""
        streams: dict[str, Any] = dict.fromkeys(_STREAMS)
        for name in streams:
            if name in facts:
                streams[name], data = Stream.unpack(facts[name], data)
        return cls(facts["name"], tuple(facts["shape"]), facts["exponent"], **streams), data
