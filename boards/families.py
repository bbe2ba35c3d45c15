"""What the platforms of each FPGA family add to Amaranth's: their PLL, and files for our flows.

Amaranth's templates for openXC7 know no clock constraints and leave block RAM out, and those for
Mistral use cells that nextpnr does not know; here yosys is called by hdl.synth.
"""

from collections.abc import Mapping
from typing import Any

from amaranth import Instance, Module, Signal
from amaranth.lib import io

from boards.clock import Clocked

__all__ = ["CycloneV", "Ecp5", "Gowin", "Ice40", "Xilinx7"]

_RTLIL = {"{{name}}.il": "{{emit_rtlil()}}"}
_XDC = {"{{name}}.xdc": """
{% for name, pin, attributes in platform.iter_port_constraints_bits() -%}
    set_property LOC {{pin}} [get_ports { {{-name-}} }]
    {% for key, value in attributes.items() -%}
        set_property {{key}} {{value}} [get_ports { {{-name-}} }]
    {% endfor %}
{% endfor %}
{% for port, frequency in platform.iter_port_clock_constraints() -%}
    create_clock -period {{1000000000 / frequency}} [get_ports {{port.name}}]
{% endfor %}
{% for signal, frequency in platform.iter_signal_clock_constraints() -%}
    create_clock -period {{1000000000 / frequency}} [get_nets {{signal|hierarchy(".")}}]
{% endfor %}
"""}


def _without_verilog(templates: Mapping[str, str]) -> dict[str, str]:
    """Amaranth calls its own yosys for Verilog; ours makes it of the RTLIL."""
    return {**{name: text for name, text in templates.items() if not name.endswith(".v")}, **_RTLIL}


class Xilinx7(Clocked):
    """Xilinx 7 series: openXC7 ("Xray") or Vivado."""

    pll_family = "xc7"
    toolchain: str

    def __init__(self, toolchain: str = "Xray") -> None:
        super().__init__(toolchain=toolchain)  # type: ignore[call-arg]
        if toolchain == "Xray":
            self.clock_buffer = "BUFG", "I", "O"

    @property
    def file_templates(self) -> Mapping[str, str]:
        if self.toolchain == "Xray":
            return {**_RTLIL, **_XDC}
        return _without_verilog(super().file_templates)  # type: ignore[misc]

    def constrain_pll(self, clock: Signal) -> None:
        if self.toolchain == "Xray":
            self.add_clock_constraint(clock, self.clock_hz)  # type: ignore[attr-defined]


class CycloneV(Clocked):
    """Intel Cyclone V: Mistral, where plain buffers alone serve and an output is always driven, or
    Quartus."""

    toolchain: str

    def __init__(self, toolchain: str = "Mistral") -> None:
        super().__init__(toolchain=toolchain)  # type: ignore[call-arg]
        if toolchain == "Mistral":
            self.clock_buffer = "MISTRAL_CLKBUF", "A", "Q"
        else:
            self.pll_family = "cyclonev"

    @property
    def file_templates(self) -> Mapping[str, str]:
        return _without_verilog(super().file_templates)  # type: ignore[misc]

    def get_io_buffer(self, buffer: Any) -> Any:
        if self.toolchain != "Mistral":
            return super().get_io_buffer(buffer)  # type: ignore[misc]
        if not isinstance(buffer, io.Buffer):
            raise TypeError(f"Mistral: pins must have plain buffers, not {type(buffer).__name__}")
        m, port = Module(), buffer.port
        inverted = sum(bit << index for index, bit in enumerate(port.invert))
        into, out = Signal(len(port)), Signal(len(port))
        for bit in range(len(port)):
            pad, o, i = port.io[bit], out[bit], into[bit]
            if buffer.direction is io.Direction.Input:
                cell = Instance("MISTRAL_IB", i_PAD=pad, o_O=i)
            elif buffer.direction is io.Direction.Output:
                cell = Instance("MISTRAL_OB", o_PAD=pad, i_I=o)
            else:
                cell = Instance("MISTRAL_IO", io_PAD=pad, i_I=o, i_OE=buffer.oe, o_O=i)
            m.submodules[f"pad_{bit}"] = cell
        if buffer.direction is not io.Direction.Output:
            m.d.comb += buffer.i.eq(into ^ inverted)
        if buffer.direction is not io.Direction.Input:
            m.d.comb += out.eq(buffer.o ^ inverted)
        return m

    # Without a platform Amaranth makes synchronisers of plain flip-flops, which Mistral has.
    def get_ff_sync(self, synchronizer: Any) -> Any:
        if self.toolchain != "Mistral":
            return super().get_ff_sync(synchronizer)  # type: ignore[misc]
        return synchronizer.elaborate(None)

    def get_async_ff_sync(self, synchronizer: Any) -> Any:
        if self.toolchain != "Mistral":
            return super().get_async_ff_sync(synchronizer)  # type: ignore[misc]
        return synchronizer.elaborate(None)


class Ecp5(Clocked):
    """Lattice ECP5: Trellis."""

    pll_family = "ecp5"


class Ice40(Clocked):
    """Lattice iCE40: IceStorm. nextpnr derives the frequency behind a PLL, as for ECP5."""

    pll_family = "ice40"


class Gowin(Clocked):
    """Gowin GW1N: Apicula."""

    pll_family = "gowin"
