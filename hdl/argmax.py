"""Arg-max: the index of the greatest of n numbers."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.number import Integer, Number
from hdl.timing import ArgMaxTiming

__all__ = ["ArgMax"]


class ArgMax(wiring.Component):
    """Index of the greatest of the ``n`` elements of a frame; of equal ones the lowest index.

    The lanes of a beat meet in a tree of comparisons, one level a cycle, and its winner meets
    the best of the beats before. Exact.

    Parameters
    ----------
    n : elements of a frame, at least 1
    number : what they are (``golden.number``: bipolar, signed or unsigned integers)
    lanes : elements a beat, at least 1; what the last beat holds beyond n is ignored

    Members
    -------
    i : In(stream.Signature(lanes * number.width)), lane 0 in the lowest bits
    o : Out(stream.Signature(index_width)), unsigned, one beat a frame

    ``latency`` is ceil(n / lanes) + ceil(log2(lanes)) cycles, ``initiation_interval``
    ceil(n / lanes). Raises ValueError for n or lanes below 1, TypeError for wrong types.
    """

    def __init__(self, n: int, number: Number, lanes: int = 1) -> None:
        for name, value in {"n": n, "lanes": lanes}.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"ArgMax {name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"ArgMax {name} must be at least 1, not {value}")
        if not isinstance(number, Number):
            raise TypeError(f"ArgMax number must be a Number, not {number!r}")
        self._n, self._number, self._lanes = n, number, lanes
        self._beats = -(-n // lanes)
        super().__init__({"i": In(stream.Signature(lanes * number.width)),
                          "o": Out(stream.Signature(self.index_width))})

    @property
    def index_width(self) -> int:
        """Bits of the output."""
        return max(1, (self._n - 1).bit_length())

    @property
    def latency(self) -> int:
        """Cycles from taking a frame's first beat to offering its index."""
        return self._beats + (self._lanes - 1).bit_length()

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
            candidates = [self._winner(m, step, candidates[k:k + 2], f"level_{level}_{k // 2}")
                          for k in range(0, len(candidates), 2)]
            valid_next, last_next = Signal(name=f"valid_{level}"), Signal(name=f"last_{level}")
            with m.If(step):
                m.d.sync += [valid_next.eq(valid), last_next.eq(is_last)]
            valid, is_last = valid_next, last_next

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

    def _candidate(self, lane: int, last: Value) -> tuple[Value, Value, Value]:
        """(is it an element of the frame, value, index within the beat) of an input lane."""
        code = self.i.payload.word_select(lane, self._number.width)
        signed = isinstance(self._number, Integer) and self._number.signed
        value = code.as_signed() if signed else code
        real = ~last if (self._beats - 1) * self._lanes + lane >= self._n else Const(1)
        return real, value, Const(lane, range(self._lanes))

    def _winner(self, m: Module, step: Value, pair: list[tuple[Value, Value, Value]],
                name: str) -> tuple[Value, Value, Value]:
        """Registered winner of a pair; the left one of equals, which has the lower index."""
        left, right = pair[0], pair[-1]
        real, value, lane = (Signal.like(part, name=f"{name}_{what}") for part, what
                             in zip(left, ("real", "value", "lane"), strict=True))
        # Lanes beyond the frame are the highest ones: a left that is none has such a right.
        right_wins = right[0] & (right[1] > left[1])
        with m.If(step):
            m.d.sync += [real.eq(left[0]), value.eq(Mux(right_wins, right[1], left[1])),
                         lane.eq(Mux(right_wins, right[2], left[2]))]
        return real, value, lane
