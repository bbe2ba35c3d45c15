"""What the arithmetics of folded layers have in common: their ports and how they are clocked."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.number import Codebook
from hdl.folding import Folding

__all__ = ["FoldedArithmetic"]


class FoldedArithmetic(wiring.Component):
    """The arithmetic of :class:`hdl.folded_dense.FoldedDense`, without its memories.

    Operands enter while ``enable`` is high. ``sum_latency`` enabled cycles after a beat went in,
    its sums are ready; ``first`` and ``valid`` accompany the sums, not the operands.
    ``result_latency`` enabled cycles later, ``total`` is the accumulator that includes them;
    ``preload`` accompanies it, with 0 from the first sums on.

    Members: ``x`` simd inputs, ``w`` pe * simd stored weights, ``preload`` and ``total`` pe
    accumulators, ``first`` (this sum starts a pass), ``valid`` (this sum counts); for a codebook
    that may be written also ``entry_address``, ``entry``, ``entry_write``.
    """

    def __init__(self, folding: Folding):
        self._folding = folding
        kind = folding.layer.weight_kind
        self._writable = isinstance(kind, Codebook) and folding.worst_case
        accumulators = folding.pe * folding.accumulator_width
        members = {
            "x": In(folding.simd * folding.layer.input.width),
            "w": In(folding.pe * folding.simd * kind.width),
            "preload": In(accumulators), "total": Out(accumulators),
            "first": In(1), "valid": In(1), "enable": In(1)}
        if self._writable:
            members |= {"entry_address": In(kind.width), "entry": In(folding.factor.width),
                        "entry_write": In(1)}
        super().__init__(members)

    @property
    def sum_latency(self) -> int:
        """Enabled cycles from operands to their sums."""
        raise NotImplementedError

    @property
    def result_latency(self) -> int:
        """Enabled cycles from a pass's last sums to its totals."""
        return 0
