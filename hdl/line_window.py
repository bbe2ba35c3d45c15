"""Windows over lines: all taps of the outermost dimension at once, out of a memory a line."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.parameters import memory_for, memory_style
from hdl.timing import WindowTiming
from hdl.window_logic import choose, follow, table
from hdl.window_order import Sources, WindowOrder, extended

__all__ = ["LineWindow"]


def _register(m: Module, enable: Value, value: Value, name: str) -> Value:
    if isinstance(value, Const):
        return value
    register = Signal(value.shape(), name=name)
    with m.If(enable):
        m.d.sync += register.eq(value)
    return register


class LineWindow(wiring.Component):
    """For each window over lines and each word of a line: that word of all lines of the window.

    A line is a slice of the outermost dimension, a word one pixel of it. Words enter row-major and
    leave as columns, row-major over (output, word of the line), one a cycle each. Line l is kept
    in bank ``l % banks``; each bank is read once a cycle, and what is read is rotated into the
    order of the taps. Words give up their places as in :class:`hdl.sliding_window.SlidingWindow`.

    Parameters
    ----------
    sources : words of a tensor; in the inner dimensions each output is the word at its place
    width : bits of a word
    pixels : equal parts of a word, of which a tap takes that which ``sources.lanes`` says
    lines : banks, and then a line is used once it is whole and filled again once it is not needed;
        None for the least banks of the rate, used word by word
    memory : as of SlidingWindow, for a bank. Lines of one word lie in registers

    Members
    -------
    i : In(stream.Signature(width))
    o : Out(stream.Signature(StructLayout)) of ``columns``, tap 0 in the lowest ``width // pixels``
        bits, and ``zeros``, a bit for each tap that is a zero; what ``columns`` holds there is no
        matter

    ``line`` is the number of words of a line, ``banks`` that of lines which are kept; more may be
    kept if the columns are taken in bursts. ``taps`` of ``lane`` bits are a column.

    Latency 2 cycles from the last word that the first column needs; a frame takes as many cycles
    as the greater number of words in and columns out. Parameters are not checked.
    """

    def __init__(self, sources: Sources, width: int, pixels: int, *, lines: int | None,
                 memory: str):
        self.sources, self._width, self.lane = sources, width, width // pixels
        self._lines, self._memory = lines, memory
        self._order = WindowOrder(sources, lines=lines is not None, parallel=True)
        self.line = self._order.pitches[0]
        self.banks = -(-self._order.least_pixels(1) // self.line) if lines is None else lines
        self.taps = sources.lanes.shape[1]
        super().__init__({"i": In(stream.Signature(width)),
                          "o": Out(stream.Signature(data.StructLayout({
                              "columns": self.taps * self.lane, "zeros": self.taps})))})

    @property
    def _unit(self) -> int:
        """Words that become available together."""
        return 1 if self._lines is None else self.line

    def timing(self) -> WindowTiming:
        """Model of the handshakes."""
        order = self._order
        return WindowTiming(order.needs.ravel().tolist(), order.kept.tolist(),
                            self.sources.positions_in, self.banks * self.line, 1, self._unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()

        line, banks, order = self.line, self.banks, self._order
        lines, sources = self.sources.size[0], self.sources.sources[0]
        outputs = len(sources)

        # A step reads one column: word ``word`` of the lines that window ``output`` needs.
        step, next_output = Signal(), Signal()
        output, word = Signal(range(outputs)), Signal(range(line))
        last_word = word == line - 1
        m.d.comb += next_output.eq(step & last_word)
        with m.If(step):
            m.d.sync += word.eq(Mux(last_word, 0, word + 1))
        with m.If(next_output):
            m.d.sync += output.eq(Mux(output == outputs - 1, 0, output + 1))

        # Counted from the start of the frame that leaves: words received, and the first kept one.
        frame, slots = lines * line, banks * line
        received, kept = Signal(range(-frame, frame + slots + 1)), Signal(range(frame + 1))
        low = follow(m, "low", next_output, output, (order.lows[0] * line).tolist())
        leaves = table(m, "leaves", output, order.leaves[0].tolist())
        filled, bank = Signal(range(line)), Signal(range(banks))  # where the next word goes
        put, whole = Signal(), Signal()
        m.d.comb += [
            kept.eq(low + (Mux(leaves, word, 0) if self._lines is None else 0)),
            self.i.ready.eq(received - kept < slots),
            put.eq(self.i.valid & self.i.ready),
            whole.eq(put & (filled == line - 1)),
        ]
        with m.If(put):
            m.d.sync += filled.eq(Mux(whole, 0, filled + 1))
        with m.If(whole):
            m.d.sync += bank.eq(Mux(bank == banks - 1, 0, bank + 1))
        entered = put if self._unit == 1 else whole
        frame_ends = next_output & (output == outputs - 1)
        m.d.sync += received.eq(received + Mux(entered, self._unit, 0)
                                - Mux(frame_ends, frame, 0))

        # The last line of the window is needed; if all taps are zeros, the first of the frame.
        needs = (sources.max(1).clip(min=0) * line).tolist()
        needed = follow(m, "needed", next_output, output, needs)
        advance = Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            step.eq(advance & (received > needed + word)),
        ]
        with m.If(advance):
            m.d.sync += self.o.valid.eq(step)

        # What was read is rotated: in front of the output register if lines lie in registers.
        kept_words = [self._bank(m, k, put & (bank == k), filled, word, step)
                      for k in range(banks)]
        for tap, places in enumerate(extended(sources).T.tolist()):
            chosen = follow(m, f"bank_of_tap_{tap}", next_output, output, places, lines, banks)
            zero = table(m, f"zero_{tap}", output, (sources[:, tap] < 0).tolist())
            lane = table(m, f"lane_{tap}", output, self.sources.lanes[:, tap].tolist())
            column = self.o.p.columns.word_select(tap, self.lane)
            if line > 1:
                chosen, lane = (_register(m, step, value, f"{name}_{tap}")
                                for name, value in (("shown", chosen), ("lane_shown", lane)))
            kept_word = choose(m, f"tap_{tap}", chosen, kept_words)
            kept_lane = choose(m, f"tap_lane_{tap}", lane, [
                kept_word[k:k + self.lane] for k in range(0, self._width, self.lane)])
            with m.If(step):
                m.d.sync += self.o.p.zeros[tap].eq(zero)
            if line > 1:
                m.d.comb += column.eq(kept_lane)
            else:
                with m.If(step):
                    m.d.sync += column.eq(kept_lane)

        return m

    def _bank(self, m: Module, number: int, put: Value, place: Value, word: Value, step: Value
              ) -> Value:
        """The word of a bank: of memory as read at the last step, of a register as it is."""
        if self.line == 1:
            register = Signal(self._width, name=f"bank_{number}")
            with m.If(put):
                m.d.sync += register.eq(self.i.p)
            return register
        memory = memory_style("ram", memory_for(self._memory, self.line))
        m.submodules[f"bank_{number}"] = bank = Memory(shape=self._width, depth=self.line, init=[],
                                                       attrs=memory)
        write, read = bank.write_port(), bank.read_port()
        m.d.comb += [write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(put),
                     read.addr.eq(word), read.en.eq(step)]
        return read.data
