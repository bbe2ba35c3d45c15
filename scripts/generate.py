"""lutloom generate: an accelerator as Verilog, with a description of its ports."""

from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.files import beside
from scripts.output import (
    JsonOption,
    NetworkArgument,
    PlanOption,
    say,
    speed,
    table,
    write_results,
)

__all__ = ["Interface", "describe_ports", "generate", "load_design"]


class Interface(StrEnum):
    """What stands around the accelerator."""

    stream = "stream"
    axi = "axi"
    avalon = "avalon"


def load_design(network: Path, plan: Path) -> tuple[Any, Any]:
    """Network and plan from their files."""
    from golden.network import Network
    from hdl.plan import Plan

    return Network.load(network), Plan.load(plan)


def describe_ports(component: Any) -> list[dict[str, Any]]:
    """Ports of the Verilog module in order: name, direction, width in bits."""
    from amaranth import Shape
    from amaranth.lib.wiring import In

    ports = [{"name": "__".join(map(str, path)),
              "direction": "input" if member.flow is In else "output",
              "width": Shape.cast(member.shape).width}
             for path, member, _ in component.signature.flatten(component)]
    return ports + [{"name": name, "direction": "input", "width": 1} for name in ("clk", "rst")]


def generate(
    network: NetworkArgument,
    plan: PlanOption,
    out: Annotated[Path | None, typer.Option(
        file_okay=False, help="Folder for the files (default: rtl beside the network).",
        show_default=False)] = None,
    taps: Annotated[bool, typer.Option(
        help="Also make every layer's output visible as ports.")] = False,
    memory_files: Annotated[bool, typer.Option(
        help="Write memory contents to files of their own, read by $readmemb.")] = False,
    interface: Annotated[Interface, typer.Option(
        help="Bare streams, or packages for a processor: AXI4 or Avalon (docs/axi.md).")
        ] = Interface.stream,
    json: JsonOption = None,
) -> None:
    """Generate the accelerator: top.v, top.json (ports, latency, interval, address map) and, if it
    can be written at run time, address_map.md; for a processor, its registers and packages."""
    from golden.registers import c_header, register_table
    from hdl.accelerator import Accelerator
    from hdl.address_map import map_table
    from hdl.bus_tops import bus_top
    from hdl.packaging import module_name, write_package
    from hdl.verilog import write_verilog

    loaded, made = load_design(network, plan)
    if taps and interface != Interface.stream:
        raise ValueError(f"--taps needs --interface stream, not {interface}")
    accelerator = Accelerator(loaded, made, taps=taps)
    out = out or beside(network, "rtl")
    if interface == Interface.stream:
        module, ports = "top", describe_ports(accelerator)
        files = write_verilog(accelerator, out / "top.v", memory_files=memory_files)
    else:
        top, module = bus_top(accelerator, interface), module_name(loaded.name)
        ports = [port._asdict() for port in top.ports]
        files = write_verilog(top, out / "top.v", module, memory_files=memory_files)
        files += write_package(top, interface, module, version("lutloom"), files)
        for name, text in {"registers.md": register_table(), "registers.h": c_header()}.items():
            (out / name).write_text(text)
            files.append(out / name)
    facts = {
        "network": loaded.name, "digest": loaded.digest, "module": module, "files": files,
        "ports": ports, "latency": accelerator.latency,
        "initiation_interval": accelerator.initiation_interval,
        "input": {"number": str(loaded.input), "elements": loaded.n_in, "lanes": made.lanes},
        "output": {"number": str(accelerator.output), "elements": loaded.n_out,
                   "lanes": accelerator.lanes_out},
        "address_map": [{**vars(region), "stride": region.stride}
                        for region in accelerator.address_map],
        "amaranth": version("amaranth"), "yosys": version("pyosys")}
    write_results(out / "top.json", "generate", facts)
    write_results(json, "generate", facts)
    names = [path.name for path in files] + ["top.json"]
    if accelerator.address_map:
        names.append("address_map.md")
        (out / names[-1]).write_text(map_table(accelerator.address_map))
    table(f"{loaded.name}: ports", ["port", "direction", "bits"],
          [tuple(port.values()) for port in ports])
    say(f"{speed(accelerator.initiation_interval, accelerator.latency)}; in {out}: "
        + (", ".join(names) if len(names) < 9 else f"{len(names)} files"))
