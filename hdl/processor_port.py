"""An accelerator for a processor's bus, whichever that is: packets of frames, and registers."""

from amaranth.hdl import Module, ResetInserter, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from golden.number import Number
from golden.registers import MAGIC, SIGNED, VERSION
from hdl.accelerator import Accelerator
from hdl.framed import Framed
from hdl.registers import Registers

__all__ = ["ProcessorPort"]


def _number(number: Number) -> int:
    return number.width | SIGNED * getattr(number, "signed", False)


class ProcessorPort(wiring.Component):
    """Packets as of :class:`hdl.framed.Framed`, registers as of :mod:`golden.registers`.

    A flush takes what is inside streams and accelerator, and ends a transaction of the write bus;
    weights, counters and flags stay. A beat that is offered at ``o`` is withdrawn by it, which no
    stream allows: whoever flushes resets what is connected, too.

    Parameters
    ----------
    core : hdl.accelerator.Accelerator

    Members
    -------
    i, o : of Framed
    access : In(hdl.registers.Access)
    misplaced : In(1), sets the flag START
    """

    def __init__(self, core: Accelerator) -> None:
        self.core, self.framed = core, Framed(core)
        network, digest = core.network, core.network.digest
        window = None if core.bus is None else core.write.payload.shape()
        self.registers = Registers({
            "magic": MAGIC, "version": VERSION,
            **{f"network_{k}": int(digest[8 * k:8 * k + 8], 16) for k in range(4)},
            "n_in": network.n_in, "n_out": network.n_out,
            "number_in": _number(network.input), "number_out": _number(core.output),
            "lanes_in": core.plan.lanes, "lanes_out": core.lanes_out,
            "bytes_in": self.framed.bytes_in, "bytes_out": self.framed.bytes_out}, window)
        super().__init__({**{name: self.framed.signature.members[name] for name in ("i", "o")},
                          "access": self.registers.signature.members["access"],
                          "misplaced": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.registers = registers = self.registers
        m.submodules.framed = ResetInserter(registers.flush)(self.framed)
        framed = self.framed
        wiring.connect(m, wiring.flipped(self.i), framed.i)
        wiring.connect(m, framed.o, wiring.flipped(self.o))
        wiring.connect(m, wiring.flipped(self.access), registers.access)
        m.d.comb += [registers.events.eq(framed.events), registers.idle.eq(framed.idle),
                     registers.misplaced.eq(self.misplaced),
                     framed.packet_frames.eq(registers.packet_frames)]
        if self.core.bus is not None:
            core = self.core
            m.d.comb += [Value.cast(core.write.payload).eq(registers.write.payload),
                         core.write.valid.eq(registers.write.valid),
                         registers.write.ready.eq(core.write.ready),
                         registers.write_error.eq(core.write_error)]
        return m
