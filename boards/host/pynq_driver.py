"""The driver for Zynq boards under PYNQ: frames of NumPy arrays through a DMA engine.

    with PynqBoard.connect("design.bit", network, core="lutloom_sfc_0") as board:
        y = board.run(x)            # (frames, n_in) -> (frames, n_out), the network's own integers
        print(board.counters())

Of the package pynq this needs ``Overlay`` and ``allocate``, and that first when they are called.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boards.host.beats import from_beats, to_beats
from boards.host.driver import WrongBitstream
from boards.host.line import LinkError
from golden.network import Network
from golden.number import Integer
from golden.registers import FRAMES_WIDTH, MAGIC, OFFSETS, SIGNED, VERSION, Control, Status

__all__ = ["PynqBoard", "PynqCounters"]

_POLLS = 10_000  # of a register, until something that does not come counts as stuck


@dataclass(frozen=True)
class PynqCounters:
    """What an accelerator has counted since it was last cleared (docs/axi.md)."""

    cycles: int
    frames_in: int
    frames_out: int
    stalled_in: int
    stalled_out: int


class PynqBoard:
    """An accelerator with AXI, which must hold ``network``.

    core: its registers, an object with ``read(offset)`` and ``write(offset, value)``, as an
    overlay has it by the name of the block; dma: ``pynq.lib.DMA``, both channels simple, connected
    to ``s_axis`` and ``m_axis``; batch: most frames of a transfer; seconds: that one may take.

    Raises WrongBitstream if there is another network, or none.
    """

    def __init__(self, core: Any, dma: Any, network: Network, *, batch: int = 1024,
                 seconds: float = 10.0) -> None:
        if not 1 <= batch < 1 << FRAMES_WIDTH:
            raise ValueError(f"batch must be from 1 to {(1 << FRAMES_WIDTH) - 1}, not {batch}")
        self.core, self.dma, self.network = core, dma, network
        self._batch, self.seconds, self._frames = batch, seconds, 0
        self.identity = self._identify()
        self._input, self._output = network.input, network.output
        if isinstance(self._output, Integer):  # which may be wider where weights can be written
            code = self.identity["number_out"]
            self._output = Integer(code % SIGNED, bool(code & SIGNED))
        self.reset()

    @classmethod
    def connect(cls, bitstream: str, network: Network, *, core: str, dma: str = "axi_dma_0",
                **options: Any) -> "PynqBoard":
        """Load a bitstream; core, dma: names of the two blocks; options: those of the class."""
        overlay = import_module("pynq").Overlay(bitstream)
        return cls(getattr(overlay, core), getattr(overlay, dma), network, **options)

    def __enter__(self) -> "PynqBoard":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Nothing: buffers are given back by each call."""

    def _read(self, register: str) -> int:
        return int(self.core.read(OFFSETS[register]))

    def _write(self, register: str, value: int) -> None:
        self.core.write(OFFSETS[register], value)

    def identify(self) -> dict[str, Any]:
        """What the accelerator says of itself: registers that never change."""
        names = ("n_in", "n_out", "number_in", "number_out", "lanes_in", "lanes_out",
                 "bytes_in", "bytes_out", "window")
        digest = "".join(f"{self._read(f'network_{k}'):08x}" for k in range(4))
        return {"network": digest, **{name: self._read(name) for name in names}}

    def _identify(self) -> dict[str, Any]:
        magic, version = self._read("magic"), self._read("version")
        if magic != MAGIC:
            raise WrongBitstream(f"there is no accelerator of Lutloom: magic is {magic:#010x}, not "
                                 f"{MAGIC:#010x}; is this the block's address?")
        if version != VERSION:
            raise WrongBitstream(f"the accelerator has version {version} of the registers, this "
                                 f"program knows version {VERSION}; build its bitstream anew")
        said = self.identify()
        if said["network"] != self.network.digest[:32]:
            raise WrongBitstream(
                f"the accelerator holds network {said['network'][:12]}, not {self.network.name} "
                f"{self.network.digest[:12]}; load the bitstream of this network, or take the "
                "network that it was built for")
        return said

    def reset(self) -> None:
        """Empty the accelerator and zero its counters; weights stay."""
        self._write("control", Control.FLUSH | Control.CLEAR)

    def counters(self) -> PynqCounters:
        """What the accelerator has counted."""
        return PynqCounters(*map(self._read, PynqCounters.__dataclass_fields__))

    def flags(self) -> Status:
        """What has gone wrong since it was last reset, beside what it does now."""
        return Status(self._read("status"))

    def run(self, x: ArrayLike, progress: Callable[[int, int], None] | None = None
            ) -> NDArray[np.int64]:
        """Outputs (frames, n_out) for inputs (frames, n_in), or (frames, ...) of as many elements.

        Inputs are values of the network's input kind, outputs values of its output kind. progress:
        called with (frames done, frames in all). Raises ValueError or TypeError for inputs that are
        none, LinkError where the accelerator or the DMA gives up.
        """
        x, said = np.asarray(x), self.identity
        n_in, n_out = said["n_in"], said["n_out"]
        if x.ndim < 2 or math.prod(x.shape[1:]) != n_in:
            raise ValueError(f"x must have shape (frames, {n_in}), not {x.shape}")
        beats = to_beats(x.reshape(len(x), n_in), self._input, said["lanes_in"], said["bytes_in"])
        size = -(-n_out // said["lanes_out"]) * said["bytes_out"]
        results = np.zeros((len(x), size), np.uint8)
        for start in range(0, len(x), self._batch):
            stop = min(start + self._batch, len(x))
            results[start:stop] = self._transfer(beats[start:stop], size)
            if progress is not None:
                progress(stop, len(x))
        return from_beats(results, n_out, self._output, said["lanes_out"], said["bytes_out"])

    def _transfer(self, beats: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """One packet there and one back, bytes (frames, ...)."""
        if len(beats) != self._frames:
            self._frames = len(beats)
            self._write("packet_frames", self._frames)
        allocate = import_module("pynq").allocate
        source, sink = allocate(beats.shape, np.uint8), allocate((len(beats), size), np.uint8)
        try:
            source[:] = beats
            self.dma.recvchannel.transfer(sink)
            self.dma.sendchannel.transfer(source)
            end = time.monotonic() + self.seconds
            while not self.dma.recvchannel.idle:
                if time.monotonic() > end:
                    raise LinkError(f"no results of {len(beats)} frames within {self.seconds:g} s"
                                    f"; status: {self.flags()!r}, {self.counters()}")
            self.dma.sendchannel.wait()
            self.dma.recvchannel.wait()
            wrong = self.flags() & (Status.SHORT | Status.LONG)
            if wrong:
                raise LinkError(f"a packet had another length than {len(beats)} frames ({wrong!r}):"
                                " does the DMA's width fit, and does nothing else write to it?")
            return np.array(sink)
        finally:
            source.freebuffer()
            sink.freebuffer()

    def write(self, core: Any, network: Network) -> None:
        """Make the accelerator compute another network, by writing its weights.

        core: the hdl.accelerator.Accelerator that the bitstream was built from. Raises what
        ``core.writes`` raises, and ValueError if it is not what the board holds.
        """
        said = self.identity
        if core.network.digest[:32] != said["network"]:
            raise ValueError(f"core must be of network {said['network'][:12]}, which the "
                             f"accelerator holds, not of {core.network.digest[:12]}")
        for address, word in core.writes(network):
            self.core.write(said["window"] + 4 * address, word)
            for _ in range(_POLLS):
                if not self.flags() & Status.WRITING:
                    break
            else:
                raise LinkError(f"address {address} of the weights is never taken: results wait, "
                                "or a frame is not complete; reset() the accelerator")
        if self.flags() & (Status.STRAY | Status.REFUSED):
            raise LinkError("the accelerator refused an address: its bitstream was built with "
                            "another plan")
        self.network = network
