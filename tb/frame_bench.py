"""cocotb module of whole-data-set runs: hands frames to ``tb.whole_set.FrameWrapper``, whole.

Python wakes twice a frame, when the wrapper has taken one and when it has collected one; in
between the simulator runs at its own speed. Reads ``frames.npz`` and leaves ``results.npz``.
"""

import time
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import SimTimeoutError, Timer, with_timeout

PERIOD = 2  # ns, that of tb/models/clock.v


class Bench:
    """Both sides of the wrapper's handshakes, which are toggles: a change is a request."""

    def __init__(self, dut: Any, frames: np.ndarray, patience: int) -> None:
        self.dut, self.frames, self.patience = dut, frames, patience
        self.results: list[int] = []
        self.cycles = 0

    async def give(self) -> None:
        for k, frame in enumerate(self.frames):
            self.dut.frame.value = int.from_bytes(frame.tobytes(), "little")
            self.dut.give.value = (k + 1) % 2
            await self.dut.taken.value_change

    async def collect(self) -> str:
        """Results of all frames; returns what went wrong, or nothing."""
        report = time.monotonic()
        for k in range(len(self.frames)):
            try:
                await with_timeout(self.dut.done.value_change, self.patience * PERIOD, "ns")
            except SimTimeoutError:
                return (f"no output for {self.patience} cycles after {k} of {len(self.frames)} "
                        "frames")
            self.results.append(int(self.dut.result.value))
            self.dut.seen.value = (k + 1) % 2
            if time.monotonic() - report > 0.2:
                report = time.monotonic()
                print(f"@progress {k + 1}", flush=True)
        self.cycles, before = int(self.dut.cycles.value), int(self.dut.beats.value)
        await Timer(self.patience * PERIOD, "ns")
        extra = int(self.dut.beats.value) != before
        return "an output beat too many after all frames" if extra else ""


@cocotb.test()
async def frames(dut: Any) -> None:
    with np.load("frames.npz") as file:
        words, patience, stalls = file["frames"], int(file["patience"]), int(file["stalls"])
    dut.give.value, dut.seen.value, dut.stalls.value = 0, 0, stalls
    bench = Bench(dut, words, patience)
    cocotb.start_soon(bench.give())
    fault = await bench.collect()
    size = (len(dut.result) + 7) // 8
    raw = b"".join(result.to_bytes(size, "little") for result in bench.results)
    np.savez("results.npz", results=np.frombuffer(raw, np.uint8).reshape(-1, size),
             fault=np.array(fault), cycles=np.array(bench.cycles))
