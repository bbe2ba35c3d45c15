"""Whole data sets through a core, at the simulator's own speed.

``FrameWrapper`` stands around the core: it takes frames whole and feeds their beats, collects
output frames whole, and lets a pseudo-random sequence stall both sides. Python has nothing to do
within a frame. Every rule of streams is tested elsewhere (``tb.harness``); here the numbers are.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Cat, ClockDomain, ClockSignal, Instance, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from golden.number import Number
from hdl.verilog import write_verilog
from tb.harness import Frames, settings
from tb.netlist import cell_models, uses_cells
from tb.simulator import PortsOnlyVerilator

__all__ = ["FrameRun", "FrameWrapper", "run_frames"]


class FrameWrapper(wiring.Component):
    """A core between a frame that is cut into beats and a frame that is put together.

    ``give`` and ``seen`` ask by changing, ``taken`` and ``done`` answer by becoming equal to them
    and unequal again. While ``stalls`` is 1, either side idles in half of the cycles, drawn by a
    shift register with linear feedback (x^31 + x^28 + 1), and now and then stands still for about
    as long as a frame takes; an offered beat stays offered. The clock is made inside.

    Members
    -------
    frame : In(beats_in * len(core.i.payload)), first beat in the lowest bits; give, taken
    result : Out(beats_out * len(core.o.payload)), likewise; done, seen
    stalls : In(1)
    cycles : Out(48), clock cycles so far; beats : Out(48), output beats so far
    """

    def __init__(self, core: wiring.Component, beats_in: int, beats_out: int) -> None:
        self._core, self._beats_in, self._beats_out = core, beats_in, beats_out
        super().__init__({
            "frame": In(beats_in * len(core.i.payload)), "give": In(1), "taken": Out(1),
            "result": Out(beats_out * len(core.o.payload)), "done": Out(1), "seen": In(1),
            "stalls": In(1), "cycles": Out(48), "beats": Out(48),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.submodules.clock = Instance("lutloom_clock", o_clk=ClockSignal())
        m.submodules.core = self._core
        noise = Signal(31, init=1)
        m.d.sync += [
            # Two steps a cycle, so that the two bits in use are new ones in each.
            noise.eq(Cat(noise[29] ^ noise[26], noise[30] ^ noise[27], noise[:29])),
            self.cycles.eq(self.cycles + 1),
        ]
        stalls = Signal()  # registered: what depends on a port is evaluated more than once a cycle
        m.d.sync += stalls.eq(self.stalls)
        self._feed(m, self._go(m, stalls, noise))
        self._collect(m, self._go(m, stalls, noise[::-1]))
        return m

    def _go(self, m: Module, stalls: Value, noise: Value) -> Value:
        """May a side move? Stands still for one frame's time in about nine."""
        bits = min(self._core.initiation_interval.bit_length(), 20)
        still = Signal()
        with m.If(noise[2:2 + bits].all()):
            m.d.sync += still.eq(~still & noise[22:25].all())
        return ~stalls | noise[0] & ~still

    def _feed(self, m: Module, go: Value) -> None:
        i, bits = self._core.i, len(self._core.i.payload)
        buffer = Signal(len(self.frame))
        left = Signal(range(self._beats_in + 1))
        offered, moves = Signal(), Signal()
        m.d.comb += [
            i.valid.eq((left != 0) & (offered | go)),
            i.payload.eq(buffer[:bits]),
            moves.eq(i.valid & i.ready),
        ]
        m.d.sync += offered.eq(i.valid & ~i.ready)
        with m.If((left == Mux(moves, 1, 0)) & (self.give != self.taken)):
            m.d.sync += [buffer.eq(self.frame), left.eq(self._beats_in),
                         self.taken.eq(self.give)]
        with m.Elif(moves):
            m.d.sync += [buffer.eq(buffer[bits:]), left.eq(left - 1)]

    def _collect(self, m: Module, go: Value) -> None:
        o, bits = self._core.o, len(self._core.o.payload)
        come = Signal(range(self._beats_out))
        kept = Signal((self._beats_out - 1) * bits)  # the beats before the last
        last = Signal()
        m.d.comb += [
            last.eq(come == self._beats_out - 1),
            # The result must have been seen before the next one takes its place.
            o.ready.eq(go & ~(last & (self.done != self.seen))),
        ]
        with m.If(o.valid & o.ready):
            m.d.sync += [come.eq(Mux(last, 0, come + 1)), self.beats.eq(self.beats + 1),
                         kept.eq(Cat(kept, o.payload)[bits:])]
            with m.If(last):
                m.d.sync += [self.result.eq(Cat(kept, o.payload)), self.done.eq(~self.done)]


