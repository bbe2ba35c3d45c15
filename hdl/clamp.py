"""Clamp, of which ReLU is one, and leaky ReLU."""

from collections.abc import Mapping, Sequence

from amaranth.hdl import C, Const, Mux, Value

from golden.activation import Clamp as ClampLayer
from golden.activation import LeakyReLU as LeakyReLULayer
from hdl.elementwise import ElementwiseCore, Pipeline
from hdl.multipliers import check_multiplier
from hdl.rounding import half, product, rounded

__all__ = ["Clamp", "LeakyReLU"]


class Clamp(ElementwiseCore[ClampLayer]):
    """``min(max(x, low), high)``, bit-exact to :func:`golden.elementwise.clamp`.

    Latency 2 cycles, one beat a cycle; everything else as :class:`hdl.elementwise.ElementwiseCore`.
    """

    writable = False

    def compute(self, pipe: Pipeline, x: Sequence[Value], parameters: Mapping[str, Value]
                ) -> Sequence[Value]:
        """Two comparisons, no register."""
        low, high, width = self.layer.low, self.layer.high, self.layer.output.width
        assert low is not None and high is not None
        # The output can be a bit wider than the input, which has no sign where it needs none.
        ends = [Const(end & (1 << width) - 1, width) for end in (low, high)]
        return [Mux(value < low, ends[0],
                    Mux(value > high, ends[1], (value + C(0, width))[:width])) for value in x]


class LeakyReLU(ElementwiseCore[LeakyReLULayer]):
    """x, or ``round(multiplier * x / 2**shift)`` for x below 0: bit-exact to
    :func:`golden.elementwise.leaky_relu`.

    Latency 3 cycles, one beat a cycle; everything else as :class:`hdl.elementwise.ElementwiseCore`.

    multiplier : "lut" for multiplications made of additions, "dsp" to leave them to the
        multiplier blocks of the family
    """

    depth = 1
    writable = False

    def __init__(self, layer: LeakyReLULayer, *, lanes: int, storage: str = "rom",
                 memory: str = "auto", multiplier: str = "lut", variant: str = "portable"):
        check_multiplier(layer.name, multiplier)
        self._multiplier = multiplier
        self.uses_dsp = multiplier == "dsp"
        super().__init__(layer, lanes=lanes, storage=storage, memory=memory, variant=variant)

    def compute(self, pipe: Pipeline, x: Sequence[Value], parameters: Mapping[str, Value]
                ) -> Sequence[Value]:
        """A register of scaled numbers."""
        layer, results = self.layer, []
        for lane, value in enumerate(x):
            scaled = product(value, layer.multiplier, self._multiplier)
            scaled = pipe.register(scaled + half(layer.shift, layer.rounding), f"scaled_{lane}")
            kept = pipe.register(value, f"kept_{lane}")
            below = rounded(scaled, layer.shift, layer.rounding)
            results.append(Mux(kept < 0, (below + C(0, len(kept)))[:len(kept)], kept))
        return results
