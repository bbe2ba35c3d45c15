"""The greatest or the sum of several pixels, channel by channel: pooling, behind its windows."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.check import check_choice
from golden.number import Bipolar, Codebook, Integer, Number
from hdl.elementwise import lane_value
from hdl.parameters import memory_style
from hdl.timing import ReduceTiming

__all__ = ["Reduce"]

_OPERATIONS = "max", "sum"


class Reduce(wiring.Component):
    """The greatest, or the sum, of each of ``channels`` over the ``taps`` pixels of a frame. Exact.

    A frame comes in ``taps * beats`` beats, ``beats = ceil(channels / lanes)``, and leaves in
    ``beats``, one beat a cycle, frame after frame without a bubble. What the taps so far gave lies
    in LUT RAM, a word for each of the ``beats``, and meets the next tap in the cycle in which that
    comes. Only the last tap waits for the output.

    Parameters
    ----------
    number : kind of the inputs: bipolar, ternary or integers
    channels : elements of a pixel, at least 1
    taps : pixels of a frame, at least 1
    lanes : elements a beat, at least 1; need not divide the channels
    operation : "max" or "sum"
    output : kind of the outputs: of "max" that of the inputs, of "sum" an Integer of all sums

    Members
    -------
    i : In(stream.Signature(lanes * number.width)), channel c of a tap in lane c % lanes of the
        tap's beat c // lanes, lane 0 lowest; lanes beyond the last channel are ignored
    o : Out(stream.Signature(lanes * output.width)), likewise; lanes beyond the last channel are 0

    ``latency`` is (taps - 1) * beats + 1 cycles, ``initiation_interval`` taps * beats.
    Raises TypeError or ValueError on any other value.
    """

    def __init__(self, number: Number, channels: int, taps: int, *, lanes: int,
                 operation: str = "max", output: Number):
        for name, value in {"channels": channels, "taps": taps, "lanes": lanes}.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Reduce {name} must be an integer, not {value!r}")
            if value < 1:
                raise ValueError(f"Reduce {name} must be at least 1, not {value}")
        for name, kind in {"number": number, "output": output}.items():
            if not isinstance(kind, Number) or isinstance(kind, Codebook):
                raise TypeError(f"Reduce {name} must be a bipolar, ternary or integer Number, not "
                                f"{kind!r}")
        check_choice("Reduce", "operation", operation, _OPERATIONS)
        if operation == "max" and output != number:
            raise ValueError(f'Reduce output must be {number} as the inputs to give the "max", not '
                             f"{output}")
        low, high = (taps * end for end in (number.minimum, number.maximum))
        if operation == "sum" and not (isinstance(output, Integer) and output.minimum <= low
                                       and high <= output.maximum):
            raise ValueError(f"Reduce output must be an integer that holds all sums, {low} to "
                             f"{high}, not {output}")
        self._channels, self._taps, self._lanes = channels, taps, lanes
        self._sums, self._number, self._output = operation == "sum", number, output
        if operation == "max" and isinstance(number, Bipolar):
            # The codes of -1 and +1 are in their order, too.
            self._number = self._output = Integer(1, False)
        super().__init__({"i": In(stream.Signature(lanes * number.width)),
                          "o": Out(stream.Signature(lanes * output.width))})

    @property
    def beats(self) -> int:
        """Beats of a pixel."""
        return -(-self._channels // self._lanes)

    @property
    def latency(self) -> int:
        """Cycles from a frame's first input beat to its first output beat."""
        return (self._taps - 1) * self.beats + 1

    @property
    def initiation_interval(self) -> int:
        """Cycles between frames."""
        return self._taps * self.beats

    def timing(self) -> ReduceTiming:
        """Model of the handshakes."""
        return ReduceTiming((self._taps - 1) * self.beats, self._taps * self.beats)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        beat, tap = Signal(range(self.beats)), Signal(range(self._taps))
        last_beat, last_tap = beat == self.beats - 1, tap == self._taps - 1
        free, take = Signal(), Signal()
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(free | ~last_tap),
            take.eq(self.i.valid & self.i.ready),
        ]
        with m.If(take):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))
            with m.If(last_beat):
                m.d.sync += tap.eq(Mux(last_tap, 0, tap + 1))

        results, before = Signal.like(self.o.payload), Signal.like(self.o.payload)
        self._keep(m, take, beat, results, before)
        for lane in range(self._lanes):
            x = lane_value(self.i.payload, lane, self._number)
            so_far = lane_value(before, lane, self._output)
            result = (Mux(tap == 0, 0, so_far) + x if self._sums else
                      Mux((tap == 0) | (x > so_far), x, so_far))
            m.d.comb += results.word_select(lane, self._output.width).eq(result)

        n_last = self._channels - (self.beats - 1) * self._lanes
        with m.If(free):
            m.d.sync += [self.o.valid.eq(take & last_tap), self.o.payload.eq(results)]
            with m.If(last_beat):
                m.d.sync += self.o.payload[n_last * self._output.width:].eq(0)

        return m

    def _keep(self, m: Module, take: Value, beat: Value, results: Value, before: Value) -> None:
        """Keep ``results`` of each beat until the next tap's same beat finds them in ``before``."""
        if self._taps == 1:
            return
        if self.beats == 1:
            with m.If(take):
                m.d.sync += before.eq(results)
            return
        m.submodules.partial = partial = Memory(
            shape=len(results), depth=self.beats, init=[], attrs=memory_style("ram", "lut"))
        put, get = partial.write_port(), partial.read_port(domain="comb")
        m.d.comb += [put.addr.eq(beat), get.addr.eq(beat), put.en.eq(take), put.data.eq(results),
                     before.eq(get.data)]