@dataclass(frozen=True, eq=False)
class FrameRun:
    """outputs: values (frames, n_out) in the order of the inputs; cycles: simulated in all."""

    outputs: NDArray[np.int64]
    cycles: int


def run_frames(core: wiring.Component, inputs: Frames, n_out: int, number: Number,
               lanes_out: int = 1, *, stalls: bool = True, processes: int | None = None,
               seed: int | None = None, folder: Path | None = None,
               progress: Callable[[int, int], None] | None = None) -> FrameRun:
    """Outputs of a core (streams i and o, promises as in ``tb.harness``) for many frames.

    n_out, number, lanes_out: elements of an output frame, what they are, and how many a beat;
    stalls: let both sides idle at random (then the cycles say nothing of the core's rate);
    processes: simulators that share the frames (default: one a core of the machine, pytest-xdist's
    workers shared); seed: of the padding lanes; folder: where all files stay (default: a temporary
    one); progress: called with (frames done, frames in all).

    Raises AssertionError if outputs are missing or too many or padding is not zero, ToolError if
    a tool fails, RuntimeError if a compiler is missing.
    """
    keep = folder is not None
    folder = folder or Path(tempfile.mkdtemp(prefix="frames-", dir=settings.folder))
    rng = np.random.default_rng(settings.seed if seed is None else seed)
    padded = inputs.padded(rng)
    words = Frames(padded.codes, inputs.width, padded.n).words()
    beats_out = -(-n_out // lanes_out)
    verilog, *memory_files = write_verilog(FrameWrapper(core, inputs.beats, beats_out),
                                           folder / "top.v", memory_files=True)
    sources = [verilog, Path(__file__).parent / "models/clock.v",
               *(cell_models() if uses_cells(verilog.read_text()) else [])]

    parts = np.array_split(words, min(len(words), processes or _free_cores()))
    done = [0] * len(parts)

    def simulate(part: int) -> dict[str, NDArray[Any]]:
        def line(text: str) -> None:
            if progress is not None and text.startswith("@progress "):
                done[part] = int(text.split()[1])
                progress(sum(done), len(words))

        simulators[part].simulate({}, line)
        with np.load(folder / f"part_{part}" / "results.npz") as file:
            return dict(file)

    simulators = []
    for k, part in enumerate(parts):
        place = folder / f"part_{k}"
        simulators.append(PortsOnlyVerilator(sources, "tb.frame_bench", place, timing=True,
                                             memory_files=memory_files))
        np.savez(place / "frames.npz", frames=part, stalls=int(stalls),
                 patience=20 * (core.latency + core.initiation_interval) + 1000)
    simulators[0].build()
    with ThreadPoolExecutor(len(parts)) as pool:
        results = list(pool.map(simulate, range(len(parts))))
    if not keep:
        shutil.rmtree(folder)

    for index, result in enumerate(results):
        if fault := str(result["fault"]):
            raise AssertionError(f"part {index} of {len(parts)}: {fault}")
    bits = np.unpackbits(np.concatenate([result["results"] for result in results]), axis=1,
                         bitorder="little", count=beats_out * lanes_out * number.width)
    elements = bits.reshape(len(words), -1, number.width).astype(np.uint64)
    codes = (elements << np.arange(number.width, dtype=np.uint64)).sum(axis=2, dtype=np.uint64)
    if codes[:, n_out:].any():
        raise AssertionError("padding of the last output beat is not zero")
    return FrameRun(number.decode(codes[:, :n_out]),
                    sum(int(result["cycles"]) for result in results))


def _free_cores() -> int:
    return max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))
