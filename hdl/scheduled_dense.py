"""Fully connected layer whose zero weights cost nothing: a static schedule of the others."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.layer import Dense
from golden.number import Number
from hdl.multipliers import check_dsp, check_multiplier
from hdl.parameters import (
    check_memory,
    memory_for,
    memory_style,
    payloads,
    write_signature,
)
from hdl.schedule import Schedule
from hdl.schedule_words import Contents, contents, fitted
from hdl.scheduled_element import (
    DELAY,
    ScheduledElement,
    choose,
)
from hdl.timing import ScheduledTiming

__all__ = ["ScheduledDense"]

class ScheduledDense(wiring.Component):
    """A pruned layer on ``pe`` multipliers, bit-exact to :func:`golden.dense.dense`.

    Each element has its own list of non-zero weights and of the inputs that they meet, a product
    a cycle (:class:`hdl.schedule.Schedule`: ``cycles`` a frame), and its own copy of the inputs of
    two frames, so that a frame enters while the one before is used. Results of two frames are
    kept as well and leave in the order of the rows, by a list of their places.

    One frame every ``max(cycles, beats_in, beats_out)`` cycles, whenever its inputs come;
    ``latency = beats_in + cycles + 6`` cycles from its first input beat to its first output beat,
    for inputs that come every cycle into an empty core.

    Parameters
    ----------
    layer : golden.layer.Dense with weights of any kind; an empty row costs one cycle
    pe : elements, at least 1
    lanes_in, lanes_out : inputs and outputs a beat, at least 1; each output lane costs a copy of
        the results
    multiplier : "lut", or "dsp" for one multiplier block an element; bipolar and ternary weights
        need none
    storage : "rom", or "ram" for a schedule, preloads and entries that may be written at run time;
        they start as the layer's, and accumulators are sized for any others, raw ones for biases
        of as many bits as the layer's greatest
    memory : where the schedule is kept: "lut", "block" (block RAM) or "auto", which takes LUTs for
        up to 64 words

    Members
    -------
    i : In(stream.Signature(lanes_in * layer.input.width)), input k in lane k % lanes_in of beat
        k // lanes_in, lane 0 lowest; lanes beyond n_in are ignored
    o : Out(stream.Signature(lanes_out * output.width)), likewise; lanes beyond n_out are 0
    write : only with "ram". In(stream.Signature(StructLayout)) of ``memory`` (its number in
        ``memories``), ``address`` and ``word``; :meth:`writes` makes them. A write waits until no
        frame is in the core, and frames wait while a write is offered.

    Raises TypeError or ValueError on any other value.
    """

    def __init__(self, layer: Dense, *, pe: int, lanes_in: int = 1, lanes_out: int = 1,
                 multiplier: str = "lut", storage: str = "rom", memory: str = "auto"):
        self.schedule = Schedule(layer, pe, lanes_in, lanes_out, worst_case=storage == "ram")
        check_memory(layer.name, storage, memory, ("rom", "ram"))
        check_multiplier(layer.name, multiplier)
        self._storage, self._memory = storage, memory_for(memory, self.schedule.cycles)
        if multiplier == "dsp":
            check_dsp(layer)
        self._multiplier = multiplier
        members = {"i": In(stream.Signature(lanes_in * layer.input.width)),
                   "o": Out(stream.Signature(lanes_out * self.output.width))}
        if storage == "ram":
            members["write"] = In(write_signature(self.memories))
        super().__init__(members)

    @property
    def output(self) -> Number:
        """Number kind of the outputs."""
        return self.schedule.output

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return max(self.schedule.cycles, self.schedule.beats_in, self.schedule.beats_out)

    @property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return self.schedule.beats_in + self.schedule.cycles + DELAY + 1

    def timing(self) -> ScheduledTiming:
        """Model of the handshakes."""
        schedule = self.schedule
        return ScheduledTiming(schedule.beats_in, schedule.cycles, schedule.beats_out, DELAY)

    @property
    def memories(self) -> Mapping[str, tuple[int, int]]:
        """Name of each memory that can be written -> (words, bits of a word), in the order of
        their numbers: schedules and preloads of each element, entries of a codebook, the output's
        order. Empty unless the storage is "ram"."""
        if self._storage != "ram":
            return {}
        return {name: (len(words), width) for name, (words, width) in self._contents.items()}

    @cached_property
    def _contents(self) -> dict[str, Contents]:
        return contents(self.schedule, self.schedule)

    def writes(self, layer: Dense) -> list[int]:
        """Payloads for ``write`` that make the core compute another layer.

        Raises ValueError unless that has this one's shape, kinds and kind of output and its
        schedule fits into this one's, and TypeError for a core that cannot be written.
        """
        own, frame = self.schedule.layer, self.schedule
        if self._storage != "ram":
            raise TypeError(f"layer {own.name}: storage must be ram to be written, not "
                            f"{self._storage}")
        made = contents(fitted(layer, frame), frame)
        return payloads(self.memories, [memory.words for memory in made.values()])

    def elaborate(self, platform: object) -> Module:
        m = Module()

        schedule = self.schedule
        writing = self.write.valid if self._storage == "ram" else C(0)
        advance = Signal()  # the pipeline moves

        # Inputs: a beat is kept a cycle after it was taken, when what lay there was read.
        put = Signal(data.StructLayout({"beat": ceil_log2(schedule.beats_in), "half": 1}))
        put_valid, taken, whole, released = (Signal() for _ in range(4))
        beat, half = Signal(range(max(schedule.beats_in, 2))), Signal()
        held = Signal(range(3))  # whole frames that are still to be read
        m.d.comb += [
            self.i.ready.eq(((held != 2) | released) & ~((beat == 0) & writing)),
            taken.eq(self.i.valid & self.i.ready),
            whole.eq(taken & (beat == schedule.beats_in - 1)),
        ]
        put_data = Signal.like(self.i.payload)
        m.d.sync += [put_valid.eq(taken), put_data.eq(self.i.payload), put.beat.eq(beat),
                     put.half.eq(half), half.eq(half ^ whole), held.eq(held + whole - released)]
        with m.If(taken):
            m.d.sync += beat.eq(Mux(whole, 0, beat + 1))

        # Steps: every element reads a word of its schedule.
        address, used = Signal(range(max(schedule.cycles, 2))), Signal()
        step, last_step, ended = Signal(), Signal(), Signal()
        fresh = Signal(range(3))  # whole frames that are not yet through with their steps
        m.d.comb += [step.eq(advance & (fresh != 0)), last_step.eq(address == schedule.cycles - 1),
                     ended.eq(step & last_step)]
        m.d.sync += fresh.eq(fresh + whole - ended)
        with m.If(step):
            m.d.sync += [address.eq(Mux(last_step, 0, address + 1)), used.eq(used ^ last_step)]
        stages = Signal(data.ArrayLayout(data.StructLayout(
            {"valid": 1, "start": 1, "end": 1, "half": 1}), DELAY))
        with m.If(advance):
            m.d.sync += [stages[0].valid.eq(step), stages[0].start.eq(step & (address == 0)),
                         stages[0].end.eq(ended), stages[0].half.eq(used),
                         *(stages[k + 1].eq(stages[k]) for k in range(DELAY - 1))]

        m.d.comb += released.eq(stages[0].end & advance)

        # Results: the third frame waits until the first has left.
        last = stages[DELAY - 1]
        complete, store_half = Signal(range(3)), Signal()
        give, left, finished = Signal(), Signal(), Signal()
        m.d.comb += [advance.eq(~(last.start & (complete == 2))), finished.eq(last.end & advance),
                     give.eq((complete != 0) & (~self.o.valid | self.o.ready))]
        m.d.sync += [complete.eq(complete + finished - left),
                     store_half.eq(store_half ^ finished)]
        with m.If(give):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        if self._storage == "ram":
            m.d.comb += self.write.ready.eq(~(
                put_valid | (beat != 0) | (held != 0) | (complete != 0) | self.o.valid
                | Cat(stage.valid for stage in stages).any()))

        give_address, chosen = self._order(m, give, left)
        parts = []
        for j in range(schedule.pe):
            m.submodules[f"element_{j}"] = part = ScheduledElement(
                schedule, j, multiplier=self._multiplier, memory=self._memory,
                writable=self._storage == "ram")
            m.d.comb += [
                part.put_en.eq(put_valid), part.put_address.eq(put), part.put_data.eq(put_data),
                part.advance.eq(advance), part.step.eq(step), part.address.eq(address),
                part.half.eq(stages[0].half), part.start_3.eq(stages[2].start),
                part.store.eq(last.valid & advance), part.store_half.eq(store_half),
                part.give.eq(give), part.give_address.eq(give_address),
            ]
            for kind in ("schedule", "preloads", "entries") if self._storage == "ram" else ():
                name = "entries" if kind == "entries" else f"{kind}_{j}"
                if name in self.memories:
                    self._connect_write(m, name, getattr(part, f"write_{kind}"))
            parts.append(part.results)
        m.d.comb += self.o.payload.eq(Cat(self._outputs(parts, chosen)))

        return m

    def _connect_write(self, m: Module, name: str, port: Any) -> None:
        number = list(self.memories).index(name)
        m.d.comb += [
            port.addr.eq(self.write.p.address), port.data.eq(self.write.p.word),
            port.en.eq(self.write.valid & self.write.ready & (self.write.p.memory == number))]

    def _order(self, m: Module, give: Value, left: Value) -> tuple[Value, list[Value]]:
        """(places in the elements' results of the next beat's lanes, element of each lane and
        whether it is one, for the beat given last)."""
        schedule = self.schedule
        words, width = self._contents["order"]
        m.submodules.order = order = Memory(
            shape=width, depth=max(len(words), 2), init=words,
            attrs=memory_style(self._storage, memory_for("auto", len(words))))
        if self._storage == "ram":
            self._connect_write(m, "order", order.write_port())
        read = order.read_port()
        beat, half = Signal(range(max(schedule.beats_out, 2))), Signal()
        last = Signal()
        # The word of the next beat is always there: it is read as soon as its number is known.
        m.d.comb += [last.eq(beat == schedule.beats_out - 1), left.eq(give & last),
                     read.addr.eq(Mux(give, Mux(last, 0, beat + 1), beat)), read.en.eq(1)]
        m.d.sync += [beat.eq(read.addr), half.eq(half ^ left)]
        addresses, chosen = [], []
        padding = schedule.beats_out * schedule.lanes_out - schedule.layer.n_out
        for k in range(schedule.lanes_out):
            place = read.data[k * schedule.place_bits:(k + 1) * schedule.place_bits]
            addresses += [place[:schedule.slot_bits], half]
            element = Signal(schedule.place_bits - schedule.slot_bits, name=f"element_of_{k}")
            real = Signal(name=f"is_real_{k}")
            with m.If(give):
                m.d.sync += element.eq(place[schedule.slot_bits:])
                m.d.sync += real.eq(~last if k >= schedule.lanes_out - padding else 1)
            chosen.append((element, real))
        return Cat(addresses), chosen

    def _outputs(self, results: list[Value], chosen: list[tuple[Value, Value]]) -> list[Value]:
        width, outputs = self.output.width, []
        for k, (element, real) in enumerate(chosen):
            value = choose([part.word_select(k, width) for part in results], element)
            outputs.append(Mux(real, value, 0))
        return outputs
