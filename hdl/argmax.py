"""Arg-max: the index of the greatest of n numbers."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.number import Integer, Number
from hdl.timing import ArgMaxTiming

__all__ = ["ArgMax"]

# (is it an element of the frame, its value, its index within the beat)
_Candidate = tuple[Value, Value, Value]


class ArgMax(wiring.Component):
    """Index of the greatest of the ``n`` elements of a frame; of equal ones the lowest index.

    The lanes of a beat meet in a tree of comparisons, and its winner meets the best of the beats
    before. Exact.

    Parameters
    ----------
    n : elements of a frame, at least 1
    number : what they are (``golden.number``: bipolar, signed or unsigned integers)
    lanes : elements a beat, at least 1; what the last beat holds beyond n is ignored
    levels : logic levels between two registers, at least 1; a comparison and its choice take two,
        and are done in a cycle in any case

    Members
    -------
    i : In(stream.Signature(lanes * number.width)), lane 0 in the lowest bits
    o : Out(stream.Signature(index_width)), unsigned, one beat a frame

    ``initiation_interval`` is ceil(n / lanes) cycles. With c = max(1, levels // 2) comparisons a
    cycle, ``latency`` is ceil(n / lanes) + ceil(ceil(log2(lanes)) / c); where a frame is one beat,
    which meets none before, ceil(ceil(log2(lanes)) / c), at least 1.
    Raises ValueError for n, lanes or levels below 1, TypeError for wrong types.
    """

    def __init__(self, n: int, number: Number, lanes: int = 1, levels: int = 3) -> None:
        for name, value in {"n": n, "lanes": lanes, "levels": levels}.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"ArgMax {name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"ArgMax {name} must be at least 1, not {value}")
        if not isinstance(number, Number):
            raise TypeError(f"ArgMax number must be a Number, not {number!r}")
        self._n, self._number, self._lanes = n, number, lanes
        self._beats = -(-n // lanes)
        # Levels of the tree with registers behind them; of a single beat those behind the last one
        # are the output's.
        depth, together = (lanes - 1).bit_length(), max(1, levels // 2)
        behind = {*range(together - 1, depth, together), depth - 1}
        self._registered = {level for level in behind if 0 <= level < depth - (self._beats == 1)}
        super().__init__({"i": In(stream.Signature(lanes * number.width)),
                          "o": Out(stream.Signature(self.index_width))})

    @property
    def index_width(self) -> int:
        """Bits of the output."""
        return max(1, (self._n - 1).bit_length())

    @property
    def latency(self) -> int:
        """Cycles from taking a frame's first beat to offering its index."""
        return self._beats + len(self._registered)

    @property
    def initiation_interval(self) -> int:
        """Cycles a frame at full rate."""
        return self._beats

    def timing(self) -> ArgMaxTiming:
        """Model of the handshakes."""
        return ArgMaxTiming(self._beats, self.latency - self._beats + 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        step = Signal()  # all stages move together, or none
        m.d.comb += [step.eq(~self.o.valid | self.o.ready), self.i.ready.eq(step)]

        beat = Signal(range(self._beats))
        last = Signal()
        m.d.comb += last.eq(beat == self._beats - 1)
        with m.If(step & self.i.valid):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))

        valid, is_last = self.i.valid, last
        candidates = [self._candidate(k, last) for k in range(self._lanes)]
        for level in range((self._lanes - 1).bit_length()):
            values = [valid, is_last]
            for k in range(0, len(candidates), 2):
                values += self._winner(*candidates[k:k + 2])
            kept = [Signal.like(value, name=f"level_{level}_{k}") for k, value in enumerate(values)]
            load = [signal.eq(value) for signal, value in zip(kept, values, strict=True)]
            if level in self._registered:
                with m.If(step):
                    m.d.sync += load
            else:
                m.d.comb += load
            valid, is_last, *rest = kept
            candidates = [tuple(rest[k:k + 3]) for k in range(0, len(rest), 3)]

        (_, value, lane), = candidates
        best = Signal.like(value)
        base = Signal(range(self._n))
        first = Signal(init=1)
        with m.If(step):
            m.d.sync += self.o.valid.eq(valid & is_last)
            with m.If(valid):
                m.d.sync += [first.eq(is_last), base.eq(Mux(is_last, 0, base + self._lanes))]
                with m.If(first | (value > best)):
                    m.d.sync += [best.eq(value), self.o.payload.eq(base + lane)]
        return m

    def _candidate(self, lane: int, last: Value) -> _Candidate:
        """That of an input lane."""
        code = self.i.payload.word_select(lane, self._number.width)
        signed = isinstance(self._number, Integer) and self._number.signed
        value = code.as_signed() if signed else code
        real = ~last if (self._beats - 1) * self._lanes + lane >= self._n else Const(1)
        return real, value, Const(lane, range(self._lanes))

    def _winner(self, left: _Candidate, right: _Candidate | None = None) -> _Candidate:
        """Winner of a pair, or the one that is alone; of equals the left, of the lower index."""
        if right is None:
            return left
        # Lanes beyond the frame are the highest ones: a left that is none has such a right.
        right_wins = right[0] & (right[1] > left[1])
        return left[0], Mux(right_wins, right[1], left[1]), Mux(right_wins, right[2], left[2])
