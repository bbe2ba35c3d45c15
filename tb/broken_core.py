"""A core with one fault, to see whether the harness notices it (``tb.test_harness``)."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FAULTS", "BrokenCore"]

BEATS = 4  # a frame
FAULTY = 5  # beat with which a fault shows, counted from power-up: frame 1, beat 1


class BrokenCore(wiring.Component):
    """Two lanes of 8 bits through one register, frames of four beats, with a fault or none.

    ``tap_inside`` sees the outputs as they should be, unless the fault is one of the tap.
    """

    latency, initiation_interval = 1, BEATS

    def __init__(self, fault: str) -> None:
        if fault not in FAULTS:
            raise ValueError(f"fault must be of {', '.join(FAULTS)}, not {fault!r}")
        self._fault = fault
        super().__init__({
            "i": In(stream.Signature(16)), "o": Out(stream.Signature(16)),
            "tap_inside": Out(wiring.Signature({"valid": Out(1), "payload": Out(16)}))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(16)  # beats taken since power-up or reset
        take = Signal()
        m.d.comb += take.eq(self.i.valid & self.i.ready)
        m.d.sync += count.eq(count + take)
        if self._fault != "waits for ready":
            with m.If(~self.o.valid | self.o.ready):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload)]
        m.d.comb += [self.tap_inside.valid.eq(take),
                     self.tap_inside.payload.eq(self.i.payload)]
        FAULTS[self._fault](m, self.i, self.o, count, take, self.tap_inside)
        return m


def _drops(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    with m.If(take & (count == FAULTY)):
        m.d.sync += o.valid.eq(0)


def _doubles(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    again = Signal()
    with m.If(take & (count == FAULTY)):
        m.d.sync += again.eq(1)
    with m.If(again):
        m.d.comb += i.ready.eq(0)
        with m.If(o.ready):
            m.d.sync += [again.eq(0), o.valid.eq(1), o.payload.eq(o.payload)]


def _reorders(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    kept = Signal(16)
    with m.If(take & (count == FAULTY)):
        m.d.sync += [kept.eq(i.payload), o.valid.eq(0)]
    late = Signal()
    m.d.sync += late.eq(take & (count == FAULTY + 1) | late & ~o.ready)
    with m.If(late):
        m.d.comb += i.ready.eq(0)
        with m.If(o.ready):
            m.d.sync += [o.valid.eq(1), o.payload.eq(kept)]


def _changes(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    with m.If(o.valid & ~o.ready):
        m.d.sync += o.payload.eq(o.payload ^ 0x100)


def _withdraws(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    hidden = Signal()
    with m.If(o.valid & ~o.ready):
        m.d.sync += [o.valid.eq(0), hidden.eq(1)]
    with m.If(hidden):
        m.d.comb += i.ready.eq(0)
        m.d.sync += [o.valid.eq(1), o.payload.eq(o.payload), hidden.eq(0)]


def _wrong_value(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    with m.If(take & (count == FAULTY)):
        m.d.sync += o.payload.eq(i.payload ^ 0x8000)


def _late(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    first = Signal.like(o.payload)
    held = Signal()
    with m.If(take & (count == 0)):
        m.d.sync += [o.valid.eq(0), first.eq(i.payload), held.eq(1)]
    with m.If(held):
        m.d.comb += i.ready.eq(0)
        m.d.sync += [o.valid.eq(1), o.payload.eq(first), held.eq(0)]


def _slow(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    rest = Signal()
    m.d.sync += rest.eq(take & (count % BEATS == BEATS - 1))
    with m.If(rest & (~o.valid | o.ready)):
        m.d.comb += i.ready.eq(0)
        m.d.sync += o.valid.eq(0)


def _extra(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    quiet = Signal(4)
    m.d.sync += quiet.eq(Mux(i.valid | (count == 0) | quiet.all(), 0, quiet + 1))
    with m.If(quiet == 8):
        m.d.sync += o.valid.eq(1)


def _wrong_after_reset(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    beat = Signal(range(BEATS), reset_less=True)  # should begin anew with a reset
    started = Signal(BEATS + 1, reset_less=True)
    m.d.sync += [beat.eq(beat + take), started.eq(started | take)]
    with m.If(take & started.any() & (beat != count[:2])):
        m.d.sync += o.payload.eq(0)


def _second_frame(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    with m.If(take & (count >= BEATS)):
        m.d.sync += o.payload.eq(i.payload + 1)


def _waits_for_ready(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    full = Signal()
    word = Signal(16)
    m.d.comb += [i.ready.eq(~full | o.ready), o.valid.eq(full & o.ready), o.payload.eq(word)]
    with m.If(i.ready):
        m.d.sync += [full.eq(i.valid), word.eq(i.payload)]


def _ignores_valid(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    with m.If(i.ready & (count > 48)):  # not before the second scenario
        m.d.sync += o.valid.eq(1)


def _hangs(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    with m.If(count == FAULTY):
        m.d.comb += i.ready.eq(0)
        m.d.sync += o.valid.eq(o.valid & ~o.ready)


def _tap_wrong(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    with m.If(count == FAULTY):
        m.d.comb += tap.payload.eq(~i.payload)


def _tap_silent(m: Module, i: Any, o: Any, count: Signal, take: Signal, tap: Any) -> None:
    with m.If(count == 47):  # the last of twelve frames
        m.d.comb += tap.valid.eq(0)


FAULTS: dict[str, Callable[..., None]] = {
    "none": lambda *parts: None,
    "drops": _drops, "doubles": _doubles, "reorders": _reorders, "changes": _changes,
    "withdraws": _withdraws, "wrong value": _wrong_value, "late": _late, "slow": _slow,
    "extra": _extra, "wrong after reset": _wrong_after_reset, "second frame": _second_frame,
    "waits for ready": _waits_for_ready, "ignores valid": _ignores_valid, "hangs": _hangs,
    "tap wrong": _tap_wrong, "tap silent": _tap_silent,
}
