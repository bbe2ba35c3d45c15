"""Faults of accelerators on a processor's bus: the fields of :class:`tb.fault_list.Fault`."""

__all__ = ["AXI_FAULTS"]

_AXI = "tb/test_axi.py::test_"
_BACK_TO_BACK = _AXI + "frames_back_to_back[three-axi]"
_WRONG = _AXI + "packets_of_wrong_lengths[1-axi]"
_PACKAGING = "tb/test_packaging.py::test_"
_PYNQ = "tb/test_pynq_driver.py::test_"

AXI_FAULTS = (
    ("framed", "hdl/framed.py", "dropping | (core.i.ready & ~filling)", "dropping | core.i.ready",
     "beats of the next packet are lost while one is filled up", _WRONG),
    ("framed", "hdl/framed.py", "Mux(filling, 0, word)", "word",
     "filled up with the next packet in place of zeros", _WRONG),
    ("framed", "hdl/framed.py", "m.d.sync += dropping.eq(1)", "m.d.sync += dropping.eq(0)",
     "what is too much counts as the next packet",
     _AXI + "packets_of_wrong_lengths[2-avalon]"),
    ("framed", "hdl/framed.py", "padding, out.first, out.last",
     "padding, out.first, out.frame_last", "a packet of results ends with each frame",
     _BACK_TO_BACK),
    ("framed", "hdl/framed.py", "StreamFIFO(8 * self.bytes_in + 1, 2)",
     "StreamFIFO(8 * self.bytes_in + 1, 3)", "a frame takes a cycle more than promised",
     _AXI + "rate_and_latency"),
    ("registers", "hdl/registers.py", "(between == 0) & ~writing)", "(between == 0))",
     "a word for the weights overwrites one that waits", _AXI + "weights_are_written[avalon]"),
    ("registers", "hdl/registers.py", "Mux(events.empty | events.frame_out, 1, now + 1)",
     "Mux(events.frame_out, 1, now + 1)", "cycles of a frame count from the one before",
     _AXI + "identity_and_counters[axi]"),
    ("registers", "hdl/registers.py", "Mux(clear, 0, flags | events)", "Mux(clear, 0, events)",
     "flags do not stay", _AXI + "refused_writes[axi]"),
    ("processor_port", "hdl/processor_port.py", "ResetInserter(registers.flush)(self.framed)",
     "self.framed", "a flush takes nothing", _AXI + "resets[axi]"),
    ("axi", "hdl/axi.py", "bus.wstrb.all()", "bus.wstrb.any()",
     "a write of one byte counts as one of four", _AXI + "refused_writes[axi]"),
    ("axi", "hdl/axi.py", "access.read_address.eq(bus.araddr >> 2)",
     "access.read_address.eq(bus.araddr[2:7])", "the weights read as the registers",
     _AXI + "refused_writes[axi]"),
    ("avalon", "hdl/avalon.py", "(sink.startofpacket == within)", "(~sink.startofpacket & ~within)",
     "a startofpacket within a packet is not noticed", _AXI + "startofpacket"),
    ("packaging", "hdl/ip_xact.py", '("left", port.width - 1)', '("left", port.width)',
     "vectors in IP-XACT are a bit too wide", _PACKAGING + "ip_xact"),
    ("pynq_driver", "boards/host/pynq_driver.py", "self.flags() & (Status.STRAY | Status.REFUSED)",
     "self.flags() & Status.REFUSED", "an address beyond the weights is not told",
     _PYNQ + "trouble_is_told"),
)
