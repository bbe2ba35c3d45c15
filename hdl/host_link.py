"""The host link: packets that ask, an accelerator that computes, packets that answer."""

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import enum, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.packet import ANSWER, COUNTERS, ERROR, MAX_PAYLOAD, Command, Fault
from hdl.address_map import BEGIN
from hdl.core_port import CorePort
from hdl.packet import HEADER, PacketReader, PacketWriter

__all__ = ["HostLink"]

_ROOM = 2  # bytes in front of the results
_PAIR = 8  # bytes of an address and a word of data


class _Place(enum.Enum, shape=3):  # type: ignore[call-arg]
    """What is done: a packet is waited for, taken, handed on, answered."""
    IDLE, TAKE, HAND, ANSWER, DATA = range(5)


class HostLink(wiring.Component):
    """Answer every packet, one after the other, each with one packet; see docs/host_link.md.

    No request waits for frames: what would have to is refused (BUSY) and has no effect. A packet
    takes at most 2 cycles a byte and those of its answer, and a packet that is not right has no
    effect but one answer, an error. So whatever comes, the link answers the next good packet.

    =========  ===============  ====================================================================
    request    payload          answer
    =========  ===============  ====================================================================
    ECHO       any              the same
    IDENTIFY                    ``identity``
    RESET      any              the same; queues, counters and the accelerator are as at power-up,
                                but for what was written
    RUN        bytes of frames  room (2 bytes) in the queue behind them, then the results there
                                were, at most 510 bytes
    COUNTERS                    ``golden.packet.COUNTERS``, then 4 bytes for each watched layer
    WRITE      address, data    1 byte: was a pair refused since the transaction began?
               (4 bytes each)
    TEST       frames (2)       nothing; ``testing`` of the counters tells when it is over
    =========  ===============  ====================================================================

    Parameters
    ----------
    port : CorePort
    identity : 1 to 512 bytes

    Members
    -------
    i : In(stream.Signature(9)), as of :class:`hdl.uart.UARTReceiver`
    o : Out(stream.Signature(8))
    """

    def __init__(self, port: CorePort, identity: bytes) -> None:
        if not 1 <= len(identity) <= MAX_PAYLOAD:
            raise ValueError(f"HostLink identity must be 1 to {MAX_PAYLOAD} bytes, not "
                             f"{len(identity)}")
        self._counters = sum(COUNTERS.values()) + 4 * len(port.taps)
        if self._counters > MAX_PAYLOAD:
            raise ValueError(f"the counters and {len(port.taps)} watched layers need "
                             f"{self._counters} bytes, a packet has {MAX_PAYLOAD}; leave out taps")
        self._port, self._identity = port, identity
        super().__init__({"i": In(stream.Signature(9)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.reader = self._reader = reader = PacketReader()
        m.submodules.writer = self._writer = writer = PacketWriter()
        m.submodules.identity = rom = Memory(shape=8, depth=max(len(self._identity), 2),
                                             init=self._identity)
        port, reset = self._port, Signal()
        m.submodules.port = ResetInserter(reset)(port)
        wiring.connect(m, wiring.flipped(self.i), reader.i)
        wiring.connect(m, writer.o, wiring.flipped(self.o))

        # A byte of a memory is there in the cycle after its address; then it is fresh.
        self._at, self._fresh = at, fresh = Signal(range(MAX_PAYLOAD)), Signal()
        known = rom.read_port()
        m.d.comb += [reader.address.eq(at), known.addr.eq(at)]
        packet, self._answer = reader.o.p, Signal(HEADER)
        self._word = Signal(8 * _PAIR)  # the last bytes of a request
        self._snapshot = Signal(8 * self._counters)
        self._strayed = Signal()  # since BEGIN, a pair had an address that the bus has no bits for
        self._rest = Signal(16)  # room or fault, what an answer begins with
        self._place = place = Signal(_Place)
        m.d.comb += writer.i.payload.eq(self._answer)

        with m.If(place == _Place.IDLE):
            m.d.sync += [at.eq(0), fresh.eq(0)]
            with m.If(reader.o.valid):
                m.d.sync += [place.eq(_Place.ANSWER),
                             self._answer.command.eq(packet.command | ANSWER)]
                with m.If(packet.fault != 0):
                    self._refuse(m, packet.fault)
                with m.Else():
                    self._decide(m, reset)
        with m.Elif(place == _Place.TAKE):  # the payload of RUN, or a piece of one
            run = packet.command == Command.RUN
            moves = fresh & (~run | port.put.ready)
            pieces = Mux(packet.command == Command.TEST, 2, _PAIR)
            m.d.comb += [port.put.payload.eq(reader.data), port.put.valid.eq(run & fresh)]
            m.d.sync += fresh.eq(~moves)
            with m.If(moves):
                m.d.sync += [at.eq(at + 1), self._word.eq(Cat(self._word[8:], reader.data))]
                with m.If(~run & ((at + 1) % _PAIR == pieces % _PAIR)):
                    m.d.sync += place.eq(_Place.HAND)
                with m.Elif(at == packet.length - 1):
                    m.d.sync += [at.eq(0), fresh.eq(0), place.eq(_Place.ANSWER)]
        with m.Elif(place == _Place.HAND):  # a pair to the bus, or a number of frames to the test
            with m.If(self._hand(m)):
                m.d.sync += place.eq(_Place.TAKE)
                with m.If(at == packet.length[:len(at)]):
                    m.d.sync += [at.eq(0), fresh.eq(0), place.eq(_Place.ANSWER)]
        with m.Elif(place == _Place.ANSWER):
            m.d.comb += writer.i.valid.eq(1)
            m.d.sync += fresh.eq(1)
            with m.If(writer.i.ready):
                m.d.sync += place.eq(_Place.DATA)
                with m.If(self._answer.length == 0):
                    m.d.comb += reader.o.ready.eq(1)
                    m.d.sync += place.eq(_Place.IDLE)
        with m.Else():  # DATA
            moves = writer.data.valid & writer.data.ready
            self._give(m, known.data)
            m.d.sync += fresh.eq(~moves)
            with m.If(moves):
                m.d.sync += [at.eq(at + 1), self._rest.eq(self._rest >> 8),
                             self._snapshot.eq(self._snapshot >> 8)]
                with m.If(at == self._answer.length - 1):
                    m.d.comb += reader.o.ready.eq(1)
                    m.d.sync += place.eq(_Place.IDLE)
        return m

    def _refuse(self, m: Module, fault: Value | Fault) -> None:
        m.d.sync += [self._answer.command.eq(ERROR), self._answer.length.eq(1),
                     self._rest.eq(fault), self._place.eq(_Place.ANSWER)]

    def _decide(self, m: Module, reset: Signal) -> None:
        """What a good packet leads to."""
        port, packet, length = self._port, self._reader.o.p, self._answer.length
        m.d.sync += length.eq(0)
        with m.If(packet.command == Command.ECHO):
            m.d.sync += length.eq(packet.length)
        with m.Elif(packet.command == Command.RESET):
            m.d.sync += length.eq(packet.length)
            m.d.comb += reset.eq(1)
            m.d.sync += self._strayed.eq(0)
        with m.Elif(packet.command == Command.IDENTIFY):
            m.d.sync += length.eq(len(self._identity))
            with m.If(packet.length != 0):
                self._refuse(m, Fault.ARGUMENT)
        with m.Elif(packet.command == Command.COUNTERS):
            signatures = [port.signatures] if port.taps else []
            m.d.sync += [length.eq(self._counters), self._snapshot.eq(
                Cat(port.counters, self._reader.faults.as_value(), *signatures))]
            with m.If(packet.length != 0):
                self._refuse(m, Fault.ARGUMENT)
        with m.Elif(packet.command == Command.RUN):
            most = MAX_PAYLOAD - _ROOM
            m.d.sync += [self._rest.eq(port.room - packet.length),
                         length.eq(_ROOM + Mux(port.level > most, most, port.level))]
            with m.If(packet.length != 0):
                m.d.sync += self._place.eq(_Place.TAKE)
                with m.If((packet.length > port.room) | port.closed):
                    self._refuse(m, Fault.BUSY)
        if port.core.bus is not None:
            with m.Elif(packet.command == Command.WRITE):
                m.d.sync += [length.eq(1), self._place.eq(_Place.TAKE)]
                with m.If((packet.length == 0) | (packet.length % _PAIR != 0)):
                    self._refuse(m, Fault.ARGUMENT)
                with m.Elif(~port.idle):
                    self._refuse(m, Fault.BUSY)
        with m.Elif(packet.command == Command.TEST):
            m.d.sync += self._place.eq(_Place.TAKE)
            with m.If(packet.length != 2):
                self._refuse(m, Fault.ARGUMENT)
            with m.Elif(~port.idle | port.closed):
                self._refuse(m, Fault.BUSY)
        with m.Else():
            self._refuse(m, Fault.COMMAND)

    def _hand(self, m: Module) -> Value:
        """Offer what was taken; is it accepted?"""
        port, is_test = self._port, self._reader.o.p.command == Command.TEST
        m.d.comb += [port.test.valid.eq(is_test), port.test.payload.eq(self._word[-16:])]
        if port.core.bus is None:
            return port.test.ready
        address, data = self._word.word_select(0, 32), self._word.word_select(1, 32)
        beyond = ~is_test & ((address >> len(port.write.p.address)) != 0)
        with m.If(~is_test):
            m.d.sync += self._strayed.eq((self._strayed & (address != BEGIN)) | beyond)
        m.d.comb += [port.write.valid.eq(~is_test & ~beyond), port.write.p.data.eq(data),
                     port.write.p.address.eq(address)]
        return Mux(is_test, port.test.ready, beyond | port.write.ready)

    def _give(self, m: Module, identity: Value) -> None:
        """Offer the next byte of an answer."""
        port, reader, offered = self._port, self._reader, self._writer.data
        m.d.comb += [offered.valid.eq(self._fresh), offered.payload.eq(self._rest[:8])]
        command = self._answer.command
        with m.If((command == Command.ECHO | ANSWER) | (command == Command.RESET | ANSWER)):
            m.d.comb += offered.payload.eq(reader.data)
        with m.Elif(command == Command.IDENTIFY | ANSWER):
            m.d.comb += offered.payload.eq(identity)
        with m.Elif(command == Command.COUNTERS | ANSWER):
            m.d.comb += offered.payload.eq(self._snapshot[:8])
        with m.Elif(command == Command.RUN | ANSWER):
            with m.If(self._at >= _ROOM):
                m.d.comb += [offered.payload.eq(port.get.payload),
                             offered.valid.eq(self._fresh & port.get.valid),
                             port.get.ready.eq(self._fresh & offered.ready)]
        if port.core.bus is not None:
            with m.Elif(command == Command.WRITE | ANSWER):
                m.d.comb += offered.payload.eq(port.write_error | self._strayed)
