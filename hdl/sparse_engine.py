"""Sparse matrix-vector engine after EIE: zeros among weights and activations cost no cycles."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.layer import Dense
from golden.number import Integer
from golden.sparse import InterleavedColumns
from hdl.sparse_element import CompressedElement, SparseElement
from hdl.sparse_scanner import NonZeroScanner
from hdl.sparse_timing import SparseTiming

__all__ = ["STORAGES", "SparseEngine"]

STORAGES = "rom", "compressed"


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
    storage : "rom", or "compressed" for entries in a Huffman code (``columns.code``), decoded on
        the fly: zeros among the activations then save no cycles, ``timing`` does not hold,
        and ``latency`` and ``initiation_interval`` are upper bounds

    Members
    -------
    i : In(stream.Signature(lanes * layer.input.width)), input k in lane k % lanes of beat
        k // lanes, lane 0 lowest; lanes beyond n_in are ignored
    o : Out(stream.Signature(pe * output.width)), output j in lane j % pe of beat j // pe; lanes
        beyond n_out are 0
    error : a compressed ROM was found to be wrong; no frame is given from then on until a reset

    Raises TypeError or ValueError on any other value.
    Source: Han et al., "EIE: Efficient Inference Engine on Compressed Deep Neural Network", ISCA
    2016, arXiv:1602.01528. Unlike there, empty columns are not queued, and entries that fill gaps
    take no cycle unless several follow each other.
    """

    def __init__(self, layer: Dense, *, pe: int, lanes: int = 8, depth: int = 8,
                 relu: bool = False, storage: str = "rom") -> None:
        if not isinstance(layer, Dense):
            raise TypeError(f"layer must be a golden.layer.Dense, not {layer!r}")
        if storage not in STORAGES:
            raise ValueError(f"layer {layer.name}: storage must be one of {', '.join(STORAGES)}, "
                             f"not {storage!r}")
        for name, value, most in (("pe", pe, 64), ("depth", depth, 256), ("lanes", lanes, None)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"layer {layer.name}: {name} must be an integer, not {value!r}")
            if value < 1 or most and value > most:
                span = f"from 1 to {most}" if most else "at least 1"
                raise ValueError(f"layer {layer.name}: {name} must be {span}, not {value}")
        if not isinstance(layer.input, Integer) or layer.input.width > 16:
            raise ValueError(f"layer {layer.name}: input must be an integer of at most 16 bits for "
                             f"the sparse engine, not {layer.input}")
        if layer.thresholds is not None or layer.bias is not None:
            raise ValueError(f"layer {layer.name}: the sparse engine has no thresholds and no bias;"
                             f" leave them out or use a folded layer")
        self.layer, self.columns = layer, InterleavedColumns.of(layer, pe)
        self._relu, self._storage = relu, storage
        self._rows = -(-layer.n_out // pe)
        self.timing = SparseTiming(self.columns, lanes, depth)
        self._scanner = NonZeroScanner(layer.n_in, layer.input.width, lanes, self.timing.buffer,
                                       every=storage == "compressed")
        facts = self.columns.values, self._rows, layer.input, layer.accumulator.width, depth
        self._elements: list[SparseElement | CompressedElement] = []
        for columns in self.columns.elements:
            self._elements.append(
                SparseElement(columns, *facts) if storage == "rom" else
                CompressedElement(columns, *facts, self.columns.code))
        super().__init__({"i": In(stream.Signature(lanes * layer.input.width)),
                          "o": Out(stream.Signature(pe * self.output.width)), "error": Out(1)})

    @property
    def output(self) -> Integer:
        """Number kind of the outputs: the accumulators, or with relu those from 0 on."""
        whole = self.layer.accumulator
        return Integer.holding(0, whole.maximum, signed=False) if self._relu else whole

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
        if self._storage == "rom":
            return 0
        longest = max(int(columns.starts[-1]) for columns in self.columns.elements)
        return longest + self.layer.n_in + 16

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.scanner = scanner = self._scanner
        for p, element in enumerate(self._elements):
            m.submodules[f"element_{p}"] = element

        address = Signal(ceil_log2(self._rows) or 1)
        erasing = Signal(init=1)
        m.d.comb += [
            scanner.i.payload.eq(self.i.payload), scanner.i.valid.eq(self.i.valid & ~erasing),
            self.i.ready.eq(scanner.i.ready & ~erasing),
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

        return m
