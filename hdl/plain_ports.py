"""A component as a module whose ports are called as on a data sheet."""

from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["PlainPorts"]


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
            name: member for name, member, _ in self._ports()}})

    def _ports(self) -> list[tuple[str, wiring.Member, Signal]]:
        return [("_".join(map(str, path)), member, value)
                for path, member, value in self.inner.signature.flatten(self.inner)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain("sync")
        reset = getattr(self, self.reset_name)
        m.d.comb += [domain.clk.eq(getattr(self, self.clock_name)),
                     domain.rst.eq(~reset if self.active_low else reset)]
        m.submodules.inner = self.inner
        for name, member, value in self._ports():
            port = getattr(self, name)
            m.d.comb += value.eq(port) if member.flow is In else port.eq(value)
        return m
