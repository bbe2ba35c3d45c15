"""Processing elements of the sparse engine: a queue of activations, their columns, sums."""

from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.huffman import HuffmanCode, pack_block
from golden.number import Integer
from golden.sparse import Columns
from hdl.fifo import StreamFIFO
from hdl.huffman_decoder import HuffmanDecoder
from hdl.sparse_memory import PairMemory
from hdl.sparse_sums import SparseSums

__all__ = ["CompressedElement", "SparseElement"]


class _Element(wiring.Component):
    """What both kinds of elements share: ports, the queue and the sums.

    Members
    -------
    column, read : the place of this column is looked up at the clock edge
    activation, any, last : what was broadcast with the column read last; any: there is an
        activation; last: it ends a frame
    push : take it; blocked: there is no room for it
    bank, address, total, clear, release, erase, finished : see :class:`SparseSums`
    error : what is stored was found to be wrong
    write_starts, write_entries, write_values : only with ``room``; put ``write_word`` to
        ``write_address`` of that memory
    """

    def __init__(self, columns: Columns, values: tuple[int, ...], value: Integer, rows: int,
                 x: Integer, width: int, depth: int, room: int | None = None) -> None:
        self._columns, self._n_in, self._room = columns, len(columns.starts) - 1, room
        self._sums = SparseSums(values, value, rows, x, width, writable=room is not None)
        most, longest = int(columns.starts[-1]), int(np.diff(columns.starts).max())
        if room is not None:
            most, longest = room, min(room, rows)  # an entry lies in a row of its own
        self._item = data.StructLayout({
            "start": most.bit_length() or 1, "last": 1, "count": longest.bit_length() or 1,
            "activation": x.width})
        self._queue = StreamFIFO(self._item.size, depth)
        names = "bank", "address", "total", "clear", "release", "erase", "finished"
        members = {
            "column": In(ceil_log2(self._n_in + 1) or 1), "read": In(1), "activation": In(x.width),
            "any": In(1), "last": In(1), "push": In(1), "blocked": Out(1), "error": Out(1),
            **{name: self._sums.signature.members[name] for name in names}}
        if room is not None:
            members |= {
                "write_address": In(ceil_log2(max(self._n_in + 1, room, 16))),
                "write_word": In(max(most.bit_length(), 8, value.width)),
                "write_starts": In(1), "write_entries": In(1), "write_values": In(1)}
        super().__init__(members)

    def _shared(self, m: Module, item: Any) -> tuple[Any, Any]:
        """Queue and sums with their outer ports; ``item`` is what was broadcast, but for ``last``
        and ``activation``. The queue's output and the sums are left to the element."""
        m.submodules.queue, m.submodules.sums = queue, sums = self._queue, self._sums
        wanted = Signal()
        m.d.comb += [
            item.last.eq(self.last), item.activation.eq(self.activation),
            queue.i.payload.eq(item), wanted.eq((item.count != 0) | self.last),
            self.blocked.eq(wanted & ~queue.i.ready), queue.i.valid.eq(wanted & self.push),
            sums.bank.eq(self.bank), sums.address.eq(self.address), self.total.eq(sums.total),
            sums.clear.eq(self.clear), sums.release.eq(self.release), sums.erase.eq(self.erase),
        ]
        if self._room is not None:
            m.d.comb += self._written(sums, self.write_values)
        return queue, sums

    def _written(self, memory: Any, enable: Any) -> list[Any]:
        """Assignments that write into a submodule when ``enable`` is high."""
        return [memory.write_en.eq(enable), memory.write_address.eq(self.write_address),
                memory.write_word.eq(self.write_word)]


