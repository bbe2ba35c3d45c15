"""The one cocotb module for cores with streams: drives ``i``, checks ``o`` and taps.

Runs in the simulator process and imports NumPy and cocotb only. It reads ``case.json`` and
``case.npz`` from its working folder, which ``tb.harness`` writes, and leaves ``result.json``.
Golden answers come with the case; nothing is computed here.

Every scenario offers all frames back to back, without a reset before it, and ends only when all
inputs are taken, all outputs have come, and no further output has come while one could:

- ``none``: from power-up, inputs offered in every cycle, outputs always taken; the promised
  latency and interval hold cycle for cycle.
- ``source``, ``sink``, ``both``: that side idles in random bursts.
- ``patient``: outputs are taken only a cycle after they were seen, so a core that waits for ready
  before it offers a valid output hangs.
- ``full``: no output is taken until nothing moves any more; then all come. The input beats taken
  until then are reported as the capacity.
- ``reset``: a few times, a reset of one cycle at a random moment with frames in flight, then
  ``none`` on the first frames.

Always: a stalled output neither changes nor is withdrawn; while nothing is offered, the input
payload is random; so are the padding lanes (the case brings them).
"""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer
from numpy.typing import NDArray

RESETS = 3
FRAMES_AFTER_RESET = 4


class Fault(Exception):
    """What a core did wrong; args[0]: facts for the harness to put into words."""


class Stream:
    """Words of one stream and where they belong."""

    def __init__(self, facts: dict[str, Any], words: NDArray[np.uint8]) -> None:
        self.layer, self.beats = facts["layer"], facts["beats"]
        self.lanes, self.width = facts["lanes"], facts["width"]
        self.words = [int.from_bytes(row.tobytes(), "little") for row in words]

    def compare(self, index: int, got: int) -> None:
        """Raise Fault if word ``index`` is not ``got``."""
        if index >= len(self.words):
            raise Fault({"kind": "extra", "layer": self.layer, "count": len(self.words)})
        if got == self.words[index]:
            return
        differing = got ^ self.words[index]
        lane = ((differing & -differing).bit_length() - 1) // self.width
        expected, found = ((word >> lane * self.width) & ((1 << self.width) - 1)
                           for word in (self.words[index], got))
        near = [k for k in (index - 1, index + 1) if 0 <= k < len(self.words)
                and got == self.words[k]]
        raise Fault({"kind": "value", "layer": self.layer, "frame": index // self.beats,
                     "beat": index % self.beats, "lane": lane, "expected": expected,
                     "got": found, "belongs_to": near[0] - index if near else None})


def bursts(rng: random.Random, typical: int) -> Iterator[bool]:
    """Endless go or idle, in bursts of changing density: idle for long, busy for long, mixed."""
    while True:
        density = rng.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        for _ in range(rng.randint(1, 2 * typical)):
            yield rng.random() < density


def always() -> Iterator[bool]:
    while True:
        yield True


