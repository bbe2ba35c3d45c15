"""Fully connected layer whose weights are logic: one frame a cycle."""

from golden.layer import Dense
from hdl.dense_logic import dense_logic
from hdl.pipeline import LogicPipeline

__all__ = ["HardwiredDense"]


class HardwiredDense(LogicPipeline):
    """All neurons of a layer in parallel, bit-exact to :func:`golden.dense.dense`.

    ``o[j] = sum(weights[j, k] * i[k] for k in range(n_in)) + bias[j]``, or with thresholds the
    bipolar code of ``o[j] >= thresholds[j]``. The structure is that of :mod:`hdl.dense_logic`: on
    7-series 0.19 to 0.33 LUT a ±1 weight for 1-bit inputs, less the larger the layer; about 0.55
    a ternary weight that is not 0; for 8-bit inputs 3.6 a ternary and 14 an 8-bit weight. Zeros
    cost nothing. One frame a cycle; ``latency`` cycles, the structure's depth over ``levels``.

    Parameters
    ----------
    layer : golden.layer.Dense of any shape and kind of weights; inputs of any kind but codebooks
    levels : logic levels between two registers, at least 1
    variant : "portable" or "xc7", see :class:`hdl.logic_block.LogicBlock`
    minimum_gain : LUTs that a common sum must save to be shared; ``math.inf`` shares none

    Members
    -------
    i : In(stream.Signature(n_in * layer.input.width)), input k in the k-th field from the bottom
    o : Out(stream.Signature(n_out * layer.output.width)), output j likewise

    Raises TypeError or ValueError on any other value.
    Source: the ±1 product as in Umuroglu et al., "FINN", FPGA 2017, arXiv:1612.07119.
    """

    def __init__(self, layer: Dense, *, levels: int = 3, variant: str = "portable",
                 minimum_gain: float = 3.0):
        if not isinstance(layer, Dense):
            raise TypeError(f"layer must be a golden.layer.Dense, not {layer!r}")
        self.layer = layer
        super().__init__(*dense_logic(layer, minimum_gain), levels=levels, variant=variant)
