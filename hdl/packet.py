"""Packets out of the words of a line, and answers into its bytes."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import crc, data, enum, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.packet import EVENT, LINE_FAULTS, MAX_PAYLOAD, START, Event, Fault

__all__ = ["HEADER", "PacketReader", "PacketWriter"]

_LENGTH = MAX_PAYLOAD.bit_length()
HEADER = data.StructLayout({"command": 8, "length": _LENGTH})
_PACKET = data.StructLayout({"fault": 4, "command": 8, "length": _LENGTH})


class _Place(enum.Enum, shape=4):  # type: ignore[call-arg]
    """What the next byte is; REST is dropped up to the next gap."""
    START, COMMAND, LENGTH_LOW, LENGTH_HIGH, PAYLOAD, CHECKSUM, CHECK, REST = range(8)


class PacketReader(wiring.Component):
    """Give each packet (:mod:`golden.packet`) of a line once its checksum was found right.

    One rule leads back from anything: a gap. Behind a gap, and behind a good packet, the next byte
    begins a packet; at the first fault one entry with that fault is given, and all that follows up
    to the next gap is dropped. So after a gap the next good packet is given whatever was before,
    and nothing waits: a packet is complete, or the gap that follows its last byte ends it.

    Members
    -------
    i : In(stream.Signature(9)), as of :class:`hdl.uart.UARTReceiver`
    o : Out(stream.Signature(fault, command, length)); fault is 0 or one of the first six of
        :class:`golden.packet.Fault`; while a packet is offered, nothing is taken of ``i``
    address : In, place in the payload of the offered packet; data : Out(8), its byte, a cycle later
    faults : Out(6 x 16), how often each fault has come, the first lowest; modulo 2**16
    """

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(9)), "o": Out(stream.Signature(_PACKET)),
                          "address": In(range(MAX_PAYLOAD)), "data": Out(8),
                          "faults": Out(data.ArrayLayout(16, len(LINE_FAULTS)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.payload = payload = Memory(shape=8, depth=MAX_PAYLOAD, init=[])
        write, read = payload.write_port(), payload.read_port()
        m.submodules.checksum = checksum = crc.catalog.CRC32_ISO_HDLC(data_width=8).create()
        place, packet = Signal(_Place), self.o.p
        at = Signal(range(MAX_PAYLOAD))
        word, byte, take = self.i.payload, Signal(8), Signal()
        m.d.comb += [
            read.addr.eq(self.address), self.data.eq(read.data),
            byte.eq(word[:8]), take.eq(self.i.valid & self.i.ready & ~word[8]),
            write.addr.eq(at), write.data.eq(byte), write.en.eq(take & (place == _Place.PAYLOAD)),
            checksum.data.eq(byte), checksum.start.eq(place == _Place.START),
            checksum.valid.eq(take & (place != _Place.START)),
            self.i.ready.eq(~self.o.valid & (place != _Place.CHECK)),
        ]
        fault = Signal(4)  # that begins in this cycle
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(take):
            with m.If(place == _Place.START):
                m.d.sync += place.eq(_Place.COMMAND)
                with m.If(byte != START):
                    m.d.comb += fault.eq(Fault.START)
            with m.Elif(place == _Place.COMMAND):
                m.d.sync += [place.eq(_Place.LENGTH_LOW), packet.command.eq(byte)]
            with m.Elif(place == _Place.LENGTH_LOW):
                m.d.sync += [place.eq(_Place.LENGTH_HIGH), packet.length.eq(byte)]
            with m.Elif(place == _Place.LENGTH_HIGH):
                length = byte << 8 | packet.length[:8]
                m.d.sync += [packet.length.eq(length), at.eq(0),
                             place.eq(Mux(length == 0, _Place.CHECKSUM, _Place.PAYLOAD))]
                with m.If(length > MAX_PAYLOAD):
                    m.d.comb += fault.eq(Fault.LENGTH)
            with m.Elif(place == _Place.PAYLOAD):
                m.d.sync += at.eq(at + 1)
                with m.If(at == packet.length - 1):
                    m.d.sync += [at.eq(0), place.eq(_Place.CHECKSUM)]
            with m.Elif(place == _Place.CHECKSUM):
                m.d.sync += at.eq(at + 1)
                with m.If(at == 3):
                    m.d.sync += place.eq(_Place.CHECK)
        with m.Elif(place == _Place.CHECK):
            m.d.sync += [place.eq(_Place.START), self.o.valid.eq(1), packet.fault.eq(0)]
            with m.If(~checksum.match_detected):
                m.d.comb += fault.eq(Fault.CHECKSUM)
        with m.Elif(self.i.valid & self.i.ready):
            with m.If(word == EVENT | Event.GAP):
                m.d.sync += place.eq(_Place.START)
                with m.If((place != _Place.START) & (place != _Place.REST)):
                    m.d.comb += fault.eq(Fault.TRUNCATED)
            with m.Elif(place != _Place.REST):
                m.d.comb += fault.eq(Mux(word == EVENT | Event.FRAMING, Fault.FRAMING,
                                         Fault.OVERFLOW))
        with m.If(fault != 0):
            m.d.sync += [self.o.valid.eq(1), packet.fault.eq(fault)]
            with m.If(fault != Fault.TRUNCATED):
                m.d.sync += place.eq(_Place.REST)
        for kind, count in zip(LINE_FAULTS, self.faults, strict=True):
            with m.If(fault == kind):
                m.d.sync += count.eq(count + 1)
        return m


class PacketWriter(wiring.Component):
    """Bytes of a packet from its header and its payload, with its checksum; a byte a cycle.

    Members
    -------
    i : In(stream.Signature(HEADER)), command and length of the payload
    data : In(stream.Signature(8)), as many bytes as the header said, then those of the next packet
    o : Out(stream.Signature(8))
    """

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(HEADER)), "data": In(stream.Signature(8)),
                          "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = checksum = crc.catalog.CRC32_ISO_HDLC(data_width=8).create()
        place, header, at = Signal(_Place), Signal(HEADER), Signal(range(MAX_PAYLOAD))
        moved = Signal()
        m.d.comb += [
            moved.eq(self.o.valid & self.o.ready), self.o.valid.eq(1),
            checksum.data.eq(self.o.payload), checksum.start.eq(place == _Place.START),
            checksum.valid.eq(moved & (place != _Place.START) & (place != _Place.CHECKSUM)),
        ]
        with m.If(place == _Place.START):
            m.d.comb += [self.o.payload.eq(START), self.o.valid.eq(self.i.valid),
                         self.i.ready.eq(self.o.ready)]
            with m.If(moved):
                m.d.sync += [place.eq(_Place.COMMAND), header.eq(self.i.payload)]
        with m.Elif(place == _Place.COMMAND):
            m.d.comb += self.o.payload.eq(header.command)
            with m.If(moved):
                m.d.sync += place.eq(_Place.LENGTH_LOW)
        with m.Elif(place == _Place.LENGTH_LOW):
            m.d.comb += self.o.payload.eq(header.length[:8])
            with m.If(moved):
                m.d.sync += place.eq(_Place.LENGTH_HIGH)
        with m.Elif(place == _Place.LENGTH_HIGH):
            m.d.comb += self.o.payload.eq(header.length[8:])
            with m.If(moved):
                m.d.sync += [at.eq(0), place.eq(Mux(header.length == 0, _Place.CHECKSUM,
                                                    _Place.PAYLOAD))]
        with m.Elif(place == _Place.PAYLOAD):
            m.d.comb += [self.o.payload.eq(self.data.payload), self.o.valid.eq(self.data.valid),
                         self.data.ready.eq(self.o.ready)]
            with m.If(moved):
                m.d.sync += at.eq(at + 1)
                with m.If(at == header.length - 1):
                    m.d.sync += [at.eq(0), place.eq(_Place.CHECKSUM)]
        with m.Else():  # CHECKSUM
            left = Signal(32)  # of the checksum
            m.d.comb += [left.eq(checksum.crc >> (at[:2] << 3)), self.o.payload.eq(left[:8])]
            with m.If(moved):
                m.d.sync += at.eq(at + 1)
                with m.If(at == 3):
                    m.d.sync += place.eq(_Place.START)
        return m
