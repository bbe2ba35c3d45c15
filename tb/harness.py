"""The one harness of all testbenches: a core against its golden answers, in one call.

A core's test computes golden answers with ``golden/`` and hands both over::

    core = ArgMax(10, Integer(8, signed=True), lanes=3)
    simulate(core, Frames.of(x, core.number, lanes=3), Frames.of(argmax(x), Integer(4, False)))

``simulate`` builds one simulator (``tb.simulator``: cached by content), runs all scenarios of
``tb.stream_bench`` in it and raises AssertionError with the first fault. ``verify`` does the same
and returns a Result instead, for callers outside pytest. Both take ``netlist=True``: the same
vectors against what Yosys makes of the core for 7-series (``tb.netlist``).

Latency and interval asserted cycle for cycle are the core's own ``latency`` and
``initiation_interval``, or what its ``starts`` promises of each frame. A core has streams ``i`` and
``o``; optionally more input streams, as ``write`` (``writes`` maps their names to what is sent
once, before all frames; the others stay silent) and passive ports ``tap_NAME__valid`` and
``tap_NAME__payload`` (``taps[NAME]`` are the frames seen there; a wrong layer is then named, since
a fault inside shows before its consequence).

Test files are called after their core: ``tb/test_X.py`` tests ``hdl/X.py`` against ``golden/X.py``.
Random data comes from the fixture ``rng``, which ``pytest --seed`` seeds.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Value
from amaranth.lib import wiring
from numpy.typing import ArrayLike, NDArray

from golden.number import Number
from hdl.verilog import port_names, write_verilog
from tb.netlist import cell_models, uses_cells, write_netlist
from tb.simulator import PortsOnlyVerilator

__all__ = ["SCENARIOS", "Frames", "Result", "settings", "simulate", "verify"]

SCENARIOS = ("none", "source", "sink", "both", "patient", "full", "reset")


@dataclass
class Settings:
    """What ``pytest`` options and fixtures set for all calls (see ``tb/conftest.py``)."""

    seed: int = 0
    waves: bool = False
    folder: Path | None = None


settings = Settings()


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames of one tensor as a stream carries them.

    codes: unsigned integers of ``width`` bits, shape (frames, n); element 0 is lane 0 of the
    first beat, in its lowest bits; ``ceil(n / lanes)`` beats a frame. number: how failure texts
    read a code (None: as an unsigned integer). positions: parts of a frame, each of which begins
    on a beat of its own.
    """

    codes: NDArray[Any]
    width: int
    lanes: int
    number: Number | None = field(default=None)
    positions: int = 1

    @classmethod
    def of(cls, values: ArrayLike, number: Number, lanes: int = 1, positions: int = 1
           ) -> "Frames":
        """Frames of values (frames, n), coded as ``number``."""
        return cls(number.encode(values), number.width, lanes, number, positions)

    @classmethod
    def of_words(cls, words: list[int], width: int) -> "Frames":
        """Each word of ``width`` bits (any number) is a frame of one beat, each bit an element."""
        rows = [np.frombuffer(word.to_bytes((width + 7) // 8, "little"), np.uint8)
                for word in words]
        bits = np.unpackbits(np.array(rows), axis=1, count=width, bitorder="little")
        return cls(bits.astype(np.uint64), 1, width)

    @property
    def n(self) -> int:
        """Elements of a frame."""
        return self.codes.shape[1]

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.positions * -(-self.channels // self.lanes)

    @property
    def channels(self) -> int:
        """Elements of a position."""
        return self.n // self.positions

    def padded(self, padding: np.random.Generator | None = None) -> "Frames":
        """The same in full beats; padding: fills them up with random bits; None: with zeros."""
        frames, rest = len(self.codes), -self.channels % self.lanes
        shape = frames, self.positions, rest
        filler = (np.zeros(shape, np.uint64) if padding is None else
                  padding.integers(0, 2**self.width - 1, shape, np.uint64, endpoint=True))
        codes = self.codes.astype(np.uint64).reshape(frames, self.positions, -1)
        full = np.concatenate([codes, filler], axis=2).reshape(frames, -1)
        return Frames(full, self.width, self.lanes, self.number)

    def words(self, padding: np.random.Generator | None = None) -> NDArray[np.uint8]:
        """Payload of every beat, little-endian bytes (frames * beats, bytes)."""
        codes = self.padded(padding).codes
        bits = (codes[..., None] >> np.arange(self.width, dtype=np.uint64)).astype(np.uint8) & 1
        return np.packbits(bits.reshape(-1, self.lanes * self.width), axis=1, bitorder="little")

    def facts(self, layer: str) -> dict[str, Any]:
        """What the simulator process needs to know beside the words."""
        return {"layer": layer, "beats": self.beats, "lanes": self.lanes, "width": self.width}

    def element(self, beat: int, lane: int) -> int | None:
        """Which element of a frame stands there; None for padding."""
        position, beat = divmod(beat, self.beats // self.positions)
        channel = beat * self.lanes + lane
        return position * self.channels + channel if channel < self.channels else None

    def read(self, code: int) -> str:
        """A code in words."""
        return str(code if self.number is None else self.number.decode([code])[0])


@dataclass(frozen=True)
class Result:
    """Outcome of ``verify``.

    fault: the first difference in words, None if there is none; layer, frame, element: where it
    is, as far as it is a wrong value; frames: compared in all scenarios that passed; latency:
    cycles measured; interval: cycles a frame measured without stalls; capacity: input beats taken
    while no output is, at most all; waves: FST file or None; cached: was the simulator already
    built?
    """

    fault: str | None
    layer: str | None
    frame: int | None
    element: int | None
    frames: int
    latency: int | None
    interval: float | None
    capacity: int | None
    seed: int
    waves: Path | None
    cached: bool


def _describe(fault: dict[str, Any], streams: Mapping[str, Frames]) -> str:
    kind = fault["kind"]
    if kind == "value":
        frames = streams[fault["layer"]]
        element = frames.element(fault["beat"], fault["lane"])
        what = "padding that must be zero" if element is None else f"element {element}"
        text = (f"{fault['layer']}: frame {fault['frame']}, {what} (beat {fault['beat']}, lane "
                f"{fault['lane']}): expected {frames.read(fault['expected'])}, "
                f"got {frames.read(fault['got'])}")
        if fault["belongs_to"] is not None:
            text += (", the whole beat being that of one beat "
                     + ("earlier (doubled?)" if fault["belongs_to"] < 0 else
                        "later (lost or reordered?)"))
    elif kind == "moved":
        after = "withdrawn" if fault["to"] < 0 else f"changed to {fault['to']:#x}"
        text = (f"output {fault['from']:#x} (frame {fault['frame']}, beat {fault['beat']}) was "
                f"{after} while stalled")
    elif kind == "extra":
        text = f"{fault['layer']}: a beat too many after all {fault['count']}"
    elif kind == "missing":
        text = f"{fault['layer']}: {fault['count']} of {fault['of']} beats seen"
    elif kind == "stuck":
        text = (f"nothing moved for {fault['cycles']} cycles after {fault['taken']} of "
                f"{fault['of']} input beats")
        text += (f" and {fault['came']} of {fault['wanted']} output beats" if "came" in fault
                 else " of the stream write")
    elif kind == "start":
        text = (f"start of frame {fault['frame']}: promised after {fault['promised']} cycles, "
                f"measured {fault['got']}")
    elif kind == "latency":
        text = f"latency: promised {fault['promised']} cycles, measured {fault['got']}"
    else:
        text = (f"interval: promised {fault['promised']} cycles a frame, measured "
                f"{fault['got']:g} up to frame {fault['frame']}")
    return f"{text} [scenario {fault['scenario']}, cycle {fault['cycle']}]"


def verify(component: wiring.Component, inputs: Frames, outputs: Frames, *,
           latency: int | None = None, interval: int | None = None,
           starts: Sequence[int] | None = None, netlist: bool = False,
           taps: Mapping[str, Frames] | None = None,
           writes: Mapping[str, Frames] | Frames | None = None,
           scenarios: tuple[str, ...] = SCENARIOS, seed: int | None = None,
           waves: bool | None = None, folder: Path | None = None,
           progress: Callable[[int, int], None] | None = None) -> Result:
    """Run a core on frames and compare; see the module's text.

    latency, interval: in place of the core's own promises; starts: cycles from the first input beat
    to each frame's first output beat, in place of both, for a core whose rate depends on its data
    (empty: nothing is promised);
    writes: Frames alone go to the stream
    ``write``; scenarios: some of SCENARIOS; seed:
    of stalls, padding and moments of reset; folder: where all files stay (default: a temporary
    one); progress: called with (frames compared, about how many in all).

    Raises ValueError for frames that do not fit each other or the core's ports, ToolError if a
    tool fails, RuntimeError if a compiler is missing.
    """
    seed = settings.seed if seed is None else seed
    waves = settings.waves if waves is None else waves
    if latency is interval is starts is None and hasattr(component, "starts"):
        starts = component.starts(len(inputs.codes))
    latency = component.latency if latency is None else latency
    interval = component.initiation_interval if interval is None else interval
    taps = dict(taps or {})
    if unknown := set(scenarios) - set(SCENARIOS):
        raise ValueError(f"scenarios must be of {', '.join(SCENARIOS)}, not {min(unknown)!r}")
    streams = {"output": outputs, **taps}
    for name, frames in streams.items():
        if len(frames.codes) != len(inputs.codes) or not len(inputs.codes):
            raise ValueError(f"{name} must hold as many frames as the input, at least one: "
                             f"{len(frames.codes)} and {len(inputs.codes)}")
    for name, frames in {"i": inputs, "o": outputs}.items():
        bits = len(Value.cast(getattr(component, name).payload))
        if bits != frames.lanes * frames.width:
            raise ValueError(f"frames of {frames.lanes} lanes of {frames.width} bits do not fit "
                             f"the port {name} of {bits} bits")

    kept = folder is not None or settings.folder is not None
    folder = folder or Path(tempfile.mkdtemp(prefix="simulation-", dir=settings.folder))
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    case: dict[str, Any] = {
        "source": inputs.facts("input"), "sink": outputs.facts("output"), "seed": seed,
        "taps": {name: frames.facts(name) for name, frames in taps.items()},
        "writes": {}, "idle": [name.removesuffix("__valid") for name in port_names(component)
                               if name.endswith("__valid") and not name.startswith("tap_")
                               and name not in ("i__valid", "o__valid")],
        "latency": latency, "interval": interval, "scenarios": scenarios,
        "starts": starts and list(starts),
        "drain": latency + interval + 16, "patience": 10 * (latency + interval) + 1000,
    }
    arrays = {"source": inputs.words(padding=rng), "sink": outputs.words()}
    arrays |= {f"tap_{name}": frames.words() for name, frames in taps.items()}
    writes = {"write": writes} if isinstance(writes, Frames) else dict(writes or {})
    for name, frames in writes.items():
        case["writes"][name], arrays[f"write_{name}"] = frames.facts(name), frames.words()
    (folder / "case.json").write_text(json.dumps(case))
    np.savez(folder / "case.npz", allow_pickle=False, **arrays)

    if netlist:
        sources, memory_files = [write_netlist(component, folder), *cell_models()], []
    else:
        verilog, *memory_files = write_verilog(component, folder / "top.v", memory_files=True)
        sources = [verilog]
        if uses_cells(verilog.read_text()):
            sources += cell_models()
    # Few cycles, and Python at work in each: compiling is what takes time.
    simulator = PortsOnlyVerilator(sources, "tb.stream_bench", folder, waves=waves,
                                   memory_files=memory_files, optimise="-O0")
    total = len(inputs.codes) * len(scenarios)

    def line(text: str) -> None:
        if progress is not None and text.startswith("@progress "):
            done = int(text.split()[1])
            progress(min(done, total), total)

    simulator.simulate({}, line)
    outcome = json.loads((folder / "result.json").read_text())
    if not kept and not waves:
        shutil.rmtree(folder)
    fault, passed = outcome["fault"], outcome["passed"]
    value = fault if fault and fault["kind"] == "value" else {}
    measured: dict[str, Any] = {}
    for entry in passed:
        measured |= entry
    return Result(
        fault=fault and _describe(fault, streams), layer=value.get("layer"),
        frame=value.get("frame"), seed=seed, cached=simulator.hit,
        element=(streams[value["layer"]].element(value["beat"], value["lane"])
                 if value else None),
        frames=sum(entry["frames"] for entry in passed), latency=measured.get("latency"),
        interval=measured.get("interval"), capacity=measured.get("capacity"),
        waves=folder / "waves.fst" if waves else None)


def simulate(component: wiring.Component, inputs: Frames, outputs: Frames,
             **options: Any) -> Result:
    """``verify`` for tests: raises AssertionError with the first fault and the seed."""
    result = verify(component, inputs, outputs, **options)
    if result.fault is not None:
        look = f"\nwaves: {result.waves}" if result.waves else "\n--waves records them"
        raise AssertionError(f"{result.fault}\nseed: {result.seed}{look}")
    return result
