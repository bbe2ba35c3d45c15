"""Top-k: the indices of the k greatest of n numbers."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.layer import TopK as TopKLayer
from golden.number import Integer, Ternary
from hdl.elementwise import check_lanes
from hdl.timing import ArgMaxTiming

__all__ = ["TopK"]

Entry = tuple[Value, Value, Value]


class TopK(wiring.Component):
    """Indices of the ``k`` greatest of a frame, bit-exact to :func:`golden.topk.topk`.

    A sorted list of k entries: a number meets all of them at once, takes the place of the first
    that is less and moves the others on. The lanes of a beat are put in one after the other within
    a cycle, which makes the logic deep: take few. Latency and interval ceil(n / lanes) cycles.

    Parameters
    ----------
    layer : golden.layer.TopK
    lanes : elements a beat, from 1 to n; need not divide n

    Members
    -------
    i : In(stream.Signature(lanes * input.width)), lane 0 in the lowest bits; lanes beyond n are
        ignored
    o : Out(stream.Signature(k * output.width)), one beat a frame, the greatest in lane 0

    Raises TypeError or ValueError on any other value.
    """

    def __init__(self, layer: TopKLayer, *, lanes: int = 1):
        check_lanes(layer, lanes)
        self.layer, self.lanes = layer, lanes
        self._beats = -(-layer.n_in // lanes)
        super().__init__({"i": In(stream.Signature(lanes * layer.input.width)),
                          "o": Out(stream.Signature(layer.k * layer.output.width))})

    @property
    def latency(self) -> int:
        """Cycles from taking a frame's first beat to offering its indices."""
        return self._beats

    @property
    def initiation_interval(self) -> int:
        """Cycles a frame at full rate."""
        return self._beats

    def timing(self) -> ArgMaxTiming:
        """Model of the handshakes."""
        return ArgMaxTiming(self._beats, 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        layer, step = self.layer, Signal()
        beat, last = Signal(range(self._beats)), Signal()
        m.d.comb += [
            last.eq(beat == self._beats - 1),
            # The list is the output: it stands still until that was taken.
            step.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(step),
        ]
        is_signed = isinstance(layer.input, Ternary) or (
            isinstance(layer.input, Integer) and layer.input.signed)
        values = [Signal(layer.input.width, name=f"value_{j}") for j in range(layer.k)]
        places = [Signal(layer.output.width, name=f"index_{j}") for j in range(layer.k)]
        # Is the entry one of this frame?
        used = [Signal(name=f"used_{j}") for j in range(layer.k)]
        base = Signal(range(layer.n_in))
        entries: list[Entry] = [
            (flag & (beat != 0), value.as_signed() if is_signed else value, index)
            for flag, value, index in zip(used, values, places, strict=True)]
        for lane in range(self.lanes):
            code = self.i.payload.word_select(lane, layer.input.width)
            real = (~last if (self._beats - 1) * self.lanes + lane >= layer.n_in else Const(1))
            entries = _insert(m, entries, (
                real, code.as_signed() if is_signed else code, base + lane), f"lane_{lane}")
        m.d.comb += self.o.payload.eq(Cat(places))
        with m.If(step):
            m.d.sync += self.o.valid.eq(self.i.valid & last)
            with m.If(self.i.valid):
                m.d.sync += [beat.eq(Mux(last, 0, beat + 1)),
                             base.eq(Mux(last, 0, base + self.lanes))]
                for j, entry in enumerate(entries):
                    m.d.sync += [register.eq(part) for register, part in
                                 zip((used[j], values[j], places[j]), entry, strict=True)]

        return m


def _insert(m: Module, entries: list[Entry], new: Entry, name: str) -> list[Entry]:
    """The list with one number more, behind its equals, and without its last entry."""
    real, value, _ = new
    before = Signal(len(entries), name=f"{name}_before")
    m.d.comb += before.eq(Cat(real & (~used | (value > kept)) for used, kept, _ in entries))
    result: list[Entry] = []
    for j, entry in enumerate(entries):
        moved = new if j == 0 else [Mux(before[j - 1], a, b)
                                    for a, b in zip(entries[j - 1], new, strict=True)]
        parts = [Signal(old.shape(), name=f"{name}_{what}_{j}")
                 for old, what in zip(entry, ("used", "value", "index"), strict=True)]
        # Signals, since an expression that many others contain is written out in each of them.
        m.d.comb += [part.eq(Mux(before[j], a, b))
                     for part, a, b in zip(parts, moved, entry, strict=True)]
        result.append((parts[0], parts[1], parts[2]))
    return result
