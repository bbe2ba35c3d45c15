"""A logic graph between two streams: one frame a cycle, one beat a frame."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.logic import Logic
from hdl.logic_block import LogicBlock
from hdl.timing import PipelineTiming

__all__ = ["LogicPipeline"]


class LogicPipeline(wiring.Component):
    """Streams frames through a pipelined :class:`hdl.logic_block.LogicBlock`.

    Latency ``latency`` cycles, one frame a cycle; a stalled output stops the whole pipeline.

    Members
    -------
    i : In(stream.Signature(logic.n_inputs))
    o : Out(stream.Signature(len(outputs)))
    """

    initiation_interval = 1

    def __init__(self, logic: Logic, outputs: Sequence[int], *, levels: int, variant: str):
        self.logic, self._outputs = logic, list(outputs)
        self._block = LogicBlock(logic, outputs, levels=levels, variant=variant)
        super().__init__({"i": In(stream.Signature(logic.n_inputs)),
                          "o": Out(stream.Signature(len(self._outputs)))})

    @property
    def latency(self) -> int:
        """Cycles from an input beat to its output beat."""
        return self._block.latency

    def timing(self) -> PipelineTiming:
        """Model of the handshakes."""
        return PipelineTiming(self.latency)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        m.submodules.logic = block = self._block
        valid = Signal(self.latency)  # bit k: stage k holds a frame
        advance = Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance),
            block.enable.eq(advance),
            block.i.eq(self.i.payload),
            self.o.payload.eq(block.o),
            self.o.valid.eq(valid[-1]),
        ]
        with m.If(advance):
            m.d.sync += valid.eq(Cat(self.i.valid, valid))

        return m
