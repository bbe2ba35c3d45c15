"""Nested counters, and numbers that move along with them."""

from collections.abc import Sequence

from amaranth.hdl import C, Module, Mux, Signal, Value

__all__ = ["Loops"]


class Loops:
    """Counters of nested loops, the innermost first; each ``step`` is a round of the innermost.

    names, rounds : of each loop
    indices : the counters
    ends : for each loop, is it and all inside it in the last round?
    """

    def __init__(self, m: Module, step: Value, names: Sequence[str], rounds: Sequence[int]):
        self._m, self._rounds = m, rounds
        self.indices: list[Signal] = []
        self.ends: list[Value] = []
        self._goes_on: list[Value] = []  # at most one: the innermost that is not in its last round
        ahead: Value = C(1)
        for name, n in zip(names, rounds, strict=True):
            index = Signal(range(n), name=name)
            last = index == n - 1
            with m.If(step & ahead):
                m.d.sync += index.eq(Mux(last, 0, index + 1))
            self.indices.append(index)
            self._goes_on.append(ahead & ~last)
            ahead = ahead & last
            self.ends.append(ahead)

    def change(self, name: str, moves: Sequence[int], around: int = 0, modulo: int | None = None
               ) -> Signal:
        """What the next step adds to a number, modulo ``modulo`` if that is given.

        Each round of a loop moves it by the loop's one of ``moves``, inner loops starting anew; all
        loops starting anew move it by ``around``.
        """
        changes, back = [], 0
        for move, n in zip([*moves, around], [*self._rounds, 1], strict=True):
            changes.append(move - back)
            back += (n - 1) * move
        if modulo is not None:
            changes = [change % modulo for change in changes]
        chosen = Signal(range(min(0, *changes), max(changes) + 1), name=name)
        for goes_on, change in zip([*self._goes_on, self.ends[-1]], changes, strict=True):
            with self._m.If(goes_on):
                self._m.d.comb += chosen.eq(change)
        return chosen
