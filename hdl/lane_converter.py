"""A stream in other lanes: frames of n elements, repacked without bubbles."""

from functools import cached_property, reduce
from math import gcd
from operator import or_

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.timing import ConverterTiming, WireTiming

__all__ = ["LaneConverter"]


class LaneConverter(wiring.Component):
    """Repack frames of ``n`` elements from ``lanes_in`` to ``lanes_out`` elements a beat.

    Element e of a frame is in lane ``e % lanes`` of beat ``e // lanes`` on either side. What the
    last input beat holds beyond element n is ignored, what the last output beat holds there is
    zero. Frames follow each other without a bubble.

    Between the two lies a buffer counted in units of gcd(lanes_in, lanes_out) elements. The last
    beat of a frame adds as many units as complete the frame's last output beat, so every frame
    starts on a beat. Equal lanes need no buffer, only the zeros.

    Parameters
    ----------
    n : elements of a frame, at least 1
    width : bits of an element, at least 1
    lanes_in, lanes_out : elements a beat, at least 1

    Members
    -------
    i : In(stream.Signature(lanes_in * width)), lane 0 in the lowest bits
    o : Out(stream.Signature(lanes_out * width)), likewise

    ``latency`` is 0 cycles for equal lanes, else the number of input beats that fill the first
    output beat; ``initiation_interval`` is the greater number of beats of the two sides.
    Raises ValueError for a parameter below 1, TypeError if one is no integer.
    """

    def __init__(self, n: int, width: int, lanes_in: int, lanes_out: int) -> None:
        parameters = {"n": n, "width": width, "lanes_in": lanes_in, "lanes_out": lanes_out}
        for name, value in parameters.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"LaneConverter {name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"LaneConverter {name} must be at least 1, not {value}")
        self._n, self._width, self._lanes_in, self._lanes_out = n, width, lanes_in, lanes_out
        self._beats_in, self._beats_out = -(-n // lanes_in), -(-n // lanes_out)
        self._unit = gcd(lanes_in, lanes_out)
        self._take = lanes_in // self._unit
        self._give = lanes_out // self._unit
        # Units that the last beat of a frame adds, zeros included.
        self._last = self._beats_out * self._give - (self._beats_in - 1) * self._take
        super().__init__({"i": In(stream.Signature(lanes_in * width)),
                          "o": Out(stream.Signature(lanes_out * width))})

    @property
    def latency(self) -> int:
        """Cycles from taking a frame's first beat to offering its first beat."""
        if self._lanes_in == self._lanes_out:
            return 0
        return min(-(-self._lanes_out // self._lanes_in), self._beats_in)

    @property
    def initiation_interval(self) -> int:
        """Cycles a frame at full rate."""
        return max(self._beats_in, self._beats_out)

    def _keeps_pace(self, capacity: int) -> bool:
        """Does a buffer of so many units reach the promised rate when nothing stalls?"""
        frames = max(4, min(24, 20_000 // self.initiation_interval))
        level = beat = given = 0
        for cycle in range(self.latency + frames * self.initiation_interval):
            add = self._last if beat == self._beats_in - 1 else self._take
            ready, valid = level + add <= capacity, level >= self._give
            if valid:
                if given % self._beats_out == 0 and cycle != (
                        self.latency + given // self._beats_out * self.initiation_interval):
                    return False
                given, level = given + 1, level - self._give
            if ready:
                level, beat = level + add, (beat + 1) % self._beats_in
        return given >= (frames - 1) * self._beats_out

    @cached_property
    def _capacity(self) -> int:
        """Least number of units with which nothing can get stuck and the rate is reached."""
        most = max(self._last, self._take if self._beats_in > 1 else 0)
        capacity = most + self._give - 1
        while not self._keeps_pace(capacity):
            capacity += 1
        return capacity

    def timing(self) -> ConverterTiming | WireTiming:
        """Model of the handshakes."""
        if self._lanes_in == self._lanes_out:
            return WireTiming()
        return ConverterTiming(self._beats_in, self._take, self._last, self._give,
                               self._capacity)

    def _positions(self, capacity: int) -> list[int]:
        """Units at which an input beat may have to be placed, under any stalls."""
        adds = {self._last, *([self._take] if self._beats_in > 1 else [])}
        levels, found, positions = [0], {0}, set()
        while levels:
            level = levels.pop()
            for rest in {level, level - self._give} if level >= self._give else {level}:
                taken = [add for add in adds if level + add <= capacity]
                if taken:
                    positions.add(rest)
                for following in {rest, *(rest + add for add in taken)} - found:
                    found.add(following)
                    levels.append(following)
        return sorted(positions)

    def _input_lanes(self, last: Value) -> list[Value]:
        """Elements of the input beat, those beyond the frame zeroed."""
        elements = [self.i.payload.word_select(k, self._width) for k in range(self._lanes_in)]
        used = self._n - (self._beats_in - 1) * self._lanes_in
        return [*elements[:used], *(Mux(last, 0, element) for element in elements[used:])]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last = Signal()
        beat = Signal(range(self._beats_in))
        m.d.comb += last.eq(beat == self._beats_in - 1)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))
        lanes = self._input_lanes(last)
        if self._lanes_in == self._lanes_out:
            m.d.comb += [self.o.payload.eq(Cat(lanes)), self.o.valid.eq(self.i.valid),
                         self.i.ready.eq(self.o.ready)]
        else:
            self._elaborate_buffer(m, last, lanes)
        return m

    def _elaborate_buffer(self, m: Module, last: Value, lanes: list[Value]) -> None:
        bits, capacity = self._unit * self._width, self._capacity
        units = Array(Signal(bits, name=f"unit_{k}") for k in range(capacity))
        level, rest, add = (Signal(range(capacity + 1), name=name)
                            for name in ("level", "rest", "add"))
        take, give = Signal(), Signal()
        m.d.comb += [
            add.eq(Mux(last, self._last, self._take)),
            self.i.ready.eq(level + add <= capacity),
            self.o.valid.eq(level >= self._give),
            self.o.payload.eq(Cat(units[:self._give])),
            take.eq(self.i.valid & self.i.ready),
            give.eq(self.o.valid & self.o.ready),
            rest.eq(level - Mux(give, self._give, 0)),
        ]
        m.d.sync += level.eq(rest + Mux(take, add, 0))

        beat = [Cat(lanes[k:k + self._unit]) for k in range(0, self._lanes_in, self._unit)]
        beat += [Value.cast(0)] * (self._last - self._take)
        positions = self._positions(capacity)
        here = {position: Signal(name=f"here_{position}") for position in positions}
        for position, signal in here.items():
            m.d.comb += signal.eq(take & (rest == position))
        for k, unit in enumerate(units):
            # A beat may reach beyond its share of the frame: the next one then overwrites that.
            covering = [p for p in positions if p <= k < p + len(beat)]
            kept = Mux(give, units[k + self._give], unit) if k + self._give < capacity else unit
            placed = reduce(or_, (Mux(here[p], beat[k - p], 0) for p in covering), 0)
            anywhere = reduce(or_, (here[p] for p in covering), 0)
            m.d.sync += unit.eq(Mux(anywhere, placed, kept))
