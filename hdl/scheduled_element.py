"""One processing element of a scheduled layer: a product a cycle, from memories of its own."""

from collections.abc import Sequence

from amaranth.hdl import Array, C, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory, ReadPort, WritePort
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from hdl.multipliers import factor_kind
from hdl.parameters import memory_style
from hdl.schedule import Schedule
from hdl.schedule_words import contents

__all__ = ["DELAY", "ScheduledElement", "choose"]

DELAY = 5  # enabled cycles from a step to the accumulator that includes its product


def choose(values: Sequence[Value], index: Value) -> Value:
    """The value at an index; beyond the last one, any."""
    if not len(index):
        return values[0]
    # Full up to a power of two, or Verilator misses the other cases.
    return Array([*values, *[values[-1]] * ((1 << len(index)) - len(values))])[index]


def _value(code: Value, number: Number) -> Value:
    """The value that a code of any kind but a codebook stands for."""
    if isinstance(number, Bipolar):
        return Cat(C(1, 1), ~code).as_signed()
    is_signed = isinstance(number, Ternary) or isinstance(number, Integer) and number.signed
    return code.as_signed() if is_signed else code


def _product(m: Module, x: Value, weight: Value, kind: Number, multiplier: str) -> Value:
    """x times a weight, given as a code or, of a codebook, as its entry."""
    if isinstance(kind, Bipolar):
        return Mux(weight, x, -x)
    if isinstance(kind, Ternary):
        return Mux(weight[1], -x, Mux(weight[0], x, 0))
    weight = _value(weight, factor_kind(kind))
    if multiplier == "dsp":
        return x * weight
    # Written out, since tools may take any * for a multiplier block.
    a, b = (x, weight) if len(weight) <= len(x) else (weight, x)
    terms, subtract = [Mux(b[k], a << k, 0) for k in range(len(b))], b.shape().signed
    if subtract and len(terms) == 1:
        return -terms[0]
    level = 0
    while len(terms) > 1:  # subtract: the last of them counts negative
        pairs = [terms[k:k + 2] for k in range(0, len(terms), 2)]
        terms = []
        for k, pair in enumerate(pairs):
            if len(pair) == 1:
                terms.append(pair[0])
                continue
            value = pair[0] - pair[1] if subtract and k == len(pairs) - 1 else pair[0] + pair[1]
            # Kept, each is one carry chain; yosys would make more LUTs of the whole sum.
            terms.append(Signal(value.shape(), name=f"sum_{level}_{k}", attrs={"keep": 1}))
            m.d.comb += terms[-1].eq(value)
        subtract = subtract and len(pairs[-1]) == 1
        level += 1
    return terms[0]


