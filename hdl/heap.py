"""Bit heap: adds weighted bits with carry chains.

A heap is a multiset of bits, each of weight 2**column. One chain position adds a raw bit and a
function of up to five other bits at the price of one LUT, so short chains act as compressors (nine
bits to four in three LUTs) and a last chain adds what remains.
Source: Brunie et al., "Arithmetic core generation using bit heaps", FPL 2013; the raw-carry
compressors after Kumm and Zipf, "Pipelined compressor tree optimization", FPL 2014.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from hdl.logic import Logic

__all__ = ["Shape", "SHAPES", "add_bits", "add_bits_best", "best_shape"]

# A compressor of L positions takes shape[j] bits of column j into LUT functions, beside one raw bit
# a position and the carry-in. Wide ones need six-input LUTs.
_NARROW = ((3, 0), (1, 1), (2, 0), (1,))
_WIDE = ((5, 0, 0), (3, 2, 0), (4, 1, 0), (1, 3, 0), (3, 0, 1), (4, 0, 0), (2, 2, 0), *_NARROW)
_LONGEST_SEGMENT = 6

Taken = tuple[int, ...]  # bits that each column gives
Segments = tuple[tuple[int, Taken], ...]  # first column, bits that go into functions


@dataclass(frozen=True)
class Shape:
    """How a heap is compressed: ``wide`` compressors or narrow ones, and how dear a level is."""
    wide: bool = True
    level_price: float = 0.15  # in bits removed per LUT

    @property
    def compressors(self) -> tuple[tuple[int, ...], ...]:
        return _WIDE if self.wide else _NARROW

    @property
    def final_inputs(self) -> int:
        return 5 if self.wide else 3


SHAPES = tuple(Shape(wide, price) for wide in (True, False) for price in (0.05, 0.1, 0.2, 0.4))


@dataclass(frozen=True)
class _Bit:
    level: int
    literal: int

    @property
    def is_raw(self) -> bool:
        """May enter a chain without a LUT: neither inverted nor constant."""
        return self.literal > 1 and not self.literal & 1

    @property
    def order(self) -> tuple[int, bool, int]:
        """Early bits first; of one level those that need a LUT anyway."""
        return self.level, self.is_raw, self.literal


def _digit(weights: Sequence[int], j: int) -> Callable[..., int]:
    """Function: bit j of the sum of its arguments, each times 2**weight."""
    return lambda *bits: sum(b << w for b, w in zip(bits, weights, strict=True)) >> j & 1


@cache
def _segments(heights: tuple[int, ...], start: int, spare: int, cap: int, free_carry: bool,
              ) -> Segments | None:
    """Cut columns from start on into segments whose functions fit; None if there is no such cut.

    A segment of L columns starting at c takes ``taken[j]`` bits of column c+j into its functions;
    their sum must stay below 2**L so that the raw bits and the carry can be added to it. spare is
    the number of raw bits a position takes from the heap (0 when the chain adds to another word).
    Returns pairs (c, taken).
    """
    width = len(heights)

    @cache
    def cut(c: int) -> Segments | None:
        if c >= width or spare and not any(heights[c:]):
            return ()
        for end in range(c + 1, min(c + _LONGEST_SEGMENT, width) + 1):
            taken = tuple(max(0, heights[j] - spare - (free_carry and j == start))
                          for j in range(c, end))
            if sum(taken) > cap:
                return None
            if end == width or sum(k << j for j, k in enumerate(taken)) < 1 << end - c:
                rest = cut(end)
                if rest is not None:
                    return ((c, taken), *rest)
        return None

    return cut(start)


class _Heap:
    def __init__(self, logic: Logic, bits: Iterable[tuple[int, int]], width: int, shape: Shape):
        self.logic, self.width, self.shape = logic, width, shape
        self.columns: list[list[_Bit]] = [[] for _ in range(width)]
        self.carries: set[int] = set()
        for column, literal in bits:
            self.put(column, literal)

    def put(self, column: int, literal: int) -> None:
        if column < self.width and literal:
            self.columns[column].append(_Bit(self.logic.level(literal), literal))
            self.columns[column].sort(key=lambda bit: bit.order)

    # The last chain ---------------------------------------------------------------------------

    def final_cut(self, onto: bool, subtract: bool) -> tuple[int, Segments] | None:
        """(first column, segments) of a chain that adds all that is left, or None."""
        heights = tuple(map(len, self.columns))
        start = 0
        if not onto:
            while start < self.width and heights[start] <= 1:
                start += 1
        segments = _segments(heights, start, not onto, self.shape.final_inputs, not subtract)
        return None if segments is None else (start, segments)

    def finish(self, start: int, segments: Segments, onto: Sequence[int] | None,
               subtract: bool) -> list[int]:
        """Build that chain; returns the sum (or ``onto`` plus or minus it) as width literals."""
        out = [0] * self.width
        columns = [list(column) for column in self.columns]
        for c in range(start):
            out[c] = self.logic.plain(columns[c][0].literal) if columns[c] else 0
        positions = []
        carry_in = 1 if subtract else 0
        for c, taken in segments:
            inputs: list[int] = []
            weights: list[int] = []
            for j, count in enumerate(taken):
                inputs += [columns[c + j].pop(0).literal for _ in range(count)]
                weights += [j] * count
            for j in range(len(taken)):
                left = columns[c + j]
                if onto is not None:
                    data = onto[c + j]
                else:
                    data = left.pop().literal if left else 0
                if c + j == start and left and not subtract:
                    carry_in = left.pop().literal
                digit = _digit(weights, j)
                function = (lambda *b, digit=digit: 1 ^ digit(*b)) if subtract else digit
                positions.append((data, inputs, function))
        if positions:
            sums, carry = self.logic.add(positions, carry_in)
            for k, literal in enumerate([*sums, carry][:self.width - start]):
                out[start + k] = literal
        return out

    # Compression ------------------------------------------------------------------------------

    def candidates(self) -> Iterator[tuple[float, float, int, int, Taken, Taken]]:
        """Compressors that fit, as (score, bits removed per LUT, -column, ready, shape, take)."""
        filled = [column[0].level for column in self.columns if column]
        earliest = min(filled, default=0)
        for c, column in enumerate(self.columns):
            if len(column) < 2:
                continue
            for shape in self.shape.compressors:
                take, total, ready = [], 0, 0
                for j, need in enumerate(shape):
                    bits = self.columns[c + j] if c + j < self.width else []
                    if len(bits) < need:
                        break
                    count = min(len(bits), need + 1 + (j == 0))
                    take.append(count)
                    total += count << j
                    if count:
                        ready = max(ready, bits[count - 1].level)
                else:
                    removed = sum(take) - min(total.bit_length(), self.width - c)
                    if take[0] >= 2 and removed > 0:
                        rate = removed / len(shape)
                        late = self.shape.level_price * (ready - earliest)
                        yield rate - late, rate, -c, ready, shape, tuple(take)

    def compress(self, column: int, ready: int, shape: Sequence[int], take: Sequence[int]) -> None:
        inputs: list[int] = []
        weights: list[int] = []
        data: list[int] = []
        carry_in = 0
        for j, need in enumerate(shape):
            if column + j >= self.width:
                data.append(0)
                continue
            bits = self.columns[column + j]
            available = [bit for bit in bits if bit.level <= ready]
            raw = [bit for bit in available if bit.is_raw]
            chosen: list[_Bit] = []
            n_raw = take[j] - need
            if n_raw == 2:  # a carry-out becomes a carry-in without leaving the carry logic
                chosen = [bit for bit in raw if bit.literal in self.carries][:1]
                raw = [bit for bit in raw if bit not in chosen]
            missing = n_raw - len(chosen)
            late = raw[-missing:] if missing else []
            if len(late) < missing:
                other = [bit for bit in available if bit not in late and bit not in chosen]
                late += other[-(missing - len(late)):]
            chosen += late
            for bit in chosen:
                bits.remove(bit)
            inputs += [bit.literal for bit in bits[:need]]
            weights += [j] * need
            del bits[:need]
            if n_raw == 2:
                carry_in = chosen.pop(0).literal
            data.append(chosen[0].literal if chosen else 0)
        sums, carry = self.logic.add(
            [(d, inputs, _digit(weights, j)) for j, d in enumerate(data)], carry_in)
        for j, literal in enumerate(sums):
            self.put(column + j, literal)
        if sum(count << j for j, count in enumerate(take)).bit_length() > len(shape):
            self.carries.add(carry)
            self.put(column + len(shape), carry)

    def run(self, onto: Sequence[int] | None, subtract: bool) -> list[int]:
        while True:
            cut = self.final_cut(onto is not None, subtract)
            if cut is not None:
                return self.finish(*cut, onto, subtract)
            best = max(self.candidates(), default=None)
            poor = best is None or onto is not None and best[1] < 1
            plain = self.final_cut(False, False) if poor else None
            if plain is not None:  # ripple what is left, then add it onto the other word
                out = self.finish(*plain, None, False)
                self.columns = [[] for _ in range(self.width)]
                for c, literal in enumerate(out):
                    self.put(c, literal)
                continue
            assert best is not None  # a heap too high for a chain always has a compressor
            _, _, column, ready, shape, take = best
            self.compress(-column, ready, shape, take)


def add_bits(logic: Logic, bits: Iterable[tuple[int, int]], width: int, shape: Shape,
             onto: Sequence[int] | None = None, subtract: bool = False) -> list[int]:
    """Sum modulo 2**width of bits, each a pair (column, literal) worth literal * 2**column.

    onto: width literals of a word that the last chain adds the sum to (``onto + sum``) or, with
    subtract, takes it from (``onto - sum``). Returns width literals, lowest first.
    """
    return _Heap(logic, bits, width, shape).run(onto, subtract)


def best_shape(logic: Logic, bits: Sequence[tuple[int, int]], width: int,
               onto: Sequence[int] | None = None, subtract: bool = False,
               shapes: Sequence[Shape] = SHAPES) -> Shape:
    """The shape in which :func:`add_bits` costs the fewest LUTs, by trying each."""
    def cost(shape: Shape) -> int:
        mark = logic.mark()
        add_bits(logic, bits, width, shape, onto, subtract)
        luts = logic.luts
        logic.rewind(mark)
        return luts

    return min(shapes, key=cost)


def add_bits_best(logic: Logic, bits: Sequence[tuple[int, int]], width: int,
                  onto: Sequence[int] | None = None, subtract: bool = False) -> list[int]:
    """:func:`add_bits` in the best shape for these bits."""
    shape = best_shape(logic, bits, width, onto, subtract)
    return add_bits(logic, bits, width, shape, onto, subtract)
