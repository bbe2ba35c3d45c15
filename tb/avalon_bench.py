"""Masters of Avalon-ST and Avalon-MM for cocotb, written from the specification alone.

Source: Intel, Avalon Interface Specifications (MNL-AVABUSREF): Avalon-MM with a read latency of 1
and no waitrequest; Avalon-ST with a ready latency of 0 and packets.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cocotb
from cocotb.queue import Queue
from cocotb.triggers import ReadOnly, RisingEdge

__all__ = ["AvalonMaster"]


class AvalonMaster:
    """Source, sink and host of an accelerator with the ports of hdl.avalon."""

    def __init__(self, dut: Any) -> None:
        self.dut, self.clock = dut, dut.clock
        self.size_in, self.size_out = len(dut.sink_data) // 8, len(dut.source_data) // 8
        self.to_send: deque[tuple[int, bool, bool]] = deque()  # data, start, end
        self.packets: Queue[bytes] = Queue()
        self.part = b""
        self.pause_source: Iterator[bool] | None = None
        self.pause_sink: Iterator[bool] | None = None
        for name in ("sink_valid", "source_ready", "csr_read", "csr_write", "reset"):
            getattr(dut, name).value = 0
        cocotb.start_soon(self._source())
        cocotb.start_soon(self._sink())

    def stall(self, source: bool, sink: bool, draw: Callable[[], Iterator[bool]]) -> None:
        """draw: gives further random pauses."""
        self.pause_source = draw() if source else None
        self.pause_sink = draw() if sink else None

    def block(self) -> None:
        self.pause_sink = itertools.repeat(True)

    def send(self, packet: bytes, starts: Sequence[int] = (0,)) -> None:
        """starts: beats that are marked as the first."""
        beats = [packet[k:k + self.size_in] for k in range(0, len(packet), self.size_in)]
        self.to_send += [(int.from_bytes(beat, "little"), k in starts, k == len(beats) - 1)
                         for k, beat in enumerate(beats)]

    async def _source(self) -> None:
        dut, offered = self.dut, False
        while True:
            await RisingEdge(self.clock)
            if offered and dut.sink_ready.value:
                offered = False
                if self.to_send:
                    self.to_send.popleft()
            if not self.to_send:
                offered = False
            elif not offered:
                offered = self.pause_source is None or not next(self.pause_source)
            dut.sink_valid.value = offered
            if offered:
                (dut.sink_data.value, dut.sink_startofpacket.value,
                 dut.sink_endofpacket.value) = self.to_send[0]

    async def _sink(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(self.clock)
            if dut.source_valid.value and dut.source_ready.value:
                assert dut.source_startofpacket.value == (not self.part)
                self.part += int(dut.source_data.value).to_bytes(self.size_out, "little")
                if dut.source_endofpacket.value:
                    self.packets.put_nowait(self.part)
                    self.part = b""
            dut.source_ready.value = self.pause_sink is None or not next(self.pause_sink)

    async def receive(self) -> bytes:
        return await self.packets.get()

    def waiting(self) -> int:
        """Packets that have come and were not asked for; a part of one counts."""
        return self.packets.qsize() + bool(self.part)

    async def write(self, address: int, data: bytes) -> None:
        dut = self.dut
        await RisingEdge(self.clock)
        dut.csr_address.value, dut.csr_write.value = address // 4, 1
        dut.csr_byteenable.value = (1 << len(data)) - 1
        dut.csr_writedata.value = int.from_bytes(data, "little")
        await RisingEdge(self.clock)
        dut.csr_write.value = 0

    async def read(self, address: int) -> int:
        dut = self.dut
        await RisingEdge(self.clock)
        dut.csr_address.value, dut.csr_read.value = address // 4, 1
        await RisingEdge(self.clock)
        dut.csr_read.value = 0
        await ReadOnly()  # a cycle after the address was taken
        return int(dut.csr_readdata.value)

    def reset(self, active: bool) -> None:
        self.dut.reset.value = active
        self.to_send.clear()
        if not active:  # what came until now belongs to before
            self.part = b""
            while not self.packets.empty():
                self.packets.get_nowait()
