"""The frame around all elementwise cores: lanes, parameters of each beat, a pipeline, padding."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from amaranth.hdl import C, Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.layer import Layer
from golden.number import Bipolar, Integer, Number
from hdl.logic_block import check_variant
from hdl.parameters import check_memory, payloads, read_port, write_signature
from hdl.timing import PipelineTiming

__all__ = ["ElementwiseCore", "Pipeline", "check_lanes", "lane_value"]


def check_lanes(layer: Layer, lanes: int) -> None:
    """Raise TypeError or ValueError unless ``lanes`` is from 1 to the layer's elements."""
    if not isinstance(lanes, int) or isinstance(lanes, bool):
        raise TypeError(f"layer {layer.name}: lanes must be an integer, not {lanes!r}")
    if not 1 <= lanes <= layer.channels_in:
        raise ValueError(f"layer {layer.name}: lanes must be from 1 to {layer.channels_in}, the "
                         f"layer's elements, not {lanes}")


def lane_value(payload: Value, lane: int, number: Number) -> Value:
    """The number in a lane of a packed beat, of any kind but a codebook."""
    code = payload.word_select(lane, number.width)
    if isinstance(number, Bipolar):
        return Cat(C(1, 1), ~code).as_signed()
    return code.as_signed() if number.minimum < 0 else code


class Pipeline:
    """Registers that move together."""

    def __init__(self, m: Module, advance: Value):
        self.m, self.advance = m, advance

    def register(self, value: Value, name: str, shape: Shape | None = None) -> Signal:
        """``value`` one step later; of ``shape``, which must hold it, if that is given."""
        register = Signal(shape or value.shape(), name=name, reset_less=True)
        with self.m.If(self.advance):
            self.m.d.sync += register.eq(value)
        return register


AnyLayer = TypeVar("AnyLayer", bound=Layer)