class SparseElement(_Element):
    """Adds ``activation * weight`` for every entry of the activation's column, one a cycle.

    An activation waits in a queue of ``depth`` with the place of its column; one whose column is
    empty here is not queued at all. Entries that only fill gaps take no cycle of their own: two
    entries are read at once, and a filling one passes with the next.

    Parameters: columns; values of codes, of the Integer ``value``; rows, kept sums; x, Integer of
    activations; width of sums; depth of the queue; room, entries that fit if all of it can be
    written. Members: see :class:`_Element`.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        columns, item, writable = self._columns, Signal(self._item), self._room is not None
        words = columns.words.tolist()
        words += [0] * (max(self._room or 0, 1) - len(words))
        m.submodules.starts = starts = PairMemory(columns.starts.tolist(), len(item.start),
                                                  writable)
        m.submodules.entries = entries = PairMemory(words, 8, writable)
        if writable:
            m.d.comb += [*self._written(starts, self.write_starts),
                         *self._written(entries, self.write_entries)]
        queue, sums = self._shared(m, item)
        m.d.comb += [
            starts.addr.eq(self.column), starts.en.eq(self.read), item.start.eq(starts.first),
            item.count.eq(Mux(self.any, starts.second - starts.first, 0)),
            self.finished.eq(sums.finished),
        ]

        # The entries of a column; what is read at ``start`` is there in the cycle after.
        head, now = Signal(self._item), Signal(self._item)
        valid, claimed, fills, pop, ends = (Signal(name=name) for name in (
            "valid", "claimed", "fills", "pop", "ends"))
        row, below = Signal.like(sums.row), Signal.like(sums.row)
        m.d.comb += [
            head.eq(queue.o.payload), fills.eq(entries.first[4:] == 0),
            below.eq(row + entries.first[:4] + 1 + Mux(fills, entries.second[:4] + 1, 0)),
            ends.eq(now.count <= 1 + fills),
            # The sums of a frame stay until all are read: the next but one would meet them.
            queue.o.ready.eq((~valid | ends) & ~(head.last & claimed)),
            pop.eq(queue.o.valid & queue.o.ready),
            entries.addr.eq(Mux(pop, head.start, now.start + 1 + fills)),
            entries.en.eq(pop | valid & ~ends),
            sums.valid.eq(valid & (now.count != 0) & ~(fills & (entries.second[4:] == 0))),
            sums.over.eq(valid & ends & now.last), sums.row.eq(below),
            sums.code.eq(Mux(fills, entries.second[4:], entries.first[4:])),
            sums.activation.eq(now.activation),
        ]
        with m.If(pop):
            m.d.sync += [now.eq(head), valid.eq(1), row.eq(-1)]
        with m.Elif(valid):
            m.d.sync += [valid.eq(~ends), now.start.eq(now.start + 1 + fills),
                         now.count.eq(now.count - 1 - fills), row.eq(below)]
        m.d.sync += claimed.eq((claimed | pop & head.last) & ~self.release)

        return m


class CompressedElement(_Element):
    """The same sums from entries in a Huffman code, decoded anew for every frame.

    All columns are needed, one after the other, also those of activations that are 0: every entry
    takes a cycle, a frame three more. ``finished`` waits until the block of entries was found to be
    right (:class:`HuffmanDecoder`); after an error it does not come until a reset.

    Parameters: as :class:`SparseElement`; code, of the entries' bytes. Members: see
    :class:`_Element`; ``any`` is ignored.
    """

    def __init__(self, columns: Columns, values: tuple[int, ...], value: Integer, rows: int,
                 x: Integer, width: int, depth: int, code: HuffmanCode) -> None:
        super().__init__(columns, values, value, rows, x, width, depth)
        self._code = code
        self.words = pack_block(code.encode(columns.words)) if columns.words.size else []

    def elaborate(self, platform: object) -> Module:
        m = Module()
        columns, item = self._columns, Signal(self._item)
        counts = (columns.starts[1:] - columns.starts[:-1]).tolist()
        m.submodules.counts = memory = Memory(shape=len(item.count), depth=max(len(counts), 2),
                                              init=counts)
        count = memory.read_port()
        queue, sums = self._shared(m, item)
        m.d.comb += [count.addr.eq(self.column), count.en.eq(self.read), item.count.eq(count.data)]

        head, now = Signal(self._item), Signal(self._item)
        valid, claimed, pop, ends, take = (Signal(name=name) for name in (
            "valid", "claimed", "pop", "ends", "take"))
        row, below, entry, there = Signal.like(sums.row), Signal.like(sums.row), Signal(8), Signal()
        m.d.comb += [
            head.eq(queue.o.payload), take.eq(valid & (now.count != 0) & there),
            ends.eq(valid & (now.count <= take)), below.eq(row + entry[:4] + 1),
            queue.o.ready.eq((~valid | ends) & ~(head.last & claimed)),
            pop.eq(queue.o.valid & queue.o.ready),
            sums.valid.eq(take & (entry[4:] != 0)), sums.over.eq(ends & now.last),
            sums.row.eq(below), sums.code.eq(entry[4:]), sums.activation.eq(now.activation),
        ]
        with m.If(pop):
            m.d.sync += [now.eq(head), valid.eq(1), row.eq(-1)]
        with m.Else():
            with m.If(take):
                m.d.sync += [now.count.eq(now.count - 1), row.eq(below)]
            with m.If(ends):
                m.d.sync += valid.eq(0)
        m.d.sync += claimed.eq((claimed | pop & head.last) & ~self.release)

        if self.words:
            m.submodules.decoder = decoder = HuffmanDecoder(self._code, len(columns.words))
            self._read_rom(m, decoder)
            # A block may be found right while the sums of the frame before still wait.
            right, before = Signal(2), Signal()
            m.d.comb += [entry.eq(decoder.o.payload), there.eq(decoder.o.valid),
                         decoder.o.ready.eq(take), self.error.eq(before | decoder.error),
                         self.finished.eq(sums.finished & (right != 0) & ~self.error)]
            m.d.sync += [right.eq(right + decoder.done - self.release), before.eq(self.error)]
        else:
            m.d.comb += self.finished.eq(sums.finished)

        return m

    def _read_rom(self, m: Module, decoder: HuffmanDecoder) -> None:
        """Offer the block to the decoder again and again."""
        m.submodules.rom = rom = Memory(shape=32, depth=len(self.words), init=self.words)
        read, end = rom.read_port(), len(self.words) - 1
        address = Signal.like(read.addr)
        m.d.comb += [read.addr.eq(address), decoder.i.p.word.eq(read.data),
                     read.en.eq(~decoder.i.valid | decoder.i.ready)]
        with m.If(read.en):
            m.d.sync += [decoder.i.valid.eq(1), decoder.i.p.last.eq(address == end),
                         address.eq(Mux(address == end, 0, address + 1))]
