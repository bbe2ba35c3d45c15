"""An accelerator with AXI4-Stream for its data and AXI4-Lite for its registers.

Source: ARM, AMBA AXI4-Stream Protocol Specification (IHI 0051A) and AMBA AXI and ACE Protocol
Specification (IHI 0022E), chapter B1, AXI4-Lite.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.accelerator import Accelerator
from hdl.processor_port import ProcessorPort
from hdl.registers import Access

__all__ = ["AXIAccelerator", "AXILite", "AXILiteBridge", "AXIStream"]


class AXIStream(wiring.Signature):
    """AXI4-Stream of ``size`` bytes a beat, all of which count; tlast ends a packet."""

    def __init__(self, size: int) -> None:
        super().__init__({"tdata": Out(8 * size), "tvalid": Out(1), "tready": In(1),
                          "tlast": Out(1)})


class AXILite(wiring.Signature):
    """AXI4-Lite with 32 bits of data, as its master sees it; addresses are those of bytes."""

    def __init__(self, address_width: int) -> None:
        address = {"addr": Out(address_width), "prot": Out(3)}
        channels = {"aw": address, "w": {"data": Out(32), "strb": Out(4)}, "b": {"resp": In(2)},
                    "ar": address, "r": {"data": In(32), "resp": In(2)}}
        members: dict[str, wiring.Member] = {}
        for channel, payload in channels.items():
            forward = channel not in ("b", "r")
            members |= {f"{channel}{name}": member for name, member in payload.items()}
            members |= {f"{channel}valid": Out(1) if forward else In(1),
                        f"{channel}ready": In(1) if forward else Out(1)}
        super().__init__(members)


class AXILiteBridge(wiring.Component):
    """Reads and writes of AXI4-Lite as those of registers.

    Address and data of a write may come in any order. Every answer is OKAY, since others end a
    process or stop a processor; the register ``status`` tells of what was refused. Two cycles from
    a request to its answer; no output depends on an input of the same cycle.

    Members
    -------
    bus : In(AXILite(address_width + 2))
    access : Out(Access(address_width))
    """

    def __init__(self, address_width: int) -> None:
        super().__init__({"bus": In(AXILite(address_width + 2)),
                          "access": Out(Access(address_width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus, access = self.bus, self.access
        addressed, given = Signal(), Signal()  # address and data of a write are there
        m.d.comb += [bus.awready.eq(~addressed), bus.wready.eq(~given),
                     access.write.eq(addressed & given & ~bus.bvalid),
                     bus.arready.eq(~bus.rvalid),
                     access.read_address.eq(bus.araddr >> 2)]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [addressed.eq(1), access.write_address.eq(bus.awaddr >> 2)]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [given.eq(1), access.write_data.eq(bus.wdata),
                         access.whole.eq(bus.wstrb.all())]
        with m.If(access.write):
            m.d.sync += [addressed.eq(0), given.eq(0), bus.bvalid.eq(1)]
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [bus.rvalid.eq(1), bus.rdata.eq(access.read_data)]
        with m.Elif(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        return m


class AXIAccelerator(wiring.Component):
    """An accelerator between two AXI4-Streams, with registers on AXI4-Lite; see docs/axi.md.

    Parameters
    ----------
    core : hdl.accelerator.Accelerator

    Members
    -------
    s_axis : In(AXIStream), packets of frames
    m_axis : Out(AXIStream), packets of results
    s_axi_lite : In(AXILite)

    Raises ValueError as :class:`hdl.framed.Framed` does.
    """

    def __init__(self, core: Accelerator) -> None:
        self.port = port = ProcessorPort(core)
        self._width = port.access.signature.address_width
        super().__init__({"s_axis": In(AXIStream(port.framed.bytes_in)),
                          "m_axis": Out(AXIStream(port.framed.bytes_out)),
                          "s_axi_lite": In(AXILite(self._width + 2))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.port = port = self.port
        m.submodules.bridge = bridge = AXILiteBridge(self._width)
        wiring.connect(m, wiring.flipped(self.s_axi_lite), bridge.bus)
        wiring.connect(m, bridge.access, port.access)
        taken, given = self.s_axis, self.m_axis
        m.d.comb += [
            port.i.p.data.eq(taken.tdata), port.i.p.last.eq(taken.tlast),
            port.i.valid.eq(taken.tvalid), taken.tready.eq(port.i.ready),
            given.tdata.eq(port.o.p.data), given.tlast.eq(port.o.p.last),
            given.tvalid.eq(port.o.valid), port.o.ready.eq(given.tready),
        ]
        return m
