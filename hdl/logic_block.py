"""Hardware from a logic graph: pipelined, as portable expressions or as 7-series primitives."""

from collections.abc import Callable, Sequence
from functools import cache, reduce
from operator import xor

from amaranth.hdl import C, Cat, Elaboratable, Instance, Module, Mux, Signal, Value

from hdl.logic import Chain, Logic, Lut, chain_inputs, select_lut

__all__ = ["VARIANTS", "LogicBlock", "check_levels", "check_variant"]

VARIANTS = "portable", "xc7"


def check_variant(variant: str) -> str:
    """The variant, or ValueError."""
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
    return variant


def check_levels(levels: int) -> int:
    """The number of logic levels between two registers, or TypeError or ValueError."""
    if not isinstance(levels, int) or isinstance(levels, bool):
        raise TypeError(f"levels must be an integer, not {levels!r}")
    if levels < 1:
        raise ValueError(f"levels must be at least 1, not {levels}")
    return levels


@cache
def _linear_forms(table: int, n: int) -> tuple[tuple[int, ...], int]:
    """Write a truth table of n inputs as one over the fewest XORs of inputs.

    Returns the XORs, each a mask of inputs, and the table over them. Adders and XNORs are functions
    of few XORs; the mapper finds better logic from there.
    """
    bits = [table >> v & 1 for v in range(1 << n)]
    # Flips that change nothing form a space; its pivots are inputs that can be held at 0.
    free: list[tuple[int, int]] = []  # pivot, flip; reduced: no flip has another's pivot
    for flip in range(1, 1 << n):
        if all(bits[v] == bits[v ^ flip] for v in range(1 << n)):
            for pivot, other in free:
                if flip >> pivot & 1:
                    flip ^= other
            if flip:
                pivot = flip.bit_length() - 1
                free = [(p, other ^ flip if other >> pivot & 1 else other) for p, other in free]
                free.append((pivot, flip))
    pivots = {pivot for pivot, _ in free}
    kept = [k for k in range(n) if k not in pivots]
    # Undoing the flips of the pivots that are 1 leaves the kept inputs XOR those flips' bits.
    forms = tuple(1 << k | sum(1 << pivot for pivot, flip in free if flip >> k & 1) for k in kept)
    reduced = sum(bits[sum((code >> j & 1) << k for j, k in enumerate(kept))] << code
                  for code in range(1 << len(kept)))
    return forms, reduced


def _gates(table: int, inputs: Sequence[Value]) -> Value:
    """The truth table as gates over XORs of inputs."""
    forms, reduced = _linear_forms(table, len(inputs))
    return _expression(reduced, [
        reduce(xor, (bit for k, bit in enumerate(inputs) if form >> k & 1)) for form in forms])


def _expression(table: int, inputs: Sequence[Value]) -> Value:
    """The truth table as gates, by Shannon expansion of the last input."""
    if not inputs:
        return C(table, 1)
    *rest, top = inputs
    ones = (1 << (1 << len(rest))) - 1
    low, high = table & ones, table >> (1 << len(rest))
    if low == high:
        return _expression(low, rest)
    if low == 0:
        return top if high == ones else top & _expression(high, rest)
    if high == 0:
        return ~top if low == ones else ~top & _expression(low, rest)
    if low == ones:
        return ~top | _expression(high, rest)
    if high == ones:
        return top | _expression(low, rest)
    if low ^ high == ones:
        return top ^ _expression(low, rest)
    return Mux(top, _expression(high, rest), _expression(low, rest))


