"""A Zynq for the driver: an accelerator in Amaranth's simulator, with what PYNQ puts around it."""

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from hdl.accelerator import Accelerator
from hdl.axi import AXIAccelerator

__all__ = ["Buffer", "SimulatedZynq", "pynq"]


class Buffer(np.ndarray):
    """Memory that DMA reaches."""

    freed: list[int] = []  # bytes of each buffer that was given back

    def freebuffer(self) -> None:
        self.freed.append(self.nbytes)


def _allocate(shape: tuple[int, ...], dtype: type) -> Buffer:
    return np.full(shape, 0xAA, dtype).view(Buffer)


pynq = SimpleNamespace(allocate=_allocate)


class Channel:
    """One direction of a DMA engine: a buffer is under way, or it is idle."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step
        self.beats: deque[Any] = deque()  # views of the buffer that are still to be moved

    def transfer(self, buffer: Buffer) -> None:
        self.data = np.asarray(buffer).reshape(-1)
        self.beats.extend(range(0, self.data.size, self.size))

    size = 1  # bytes of a beat

    @property
    def idle(self) -> bool:
        for _ in range(50):
            self._step()
        return not self.beats

    def wait(self) -> None:
        while not self.idle:
            pass


async def _until(ctx: Any, done: Any, *values: Any) -> tuple[int, ...]:
    """Values in the first cycle in which ``done`` is 1."""
    while True:
        _, _, is_done, *got = await ctx.tick().sample(done, *values)
        if is_done:
            return tuple(got)


class SimulatedZynq:
    """``read`` and ``write`` of its registers, and a DMA engine ``dma`` with both channels."""

    def __init__(self, core: Accelerator) -> None:
        self.top = AXIAccelerator(core)
        self._calls: deque[tuple[int, int | None]] = deque()  # address, what is written
        self._answers: deque[int] = deque()
        simulator = Simulator(self.top)
        simulator.add_clock(1e-6)
        for process in (self._registers, self._source, self._sink):
            simulator.add_testbench(process, background=True)
        self._step = simulator.advance
        self.dma = SimpleNamespace(sendchannel=Channel(self._step),
                                   recvchannel=Channel(self._step))
        framed = self.top.port.framed
        self.dma.sendchannel.size, self.dma.recvchannel.size = framed.bytes_in, framed.bytes_out

    def read(self, offset: int) -> int:
        return self._call(offset, None)

    def write(self, offset: int, value: int) -> None:
        self._call(offset, value)

    def _call(self, offset: int, value: int | None) -> int:
        self._calls.append((offset, value))
        while not self._answers:
            self._step()
        return self._answers.popleft()

    async def _registers(self, ctx: Any) -> None:
        bus = self.top.s_axi_lite
        while True:
            if not self._calls:
                await ctx.tick()
                continue
            offset, value = self._calls.popleft()
            if value is None:
                ctx.set(bus.araddr, offset)
                ctx.set(bus.arvalid, 1)
                await _until(ctx, bus.arready)
                ctx.set(bus.arvalid, 0)
                ctx.set(bus.rready, 1)
                (answer,) = await _until(ctx, bus.rvalid, bus.rdata)
                ctx.set(bus.rready, 0)
            else:
                for signal, wanted in ((bus.awaddr, offset), (bus.awvalid, 1), (bus.wdata, value),
                                       (bus.wstrb, 15), (bus.wvalid, 1)):
                    ctx.set(signal, wanted)
                await _until(ctx, bus.awready & bus.wready)
                for signal, wanted in ((bus.awvalid, 0), (bus.wvalid, 0), (bus.bready, 1)):
                    ctx.set(signal, wanted)
                await _until(ctx, bus.bvalid)
                ctx.set(bus.bready, 0)
                answer = 0
            self._answers.append(answer)

    async def _source(self, ctx: Any) -> None:
        port, channel = self.top.s_axis, self.dma.sendchannel
        while True:
            if not channel.beats:
                await ctx.tick()
                continue
            at = channel.beats[0]
            ctx.set(port.tdata, int.from_bytes(channel.data[at:at + channel.size], "little"))
            ctx.set(port.tlast, len(channel.beats) == 1)
            ctx.set(port.tvalid, 1)
            await _until(ctx, port.tready)
            ctx.set(port.tvalid, 0)
            channel.beats.popleft()

    async def _sink(self, ctx: Any) -> None:
        port, channel = self.top.m_axis, self.dma.recvchannel
        while True:
            if not channel.beats:
                await ctx.tick()
                continue
            ctx.set(port.tready, 1)
            word, last = await _until(ctx, port.tvalid, port.tdata, port.tlast)
            ctx.set(port.tready, 0)
            at = channel.beats.popleft()
            channel.data[at:at + channel.size] = np.frombuffer(
                word.to_bytes(channel.size, "little"), np.uint8)
            if last:
                channel.beats.clear()