class ScheduledElement(wiring.Component):
    """Works through the rows that a :class:`hdl.schedule.Schedule` gives to ``element``.

    A step is a schedule word; while ``advance`` is high, all registers move: 1 cycle later the
    word is read, 2: its input and its weight, 3: they stand in registers, 4: their product does,
    5: the accumulator includes it. All of that fits into the registers of a DSP48.

    Members
    -------
    put_en, put_address, put_data : In, a beat of inputs to be kept; the address's
        top bit is the half of the buffer
    advance, step, address : In, all registers move; read the schedule word at ``address``
    half : In, the half in which the inputs of the word read a step ago lie
    start_3 : In, the product made of the operands is a frame's first; store : In, keep a row's
        result if its last product is in; store_half : In, in which half of the results
    give : In, read results; give_address : In, lanes_out of them, their top bit the half
    results : Out, lanes_out accumulators, or answers to thresholds, a cycle after ``give``
    write_schedule, write_preloads, write_entries : Out(WritePort.Signature), whose members are
        inputs; only if ``writable``, the last only for a codebook
    """

    def __init__(self, schedule: Schedule, element: int, *, multiplier: str, memory: str,
                 writable: bool):
        self._names = {"schedule": f"schedule_{element}", "preloads": f"preloads_{element}",
                       "entries": "entries"}
        self._schedule, self._multiplier = schedule, multiplier
        self._memory, self._writable = memory, writable
        self._contents = contents(schedule, schedule)
        lanes, slot_bits = schedule.lanes_out, schedule.slot_bits
        width = schedule.lanes_in * schedule.layer.input.width
        self._beat_bits = schedule.index_bits - schedule.lane_bits
        members = {
            "put_en": In(1), "put_address": In(self._beat_bits + 1), "put_data": In(width),
            "advance": In(1), "step": In(1), "address": In(range(max(schedule.cycles, 2))),
            "half": In(1), "start_3": In(1), "store": In(1), "store_half": In(1),
            "give": In(1), "give_address": In(lanes * (slot_bits + 1)),
            "results": Out(lanes * schedule.output.width)}
        if writable:
            members |= {f"write_{kind}": Out(self._port(name))
                        for kind, name in self._names.items() if name in self._contents}
        super().__init__(members)

    def _port(self, name: str) -> WritePort.Signature:
        words, width = self._contents[name]
        return WritePort.Signature(addr_width=ceil_log2(max(len(words), 2)), shape=width)

    def _words(self, m: Module, kind: str, memory: str) -> ReadPort:
        words, width = self._contents[self._names[kind]]
        storage = "ram" if self._writable else "rom"
        m.submodules[kind] = kept = Memory(shape=width, depth=max(len(words), 2), init=words,
                                           attrs=memory_style(storage, memory))
        if self._writable:
            port = kept.write_port()
            wiring.connect(m, wiring.flipped(getattr(self, f"write_{kind}")), port)
        return kept.read_port()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        schedule, kind = self._schedule, self._schedule.layer.weight_kind
        number = schedule.layer.input

        # 0 to 1: the word.
        words = self._words(m, "schedule", self._memory)
        m.d.comb += [words.addr.eq(self.address), words.en.eq(self.step)]
        code, place = words.data[:kind.width], words.data[kind.width:-1]

        # 1 to 2: its input's beat, and its weight.
        m.submodules.inputs = inputs = Memory(shape=len(self.put_data), init=[],
                                              depth=2 << self._beat_bits)
        put, get = inputs.write_port(), inputs.read_port()
        m.d.comb += [
            put.en.eq(self.put_en), put.addr.eq(self.put_address), put.data.eq(self.put_data),
            get.en.eq(self.advance), get.addr.eq(Cat(place[schedule.lane_bits:], self.half))]
        lane = Signal(schedule.lane_bits)
        lanes = [get.data.word_select(k, number.width) for k in range(schedule.lanes_in)]
        last = Signal(4)  # of the word in stage 2, 3, 4, 5
        if isinstance(kind, Codebook):
            entries = self._words(m, "entries", "lut")
            m.d.comb += [entries.addr.eq(code), entries.en.eq(self.advance)]
            weight = entries.data
        else:
            weight = Signal(kind.width)
            with m.If(self.advance):
                m.d.sync += weight.eq(code)

        # 2 to 3: operands; 3 to 4: the product, and where the accumulator starts.
        x = Signal(_value(C(0, number.width), number).shape())
        weight_3 = Signal(len(weight))
        next_product = _product(m, x, weight_3, kind, self._multiplier)
        product = Signal(next_product.shape())
        width, slots = schedule.accumulator_width, range(max(schedule.slots, 2))
        slot, count, slot_4, slot_5 = (Signal(slots) for _ in range(4))
        fresh, first_4 = Signal(), Signal()
        m.d.comb += slot.eq(Mux(self.start_3, 0, count))
        total = Signal(signed(width))
        if self._writable or schedule.preload.any():
            preloads = self._words(m, "preloads", "lut" if schedule.slots <= 64 else self._memory)
            m.d.comb += [preloads.addr.eq(slot), preloads.en.eq(self.advance)]
            preload = preloads.data.as_signed()
        else:
            preload = C(0, signed(width))
        with m.If(self.advance):
            m.d.sync += [
                lane.eq(place[:schedule.lane_bits]), last.eq(Cat(words.data[-1], last)),
                x.eq(_value(choose(lanes, lane), number)),
                weight_3.eq(weight),
                product.eq(next_product),
                first_4.eq(self.start_3 | fresh), fresh.eq(last[1]),
                count.eq(slot + last[1]), slot_4.eq(slot), slot_5.eq(slot_4),
                total.eq(Mux(first_4, preload, total) + product),  # 4 to 5
            ]

        # Results wait for their turn; each lane of the output reads a copy of its own.
        result = ~total[-1] if schedule.has_thresholds else total
        for k in range(schedule.lanes_out):
            kept = Memory(shape=schedule.output.width, depth=2 << schedule.slot_bits, init=[])
            m.submodules[f"results_{k}"] = kept
            keep, read = kept.write_port(), kept.read_port()
            m.d.comb += [
                keep.en.eq(self.store & last[3]), keep.data.eq(result),
                keep.addr.eq(Cat(slot_5[:schedule.slot_bits], self.store_half)),
                read.en.eq(self.give),
                read.addr.eq(self.give_address.word_select(k, schedule.slot_bits + 1)),
                self.results.word_select(k, schedule.output.width).eq(read.data)]
        return m
