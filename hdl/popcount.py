"""Population count: how many of n bits are one."""

from hdl.heap import add_bits_best
from hdl.logic import Logic
from hdl.pipeline import LogicPipeline

__all__ = ["Popcount"]


class Popcount(LogicPipeline):
    """Number of ones among n bits, bit-exact to :func:`golden.popcount.popcount`.

    Carry chains as compressors (:mod:`hdl.heap`): 39 LUTs for 64 bits, 155 for 256 on 7-series.
    One word a cycle; ``latency`` cycles, the structure's depth over ``levels``.

    Parameters
    ----------
    n : number of input bits, at least 1
    levels : logic levels between two registers, at least 1
    variant : "portable" or "xc7", see :class:`hdl.logic_block.LogicBlock`

    Members
    -------
    i : In(stream.Signature(n)), one word of bits
    o : Out(stream.Signature(n.bit_length())), the count, unsigned

    Raises TypeError or ValueError on any other value.
    """

    def __init__(self, n: int, *, levels: int = 3, variant: str = "portable"):
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"n must be an integer, not {n!r}")
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        logic = Logic(n)
        count = add_bits_best(logic, [(0, bit) for bit in logic.inputs], n.bit_length())
        super().__init__(logic, count, levels=levels, variant=variant)
