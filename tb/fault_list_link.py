"""Faults of the host link: the fields of :class:`tb.fault_list.Fault`."""

__all__ = ["LINK_FAULTS"]

_UART = "tb/test_uart.py::"
_MODEL = "tb/test_host_link.py::test_answers_as_the_model"
_PORT = "tb/test_core_port.py::"
_PATTERN = "tb/test_pattern.py::"
_DRIVER = "tb/test_driver.py::"
_CHECKS = "tb/test_checks.py::test_a_sickness_is_found"

LINK_FAULTS = (
    ("uart", "hdl/uart.py", "Cat(byte[1:], line)", "Cat(line, byte[:-1])",
     "the highest bit is taken for the first", _UART + "test_spikes_are_no_start_bits"),
    ("uart", "hdl/uart.py", "Mux((bits == 10) & line, 0, bits - 1)", "bits - 1",
     "a spike is taken for a start bit", _UART + "test_spikes_are_no_start_bits"),
    ("uart", "hdl/uart.py", "broken.eq((bits == 1) & ~line)", "broken.eq(0)",
     "a byte without a stop bit vanishes", _UART + "test_a_byte_without_stop_bit"),
    ("uart", "hdl/uart.py", "gap.eq(untold & (quiet == self._gap_cycles))", "gap.eq(0)",
     "the timeout is off", _UART + "test_gap_is_told_once_after_bytes_and_not_before"),
    ("uart", "hdl/uart.py", "m.d.sync += lost.eq(1)", "m.d.sync += lost.eq(0)",
     "lost bytes are not told", _UART + "test_bytes_that_nobody_takes"),
    ("uart", "hdl/uart.py", "ends & (bits <= 1)", "ends & (bits == 0)",
     "a pause after each byte", _UART + "test_bytes_come_back[5-rtl]"),

    ("packet", "hdl/packet.py", "checksum.valid.eq(take & (place != _Place.START))",
     "checksum.valid.eq(take)", "the start byte is in the checksum", _MODEL + "[quiet]"),
    ("packet", "hdl/packet.py", "~checksum.match_detected", "0",
     "the checksum is not looked at", _MODEL + "[noise]"),
    ("packet", "hdl/packet.py", "length > MAX_PAYLOAD", "0", "any length is waited for",
     _MODEL + "[noise]"),
    ("packet", "hdl/packet.py",
     ("                m.d.sync += place.eq(_Place.START)\n"
      "                with m.If((place"), "                with m.If((place",
     "a gap leads nowhere", _MODEL + "[noise]"),
    ("packet", "hdl/packet.py", "with m.If(fault != Fault.TRUNCATED):", "with m.If(1):",
     "the packet behind a truncated one is dropped", _MODEL + "[noise]"),
    ("packet", "hdl/packet.py", "checksum.crc >> (at[:2] << 3)", "checksum.crc >> (~at[:2] << 3)",
     "the bytes of an answer's checksum are turned round", _MODEL + "[quiet]"),

    ("host_link", "hdl/host_link.py", "port.room - packet.length", "port.room",
     "room that a request takes itself is promised", _MODEL + "[quiet]"),
    ("host_link", "hdl/host_link.py", "ResetInserter(reset)(port)", "port",
     "a reset leaves frames inside", _MODEL + "[quiet]"),
    ("host_link", "hdl/host_link.py", "(packet.length > port.room) | port.closed",
     "packet.length > port.room", "frames are taken while weights are written", _MODEL + "[quiet]"),
    ("host_link", "hdl/host_link.py", "((address >> len(port.write.p.address)) != 0)", "0",
     "an address beyond the bus is a low one", _MODEL + "[quiet]"),

    ("core_port", "hdl/core_port.py", "counted[\"latency\"].eq(now)",
     "counted[\"latency\"].eq(now + 1)", "the latency is off by one", _PORT + "test_self_test"),
    ("core_port", "hdl/core_port.py", "core.o.valid & ~core.o.ready", "core.o.valid",
     "every output counts as stalled", _PORT + "test_frames"),
    ("core_port", "hdl/core_port.py", "~testing & core.o.valid", "core.o.valid",
     "results of a test are queued", _PORT + "test_self_test"),
    ("core_port", "hdl/core_port.py", "(inside == 0) & ~testing", "~testing",
     "idle with a frame inside", _PORT + "test_frames"),

    ("pattern", "hdl/pattern.py", "one ^ one >> 17", "one ^ one >> 16",
     "another generator", _PATTERN + "test_matches_golden[number0-10-3-rtl]"),
    ("pattern", "hdl/pattern.py", "rotate_left(11 * k)", "rotate_left(12 * k)",
     "the second word of a beat is another", _PATTERN + "test_matches_golden[number1-64-13-rtl]"),
    ("pattern", "golden/pattern.py", "beats.tobytes(), before)", "beats.tobytes())",
     "a signature begins anew", _PATTERN + "test_signature_is_the_checksum_of_beats"),

    ("driver", "boards/host/frames.py", "axis=1, bitorder=\"little\")\n\n", "axis=1)\n\n",
     "bytes begin with their highest bit", _DRIVER + "test_frames_are_packed_without_gaps"),
    ("driver", "boards/host/driver.py", "said[\"network\"] != network.digest[:32]",
     "said[\"network\"] == \"\"", "any bitstream will do", _DRIVER + "test_wrong_bitstream"),
    ("driver", "boards/host/driver.py", "progress(len(results) // size,", "progress(len(results),",
     "bytes are counted for frames", _DRIVER + "test_runs_batches"),

    ("counting", "hdl/counting.py", "beat == 0, beat == beats - 1", "beat == 0, beat == 0",
     "a frame ends with its first beat", _PORT + "test_frames"),
    ("counting", "hdl/counting.py", "inside + begins - ends", "inside + begins",
     "frames never leave", _PORT + "test_frames"),
    ("counting", "hdl/counting.py", "counters[name] + event", "counters[name] + 1",
     "every cycle counts", _PORT + "test_frames"),

    ("checks", "boards/host/checks.py", "right = board.echo(next_one) == next_one", "right = True",
     "a packet that is lost behind a disturbed one is not noticed", _CHECKS + "[deaf]"),
    ("checks", "boards/host/checks.py", "== golden[-1]).all(axis=1)", "== golden[-1]).any(axis=1)",
     "one right value makes a right frame", _CHECKS + "[bit]"),
    ("checks", "boards/host/checks.py", 'f"{promised:,}", f"{hertz:,}"',
     'f"{promised:,}", f"{promised:,}"', "any clock will do", _CHECKS + "[clock]"),
    ("bringup", "scripts/bringup.py", "_, clock_hz = clocks(", "clock_hz, _ = clocks(",
     "rates are promised at the clock that was wanted",
     "tb/test_bringup.py::test_bringup_of_digits"),
)
