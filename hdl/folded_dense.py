"""Fully connected layer with weights in memory: pe neurons and simd inputs a cycle."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.lib.wiring import In, Out

from golden.layer import Dense
from golden.number import Codebook, Number
from hdl.folded_arithmetic import FoldedArithmetic
from hdl.folded_bins import FoldedBins
from hdl.folded_sum import FoldedSum
from hdl.folding import Folding
from hdl.parameters import check_memory, memory_for, payloads, read_port, write_signature
from hdl.rom import LutRom
from hdl.timing import FoldedTiming

__all__ = ["FoldedDense"]


class FoldedDense(wiring.Component):
    """A layer of any size on pe * simd multipliers, bit-exact to :func:`golden.dense.dense`.

    The inputs of two frames are buffered, so that a frame enters while the one before is used for
    ``passes = ceil(n_out / pe)`` passes of ``beats = ceil(n_in / simd)`` cycles. One frame every
    ``passes * beats`` cycles, whenever its inputs come; ``latency = beats + 2 + sum_latency``
    cycles from its first input beat to its first output beat, for inputs that come every cycle.

    Parameters
    ----------
    layer : golden.layer.Dense of any shape and kind of weights; inputs of any kind but codebooks.
        ±1 weights need no multiplier but an XNOR, ternary ones an AND more; those of a codebook are
        decoded and multiplied
    pe : neurons computed in parallel, at least 1; need not divide n_out
    simd : inputs taken a cycle, at least 1; need not divide n_in
    storage : "rom", or "ram" for weights, thresholds, biases and codebook entries that may be
        written at run time; they start as the layer's, and accumulators are sized for any others,
        for biases of as many bits as the layer's greatest
    multiplier : "lut", or "dsp" for multiplier blocks, which integer inputs with integer or
        codebook weights may have
    memory : where the weights are kept: "lut", "block" (block RAM) or "auto", which takes LUTs for
        up to 64 words
    codebook : "multiply" (a multiplier a lane, behind a decoder), "accumulate" (an accumulator an
        entry, one product of each a pass) or "auto", what takes fewer LUTs
    levels, variant : see :class:`hdl.logic_block.LogicBlock`
    groups : of the layer's rows, in their order: each group has n_in inputs of its own
    units : groups at once, which divides groups, each on pe * simd multipliers. A frame is then one
        of ``groups / units`` sets of them that take turns, with n_out / groups rows in each unit
    share : inputs of a unit side by side in a beat; with several units it divides n_in and simd

    Members
    -------
    i : In(stream.Signature(units * simd * layer.input.width)), input k in lane k % simd of beat
        k // simd, lane 0 lowest; lanes beyond n_in are ignored. Units take turns every ``share``
        lanes
    o : Out(stream.Signature(units * pe * output.width)), output j in lane j % pe of beat j // pe;
        lanes beyond a frame's rows are 0. Those of unit u begin at lane u * pe
    write : only with "ram". In(stream.Signature(StructLayout)) of ``memory`` (its number in
        ``memories``), ``address`` and ``word``; :meth:`writes` makes them. A write waits until no
        frame is in the core, and frames wait while a write is offered; sets are one frame here

    Raises TypeError or ValueError on any other value.
    Source: the matrix-vector unit of Umuroglu et al., "FINN", FPGA 2017, arXiv:1612.07119.
    """

    def __init__(self, layer: Dense, *, pe: int, simd: int, storage: str = "rom",
                 memory: str = "auto", multiplier: str = "lut", codebook: str = "auto",
                 levels: int = 3, variant: str = "portable", groups: int = 1, units: int = 1,
                 share: int = 1):
        self.folding = Folding(layer, pe, simd, multiplier=multiplier, codebook=codebook,
                               worst_case=storage == "ram", groups=groups, units=units, share=share)
        check_memory(layer.name, storage, memory, ("rom", "ram"))
        self._storage, self._variant = storage, variant
        self._memory = memory_for(memory, self.folding.sets * self.folding.cycles)
        arithmetic = FoldedSum if self.folding.bins is None else FoldedBins
        self._units: list[FoldedArithmetic] = [
            arithmetic(self.folding, levels=levels, variant=variant) for _ in range(units)]
        self._delay = self._units[0].sum_latency + self._units[0].result_latency
        lanes_in, lanes_out = self.folding.lanes
        members = {"i": In(stream.Signature(lanes_in * layer.input.width)),
                   "o": Out(stream.Signature(lanes_out * self.output.width))}
        if storage == "ram":
            members["write"] = In(write_signature(self.memories))
        super().__init__(members)

    @property
    def output(self) -> Number:
        """Number kind of the outputs."""
        return self.folding.output

    @property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return self.folding.beats + 2 + self._delay

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return self.folding.cycles

    @property
    def memories(self) -> dict[str, tuple[int, int]]:
        """(words, bits of a word) of what may be written, in the order of their numbers."""
        folding, kind = self.folding, self.folding.layer.weight_kind
        neurons = folding.units * folding.pe
        found = {"weights": (folding.sets * folding.cycles, neurons * folding.simd * kind.width),
                 "preloads": (folding.sets * folding.passes, neurons * folding.preload_width)}
        if isinstance(kind, Codebook):
            found["entries"] = 1 << kind.width, folding.factor.width
        return found

    def writes(self, layer: Dense) -> list[int]:
        """Payloads for ``write`` that make the core compute another layer.

        Raises ValueError unless it has this one's shape, input and kinds of weights and output,
        with entries and biases of at most as many bits, and TypeError for a core that cannot be
        written.
        """
        own = self.folding.layer
        if self._storage != "ram":
            raise TypeError(f"layer {own.name}: storage must be ram to be written, not "
                            f"{self._storage}")
        folding = self.folding.of(layer)
        return payloads(self.memories, (folding.weight_words(), folding.preload_words(),
                                        folding.entry_words()))

    def timing(self) -> FoldedTiming:
        """Model of the handshakes."""
        return FoldedTiming(self.folding.beats, self.folding.passes, self._delay)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        folding, delay, sums = self.folding, self._delay, self._units[0].sum_latency
        for u, unit in enumerate(self._units):
            m.submodules[f"sum_{u}" if u else "sum"] = unit
        advance = Signal()  # the pipeline moves
        writing = self.write.valid if self._storage == "ram" else C(0)

        # Inputs: a ring of two frames. A beat is fresh until its first pass reads it and keeps its
        # place until the last pass has.
        slots = 2 * folding.beats
        m.submodules.inputs = inputs = Memory(shape=self.i.payload.shape(), depth=slots, init=[])
        put, get = inputs.write_port(), inputs.read_port()
        fresh, taken = Signal(range(slots + 1)), Signal(range(slots + 1))
        between_frames = (put.addr == 0) | (put.addr == folding.beats)
        ended = (put.addr == folding.beats - 1) | (put.addr == slots - 1)
        entering = Signal(range(folding.sets))
        if folding.sets > 1:
            with m.If(put.en & ended):
                m.d.sync += entering.eq(_next(entering, folding.sets))
            between_frames &= entering == 0
        m.d.comb += [
            self.i.ready.eq((taken != slots) & ~(between_frames & writing)),
            put.en.eq(self.i.valid & self.i.ready),
            put.data.eq(self.i.payload),
        ]
        with m.If(ended):
            # What the padding's weights meet is 0, in unsigned form but for multiplier blocks.
            number = folding.layer.input
            zero = 0 if folding.dsp else folding.form.flip_top << number.width - 1
            full = folding.layer.n_in - (folding.beats - 1) * folding.simd
            for lane in range(folding.units * full, folding.units * folding.simd):
                m.d.comb += put.data.word_select(lane, number.width).eq(zero)
        with m.If(put.en):
            m.d.sync += put.addr.eq(_next(put.addr, slots))

        # Steps: one input beat meets one word of weights.
        beat, current = Signal(range(folding.beats)), Signal(range(folding.passes))
        upper = Signal()  # the frame in use lies in the upper half of the ring
        first_pass, last_pass = current == 0, current == folding.passes - 1
        last_beat = beat == folding.beats - 1
        step = Signal()
        m.d.comb += [
            step.eq(advance & (~first_pass | (fresh != 0))),
            get.addr.eq(Mux(upper, folding.beats, 0) + beat),
            get.en.eq(step),
        ]
        with m.If(step):
            m.d.sync += beat.eq(_next(beat, folding.beats))
            with m.If(last_beat):
                m.d.sync += current.eq(_next(current, folding.passes))
                m.d.sync += upper.eq(upper ^ last_pass)
        m.d.sync += fresh.eq(fresh + put.en - (step & first_pass))
        m.d.sync += taken.eq(taken + put.en - (step & last_pass))

        # Operands are read in the cycle after the step; their sums follow ``delay`` cycles later.
        stages = Signal(data.ArrayLayout(data.StructLayout(
            {"valid": 1, "first": 1, "last": 1, "last_pass": 1}), delay + 1))
        with m.If(advance):
            m.d.sync += [
                stages[0].valid.eq(step), stages[0].first.eq(beat == 0),
                stages[0].last.eq(last_beat), stages[0].last_pass.eq(last_pass),
                *(stages[k + 1].eq(stages[k]) for k in range(delay)),
            ]
        now, result = stages[sums], stages[delay]
        weight = self._memory_of(m, "weights", self._memory, folding.weight_words())
        preload = self._memory_of(m, "preloads", "lut", folding.preload_words())
        starts = [preload.data.word_select(j, folding.preload_width)
                  for j in range(folding.units * folding.pe)]
        weight_address, preload_address = Signal.like(weight.addr), Signal.like(preload.addr)
        m.d.comb += [
            weight.addr.eq(weight_address), weight.en.eq(step),
            preload.addr.eq(preload_address),
            preload.en.eq(advance & stages[delay - 1].valid
                          & stages[delay - 1].first),
        ]
        for u, unit in enumerate(self._units):
            own = starts[u * folding.pe:(u + 1) * folding.pe]
            m.d.comb += [
                unit.x.eq(self._inputs(get.data, u)),
                unit.w.eq(weight.data.word_select(u, len(unit.w))),
                unit.preload.eq(Cat(start[folding.has_parity:] for start in own)),
                unit.enable.eq(advance), unit.valid.eq(now.valid), unit.first.eq(now.first),
            ]
        with m.If(weight.en):
            m.d.sync += weight_address.eq(_next(weight_address, self.memories["weights"][0]))
        with m.If(preload.en):
            m.d.sync += preload_address.eq(_next(preload_address, self.memories["preloads"][0]))

        # The sums of a pass leave when its last beat is in; until they can, all stops.
        ends = result.valid & result.last
        m.d.comb += advance.eq(~(ends & self.o.valid & ~self.o.ready))
        with m.If(ends & advance):
            m.d.sync += self.o.valid.eq(1)
            m.d.sync += self.o.payload.eq(Cat(self._outputs(starts, result.last_pass)))
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        if self._storage == "ram":
            busy = (taken != 0) | self.o.valid | Cat(stage.valid for stage in stages).any()
            m.d.comb += self.write.ready.eq(~busy & between_frames)
            if "entries" in self.memories:
                for unit in self._units:
                    m.d.comb += [unit.entry_address.eq(self.write.p.address),
                                 unit.entry.eq(self.write.p.word),
                                 unit.entry_write.eq(self.write.valid & self.write.ready
                                                     & (self.write.p.memory == 2))]

        return m

    def _memory_of(self, m: Module, name: str, memory: str, words: list[int],
                   ) -> ReadPort | LutRom:
        """A memory with these words, which may be written if the storage is "ram"."""
        names = list(self.memories)
        return read_port(m, name, words, self.memories[name][1], storage=self._storage,
                         memory=memory, variant=self._variant, number=names.index(name),
                         write=self.write if self._storage == "ram" else None)

    def _inputs(self, beat: Value, u: int) -> Value:
        """What unit u takes of a beat."""
        folding = self.folding
        run = folding.share * folding.layer.input.width
        if folding.units == 1:
            return beat
        return Cat(beat.word_select(k, run) for k in range(u, len(beat) // run, folding.units))

    def _outputs(self, starts: list[Value], last_pass: Value) -> list[Value]:
        folding = self.folding
        width, n_last = folding.accumulator_width, folding.rows % folding.pe or folding.pe
        words = [unit.total.word_select(j, width)
                 for unit in self._units for j in range(folding.pe)]
        if folding.has_thresholds:
            words = [~word[-1] for word in words]
            if folding.never_fires:
                return words
        elif folding.has_parity:
            words = [Cat(start[0], word) for start, word in zip(starts, words, strict=True)]
        elif folding.scale == 2:  # the accumulator is twice the total, plus n_in's parity
            words = [Cat(C(folding.layer.n_in & 1, 1), word) for word in words]
        return [word if j % folding.pe < n_last else Mux(last_pass, 0, word)
                for j, word in enumerate(words)]


def _next(count: Value, limit: int) -> Value:
    return Mux(count == limit - 1, 0, count + 1)
