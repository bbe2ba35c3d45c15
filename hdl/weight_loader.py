"""Boot loader: fills the memories of a core from a compressed ROM before its first frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Array, C, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.huffman import HuffmanCode, Sizes, pack_block
from hdl.huffman_decoder import HuffmanDecoder

__all__ = ["BootImage", "BootedCore", "WeightLoader"]


@dataclass(frozen=True)
class BootImage:
    """What a loader's ROM holds: the words of all memories of a core, as bytes in a Huffman code.

    layout : of a write: the number of a memory first, then ``address`` and ``word``
    memories : (words, bytes of a word) of each memory, in the order of their numbers
    code, n, words : Huffman code of the ``n`` bytes, and the block of 32-bit words that has them,
        memory after memory, address after address, the lowest byte of a word first
    sizes : exact bits; ``words`` adds the block's length and checksum and fills up the last word
    """

    layout: data.StructLayout
    memories: tuple[tuple[int, int], ...]
    code: HuffmanCode
    n: int
    words: tuple[int, ...]
    sizes: Sizes

    @classmethod
    def of(cls, core: Any, layer: Any) -> "BootImage":
        """The image that makes a core with a stream ``write`` compute ``layer``.

        Raises what ``core.writes(layer)`` raises, and ValueError if that leaves a word out.
        """
        layout = data.StructLayout.cast(core.write.payload.shape())
        (_, selector), address, word = layout
        contents: dict[int, list[int]] = {}
        for payload in core.writes(layer):
            fields = data.Const(layout, payload)
            number, place = (payload >> field.offset & (1 << field.width) - 1
                             for field in (selector, address[1]))
            of_memory = contents.setdefault(number, [])
            if place != len(of_memory):
                raise ValueError(f"writes must name all addresses in order: {len(of_memory)} of "
                                 f"memory {number}, not {place}")
            of_memory.append(int(fields.as_bits() >> word[1].offset))
        if list(contents) != list(range(len(contents))):
            raise ValueError(f"writes must name all memories in order, not {list(contents)}")
        memories = tuple((len(words), -(-max(1, *(w.bit_length() for w in words)) // 8))
                         for words in contents.values())
        raw = b"".join(w.to_bytes(n_bytes, "little") for (_, n_bytes), words
                       in zip(memories, contents.values(), strict=True) for w in words)
        symbols = np.frombuffer(raw, np.uint8)
        code = HuffmanCode.of(np.bincount(symbols, minlength=256))
        return cls(layout, memories, code, len(symbols), tuple(pack_block(code.encode(symbols))),
                   code.sizes(symbols))


class WeightLoader(wiring.Component):
    """Writes all memories of a core once, after each reset, from a compressed ROM.

    About a byte a cycle: ``image.n`` cycles and a few, longer if ``write`` stalls.

    Parameter: image, a BootImage.

    Members
    -------
    write : Out(stream.Signature(image.layout))
    loaded : 1 once everything is written and was right (:class:`HuffmanDecoder` says what that is)
    error : 1 once something was wrong; then it is never loaded until a reset
    """

    def __init__(self, image: BootImage) -> None:
        if not isinstance(image, BootImage):
            raise TypeError(f"WeightLoader image must be a BootImage, not {image!r}")
        self._image = image
        super().__init__({"write": Out(stream.Signature(image.layout)), "loaded": Out(1),
                          "error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        image = self._image
        m.submodules.decoder = decoder = HuffmanDecoder(image.code, image.n)
        m.submodules.rom = rom = Memory(shape=32, depth=len(image.words), init=image.words)

        # Words of the ROM: one is read while the one before is taken.
        read = rom.read_port()
        end = len(image.words) - 1
        over, ends = Signal(), Signal()
        m.d.comb += [
            read.en.eq(~decoder.i.valid | decoder.i.ready), decoder.i.p.word.eq(read.data),
            decoder.i.p.last.eq(ends),
        ]
        address = Signal(range(len(image.words)))
        m.d.comb += read.addr.eq(address)
        with m.If(read.en):
            m.d.sync += [decoder.i.valid.eq(~over), ends.eq(address == end),
                         address.eq(Mux(address == end, end, address + 1)),
                         over.eq(over | (address == end))]

        # Bytes into words; a byte is taken only while no word waits.
        memory = Signal(range(max(len(image.memories), 2)))
        place = Signal(range(max(words for words, _ in image.memories)))
        byte = Signal(range(max(n_bytes for _, n_bytes in image.memories)))
        last_place = _choose(memory, [words - 1 for words, _ in image.memories])
        last_byte = _choose(memory, [n_bytes - 1 for _, n_bytes in image.memories])
        finished, checked = Signal(), Signal()
        free = ~self.write.valid | self.write.ready
        m.d.comb += decoder.o.ready.eq(free)
        selector, *_ = self._image.layout
        with m.If(free):
            m.d.sync += self.write.valid.eq(0)
            with m.If(decoder.o.valid):
                m.d.sync += [
                    self.write.p.word.eq(Mux(byte == 0, 0, self.write.p.word)
                                         | decoder.o.payload << (byte << 3)),
                    self.write.p[selector[0]].eq(memory), self.write.p.address.eq(place),
                    byte.eq(byte + 1),
                ]
                with m.If(byte == last_byte):
                    m.d.sync += [self.write.valid.eq(1), byte.eq(0), place.eq(place + 1)]
                    with m.If(place == last_place):
                        m.d.sync += [place.eq(0), memory.eq(memory + 1)]
                        with m.If(memory == len(image.memories) - 1):
                            m.d.sync += finished.eq(1)
        m.d.sync += [self.error.eq(self.error | decoder.error),
                     checked.eq(checked | decoder.done)]
        m.d.comb += self.loaded.eq(checked & finished & ~self.write.valid)
        return m


def _choose(number: Value, values: Sequence[int]) -> Value:
    """``values[number]``; full up to a power of two, or Verilator misses the other cases."""
    width = max(max(values).bit_length(), 1)
    table = [C(value, width) for value in values]
    return Array(table + [C(0, width)] * ((1 << len(number)) - len(table)))[number]


class BootedCore(wiring.Component):
    """A core whose memories a :class:`WeightLoader` fills; frames wait until that has gone right.

    Parameters: core, with streams ``i``, ``o`` and ``write``; image, a BootImage for it. Members:
    ``i`` and ``o`` as the core's; ``loaded`` and ``error`` as the loader's. After an error no
    frame is taken, so none is answered wrongly. ``latency`` and ``initiation_interval`` are the
    core's.
    """

    def __init__(self, core: Any, image: BootImage) -> None:
        self._core, self._loader = core, WeightLoader(image)
        self.latency, self.initiation_interval = core.latency, core.initiation_interval
        super().__init__({"i": In(core.i.signature.flip()), "o": Out(core.o.signature),
                          "loaded": Out(1), "error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core, m.submodules.loader = core, loader = self._core, self._loader
        wiring.connect(m, loader.write, core.write)
        wiring.connect(m, core.o, wiring.flipped(self.o))
        m.d.comb += [
            self.loaded.eq(loader.loaded), self.error.eq(loader.error),
            core.i.payload.eq(self.i.payload), core.i.valid.eq(self.i.valid & loader.loaded),
            self.i.ready.eq(core.i.ready & loader.loaded),
        ]
        return m
