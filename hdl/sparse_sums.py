"""Sums of a sparse element: weights by their codes, products, accumulators of two frames."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.number import Integer

__all__ = ["SparseSums"]


class SparseSums(wiring.Component):
    """Adds ``activation * values[code]`` to the sum of a row, one product a cycle.

    Sums of two frames are kept, so that a frame begins while the one before is read out. A product
    is in its sum after four cycles: code, weight, product, sum.

    Parameters: values of codes, of the Integer ``value``; rows, kept sums; x, Integer of
    activations; width of sums; writable values.

    Members
    -------
    valid, row, code, activation : a product to be added
    over : with the last product of a frame, or after it
    bank, address, total : sums to be read out, in the same cycle
    clear : write 0 there (``release`` with the last of them); erase: in both banks, after a reset
    finished : all sums of a frame are there; from four cycles after ``over`` until ``release``
    write_en, write_address, write_word : only if writable; the value of a code
    """

    def __init__(self, values: tuple[int, ...], value: Integer, rows: int, x: Integer, width: int,
                 writable: bool = False) -> None:
        self._values, self._value, self._rows, self._x = values, value, rows, x
        self._width, self._writable = width, writable
        row_width = ceil_log2(rows) or 1
        members = {
            "valid": In(1), "row": In(row_width), "code": In(4), "activation": In(x.width),
            "over": In(1), "bank": In(1), "address": In(row_width), "total": Out(width),
            "clear": In(1), "release": In(1), "erase": In(1), "finished": Out(1)}
        if writable:
            members |= {"write_en": In(1), "write_address": In(4), "write_word": In(value.width)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        product_layout = data.StructLayout({"valid": 1, "over": 1, "bank": 1,
                                            "row": len(self.row), "activation": self._x.width})
        coded, weighed, done = (Signal(product_layout, name=name)
                                for name in ("coded", "weighed", "done"))
        bank, code = Signal(), Signal(4)
        m.submodules.values = table = Memory(shape=signed(self._value.width), depth=16,
                                             init=self._values)
        weight = table.read_port()
        if self._writable:
            put_value = table.write_port()
            m.d.comb += [put_value.en.eq(self.write_en), put_value.addr.eq(self.write_address),
                         put_value.data.eq(self.write_word)]
        activation: Value = weighed.activation
        if self._x.signed:
            activation = activation.as_signed()
        product = Signal(signed(self._x.width + self._value.width + 1))
        m.d.comb += weight.addr.eq(code)
        m.d.sync += [
            coded.valid.eq(self.valid), coded.over.eq(self.over), coded.bank.eq(bank),
            coded.row.eq(self.row), coded.activation.eq(self.activation), code.eq(self.code),
            weighed.eq(coded), done.eq(weighed), product.eq(weight.data * activation),
            bank.eq(bank ^ self.over),
            self.finished.eq((self.finished | done.over) & ~self.release),
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
