"""One small bus through which everything writable in an accelerator is written."""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.address_map import BEGIN, COMMIT, DATA_WIDTH, Region, address_map

__all__ = ["WriteBus"]

_IN_FLIGHT = 24  # bits of the number of frames inside


class WriteBus(wiring.Component):
    """Takes (address, data) pairs and writes the memories of cores, between frames only.

    Pairs are bracketed by a transaction: a write to the address BEGIN (0) opens it, one to COMMIT
    (1) closes it, whatever their data. From the cycle after BEGIN was taken no frame may begin
    (``hold``); a frame of which a beat was taken until then is completed. Words are written when
    no frame is inside any more, and wait until then. So of an accelerator of any layers, every
    frame whose first beat was taken no later than BEGIN meets in all layers the contents of before,
    every later one in all layers those of after COMMIT. A reset closes a transaction; what it had
    written stays written.

    The memories' addresses are those of :func:`hdl.address_map.address_map`; a word of more than
    32 bits is written in pieces, the last of which makes it. Refused, that is taken and ignored,
    are data outside a transaction and addresses outside the map; they set ``error``, which BEGIN
    clears. One pair a cycle, as soon as the accelerator is empty.

    Parameters
    ----------
    cores : name -> a core with a stream ``write`` of ``memory``, ``address`` and ``word``, and
        ``memories``, a mapping of name -> (words, bits of a word)
    beats_in, beats_out : beats of a frame where it enters and where it leaves

    Members
    -------
    write : In(stream.Signature(StructLayout({"address": address_width, "data": 32})))
    error : Out(1), a pair was refused since the last BEGIN
    entered, left : In(1), a beat of a frame enters, leaves, in this cycle
    hold : Out(1), the next beat must not enter
    write_<name> : Out(stream.Signature), the core's ``write``
    """

    def __init__(self, cores: Mapping[str, wiring.Component], beats_in: int, beats_out: int):
        self.regions = address_map({name: core.memories for name, core in cores.items()})
        self._cores = list(cores)
        self._beats_in, self._beats_out = beats_in, beats_out
        top = max(region.base + region.size for region in self.regions)
        self.address_width = (top - 1).bit_length()
        super().__init__({
            "write": In(stream.Signature(data.StructLayout(
                {"address": self.address_width, "data": DATA_WIDTH}))),
            "error": Out(1), "entered": In(1), "left": In(1), "hold": Out(1),
            **{f"write_{name}": Out(core.write.signature.flip())
               for name, core in cores.items()}})

    def pairs(self, name: str, payloads: Iterable[int]) -> list[tuple[int, int]]:
        """(address, data) pairs that do the same as payloads of the core's own ``write``."""
        layout = data.StructLayout.cast(getattr(self, f"write_{name}").payload.shape())
        own = {region.number: region for region in self.regions if region.core == name}
        found = []
        for payload in payloads:
            memory, address, word = (
                payload >> layout[part].offset & (1 << layout[part].width) - 1
                for part in ("memory", "address", "word"))
            found += own[memory].writes(address, word)
        return found

    def payload(self, address: int, data: int) -> int:
        """A pair as a beat of ``write``."""
        return address | data << self.address_width

    def elaborate(self, platform: object) -> Module:
        m = Module()

        # Frames inside: from a frame's first beat in to its last beat out.
        beat_in = Signal(range(max(self._beats_in, 2)))
        beat_out = Signal(range(max(self._beats_out, 2)))
        inside, is_open = Signal(_IN_FLIGHT), Signal()
        begins, ends = Signal(), Signal()
        m.d.comb += [begins.eq(self.entered & (beat_in == 0)),
                     ends.eq(self.left & (beat_out == self._beats_out - 1)),
                     self.hold.eq(is_open & (beat_in == 0))]
        m.d.sync += inside.eq(inside + begins - ends)
        with m.If(self.entered):
            m.d.sync += beat_in.eq(Mux(beat_in == self._beats_in - 1, 0, beat_in + 1))
        with m.If(self.left):
            m.d.sync += beat_out.eq(Mux(ends, 0, beat_out + 1))

        # Which word a pair belongs to, and whether it completes it.
        address, taken = self.write.p.address, Signal()
        held = [Signal(DATA_WIDTH, name=f"piece_{k}")
                for k in range(max(region.pieces for region in self.regions) - 1)]
        hits, makes = [], []
        for k, region in enumerate(self.regions):
            hit, make = Signal(name=f"hit_{k}"), Signal(name=f"make_{k}")
            piece = address[:region.piece_bits]
            m.d.comb += [hit.eq(self._hit(region)), make.eq(hit & (piece == region.pieces - 1))]
            hits.append(hit)
            makes.append(make)
            for p in range(region.pieces - 1):
                with m.If(taken & hit & (piece == p)):
                    m.d.sync += held[p].eq(self.write.p.data)

        may_write = Signal()  # in this cycle the word is handed to its core, if that is ready
        m.d.comb += may_write.eq(is_open & (inside == 0))
        waits = []
        for name in self._cores:
            port = getattr(self, f"write_{name}")
            own = [(region, make) for region, make in zip(self.regions, makes, strict=True)
                   if region.core == name]
            makes_one = reduce(or_, (make for _, make in own))
            m.d.comb += port.valid.eq(self.write.valid & may_write & makes_one)
            waits.append(makes_one & ~(may_write & port.ready))
            for region, make in own:
                word = Cat(*held[:region.pieces - 1], self.write.p.data)[:region.width]
                with m.If(make):
                    m.d.comb += [port.p.memory.eq(region.number), port.p.word.eq(word),
                                 port.p.address.eq(self._word(region))]

        begin, commit = address == BEGIN, address == COMMIT
        m.d.comb += [self.write.ready.eq(~is_open | ~reduce(or_, waits)),
                     taken.eq(self.write.valid & self.write.ready)]
        with m.If(taken):
            with m.If(begin):
                m.d.sync += [is_open.eq(1), self.error.eq(0)]
            with m.Elif(commit):
                m.d.sync += is_open.eq(0)
            with m.Elif(~is_open | ~reduce(or_, hits)):
                m.d.sync += self.error.eq(1)
        return m

    def _word(self, region: Region) -> Value:
        """Which of the region's words an address means."""
        return self.write.p.address[region.piece_bits:(region.size - 1).bit_length()]

    def _hit(self, region: Region) -> Value:
        address, size_bits = self.write.p.address, (region.size - 1).bit_length()
        return ((address[size_bits:] == region.base >> size_bits)
                & (self._word(region) < region.words)
                & (address[:region.piece_bits] < region.pieces))
