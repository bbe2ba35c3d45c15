"""Combinational logic as a graph of look-up tables and carry chains.

The arithmetic generators build this graph instead of Amaranth expressions, because one graph serves
three purposes: it is counted (what a choice of structure costs), cut into pipeline stages, and
emitted as portable expressions or as 7-series primitives (:mod:`hdl.logic_block`).

A *literal* names one bit: ``2 * node`` for the bit itself, ``2 * node + 1`` for its complement.
Literal 0 is the constant 0 and literal 1 the constant 1, so ``literal ^ 1`` always inverts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Lut", "Position", "Chain", "Logic", "LUT_INPUTS", "chain_inputs", "select_lut"]

LUT_INPUTS = 6


@dataclass(frozen=True, slots=True)
class Lut:
    """``table`` bit v is the output for input code v; input k is bit k of the code."""
    inputs: tuple[int, ...]
    table: int


@dataclass(frozen=True, slots=True)
class Position:
    """One bit of a carry chain: adds the plain bit ``data`` and the function ``addend``.

    On 7-series ``data`` drives DI and one LUT computes S = data ^ addend, so that the position
    costs one LUT however many inputs (up to five) the addend has.
    """
    data: int
    addend: Lut


@dataclass(frozen=True, slots=True)
class Chain:
    """A ripple addition, position 0 lowest. Its nodes are the sum bits, then the carry-out."""
    positions: tuple[Position, ...]
    carry_in: int


def _reduce(inputs: Sequence[int], function: Callable[..., int]) -> Lut:
    """The truth table of function over the distinct non-constant plain inputs it depends on."""
    plain = sorted({literal & ~1 for literal in inputs} - {0})
    table = []
    for code in range(1 << len(plain)):
        value = {literal: code >> k & 1 for k, literal in enumerate(plain)} | {0: 0}
        table.append(int(function(*(value[i & ~1] ^ i & 1 for i in inputs))) & 1)
    k = 0
    while k < len(plain):
        kept = [v for v in range(len(table)) if not v >> k & 1]
        if all(table[v] == table[v | 1 << k] for v in kept):
            table = [table[v] for v in kept]
            del plain[k]
        else:
            k += 1
    return Lut(tuple(plain), sum(bit << v for v, bit in enumerate(table)))


class Logic:
    """A graph of :class:`Lut` and :class:`Chain` nodes over ``n_inputs`` input bits.

    Nodes are numbered in topological order: 0 is the constant, 1 .. n_inputs are the inputs.
    Equal LUTs and equal chains are built once.
    """

    def __init__(self, n_inputs: int):
        self.n_inputs = n_inputs
        self.drivers: list[Lut | Chain] = []  # in topological order
        self.inputs = [2 * (k + 1) for k in range(n_inputs)]
        self.n_nodes = n_inputs + 1
        self.luts = 0  # cost in LUTs of up to six inputs, chain positions included
        self._node_of: dict[Lut | Chain, int] = {}  # first node of each driver
        self._level = [0] * self.n_nodes

    def lut(self, inputs: Sequence[int], function: Callable[..., int]) -> int:
        """A literal equal to function(*inputs); at most six distinct inputs.

        Constants, repeated inputs and inputs without effect are removed; no LUT is spent on a
        function that is constant or one of its inputs. An inverter costs a LUT.
        """
        lut = _reduce(inputs, function)
        if not lut.inputs:
            return lut.table
        if lut.table == 0b10 and len(lut.inputs) == 1:
            return lut.inputs[0]
        if len(lut.inputs) > LUT_INPUTS:
            raise ValueError(f"a LUT has at most {LUT_INPUTS} inputs, not {len(lut.inputs)}")
        if lut not in self._node_of:
            self._node_of[lut] = self.n_nodes
            self.drivers.append(lut)
            self.luts += 1
            self._add_nodes(1, 1 + max(map(self.level, lut.inputs)))
        return 2 * self._node_of[lut]

    def plain(self, literal: int) -> int:
        """The same bit as a non-inverted literal or a constant, through an inverter if needed."""
        return self.lut([literal], lambda bit: bit) if literal > 1 else literal

    def add(self, positions: Iterable[tuple[int, Sequence[int], Callable[..., int]]],
            carry_in: int = 0) -> tuple[list[int], int]:
        """Ripple addition. positions: (data, inputs, function) from the lowest bit upwards.

        Returns the sum literals and the carry-out literal.
        """
        built = tuple(Position(self.plain(data), _reduce(inputs, function))
                      for data, inputs, function in positions)
        chain = Chain(built, self.plain(carry_in))
        if chain in self._node_of:
            return self._sums(chain)
        for position in built:
            if len({position.data, *position.addend.inputs} - {0, 1}) > LUT_INPUTS:
                raise ValueError(f"a chain position has at most {LUT_INPUTS} inputs")
            self.luts += bool(position.data > 1 or position.addend.inputs)
        self._node_of[chain] = self.n_nodes
        self.drivers.append(chain)
        self._add_nodes(len(built) + 1, 1 + max(map(self.level, chain_inputs(chain)), default=0))
        return self._sums(chain)

    def _sums(self, chain: Chain) -> tuple[list[int], int]:
        first = self._node_of[chain]
        nodes = [2 * (first + k) for k in range(len(chain.positions) + 1)]
        return nodes[:-1], nodes[-1]

    def mark(self) -> tuple[int, int, int]:
        """A point to :meth:`rewind` to, for trying a structure."""
        return len(self.drivers), self.n_nodes, self.luts

    def rewind(self, mark: tuple[int, int, int]) -> None:
        """Forget all that was built since the mark."""
        drivers, self.n_nodes, self.luts = mark
        for driver in self.drivers[drivers:]:
            del self._node_of[driver]
        del self.drivers[drivers:], self._level[self.n_nodes:]

    def level(self, literal: int) -> int:
        """Depth of a literal: LUTs or chains on the longest path from an input."""
        return self._level[literal >> 1]

    def _add_nodes(self, count: int, level: int) -> None:
        self._level += [level] * count
        self.n_nodes += count


def chain_inputs(chain: Chain) -> list[int]:
    """Literals that a chain reads."""
    read = [chain.carry_in]
    for position in chain.positions:
        read += (position.data, *position.addend.inputs)
    return read


def select_lut(position: Position) -> Lut:
    """What drives the S pin of a position on 7-series: data ^ addend."""
    table = position.addend.table

    def select(data: int, *code: int) -> int:
        return data ^ table >> sum(bit << k for k, bit in enumerate(code)) & 1

    return _reduce([position.data, *position.addend.inputs], select)
