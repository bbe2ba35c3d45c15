"""Processing element of the sparse engine: a queue of activations, their columns, sums."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.number import Integer
from golden.sparse import Columns
from hdl.fifo import StreamFIFO
from hdl.sparse_memory import PairMemory

__all__ = ["SparseElement"]


class SparseElement(wiring.Component):
    """Adds ``activation * weight`` for every entry of the activation's column, one a cycle.

    An activation waits in a queue of ``depth`` with the place of its column; one whose column is
    empty here is not queued at all. Entries that only fill gaps take no cycle of their own: two
    entries are read at once, and a filling one passes with the next. Sums of two frames are kept,
    so that a frame begins while the one before is read out.

    Parameters: columns; values of codes; rows, kept sums; x, Integer of activations; width of
    sums; depth of the queue.

    Members
    -------
    column, read : starts of this column are read at the clock edge
    activation, any, last : what was broadcast with the column read last; any: there is an
        activation; last: it ends a frame
    push : take it; blocked: there is no room for it
    bank, address, total : sums to be read out, in the same cycle
    clear : write 0 there (``release`` with the last of them); erase: in both banks, after a reset
    finished : all sums of a frame are there
    """

    def __init__(self, columns: Columns, values: tuple[int, ...], rows: int, x: Integer,
                 width: int, depth: int) -> None:
        self._values, self._rows, self._x, self._width = values, rows, x, width
        self._starts = PairMemory(columns.starts.tolist(),
                                  int(columns.starts[-1]).bit_length() or 1)
        self._entries = PairMemory(columns.words.tolist() or [0], 8)
        most = int((columns.starts[1:] - columns.starts[:-1]).max())
        self._item = data.StructLayout({"start": len(self._entries.addr), "last": 1,
                                        "count": most.bit_length() or 1, "activation": x.width})
        self._queue = StreamFIFO(self._item.size, depth)
        super().__init__({
            "column": In(len(self._starts.addr)), "read": In(1), "activation": In(x.width),
            "any": In(1), "last": In(1), "push": In(1), "blocked": Out(1), "bank": In(1),
            "address": In(ceil_log2(rows) or 1), "total": Out(width), "clear": In(1),
            "release": In(1), "erase": In(1), "finished": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.starts, m.submodules.entries = starts, entries = self._starts, self._entries
        m.submodules.queue = queue = self._queue

        # From the broadcast into the queue.
        item = Signal(self._item)
        wanted = Signal()
        m.d.comb += [
            starts.addr.eq(self.column), starts.en.eq(self.read),
            item.start.eq(starts.first), item.last.eq(self.last),
            item.count.eq(Mux(self.any, starts.second - starts.first, 0)),
            item.activation.eq(self.activation), queue.i.payload.eq(item),
            wanted.eq((item.count != 0) | self.last), self.blocked.eq(wanted & ~queue.i.ready),
            queue.i.valid.eq(wanted & self.push),
        ]

        # The entries of a column; what is read at ``at`` is there in the cycle after.
        head, now = Signal(self._item), Signal(self._item)
        m.d.comb += head.eq(queue.o.payload)
        valid, bank, claimed = Signal(), Signal(), Signal()
        row = Signal(ceil_log2(self._rows) or 1)
        fills, pop, ends = Signal(), Signal(), Signal()
        below = Signal.like(row)
        m.d.comb += [
            fills.eq(entries.first[4:] == 0),
            below.eq(row + entries.first[:4] + 1 + Mux(fills, entries.second[:4] + 1, 0)),
            ends.eq(now.count <= 1 + fills),
            # The sums of a frame stay until all are read: the next but one would meet them.
            queue.o.ready.eq((~valid | ends) & ~(head.last & claimed)),
            pop.eq(queue.o.valid & queue.o.ready),
            entries.addr.eq(Mux(pop, head.start, now.start + 1 + fills)),
            entries.en.eq(pop | valid & ~ends),
        ]
        with m.If(pop):
            m.d.sync += [now.eq(head), valid.eq(1), row.eq(-1)]
        with m.Elif(valid):
            m.d.sync += [valid.eq(~ends), now.start.eq(now.start + 1 + fills),
                         now.count.eq(now.count - 1 - fills), row.eq(below)]

        # Code, weight, product: a cycle each.
        op = data.StructLayout({"valid": 1, "last": 1, "bank": 1, "row": len(row),
                                "activation": self._x.width})
        coded, weighed, done = (Signal(op, name=name) for name in ("coded", "weighed", "done"))
        code = Signal(4)
        m.submodules.values = table = Memory(shape=signed(16), depth=16, init=self._values)
        weight = table.read_port()
        over = valid & ends & now.last
        nothing = (now.count == 0) | fills & (entries.second[4:] == 0)
        activation: Value = weighed.activation
        if self._x.signed:
            activation = activation.as_signed()
        product = Signal(signed(self._x.width + 17))
        m.d.comb += weight.addr.eq(code)
        m.d.sync += [
            coded.valid.eq(valid & ~nothing), coded.last.eq(over), coded.bank.eq(bank),
            coded.row.eq(below), coded.activation.eq(now.activation),
            code.eq(Mux(fills, entries.second[4:], entries.first[4:])),
            weighed.eq(coded), done.eq(weighed), product.eq(weight.data * activation),
            bank.eq(bank ^ over),
            claimed.eq((claimed | pop & head.last) & ~self.release),
            self.finished.eq((self.finished | done.last) & ~self.release),
        ]

        for k in range(2):
            sums = Memory(shape=self._width, depth=max(self._rows, 2), init=[])
            m.submodules[f"sums_{k}"] = sums
            put, get = sums.write_port(), sums.read_port(domain="comb")
            adds = done.valid & (done.bank == k)
            m.d.comb += [
                get.addr.eq(Mux(adds, done.row, self.address)), put.addr.eq(get.addr),
                put.en.eq(adds | self.erase | self.clear & (self.bank == k)),
                put.data.eq(Mux(adds, get.data + product, Const(0))),
            ]
            with m.If(self.bank == k):
                m.d.comb += self.total.eq(get.data)

        return m
