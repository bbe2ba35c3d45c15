"""CorePort: bytes in, bytes out, what it says of itself on the way, and what it counts."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from boards.host.frames import to_bytes, to_values
from golden.layer import Dense
from golden.network import Network
from golden.number import Integer
from golden.packet import COUNTERS
from golden.pattern import pattern, signature
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.core_port import CorePort
from hdl.plan import LayerPlan, Plan

QUEUE, RESULTS = 8, 6


def simulate(port: CorePort, bench: Any) -> None:
    simulator = Simulator(port)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def counters(context: Any, port: CorePort) -> dict[str, int]:
    value, found = context.get(port.counters), {}
    for name, size in COUNTERS.items():
        if "faults" not in name:
            found[name], value = value % 256**size, value >> 8 * size
    return found


async def put(context: Any, port: CorePort, data: bytes, patience: int = 40) -> int:
    """Offer bytes, each for at most some cycles; how many were taken."""
    for done, byte in enumerate(data):
        context.set(port.put.payload, byte)
        context.set(port.put.valid, 1)
        for _ in range(patience):
            taken = context.get(port.put.ready)
            await context.tick()
            if taken:
                break
        else:
            context.set(port.put.valid, 0)
            return done
    context.set(port.put.valid, 0)
    return len(data)


async def get(context: Any, port: CorePort) -> bytes:
    """All bytes that come within some cycles of each other."""
    found, quiet = b"", 0
    context.set(port.get.ready, 1)
    while quiet < 40:
        quiet += 1
        if context.get(port.get.valid):
            found, quiet = found + bytes([context.get(port.get.payload)]), 0
        await context.tick()
    context.set(port.get.ready, 0)
    return found


@pytest.fixture
def network(rng: np.random.Generator) -> Network:
    """3 pixels, 2 sums of 10 bits."""
    return Network("tiny", (Dense("dense", Integer(8, False), rng.choice([-1, 1], (2, 3))),))


def make_port(network: Network) -> tuple[Accelerator, CorePort]:
    core = Accelerator(network, Plan({"dense": LayerPlan(1, 1, "rom")}, lanes=2), taps=True)
    return core, CorePort(core, QUEUE, RESULTS)


def test_frames(rng: np.random.Generator, network: Network) -> None:
    """What is put comes out; queues fill up and stall without a loss; counters say so."""
    core, port = make_port(network)
    x = rng.integers(0, 256, (20, 3))
    golden, raw = run(network, x)[-1], to_bytes(x, network.input)
    seen: list[Any] = []

    async def bench(context: Any) -> None:
        assert (context.get(port.room), context.get(port.level)) == (QUEUE, 0)
        assert context.get(port.idle) and not context.get(port.closed)
        assert await put(context, port, raw[0].tobytes()[:2]) == 2
        assert not context.get(port.idle)
        await put(context, port, raw[0].tobytes()[2:])
        for _ in range(40):
            await context.tick()
        assert context.get(port.idle) and context.get(port.level) == port.result_bytes == 3
        found = counters(context, port)
        assert (found["frames_in"], found["frames_out"]) == (1, 1)
        assert found["stalled_in"] == found["stalled_out"] == found["testing"] == 0
        assert found["signature"] == signature(golden[:1], core.output, core.lanes_out)

        # Nobody gets results: all queues fill up, and the output stalls in every cycle.
        taken = await put(context, port, raw[1:].tobytes())
        assert taken < raw[1:].size and context.get(port.room) == 0
        assert context.get(port.level) == RESULTS
        before = counters(context, port)
        for _ in range(10):
            await context.tick()
        after = counters(context, port)
        assert after["stalled_out"] - before["stalled_out"] == 10
        assert after["frames_out"] == before["frames_out"] < after["frames_in"]
        seen.append(await get(context, port))
        await put(context, port, raw[1:].tobytes()[taken:taken + 6])
        seen.append(await get(context, port))
        last = counters(context, port)
        assert last["frames_in"] == last["frames_out"] == (3 + taken + 6) // 3
        assert context.get(port.idle) == ((taken + 6) % 3 == 0)

    simulate(port, bench)
    outputs = to_values(b"".join(seen), 2, core.output)
    assert len(outputs) >= 4 and (outputs == golden[:len(outputs)]).all()


def test_self_test(network: Network) -> None:
    """A test's results are signed and not queued; frames and a second test wait for its end."""
    core, port = make_port(network)

    async def bench(context: Any) -> None:
        signed = 0
        for frames in (1, 5):
            context.set(port.test.payload, frames)
            context.set(port.test.valid, 1)
            await context.tick()
            context.set(port.test.valid, 0)
            await context.tick()
            assert context.get(port.closed) and not context.get(port.idle)
            while context.get(port.closed):
                await context.tick()
            golden = run(network, pattern(network.input, 3, 2, frames))[-1]
            signed = signature(golden, core.output, core.lanes_out, before=signed)
            found = counters(context, port)
            assert found["latency"] == core.latency
            assert found["signature"] == context.get(port.signatures) == signed
            assert context.get(port.idle) and context.get(port.level) == 0
        assert (found["frames_in"], found["frames_out"]) == (6, 6)

    simulate(port, bench)


def test_cycles_of_a_test(network: Network) -> None:
    """From the first input beat to the last output beat: the interval a frame, and the rest."""
    spans = {}
    for frames in (10, 30):
        core, port = make_port(network)

        async def bench(context: Any, port: CorePort = port, frames: int = frames) -> None:
            context.set(port.test.payload, frames)
            context.set(port.test.valid, 1)
            await context.tick()
            context.set(port.test.valid, 0)
            await context.tick()
            while context.get(port.closed):
                await context.tick()
            spans[frames] = counters(context, port)

        simulate(port, bench)
    more = {name: spans[30][name] - spans[10][name] for name in ("cycles", "stalled_in")}
    assert more == {"cycles": 20 * core.initiation_interval,
                    "stalled_in": 20 * (core.initiation_interval - 2)}
    # The last frame's outputs come a beat every three cycles, a pass each.
    assert spans[10]["cycles"] == core.starts(10)[-1] + core.initiation_interval // 2
