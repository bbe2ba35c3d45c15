"""The tops of accelerators on a processor's bus, with ports as those buses call them."""

from hdl.accelerator import Accelerator
from hdl.avalon import AvalonAccelerator
from hdl.axi import AXIAccelerator
from hdl.plain_ports import PlainPorts

__all__ = ["bus_top"]


def bus_top(core: Accelerator, kind: str) -> PlainPorts:
    """Top for kind "axi" (clock ``aclk``, reset ``aresetn``) or "avalon" (``clock``, ``reset``).

    Raises ValueError as :class:`hdl.framed.Framed` does.
    """
    if kind == "axi":
        return PlainPorts(AXIAccelerator(core), "aclk", "aresetn", active_low=True)
    return PlainPorts(AvalonAccelerator(core), "clock", "reset", active_low=False)