class ElementwiseCore(wiring.Component, Generic[AnyLayer]):
    """A layer of ``n`` channels, ``lanes`` a beat, one beat a cycle; a subclass says what is done.

    A frame of the core is one position of the layer's.

    Latency ``2 + depth`` cycles from an input beat to its output beat: one register takes the
    operands, one the results. A stalled output stops the whole pipeline. A frame takes
    ``ceil(n / lanes)`` cycles.

    Parameters
    ----------
    layer : the layer, with ``n``, ``input`` and ``output``
    lanes : elements a beat, from 1 to n; need not divide n
    storage : "logic" or "rom", or "ram" for parameters that may be written at run time
    memory : where they are kept: "lut", "block" (block RAM) or "auto", which takes LUTs for up to
        64 words. Parameters that are the same in all beats and cannot be written are constants.
    variant : see :class:`hdl.logic_block.LogicBlock`

    Members
    -------
    i : In(stream.Signature(lanes * input.width)), element k in lane k % lanes of beat k // lanes,
        lane 0 lowest; lanes beyond n are ignored
    o : Out(stream.Signature(lanes * output.width)), likewise; lanes beyond n are 0
    write : only with "ram". In(stream.Signature(StructLayout)) of ``memory`` (its number in
        ``memories``), ``address`` and ``word``; ``writes`` makes them. A write waits until no
        frame is in the core, and frames wait while a write is offered.

    Raises TypeError or ValueError on any other value.
    """

    depth = 0  # registers of :meth:`compute`
    writable = True  # does the layer have parameters that can lie in memory?
    uses_dsp = False  # are its products made for multiplier blocks?

    def __init__(self, layer: AnyLayer, *, lanes: int, storage: str = "rom", memory: str = "auto",
                 variant: str = "portable"):
        check_lanes(layer, lanes)
        check_memory(layer.name, storage, memory)
        check_variant(variant)
        if storage == "ram" and not self.writable:
            raise ValueError(f"layer {layer.name}: storage must be logic or rom, since a "
                             f"{type(layer).__name__} has nothing to write, not 'ram'")
        self.layer, self.lanes = layer, lanes
        self._storage, self._memory, self._variant = storage, memory, variant
        members = {"i": In(stream.Signature(lanes * layer.input.width)),
                   "o": Out(stream.Signature(lanes * layer.output.width))}
        if self.is_ram:
            members["write"] = In(write_signature(self.memories))
        super().__init__(members)

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return -(-self.layer.channels_in // self.lanes)

    @property
    def is_ram(self) -> bool:
        """Can the parameters be written?"""
        return self._storage == "ram"

    @property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return 2 + self.depth

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return self.beats

    def timing(self) -> PipelineTiming:
        """Model of the handshakes."""
        return PipelineTiming(self.latency)

    def words(self, layer: AnyLayer) -> list[Sequence[int]]:
        """Contents of all ``memories`` for a layer of this one's shape."""
        return []

    @property
    def memories(self) -> Mapping[str, tuple[int, int]]:
        """Name -> (words, bits of a word), in the order of their numbers in ``write``."""
        return {}

    def writes(self, layer: AnyLayer) -> list[int]:
        """Payloads for ``write`` that make the core compute another layer of the same shape.

        Raises ValueError unless its input, output and shape are this one's and its parameters fit
        the memories, TypeError for a core that cannot be written or a layer of another kind.
        """
        if not self.is_ram:
            raise TypeError(f"layer {self.layer.name}: storage must be ram to be written, not "
                            f"{self._storage}")
        if type(layer) is not type(self.layer):
            raise TypeError(f"layer {self.layer.name}: only a {type(self.layer).__name__} can be "
                            f"written, not {layer!r}")
        own, other = self.facts(self.layer), self.facts(layer)
        if own != other:
            raise ValueError(f"layer {self.layer.name}: {', '.join(own)} must be "
                             f"{', '.join(map(str, own.values()))}, not "
                             f"{', '.join(map(str, other.values()))} as of layer {layer.name}")
        return payloads(self.memories, self.words(layer))

    def facts(self, layer: AnyLayer) -> dict[str, object]:
        """What a layer that is written must share with this one."""
        return {"input": layer.input, "output": layer.output, "n": layer.channels_in}

    def compute(self, pipe: Pipeline, x: Sequence[Value], parameters: Mapping[str, Value]
                ) -> Sequence[Value]:
        """Results of the lanes of a beat, ``depth`` registers after x.

        parameters : the word of each memory that belongs to the beat
        """
        raise NotImplementedError

    def elaborate(self, platform: object) -> Module:
        m = Module()

        advance, beat = Signal(), Signal(range(self.beats))
        last = beat == self.beats - 1
        valid, is_last = Signal(self.latency), Signal(self.latency - 1)
        writing = self.write.valid & (beat == 0) if self.is_ram else C(0)
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance & ~writing),
            self.o.valid.eq(valid[-1]),
        ]
        with m.If(advance):
            m.d.sync += [valid.eq(Cat(self.i.valid & ~writing, valid)),
                         is_last.eq(Cat(last, is_last))]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))
        if self.is_ram:
            m.d.comb += self.write.ready.eq((beat == 0) & ~valid.any())

        pipe, number = Pipeline(m, advance), self.layer.input
        assert isinstance(number, Integer)
        x = [pipe.register(lane_value(self.i.payload, lane, number), f"x_{lane}")
             for lane in range(self.lanes)]
        results = self.compute(pipe, x, self.operands(m, advance, beat))
        width = self.layer.output.width
        n_last = self.layer.channels_in - (self.beats - 1) * self.lanes
        codes = [Value.cast(result)[:width] for result in results]
        with m.If(advance):
            m.d.sync += self.o.payload.eq(Cat(
                code if lane < n_last else Mux(is_last[-1], 0, code)
                for lane, code in enumerate(codes)))

        return m

    def operands(self, m: Module, advance: Value, beat: Value) -> Mapping[str, Value]:
        """Each memory's word for the beat that the first register takes."""
        return {name: self._read(m, advance, beat, name, words)
                for name, words in zip(self.memories, self.words(self.layer), strict=True)}

    def _read(self, m: Module, advance: Value, beat: Value, name: str, words: Sequence[int]
              ) -> Value:
        width = self.memories[name][1]
        if not self.is_ram and len(set(words)) == 1:
            return Const(words[0], width)
        port = read_port(m, name, words, width, storage=self._storage, memory=self._memory,
                         variant=self._variant, write=self.write if self.is_ram else None,
                         number=list(self.memories).index(name))
        m.d.comb += [port.addr.eq(beat), port.en.eq(advance)]
        return port.data