class LogicBlock(Elaboratable):
    """The graph as hardware; with ``levels``, registered after every so many logic levels.

    A level is one LUT, or one carry chain with the LUTs in front of it. All outputs belong to the
    same frame and come out of registers, ``latency`` cycles after their inputs; without ``levels``
    the block is combinational and ``latency`` is 0. Registers load while ``enable`` is high and are
    not reset.

    The variants have the same structure: "portable" writes LUTs as expressions and chains as
    additions for any family's mapper, "xc7" instantiates LUT1..LUT6 and CARRY4.

    Members: ``i`` input bits, ``o`` output bits in the order of ``outputs``, ``enable``.
    """

    def __init__(self, logic: Logic, outputs: Sequence[int], *, levels: int | None = None,
                 variant: str = "portable"):
        self._logic, self._outputs = logic, list(outputs)
        self._levels = None if levels is None else check_levels(levels)
        self._variant = check_variant(variant)
        self._stages = self._schedule()
        self.latency = 0 if levels is None else len(self._stages)
        self.i = Signal(logic.n_inputs)
        self.o = Signal(len(self._outputs))
        self.enable = Signal()

    def _schedule(self) -> list[list[tuple[int, Lut | Chain]]]:
        """(first node, driver) of each stage: the earliest that the bounded depth allows."""
        ready = [(0, 0)] * (self._logic.n_inputs + 1)  # stage, levels used in it
        stages: list[list[tuple[int, Lut | Chain]]] = [[]]
        for driver in self._logic.drivers:
            stage, depth = max(ready[literal >> 1] for literal in _reads(driver))
            if depth == self._levels:
                stage, depth = stage + 1, 0
            if stage == len(stages):
                stages.append([])
            stages[stage].append((len(ready), driver))
            nodes = 1 if isinstance(driver, Lut) else len(driver.positions) + 1
            ready += [(stage, depth + 1)] * nodes
        return stages

    def elaborate(self, platform: object) -> Module:
        m = Module()

        last_use = {literal >> 1: len(self._stages) for literal in self._outputs}
        for stage, drivers in reversed(list(enumerate(self._stages))):
            for _, driver in drivers:
                for literal in _reads(driver):
                    last_use.setdefault(literal >> 1, stage)

        bit_of: dict[int, Value] = {k + 1: self.i[k] for k in range(self._logic.n_inputs)}

        def read(literal: int) -> Value:
            if literal < 2:
                return C(literal, 1)
            bit = bit_of[literal >> 1]
            return ~bit if literal & 1 else bit

        emit = self._emit_xc7 if self._variant == "xc7" else self._emit_portable
        for stage, drivers in enumerate(self._stages):
            for node, driver in drivers:
                for k, bit in enumerate(emit(m, driver, node, read)):
                    bit_of[node + k] = bit
            if self._levels is not None:
                kept = [node for node in bit_of if last_use.get(node, -1) > stage]
                register = Signal(len(kept), name=f"stage_{stage}", reset_less=True)
                with m.If(self.enable):
                    m.d.sync += register.eq(Cat(bit_of[node] for node in kept))
                bit_of = {node: register[k] for k, node in enumerate(kept)}
        m.d.comb += self.o.eq(Cat(read(literal) for literal in self._outputs))

        return m

    @staticmethod
    def _emit_portable(m: Module, driver: Lut | Chain, node: int,
                       read: Callable[[int], Value]) -> list[Value]:
        if isinstance(driver, Lut):
            out = Signal(name=f"lut_{node}")
            m.d.comb += out.eq(_gates(driver.table, [read(i) for i in driver.inputs]))
            return [out]
        data = Cat(read(position.data) for position in driver.positions)
        addend = Cat(_gates(position.addend.table, [read(i) for i in position.addend.inputs])
                     for position in driver.positions)
        total = Signal(len(driver.positions) + 1, name=f"sum_{node}")
        if driver.carry_in:  # as a position of its own: three operands would make two adders
            m.d.comb += total.eq((Cat(C(1, 1), data) + Cat(read(driver.carry_in), addend)) >> 1)
        else:
            m.d.comb += total.eq(data + addend)
        return list(total)

    @staticmethod
    def _emit_xc7(m: Module, driver: Lut | Chain, node: int,
                  read: Callable[[int], Value]) -> list[Value]:
        def lut(lut: Lut, name: str) -> Value:
            if not lut.inputs:
                return C(lut.table, 1)
            out = Signal(name=name)
            pins = {f"i_I{k}": read(literal) for k, literal in enumerate(lut.inputs)}
            init = C(lut.table, 1 << len(lut.inputs))
            m.submodules += Instance(f"LUT{len(lut.inputs)}", p_INIT=init, **pins, o_O=out)
            return out

        if isinstance(driver, Lut):
            return [lut(driver, f"lut_{node}")]
        n = len(driver.positions)
        pad = [C(0, 1)] * (-n % 4)
        select = [lut(select_lut(position), f"select_{node + k}")
                  for k, position in enumerate(driver.positions)] + pad
        data = [read(position.data) for position in driver.positions] + pad
        total: list[Value] = []
        carry: list[Value] = [C(0, 1)]
        for k in range(0, n, 4):
            part_total = Signal(4, name=f"sum_{node + k}")
            part_carry = Signal(4, name=f"carry_{node + k}")
            m.submodules += Instance(
                "CARRY4", i_S=Cat(select[k:k + 4]), i_DI=Cat(data[k:k + 4]),
                i_CYINIT=C(0, 1) if k else read(driver.carry_in), i_CI=carry[-1],
                o_O=part_total, o_CO=part_carry)
            total.extend(part_total)
            carry.extend(part_carry)
        return [*total[:n], carry[n]]


def _reads(driver: Lut | Chain) -> Sequence[int]:
    return driver.inputs if isinstance(driver, Lut) else chain_inputs(driver)
