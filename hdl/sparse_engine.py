"""Sparse matrix-vector engine after EIE: zeros among weights and activations cost no cycles."""

from collections.abc import Mapping

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.layer import Dense
from golden.number import Integer
from golden.sparse import InterleavedColumns
from hdl.parameters import payloads, write_signature
from hdl.sparse_element import CompressedElement, SparseElement
from hdl.sparse_scanner import NonZeroScanner
from hdl.sparse_timing import SparseTiming
from hdl.sparse_words import check_room, checked_input, contents, fitted

__all__ = ["STORAGES", "SparseEngine"]

STORAGES = "rom", "ram", "compressed"


class SparseEngine(wiring.Component):
    """A layer with shared, pruned weights, bit-exact to :func:`golden.sparse.sparse`.

    Activations that are not 0 are broadcast with their place, one a cycle, to ``pe`` elements.
    Element p keeps the rows r with ``r % pe == p`` and adds up one product a cycle. What waits in
    its queue hides that columns are not equally long; the broadcast stops for an element whose
    queue is full and that has entries in the column.

    The cycles depend on the data: ``timing.starts`` gives them exactly, cycle for cycle, for
    frames that come and go without a stall. ``latency`` and ``initiation_interval`` are those of
    frames without a 0, which are the slowest. After a reset the sums are set to 0 first; the first
    frame waits for ``ceil(n_out / pe)`` cycles.

    Parameters
    ----------
    layer : golden.layer.Dense with codebook weights, at most 15 values beside 0 of at most 16
        bits, and inputs that are integers of at most 16 bits; no thresholds, no bias
    pe : elements, 1 to 64; need not divide n_out
    lanes : activations of an input beat, at least 1; need not divide n_in
    depth : activations that wait at an element, 1 to 256
    relu : give 0 for sums below 0
    storage : "rom"; "ram" for columns and values that may be written at run time; or "compressed"
        for entries in a Huffman code (``columns.code``), decoded on the fly: zeros among the
        activations then save no cycles, ``timing`` does not hold, and ``latency`` and
        ``initiation_interval`` are upper bounds
    room : entries that an element has room for, filling ones included, only with "ram"; by default
        those of this layer's longest. ``ceil(n_out / pe) * n_in`` is room for any layer.

    A core with storage "ram" starts as the layer; sums are sized for any weights of as many bits as
    its codebook's. What is written may have another codebook, of at most as many bits.
    ``SparseTiming(InterleavedColumns.of(written, pe), lanes, depth)`` are then its cycles.

    Members
    -------
    i : In(stream.Signature(lanes * layer.input.width)), input k in lane k % lanes of beat
        k // lanes, lane 0 lowest; lanes beyond n_in are ignored
    o : Out(stream.Signature(pe * output.width)), output j in lane j % pe of beat j // pe; lanes
        beyond n_out are 0
    write : only with "ram". In(stream.Signature(StructLayout)) of ``memory`` (its number in
        ``memories``), ``address`` and ``word``; :meth:`writes` makes them. A write waits until no
        frame is in the core, and frames wait while a write is offered.
    error : a compressed ROM was found to be wrong; no frame is given from then on until a reset

    Raises TypeError or ValueError on any other value.
    Source: Han et al., "EIE: Efficient Inference Engine on Compressed Deep Neural Network", ISCA
    2016, arXiv:1602.01528. Unlike there, empty columns are not queued, and entries that fill gaps
    take no cycle unless several follow each other.
    """

    def __init__(self, layer: Dense, *, pe: int, lanes: int = 8, depth: int = 8,
                 relu: bool = False, storage: str = "rom",
                 room: int | None = None) -> None:
        number = checked_input(layer)
        if storage not in STORAGES:
            raise ValueError(f"layer {layer.name}: storage must be one of {', '.join(STORAGES)}, "
                             f"not {storage!r}")
        counts = [("pe", pe, 64), ("depth", depth, 256), ("lanes", lanes, None)]
        for name, value, most in [*counts, *([] if room is None else [("room", room, None)])]:
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"layer {layer.name}: {name} must be an integer, not {value!r}")
            if value < 1 or most and value > most:
                span = f"from 1 to {most}" if most else "at least 1"
                raise ValueError(f"layer {layer.name}: {name} must be {span}, not {value}")
        if room is not None and storage != "ram":
            raise ValueError(f"layer {layer.name}: storage must be ram for a room, not {storage}; "
                             "leave room out")
        self.layer, self.columns = layer, InterleavedColumns.of(layer, pe)
        self._relu, self._storage, self._depth = relu, storage, depth
        self._room = max(self.columns.longest, 1) if room is None else room
        check_room(self.columns, layer, layer, self._room)
        self._rows = -(-layer.n_out // pe)
        self.timing = SparseTiming(self.columns, lanes, depth)
        self._scanner = NonZeroScanner(layer.n_in, layer.input.width, lanes, self.timing.buffer,
                                       every=storage == "compressed")
        # yosys 0.70 makes 5 % fewer 7-series LUTs of an engine with the wider table of constants.
        entry = self.columns.value if storage == "ram" else Integer(16, True)
        facts = self.columns.values, entry, self._rows, number, self._sums.width, depth
        self._elements: list[SparseElement | CompressedElement] = []
        for columns in self.columns.elements:
            self._elements.append(
                CompressedElement(columns, *facts, self.columns.code) if storage == "compressed"
                else SparseElement(columns, *facts, self._room if storage == "ram" else None))
        members = {"i": In(stream.Signature(lanes * layer.input.width)),
                   "o": Out(stream.Signature(pe * self.output.width)), "error": Out(1)}
        if storage == "ram":
            members["write"] = In(write_signature(self.memories))
        super().__init__(members)

    @property
    def _sums(self) -> Integer:
        """Number kind of the sums."""
        layer, value = self.layer, self.columns.value
        if self._storage != "ram":
            return layer.accumulator
        extremes = [layer.n_in * a * b for a in (value.minimum, value.maximum)
                    for b in (layer.input.minimum, layer.input.maximum)]
        return Integer.holding(min(extremes), max(extremes), signed=True)

    @property
    def output(self) -> Integer:
        """Number kind of the outputs: the sums, or with relu those from 0 on."""
        return Integer.holding(0, self._sums.maximum, signed=False) if self._relu else self._sums

    @property
    def latency(self) -> int:
        """Cycles from the first input beat to the first output beat of a frame without zeros."""
        return self.timing.slowest[0] + self._decoding

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames without zeros."""
        return self.timing.slowest[1] + self._decoding

    @property
    def _decoding(self) -> int:
        """More cycles than those, at most, if entries are decoded."""
        return (self.columns.longest + self.layer.n_in + 16 if self._storage == "compressed" else 0)

    @property
    def memories(self) -> Mapping[str, tuple[int, int]]:
        """Name of each memory that can be written -> (words, bits of a word), in the order of
        their numbers: starts of the columns and entries of each element, values of the codes.
        Empty unless the storage is "ram"."""
        if self._storage != "ram":
            return {}
        own = contents(self.columns, self._room, self.columns.value)
        return {name: (len(words), width) for name, (words, width) in own.items()}

    def writes(self, layer: Dense) -> list[int]:
        """Payloads for ``write`` that make the core compute another layer.

        Raises ValueError unless that has this one's shape and input, values of no more bits and
        columns for which there is room, and TypeError for a core that cannot be written.
        """
        if self._storage != "ram":
            raise TypeError(f"layer {self.layer.name}: storage must be ram to be written, not "
                            f"{self._storage}")
        made = contents(fitted(layer, self.layer, self.columns, self._room), self._room,
                        self.columns.value)
        return payloads(self.memories, [memory.words for memory in made.values()])

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.scanner = scanner = self._scanner
        writing = self.write.valid if self._storage == "ram" else C(0)
        for p, element in enumerate(self._elements):
            m.submodules[f"element_{p}"] = element

        address = Signal(ceil_log2(self._rows) or 1)
        erasing, closed = Signal(init=1), Signal()
        m.d.comb += [
            closed.eq(erasing | scanner.first & writing),
            scanner.i.payload.eq(self.i.payload), scanner.i.valid.eq(self.i.valid & ~closed),
            self.i.ready.eq(scanner.i.ready & ~closed),
        ]

        # Broadcast: the starts of the column are read while the activation is registered.
        valid, fire = Signal(), Signal()
        sent = Signal.like(scanner.o.payload)
        accept = ~valid | fire
        m.d.comb += [scanner.o.ready.eq(accept),
                     fire.eq(~Cat(element.blocked for element in self._elements).any())]
        with m.If(accept):
            m.d.sync += [valid.eq(scanner.o.valid), sent.eq(scanner.o.payload)]

        # Read out what all elements have finished, and leave zeros behind.
        bank, drain, end = Signal(), Signal(), Signal()
        m.d.comb += [
            drain.eq(Cat(element.finished for element in self._elements).all()
                     & (~self.o.valid | self.o.ready)),
            end.eq(address == self._rows - 1),
        ]
        with m.If(drain | erasing):
            m.d.sync += address.eq(Mux(end, 0, address + 1))
        with m.If(end):
            m.d.sync += [erasing.eq(0), bank.eq(bank ^ drain)]
        outputs = []
        for element in self._elements:
            total = element.total
            outputs.append(Mux(total[-1], 0, total)[:self.output.width] if self._relu else total)
            m.d.comb += [
                element.column.eq(scanner.o.p.column), element.read.eq(scanner.o.valid & accept),
                element.activation.eq(sent.value), element.any.eq(sent.any),
                element.last.eq(sent.last), element.push.eq(valid & fire),
                element.bank.eq(bank), element.address.eq(address), element.clear.eq(drain),
                element.release.eq(drain & end), element.erase.eq(erasing),
            ]
        m.d.comb += self.error.eq(Cat(element.error for element in self._elements).any())
        with m.If(drain):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(Cat(outputs))]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        if self._storage == "ram":
            # Every frame inside holds a place in the buffer, in a queue or in one of few registers.
            inside = Signal(range(self.timing.buffer + self._depth + 8))
            begins, ends = self.i.valid & self.i.ready & scanner.first, drain & end
            m.d.sync += inside.eq(inside + begins - ends)
            m.d.comb += self.write.ready.eq((inside == 0) & ~self.o.valid)
            self._connect_writes(m)

        return m

    def _connect_writes(self, m: Module) -> None:
        taken, word = self.write.valid & self.write.ready, self.write.p
        numbers = {name: number for number, name in enumerate(self.memories)}
        for p, element in enumerate(self._elements):
            m.d.comb += [element.write_address.eq(word.address), element.write_word.eq(word.word)]
            for part, name in (("starts", f"starts_{p}"), ("entries", f"entries_{p}"),
                               ("values", "values")):
                m.d.comb += getattr(element, f"write_{part}").eq(
                    taken & (word.memory == numbers[name]))
