"""An accelerator with Avalon-ST for its data and Avalon-MM for its registers.

Source: Intel, Avalon Interface Specifications (MNL-AVABUSREF), chapters on both interfaces.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.accelerator import Accelerator
from hdl.processor_port import ProcessorPort

__all__ = ["AvalonAccelerator", "AvalonMM", "AvalonST"]


class AvalonST(wiring.Signature):
    """Avalon-ST of ``size`` symbols of 8 bits, the first lowest, with packets; ready latency 0."""

    def __init__(self, size: int) -> None:
        super().__init__({"data": Out(8 * size), "valid": Out(1), "ready": In(1),
                          "startofpacket": Out(1), "endofpacket": Out(1)})


class AvalonMM(wiring.Signature):
    """Avalon-MM with 32 bits of data, as its host sees it: read latency 1, nothing waits.

    Addresses are those of words.
    """

    def __init__(self, address_width: int) -> None:
        super().__init__({"address": Out(address_width), "read": Out(1), "readdata": In(32),
                          "write": Out(1), "writedata": Out(32), "byteenable": Out(4)})


class AvalonAccelerator(wiring.Component):
    """An accelerator between two Avalon streams, with registers on Avalon-MM; see docs/axi.md.

    endofpacket alone divides packets; a startofpacket that is missing or misplaced sets the flag
    START.

    Parameters
    ----------
    core : hdl.accelerator.Accelerator

    Members
    -------
    sink : In(AvalonST), packets of frames
    source : Out(AvalonST), packets of results
    csr : In(AvalonMM)

    Raises ValueError as :class:`hdl.framed.Framed` does.
    """

    def __init__(self, core: Accelerator) -> None:
        self.port = port = ProcessorPort(core)
        super().__init__({"sink": In(AvalonST(port.framed.bytes_in)),
                          "source": Out(AvalonST(port.framed.bytes_out)),
                          "csr": In(AvalonMM(port.access.signature.address_width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.port = port = self.port
        sink, source, csr, access = self.sink, self.source, self.csr, port.access
        within = Signal()  # a packet has begun
        with m.If(sink.valid & sink.ready):
            m.d.sync += within.eq(~sink.endofpacket)
        m.d.comb += [
            port.i.p.data.eq(sink.data), port.i.p.last.eq(sink.endofpacket),
            port.i.valid.eq(sink.valid), sink.ready.eq(port.i.ready),
            port.misplaced.eq(sink.valid & sink.ready & (sink.startofpacket == within)),
            source.data.eq(port.o.p.data), source.startofpacket.eq(port.o.p.first),
            source.endofpacket.eq(port.o.p.last),
            source.valid.eq(port.o.valid), port.o.ready.eq(source.ready),
            access.read_address.eq(csr.address), access.write_address.eq(csr.address),
            access.write.eq(csr.write), access.write_data.eq(csr.writedata),
            access.whole.eq(csr.byteenable.all()),
        ]
        m.d.sync += csr.readdata.eq(access.read_data)
        return m
