"""A component as a module whose ports are called as on a data sheet."""

from typing import NamedTuple

from amaranth.hdl import ClockDomain, Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["PlainPorts", "Port"]


class Port(NamedTuple):
    """A port of a Verilog module: direction is "input" or "output", width in bits."""

    name: str
    direction: str
    width: int


class PlainPorts(wiring.Component):
    """The same hardware with ports named by their paths, joined by one underscore.

    Parameters
    ----------
    inner : the component
    clock, reset : names of these ports; active_low : is the reset given by 0?

    Members: clock and reset, both In(1), then those of ``inner``; ``s_axis.tdata`` becomes
    ``s_axis_tdata``. The reset is synchronous.
    """

    def __init__(self, inner: wiring.Component, clock: str, reset: str, *,
                 active_low: bool) -> None:
        self.inner, self.active_low = inner, active_low
        self.clock_name, self.reset_name = clock, reset
        super().__init__({clock: In(1), reset: In(1), **{
            name: member for name, member, _ in self._inner()}})

    @property
    def ports(self) -> list[Port]:
        """All ports in order."""
        return [Port(path[0], "input" if member.flow is In else "output",
                     Shape.cast(member.shape).width)
                for path, member, _ in self.signature.flatten(self)]

    def _inner(self) -> list[tuple[str, wiring.Member, Signal]]:
        return [("_".join(map(str, path)), member, value)
                for path, member, value in self.inner.signature.flatten(self.inner)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain("sync")
        reset = getattr(self, self.reset_name)
        m.d.comb += [domain.clk.eq(getattr(self, self.clock_name)),
                     domain.rst.eq(~reset if self.active_low else reset)]
        m.submodules.inner = self.inner
        for name, member, value in self._inner():
            port = getattr(self, name)
            m.d.comb += value.eq(port) if member.flow is In else port.eq(value)
        return m
