"""Accelerators on AXI as IP-XACT components, for Vivado and whatever else reads those.

Source: IEEE 1685-2009; buses as Vivado knows them (xilinx.com, library interface).
"""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from golden.registers import OFFSETS, REGISTERS
from hdl.plain_ports import Port

__all__ = ["NAMESPACE", "ip_xact"]

NAMESPACE = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
_BUSES = {  # interface -> library, bus, mode, parameters
    "s_axis": ("interface", "axis", "slave", {}),
    "m_axis": ("interface", "axis", "master", {}),
    "s_axi_lite": ("interface", "aximm", "slave", {"PROTOCOL": "AXI4LITE"}),
    "aclk": ("signal", "clock", "slave", {"ASSOCIATED_BUSIF": "s_axis:m_axis:s_axi_lite",
                                          "ASSOCIATED_RESET": "aresetn"}),
    "aresetn": ("signal", "reset", "slave", {"POLARITY": "ACTIVE_LOW"}),
}
_SIGNALS = {"aclk": "CLK", "aresetn": "RST"}
_ACCESS = {"read": "read-only", "write": "write-only", "both": "read-write"}

def _add(parent: ElementTree.Element, name: str, content: object,
         attributes: Mapping[str, str] | None = None) -> ElementTree.Element:
    """An element of text, or of further (name, content) pairs."""
    element = ElementTree.SubElement(parent, f"{{{NAMESPACE}}}{name}", {
        f"{{{NAMESPACE}}}{key}": value for key, value in (attributes or {}).items()})
    if isinstance(content, list):
        for child, inner in content:
            _add(element, child, inner)
    else:
        element.text = str(content)
    return element


def _bus(parent: ElementTree.Element, name: str, ports: Sequence[Port]) -> None:
    library, bus, mode, parameters = _BUSES[name]
    element = _add(parent, "busInterface", [("name", name)])
    for part, kind in (("busType", bus), ("abstractionType", f"{bus}_rtl")):
        _add(element, part, [], {"vendor": "xilinx.com", "library": library, "name": kind,
                                 "version": "1.0"})
    side = _add(element, mode, [])
    if bus == "aximm":
        _add(side, "memoryMapRef", [], {"memoryMapRef": name})
    own = {port.name: port.name.removeprefix(f"{name}_").upper() for port in ports
           if port.name.startswith(f"{name}_")} or {name: _SIGNALS[name]}
    _add(element, "portMaps", [
        ("portMap", [("logicalPort", [("name", logical)]), ("physicalPort", [("name", physical)])])
        for physical, logical in own.items()])
    if parameters:
        listed = _add(element, "parameters", [])
        for key, value in parameters.items():
            _add(listed, "parameter", [("name", key), ("value", value)])


def _memory_map(parent: ElementTree.Element, window: int, size: int) -> None:
    element = _add(_add(parent, "memoryMaps", []), "memoryMap", [("name", "s_axi_lite")])
    block = _add(element, "addressBlock", [
        ("name", "registers"), ("baseAddress", "0x0"),
        ("range", window or size), ("width", 32), ("usage", "register")])
    for register in REGISTERS:
        _add(block, "register", [
            ("name", register.name), ("description", register.meaning),
            ("addressOffset", f"{OFFSETS[register.name]:#x}"), ("size", 32),
            ("access", _ACCESS[register.access])])
    if window:
        _add(element, "addressBlock", [
            ("name", "weights"), ("baseAddress", f"{window:#x}"), ("range", size - window),
            ("width", 32), ("usage", "memory"), ("access", "write-only")])


def ip_xact(module: str, version: str, ports: Sequence[Port], files: Sequence[str],
            window: int) -> str:
    """Text of component.xml. window: byte address of the weights, 0 if there are none."""
    ElementTree.register_namespace("spirit", NAMESPACE)
    root = ElementTree.Element(f"{{{NAMESPACE}}}component")
    for name, value in (("vendor", "lutloom"), ("library", "accelerators"), ("name", module),
                        ("version", version)):
        _add(root, name, value)
    buses = _add(root, "busInterfaces", [])
    for name in _BUSES:
        _bus(buses, name, ports)
    address = next(port for port in ports if port.name == "s_axi_lite_awaddr")
    _memory_map(root, window, 1 << address.width)
    model = _add(root, "model", [])
    views = _add(model, "views", [])
    for name, purpose in (("synthesis", "synthesis"), ("simulation", "simulation")):
        _add(views, "view", [
            ("name", name), ("envIdentifier", f"verilogSource:vivado.xilinx.com:{purpose}"),
            ("language", "verilog"), ("modelName", module),
            ("fileSetRef", [("localName", "rtl")])])
    listed = _add(model, "ports", [])
    for port in ports:
        wire: list[tuple[str, object]] = [
            ("direction", {"input": "in", "output": "out"}[port.direction])]
        if port.width > 1:
            wire.append(("vector", [("left", port.width - 1), ("right", 0)]))
        _add(listed, "port", [("name", port.name), ("wire", wire)])
    fileset = _add(_add(root, "fileSets", []), "fileSet", [("name", "rtl")])
    for name in files:
        kind = [("fileType", "verilogSource")] if name.endswith(".v") else [("userFileType", "mem")]
        _add(fileset, "file", [("name", name), *kind])
    _add(root, "description", f"Neural network accelerator {module}, generated by Lutloom")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