class Bench:
    """Clock, reset and all ports of one design; faults are raised as Fault."""

    def __init__(self, dut: Any, case: dict[str, Any],
                 arrays: dict[str, NDArray[np.uint8]]) -> None:
        self.dut, self.case = dut, case
        self.rng = random.Random(case["seed"])
        self.source = Stream(case["source"], arrays["source"])
        self.sink = Stream(case["sink"], arrays["sink"])
        self.taps = [(getattr(dut, f"tap_{name}__valid"), getattr(dut, f"tap_{name}__payload"),
                      Stream(facts, arrays[f"tap_{name}"]))
                     for name, facts in case["taps"].items()]
        self.clk, self.rst = getattr(dut, "clk", None), getattr(dut, "rst", None)
        bits = len(dut.i__payload)
        self.garbage = [self.rng.getrandbits(bits) for _ in range(64)]
        self.cycles = 0
        self.quiet = 0  # cycles since a beat moved on any port
        self.done, self.report = 0, 0.0

    async def settle(self) -> None:
        await Timer(5, "ns")

    async def edge(self) -> None:
        """Rising clock edge, then the falling one; inputs may be set after it."""
        if self.clk is not None:
            self.clk.value = 1
        await Timer(5, "ns")
        if self.clk is not None:
            self.clk.value = 0
        self.cycles += 1

    async def idle(self) -> None:
        """All streams at rest, clock low."""
        self.dut.i__valid.value, self.dut.o__ready.value = 0, 0
        for port in self.case["idle"]:
            getattr(self.dut, f"{port}__valid").value = 0
        for signal in (self.clk, self.rst):
            if signal is not None:
                signal.value = 0
        await self.settle()

    async def reset(self) -> None:
        await self.idle()
        if self.rst is not None:
            self.rst.value = 1
            await self.settle()
            await self.edge()
            self.rst.value = 0

    async def write(self, port: str, words: list[int]) -> None:
        """Send all words into a stream, with random idle cycles; no output may come."""
        valid, ready, payload = (getattr(self.dut, f"{port}__{part}")
                                 for part in ("valid", "ready", "payload"))
        go, sent, quiet = bursts(self.rng, 8), 0, 0
        while sent < len(words):
            offered = next(go)
            valid.value, payload.value = offered, words[sent]
            await self.settle()
            if self.dut.o__valid.value:
                raise Fault({"kind": "extra", "layer": self.sink.layer, "count": 0})
            taken = offered and bool(ready.value)
            sent, quiet = sent + taken, 0 if taken else quiet + 1
            if quiet > self.case["patience"]:
                raise Fault({"kind": "stuck", "cycles": quiet, "port": port, "taken": sent,
                             "of": len(words)})
            await self.edge()
        valid.value = 0

    def progress(self, frames: int) -> None:
        self.done += frames
        if time.monotonic() - self.report > 0.2:
            self.report = time.monotonic()
            print(f"@progress {self.done}", flush=True)

    async def exchange(self, frames: int, source_go: Iterator[bool],
                       sink_go: Iterator[bool] | None, stop_after: int | None = None
                       ) -> tuple[list[int], list[int]]:
        """Send frames, compare outputs and taps; return the cycles of (taken inputs, outputs).

        source_go, sink_go: iterators of bool; sink_go None: the patient sink. stop_after: return
        after as many cycles in whatever state.
        """
        dut, words = self.dut, self.source.words[:frames * self.source.beats]
        wanted = frames * self.sink.beats
        seen = [0] * len(self.taps)
        taken: list[int] = []
        came: list[int] = []
        held: int | None = None
        offered = ready = shown = False
        after = self.quiet = 0
        while stop_after is None or self.cycles < stop_after:
            if not offered:
                offered = len(taken) < len(words) and next(source_go)
                dut.i__valid.value = offered
                dut.i__payload.value = (words[len(taken)] if offered
                                        else self.garbage[self.cycles % 64])
            ready = (shown and not ready) if sink_go is None else next(sink_go)
            dut.o__ready.value = ready
            await self.settle()
            self.quiet += 1
            for k, (valid, payload, stream) in enumerate(self.taps):
                if valid.value:
                    stream.compare(seen[k], int(payload.value))
                    seen[k], self.quiet = seen[k] + 1, 0
            shown = bool(dut.o__valid.value)
            got = int(dut.o__payload.value) if shown else -1
            if held is not None and got != held:  # -1: withdrawn
                raise Fault({"kind": "moved", "frame": len(came) // self.sink.beats,
                             "beat": len(came) % self.sink.beats, "from": held, "to": got})
            if shown and len(came) >= wanted:
                raise Fault({"kind": "extra", "layer": self.sink.layer, "count": wanted})
            held = got if shown and not ready else None
            if shown and ready:
                self.sink.compare(len(came), got)
                came.append(self.cycles)
                self.quiet = 0
                if len(came) % self.sink.beats == 0:
                    self.progress(1)
            if offered and dut.i__ready.value:
                taken.append(self.cycles)
                offered, self.quiet = False, 0
            if len(came) == wanted and len(taken) == len(words):
                after += 1
                sink_go = always()
            if after > self.case["drain"]:
                break
            if self.quiet > self.case["patience"] and not after:
                raise Fault({"kind": "stuck", "cycles": self.quiet, "port": "o",
                             "taken": len(taken), "of": len(words),
                             "came": len(came), "wanted": wanted})
            await self.edge()
        if stop_after is None:
            for count, (_, _, stream) in zip(seen, self.taps, strict=True):
                if count != frames * stream.beats:
                    raise Fault({"kind": "missing", "layer": stream.layer, "count": count,
                                 "of": frames * stream.beats})
        return taken, came

    async def timed(self, frames: int) -> tuple[int, float]:
        """Exchange without stalls; return (latency, cycles a frame) after checking both."""
        taken, came = await self.exchange(frames, always(), always())
        starts = came[::self.sink.beats]
        latency, average = starts[0] - taken[0], (starts[-1] - starts[0]) / max(frames - 1, 1)
        if self.case["starts"] is not None:
            for frame, (start, promised) in enumerate(
                    zip(starts, self.case["starts"], strict=False)):
                if start - taken[0] != promised:
                    raise Fault({"kind": "start", "frame": frame, "promised": promised,
                                 "got": start - taken[0]})
            return latency, average
        if self.case["latency"] is not None and latency != self.case["latency"]:
            raise Fault({"kind": "latency", "promised": self.case["latency"], "got": latency})
        interval = self.case["interval"]
        for frame, start in enumerate(starts):
            if interval is not None and start != starts[0] + frame * interval:
                raise Fault({"kind": "interval", "frame": frame, "promised": interval,
                             "got": (start - starts[0]) / frame})
        return latency, average

    def blocked(self) -> Iterator[bool]:
        while self.quiet <= self.case["drain"]:
            yield False
        yield from always()

    async def run(self, scenario: str) -> dict[str, float]:
        """One scenario; returns frames compared and what was measured."""
        frames = len(self.sink.words) // self.sink.beats
        typical = max(8, self.case["interval"] or 0)

        def stalls() -> Iterator[bool]:
            return bursts(self.rng, typical)

        if scenario == "none":
            latency, interval = await self.timed(frames)
            return {"frames": frames, "latency": latency, "interval": interval}
        if scenario == "reset":
            few = min(frames, FRAMES_AFTER_RESET)
            for _ in range(RESETS):
                span = (self.case["latency"] or 8) + 2 * typical
                stop = self.cycles + self.rng.randint(1, span)
                await self.exchange(frames, stalls(), stalls(), stop_after=stop)
                await self.reset()
                await self.timed(few)
            return {"frames": RESETS * few}
        if scenario == "full":
            taken, came = await self.exchange(frames, always(), self.blocked())
            return {"frames": frames, "capacity": sum(cycle < came[0] for cycle in taken)}
        source = stalls() if scenario in ("source", "both") else always()
        sink = (None if scenario == "patient"
                else stalls() if scenario in ("sink", "both") else always())
        await self.exchange(frames, source, sink)
        return {"frames": frames}


@cocotb.test()
async def streams(dut: Any) -> None:
    case = json.loads(Path("case.json").read_text())
    with np.load("case.npz") as file:
        arrays = dict(file)
    bench, results = Bench(dut, case, arrays), []
    await bench.idle()
    try:
        scenario = "write"
        for port, facts in case["writes"].items():
            await bench.write(port, Stream(facts, arrays[f"write_{port}"]).words)
        for scenario in case["scenarios"]:
            start = bench.cycles
            measured = await bench.run(scenario)
            results.append({"scenario": scenario, "cycles": bench.cycles - start, **measured})
        fault = None
    except Fault as caught:
        fault = caught.args[0] | {"scenario": scenario, "cycle": bench.cycles}
    Path("result.json").write_text(json.dumps({"passed": results, "fault": fault}))
