"""Canonical Huffman decoder: a symbol a cycle out of a stream of words, with checks."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import crc, data, enum, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.huffman import WORD_BITS, HuffmanCode

__all__ = ["BLOCK_WORD", "HuffmanDecoder"]

BLOCK_WORD = data.StructLayout({"word": WORD_BITS, "last": 1})


class _Place(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What the next word of a block is."""
    LENGTH, BITS, CHECKSUM, REST = range(4)


class HuffmanDecoder(wiring.Component):
    """Decode blocks of ``n`` symbols, each as :func:`golden.huffman.pack_block` packs it.

    One symbol a cycle, ``n + 3`` cycles a block (``initiation_interval``), if words come as fast
    as they are taken, and the first symbol ``latency`` = 4 cycles after a block's first word.

    A block is right if its bits are ``n`` codes and nothing else, as many as its first word says,
    the word marked ``last`` is its last one, and that is the CRC-32 of the others. ``done`` is 1
    for the cycle after a right block has ended. At the first thing that is wrong ``error`` becomes
    1, for as long as no block has begun since, and the words up to the one marked ``last`` are
    dropped: nothing waits, and the next block is decoded as if nothing had been. Symbols of a
    block come before its end is seen: who must not use wrong ones waits for ``done``. A block
    whose mark has been lost takes the next block with it.

    Parameters
    ----------
    code : golden.huffman.HuffmanCode
    n : symbols of a block, at least 1

    Members
    -------
    i : In(stream.Signature(BLOCK_WORD)), ``word`` of 32 bits, the first bit lowest, and ``last``
    o : Out(stream.Signature(8)), a symbol
    done, error : Out(1)

    Raises TypeError or ValueError for other values.
    """

    def __init__(self, code: HuffmanCode, n: int) -> None:
        if not isinstance(code, HuffmanCode):
            raise TypeError(f"HuffmanDecoder code must be a HuffmanCode, not {code!r}")
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"HuffmanDecoder n must be an integer, not {n!r}")
        if n < 1:
            raise ValueError(f"HuffmanDecoder n must be at least 1, not {n}")
        self._code, self._n = code, n
        super().__init__({"i": In(stream.Signature(BLOCK_WORD)), "o": Out(stream.Signature(8)),
                          "done": Out(1), "error": Out(1)})

    @property
    def latency(self) -> int:
        """Cycles from taking a block's first word to offering its first symbol."""
        return 4

    @property
    def initiation_interval(self) -> int:
        """Cycles between blocks at full rate."""
        return self._n + 3

    def elaborate(self, platform: object) -> Module:
        m = Module()

        # A refill while fewer than 2 * longest bits wait keeps a code in the buffer ever after,
        # for a word is no shorter than a code.
        longest = self._code.longest
        capacity = WORD_BITS + 2 * longest - 1
        bits, level = Signal(capacity), Signal(range(capacity + 1))
        unread, left = Signal(WORD_BITS), Signal(range(self._n + 1), init=self._n)
        place = Signal(_Place)
        step, take, broken = Signal(), Signal(), Signal()
        m.d.comb += take.eq(self.i.valid & self.i.ready)

        # Decode: the bits in the buffer beyond its level are 0.
        length, index = self._look_up(m, bits[:longest])
        known = length != 0
        whole = known & (length <= level)
        decode = Signal()
        used = Mux(decode, length, 0)
        m.d.comb += decode.eq(step & whole & (left != 0) & (place != _Place.REST)
                              & (place != _Place.LENGTH))
        stage = Signal()
        place_of_symbol = Signal.like(index)
        m.submodules.symbols = table = Memory(
            shape=8, depth=max(len(self._code.symbols), 2), init=self._code.symbols)
        read = table.read_port()
        m.d.comb += [step.eq(~self.o.valid | self.o.ready), read.en.eq(step & stage),
                     read.addr.eq(place_of_symbol), self.o.payload.eq(read.data)]
        with m.If(step):
            m.d.sync += [stage.eq(decode), place_of_symbol.eq(index), self.o.valid.eq(stage)]

        # Refill behind what stays.
        fresh = Mux(unread < WORD_BITS, unread[:6], WORD_BITS)
        word = Signal(WORD_BITS)
        m.d.comb += word.eq(self.i.p.word & ((C(1, WORD_BITS + 1) << fresh) - 1)[:WORD_BITS])
        filled = take & (place == _Place.BITS)
        m.d.sync += [
            left.eq(left - decode),
            level.eq(level - used + Mux(filled, fresh, 0)),
            bits.eq((bits >> used) | Mux(filled, word << (level - used)[:len(level)], 0)),
        ]

        checksum = crc.catalog.CRC32_ISO_HDLC(data_width=WORD_BITS).create()
        m.submodules.checksum = checksum
        m.d.comb += [checksum.data.eq(self.i.p.word), checksum.valid.eq(take),
                     checksum.start.eq(place == _Place.LENGTH)]

        empty = (left == 0) & (level == 0)
        # No code starts like this, or no bits come any more that could complete it.
        stuck = (left != 0) & Mux(known, (length > level) & (place == _Place.CHECKSUM),
                                  (level >= longest) | (place == _Place.CHECKSUM))
        # More bits than codes.
        over = (left == 0) & ((level != 0) | (place == _Place.BITS))
        m.d.sync += self.done.eq(0)
        with m.If(place == _Place.LENGTH):
            m.d.comb += [self.i.ready.eq(1), broken.eq(take & self.i.p.last)]
            with m.If(take):
                m.d.sync += [self.error.eq(0), unread.eq(self.i.p.word), left.eq(self._n),
                             place.eq(Mux(self.i.p.word == 0, _Place.CHECKSUM, _Place.BITS))]
        with m.Elif(place == _Place.BITS):
            m.d.comb += [self.i.ready.eq(level <= capacity - WORD_BITS),
                         broken.eq(stuck | over | take & self.i.p.last)]
            with m.If(take):
                m.d.sync += unread.eq(unread - fresh)
                with m.If(unread <= WORD_BITS):
                    m.d.sync += place.eq(_Place.CHECKSUM)
        with m.Elif(place == _Place.CHECKSUM):
            right = (self.i.p.word == checksum.crc) & self.i.p.last
            m.d.comb += [self.i.ready.eq(empty),
                         broken.eq(stuck | over | self.i.valid & empty & ~right)]
            with m.If(take):
                m.d.sync += [place.eq(_Place.LENGTH), self.done.eq(~broken)]
        with m.Else():
            m.d.comb += self.i.ready.eq(1)
            with m.If(take & self.i.p.last):
                m.d.sync += place.eq(_Place.LENGTH)
        with m.If(broken):
            m.d.sync += [self.error.eq(1), level.eq(0), bits.eq(0),
                         place.eq(Mux(take & self.i.p.last, _Place.LENGTH, _Place.REST))]
        return m

    def _look_up(self, m: Module, window: Value) -> tuple[Value, Value]:
        """Length of the code that ``window`` (first bit lowest) starts with, or 0, and its place.

        Codes of up to a length, filled up with 0, lie below a limit that grows with the length.
        """
        longest, lengths = len(window), self._code.lengths
        number = Signal(longest)
        m.d.comb += number.eq(Cat(*reversed(list(window))))
        length = Signal(range(longest + 1))
        index = Signal(range(max(len(self._code.symbols), 2)))
        limit = before = 0
        steps = []
        for bits in range(1, longest + 1):
            count = lengths.count(bits)
            first, limit = limit, limit + (count << longest - bits)
            if count:
                steps.append((bits, limit, before - (first >> longest - bits)))
            before += count
        for bits, end, offset in reversed(steps):  # the last assignment counts: the shortest
            with m.If((number < end) if end < 1 << longest else C(1)):
                m.d.comb += [length.eq(bits),
                             index.eq((number >> longest - bits) + C(offset % (1 << len(index)),
                                                                     len(index)))]
        return length, index
