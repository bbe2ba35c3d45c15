"""Any function: a full table, or straight pieces."""

from collections.abc import Mapping, Sequence

import numpy as np
from amaranth.hdl import C, Cat, Module, Value

from golden.activation import narrowest
from golden.number import Integer
from golden.tabulated import PiecewiseLinear as PiecewiseLinearLayer
from golden.tabulated import Table as TableLayer
from hdl.elementwise import ElementwiseCore, Pipeline
from hdl.multipliers import check_multiplier
from hdl.parameters import read_port
from hdl.rounding import fitted, half, product, rounded

__all__ = ["PiecewiseLinear", "Table"]


class Table(ElementwiseCore[TableLayer]):
    """``table[x]``, bit-exact to :func:`golden.elementwise.table`.

    Each lane reads a copy of the table. Latency 3 cycles, one beat a cycle; everything else as
    :class:`hdl.elementwise.ElementwiseCore`. With storage "ram" the table can be written; every
    word goes to all copies.
    """

    depth = 1

    @property
    def memories(self) -> Mapping[str, tuple[int, int]]:
        """Name -> (words, bits of a word)."""
        return {"table": (1 << self.layer.input.width, self.layer.output.width)}

    def words(self, layer: TableLayer) -> list[Sequence[int]]:
        """Outputs in the order of the inputs' codes."""
        codes = layer.input.encode(np.arange(layer.input.minimum, layer.input.maximum + 1))
        words = np.empty(codes.size, np.uint64)
        words[codes] = layer.output.encode(layer.table)
        return [words.tolist()]

    def operands(self, m: Module, advance: Value, beat: Value) -> Mapping[str, Value]:
        """The tables are read by number, not by beat."""
        return {}

    def compute(self, pipe: Pipeline, x: Sequence[Value], parameters: Mapping[str, Value]
                ) -> Sequence[Value]:
        """The register is that of the memory."""
        (words,), results = self.words(self.layer), []
        for lane, value in enumerate(x):
            port = read_port(pipe.m, f"table_{lane}", words, self.layer.output.width,
                             storage=self._storage, memory=self._memory, variant=self._variant,
                             write=self.write if self.is_ram else None)
            pipe.m.d.comb += [port.addr.eq(value), port.en.eq(pipe.advance)]
            results.append(port.data)
        return results


class PiecewiseLinear(ElementwiseCore[PiecewiseLinearLayer]):
    """Straight pieces, bit-exact to :func:`golden.elementwise.piecewise_linear`.

    Each lane reads its piece's slope and offset from a copy of them. Latency 5 cycles, one beat a
    cycle; everything else as :class:`hdl.elementwise.ElementwiseCore`. With storage "ram" slopes
    and offsets can be written; they keep the widths that the layer itself needs.

    multiplier : "lut" for multiplications made of additions, "dsp" to leave them to the
        multiplier blocks of the family
    """

    depth = 3

    def __init__(self, layer: PiecewiseLinearLayer, *, lanes: int, storage: str = "rom",
                 memory: str = "auto", multiplier: str = "lut", variant: str = "portable"):
        check_multiplier(layer.name, multiplier)
        self._multiplier = multiplier
        self.uses_dsp = multiplier == "dsp"
        self._slope, self._offset = self._operand_kinds(layer)
        super().__init__(layer, lanes=lanes, storage=storage, memory=memory, variant=variant)

    @staticmethod
    def _operand_kinds(layer: PiecewiseLinearLayer) -> tuple[Integer, Integer]:
        """Number kinds of the slopes, and of the offsets with one half added."""
        return narrowest(layer.slopes), narrowest(
            layer.offsets + half(layer.shift, layer.rounding))

    @property
    def memories(self) -> Mapping[str, tuple[int, int]]:
        """Name -> (words, bits of a word): slope, in the lowest bits, and offset of each piece."""
        return {"pieces": (self.layer.slopes.size, self._slope.width + self._offset.width)}

    def facts(self, layer: PiecewiseLinearLayer) -> dict[str, object]:
        """What a layer that is written must share with this one."""
        return {**super().facts(layer), "pieces": layer.slopes.size, "shift": layer.shift,
                "rounding": layer.rounding, "overflow": layer.overflow}

    def words(self, layer: PiecewiseLinearLayer) -> list[Sequence[int]]:
        """Pieces in the order of the inputs' codes: of signed ones the upper half comes first."""
        for parameter, number, own in zip(("slopes", "offsets"), self._operand_kinds(layer),
                                          (self._slope, self._offset), strict=True):
            if number.width > own.width:
                raise ValueError(f"layer {self.layer.name}: {parameter} must fit the {own.width} "
                                 f"bits kept for them, not {number.width} as of layer "
                                 f"{layer.name}; make the core for the widest")
        slopes = self._slope.encode(layer.slopes).tolist()
        offsets = self._offset.encode(layer.offsets + half(layer.shift, layer.rounding)).tolist()
        words = [slope | offset << self._slope.width
                 for slope, offset in zip(slopes, offsets, strict=True)]
        middle = len(words) // 2 if layer.input.signed else 0
        return [words[middle:] + words[:middle]]

    def operands(self, m: Module, advance: Value, beat: Value) -> Mapping[str, Value]:
        """Pieces are read by number, not by beat."""
        return {}

    def compute(self, pipe: Pipeline, x: Sequence[Value], parameters: Mapping[str, Value]
                ) -> Sequence[Value]:
        """The register of the memory, a register of products, a register of sums."""
        layer, results = self.layer, []
        (words,), place_bits = self.words(layer), layer.length.bit_length() - 1
        for lane, value in enumerate(x):
            code = value.as_unsigned()
            place, piece = code[:place_bits], code[place_bits:]
            if len(words) == 1:
                # The sign bit, if any, is part of the place, counted from the least input.
                place = Cat(code[:-1], ~code[-1]) if layer.input.signed else code
                piece = C(0, 1)
            port = read_port(pipe.m, f"pieces_{lane}", words, self._slope.width
                             + self._offset.width, storage=self._storage, memory=self._memory,
                             variant=self._variant, write=self.write if self.is_ram else None)
            pipe.m.d.comb += [port.addr.eq(piece), port.en.eq(pipe.advance)]
            place = pipe.register(place, f"place_{lane}")
            slope = port.data[:self._slope.width].as_signed()
            offset = port.data[self._slope.width:].as_signed()
            times = pipe.register(product(place, slope, self._multiplier), f"product_{lane}")
            total = pipe.register(times + pipe.register(offset, f"offset_{lane}"), f"sum_{lane}")
            results.append(fitted(rounded(total, layer.shift, layer.rounding), layer.output,
                                  layer.overflow))
        return results
