"""cocotb module of accelerators on a processor's bus: carries out steps, and watches the rules.

Runs in the simulator process. Reads ``case.json`` from its working folder, as ``tb.bus_case``
writes it, and leaves ``result.json``. The masters of AXI are those of cocotbext-axi, which knows
nothing of this project; those of Avalon are ``tb.avalon_bench``'s.
"""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamSink,
    AxiStreamSource,
)

from tb.avalon_bench import AvalonMaster

PERIOD = 10  # ns
PATIENCE = 20_000  # cycles until something that does not come counts as stuck
# Of each stream its valid, its ready, and what must stay while it is stalled.
RULES: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {
    "axi": [("m_axis_tvalid", "m_axis_tready", ("m_axis_tdata", "m_axis_tlast")),
            ("s_axi_lite_bvalid", "s_axi_lite_bready", ("s_axi_lite_bresp",)),
            ("s_axi_lite_rvalid", "s_axi_lite_rready", ("s_axi_lite_rdata", "s_axi_lite_rresp"))],
    "avalon": [("source_valid", "source_ready",
                ("source_data", "source_startofpacket", "source_endofpacket"))],
}


def pauses(rng: random.Random) -> Iterator[bool]:
    """Endless pause or go, in bursts of changing density."""
    while True:
        density = rng.choice((0.0, 0.3, 0.6, 0.9))
        for _ in range(rng.randint(1, 12)):
            yield rng.random() < density


class AXIMaster:
    """cocotbext-axi on all three buses."""

    def __init__(self, dut: Any) -> None:
        common = dut.aclk, dut.aresetn
        self.dut, self.clock, self.options = dut, dut.aclk, {"reset_active_level": False}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *common,
                                      **self.options)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *common,
                                  **self.options)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_lite"), *common,
                                  **self.options)

    def stall(self, source: bool, sink: bool, draw: Callable[[], Iterator[bool]]) -> None:
        """draw: gives further random pauses."""
        write, read = self.lite.write_if, self.lite.read_if
        forward = self.source, write.aw_channel, write.w_channel, read.ar_channel
        backward = self.sink, write.b_channel, read.r_channel
        for channel in (*forward, *backward):
            stalled = source if channel in forward else sink
            channel.set_pause_generator(draw() if stalled else None)
            channel.pause = False

    def block(self) -> None:
        self.sink.set_pause_generator()
        self.sink.pause = True

    def send(self, packet: bytes) -> None:
        self.source.send_nowait(packet)

    async def receive(self) -> bytes:
        return bytes((await self.sink.recv()).tdata)

    def waiting(self) -> int:
        """Packets that have come and were not asked for; a part of one counts."""
        return self.sink.count() + bool(self.sink.active)

    async def write(self, address: int, data: bytes) -> None:
        answer = await self.lite.write(address, data)
        assert answer.resp == 0, answer

    async def read(self, address: int) -> int:
        answer = await self.lite.read(address, 4)
        assert answer.resp == 0, answer
        return int.from_bytes(answer.data, "little")

    def reset(self, active: bool) -> None:
        self.dut.aresetn.value = not active
        self.source.clear()
        self.sink.clear()


MASTERS: dict[str, Any] = {"axi": AXIMaster, "avalon": AvalonMaster}


async def watch(dut: Any, clock: Any, reset: Any, active: int, kind: str,
                broken: list[str]) -> None:
    """A stalled beat neither changes nor is withdrawn, except by a reset."""
    held: dict[str, tuple[int, ...]] = {}
    while True:
        await RisingEdge(clock)
        for valid, ready, payload in RULES[kind]:
            now = tuple(int(getattr(dut, name).value) for name in (valid, *payload))
            if valid in held and held[valid] != now:
                broken.append(f"{valid}: {held[valid]} became {now} while stalled")
            held.pop(valid, None)
            if now[0] and not getattr(dut, ready).value and int(reset.value) != active:
                held[valid] = now


async def carry_out(master: Any, steps: list[list[Any]], rng: random.Random) -> list[Any]:
    """Results of the steps that have one."""
    results: list[Any] = []
    for name, *arguments in steps:
        if name == "send":
            packet, *starts = arguments
            master.send(bytes.fromhex(packet), *starts)
        elif name == "receive":
            packet = await with_timeout(master.receive(), PATIENCE * PERIOD, "ns")
            results.append(packet.hex())
        elif name == "write":
            address, data = arguments
            await with_timeout(master.write(address, bytes.fromhex(data)), PATIENCE * PERIOD, "ns")
        elif name == "read":
            results.append(await with_timeout(master.read(*arguments), PATIENCE * PERIOD, "ns"))
        elif name == "until":
            address, mask, wanted = arguments
            for _ in range(PATIENCE):
                if await master.read(address) & mask == wanted:
                    break
            else:
                raise AssertionError(f"{address:#x} & {mask:#x} is never {wanted:#x}")
        elif name == "stall":
            master.stall(*arguments, lambda: pauses(random.Random(rng.getrandbits(32))))
        elif name == "block":  # no result is taken any more
            master.block()
        elif name == "wait":
            await ClockCycles(master.clock, *arguments)
        elif name == "reset":
            master.reset(True)
            await ClockCycles(master.clock, 2)
            master.reset(False)
            await ClockCycles(master.clock, 2)
        elif name == "waiting":
            results.append(master.waiting())
        else:
            raise ValueError(f"no step is called {name}")
    return results


@cocotb.test()
async def steps(dut: Any) -> None:
    case = json.loads(Path("case.json").read_text())
    master = MASTERS[case["kind"]](dut)
    reset, active = (dut.aresetn, 0) if case["kind"] == "axi" else (dut.reset, 1)
    broken: list[str] = []
    Clock(master.clock, PERIOD, "ns").start()
    cocotb.start_soon(watch(dut, master.clock, reset, active, case["kind"], broken))
    rng = random.Random(case["seed"])
    results = await carry_out(master, [["reset"], *case["steps"]], rng)
    Path("result.json").write_text(json.dumps({"results": results, "broken": broken}))
