"""The top that a host talks to: UART, host link and accelerator, alone or on a board's pins."""

import json
from typing import Any

from amaranth import Elaboratable, Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out

from golden.packet import MAX_PAYLOAD, PROTOCOL
from hdl.accelerator import Accelerator
from hdl.core_port import CorePort
from hdl.fifo import StreamFIFO
from hdl.host_link import HostLink
from hdl.uart import UARTReceiver, UARTTransmitter, bit_period

__all__ = ["BoardLink", "LinkedCore", "identity"]

_GAPS = 24  # words of the receiver's queue that gaps between packets may take
GAP_SECONDS = 0.02  # longer than an adapter or its driver ever pauses within a packet


def identity(port: CorePort, clock_hz: float, baud: int, window: int) -> bytes:
    """What a board says of itself, as JSON. Raises ValueError if a packet cannot hold it."""
    core, network = port.core, port.core.network
    facts = {"protocol": PROTOCOL, "name": network.name, "network": network.digest[:32],
             "input": str(network.input), "n_in": network.n_in, "output": str(core.output),
             "n_out": network.n_out, "lanes": core.plan.lanes, "lanes_out": core.lanes_out,
             "window": window, "queue": port.queue,
             "taps": len(port.taps), "writable": int(core.bus is not None),
             "clock_hz": round(clock_hz), "baud": baud}
    said = json.dumps(facts, separators=(",", ":")).encode()
    if len(said) > MAX_PAYLOAD:
        raise ValueError(f"network {network.name}: what the board says of itself takes "
                         f"{len(said)} bytes, a packet has {MAX_PAYLOAD}; give it a shorter name")
    return said


class LinkedCore(wiring.Component):
    """An accelerator that answers over two wires, at ``baud``; see docs/host_link.md.

    Parameters
    ----------
    core : Accelerator; with taps, each layer's outputs are signed, too
    clock_hz, baud : of the domain sync, and of the line
    received : bytes that wait for being answered; ``window`` of them, sent without waiting for an
        answer, never get lost
    queue, results : bytes that wait in front of the accelerator and behind it
    gap_seconds : pause that ends a packet whatever it is

    Members
    -------
    rx : In(1), from the host; tx : Out(1), to it

    Raises ValueError where the clock is too slow for the baud rate, and as its parts do.
    """

    def __init__(self, core: Accelerator, clock_hz: float, baud: int, *, received: int = 1024,
                 queue: int = 2048, results: int = 1024, gap_seconds: float = GAP_SECONDS) -> None:
        period = bit_period(clock_hz, baud)
        gap_cycles = round(gap_seconds * clock_hz)
        self._receiver = UARTReceiver(period, gap_cycles)
        self._transmitter = UARTTransmitter(period)
        self._received = StreamFIFO(9, received)
        port = CorePort(core, queue, results)
        self.clock_hz, self.baud, self.gap_cycles = clock_hz, baud, gap_cycles
        self._link = HostLink(port, identity(port, clock_hz, baud, received - _GAPS))
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.receiver = receiver = self._receiver
        m.submodules.received = received = self._received
        m.submodules.link = link = self._link
        m.submodules.transmitter = transmitter = self._transmitter
        m.d.comb += [receiver.line.eq(self.rx), self.tx.eq(transmitter.line)]
        wiring.connect(m, receiver.o, received.i)
        wiring.connect(m, received.o, link.i)
        wiring.connect(m, link.o, transmitter.i)
        return m


class BoardLink(Elaboratable):
    """Top for a board: a LinkedCore at its first UART."""

    def __init__(self, linked: LinkedCore) -> None:
        self._linked = linked

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.linked = linked = self._linked
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [linked.rx.eq(rx.i), tx.o.eq(linked.tx)]
        return m
