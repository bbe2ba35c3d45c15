"""The driver for PYNQ against a simulated accelerator: results, weights, what it says of errors."""

import re
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from boards.host.driver import WrongBitstream
from boards.host.line import LinkError
from boards.host.pynq_driver import PynqBoard, PynqCounters
from golden.layer import Dense
from golden.network import Network
from golden.number import Bipolar, Integer
from golden.reference import run
from golden.registers import OFFSETS, Status
from hdl.accelerator import Accelerator
from hdl.plan import LayerPlan, Plan
from tb.simulated_zynq import Buffer, SimulatedZynq, pynq


@pytest.fixture(autouse=True)
def _pynq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynq", pynq)
    monkeypatch.setattr(Buffer, "freed", [])


def draw_network(rng: np.random.Generator) -> Network:
    """5 inputs of 3 bits, 3 neurons, 2 scores."""
    kind = Integer(3, True)
    first, second = (rng.choice([-1, 1], shape) for shape in ((3, 5), (2, 3)))
    return Network("small", (Dense("first", kind, first, rng.integers(-4, 5, 3)),
                             Dense("second", Bipolar(), second)))


def build(network: Network, storage: str = "rom") -> SimulatedZynq:
    return SimulatedZynq(Accelerator(network, Plan({
        "first": LayerPlan(3, 5, storage), "second": LayerPlan(2, 3, storage)}, lanes=2)))


def draw_frames(rng: np.random.Generator, frames: int) -> np.ndarray:
    return rng.integers(-4, 4, (frames, 5))


def test_runs_batches(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 4, 4 and 1 frames; shapes of any dimensions; no frames at all."""
    network, seen = draw_network(rng), []
    zynq, x = build(network), draw_frames(rng, 9)
    golden = run(network, x)[-1]
    overlays = {"design.bit": SimpleNamespace(lutloom_0=zynq, axi_dma_0=zynq.dma)}
    monkeypatch.setattr(pynq, "Overlay", overlays.get, raising=False)
    with PynqBoard.connect("design.bit", network, core="lutloom_0", batch=4) as board:
        assert (board.run(x, lambda *done: seen.append(done)) == golden).all()
        assert (board.run(x[:2].reshape(2, 5, 1)) == golden[:2]).all()
        assert board.run(x[:0]).shape == (0, 2)
        counters = board.counters()
        assert (counters.frames_in, counters.frames_out) == (11, 11)
        assert board.flags() == Status.IDLE
        board.reset()
        assert board.counters() == PynqCounters(0, 0, 0, 0, 0)
        assert board.identity["network"] == network.digest[:32]
    assert seen == [(4, 9), (8, 9), (9, 9)]
    assert Buffer.freed == [12, 4, 12, 4, 3, 1, 6, 2]


def test_writes_weights(rng: np.random.Generator) -> None:
    """The results of another network, of sums that are wider than the network's own."""
    network, other = draw_network(rng), draw_network(rng)
    zynq, x = build(network, "ram"), draw_frames(rng, 6)
    board = PynqBoard(zynq, zynq.dma, network)
    assert (board.run(x) == run(network, x)[-1]).all()
    board.write(zynq.top.port.core, other)
    assert board.network is other
    assert (board.run(x) == run(other, x)[-1]).all()


class Altered:
    """Registers of which one reads as something else."""

    def __init__(self, core: Any, register: str, value: int) -> None:
        self.core, self.offset, self.value = core, OFFSETS[register], value
        self.write = core.write

    def read(self, offset: int) -> int:
        return self.value if offset == self.offset else int(self.core.read(offset))


def test_wrong_bitstream(rng: np.random.Generator) -> None:
    network = draw_network(rng)
    zynq = build(network)
    digest = network.digest[:12]
    messages = {
        ("magic", 7): "there is no accelerator of Lutloom: magic is 0x00000007, not 0x4d4f4f4c; is "
                      "this the block's address?",
        ("version", 9): "the accelerator has version 9 of the registers, this program knows "
                        "version 1; build its bitstream anew",
        ("network_0", 5): f"the accelerator holds network 00000005{digest[8:]}, not small "
                          f"{digest}; load the bitstream of this network, or take the network that "
                          "it was built for"}
    for (register, value), message in messages.items():
        with pytest.raises(WrongBitstream, match=f"^{re.escape(message)}$"):
            PynqBoard(Altered(zynq, register, value), zynq.dma, network)


def test_trouble_is_told(rng: np.random.Generator) -> None:
    """A transfer that ends too early, results that do not come, weights that are not taken."""
    network = draw_network(rng)
    zynq, x = build(network, "ram"), draw_frames(rng, 2)
    board = PynqBoard(zynq, zynq.dma, network, seconds=0)
    whole = zynq.dma.sendchannel.transfer
    zynq.dma.sendchannel.transfer = lambda buffer: whole(buffer.reshape(-1)[:4])
    board.seconds = 60.0
    message = ("a packet had another length than 2 frames (<Status.SHORT: 2>): does the DMA's "
               "width fit, and does nothing else write to it?")
    with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
        board.run(x)
    board.reset()
    zynq.dma.sendchannel.transfer = lambda buffer: None
    board.seconds = 0.0
    message = ("no results of 2 frames within 0 s; status: <Status.IDLE: 1>, PynqCounters(cycles=0,"
               " frames_in=0, frames_out=0, stalled_in=0, stalled_out=0)")
    with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
        board.run(x)
    assert len(Buffer.freed) == 4
    board = PynqBoard(Altered(zynq, "status", Status.WRITING), zynq.dma, network)
    message = ("address 0 of the weights is never taken: results wait, or a frame is not complete; "
               "reset() the accelerator")
    with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
        board.write(zynq.top.port.core, network)
    board = PynqBoard(Altered(zynq, "status", Status.STRAY), zynq.dma, network)
    message = "the accelerator refused an address: its bitstream was built with another plan"
    with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
        board.write(zynq.top.port.core, network)


def test_rejects(rng: np.random.Generator) -> None:
    network, other = draw_network(rng), draw_network(rng)
    zynq = build(network)
    for batch in (0, 1 << 16):
        message = f"batch must be from 1 to 65535, not {batch}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            PynqBoard(zynq, zynq.dma, network, batch=batch)
    board = PynqBoard(zynq, zynq.dma, network)
    for shape in ((5,), (2, 4)):
        message = f"x must have shape (frames, 5), not {shape}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            board.run(np.zeros(shape, int))
    message = (f"core must be of network {network.digest[:12]}, which the accelerator holds, not "
               f"of {other.digest[:12]}")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        board.write(Accelerator(other, Plan({"first": LayerPlan(), "second": LayerPlan()})), other)
