"""Packages for other tools: what they say of an accelerator's ports is what yosys reads."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from golden.registers import OFFSETS, REGISTERS, Control, Status, c_header, register_table
from hdl.ip_xact import NAMESPACE
from hdl.packaging import module_name
from hdl.plan import LayerPlan, Plan
from hdl.yosys import run_yosys
from tb.cache import repository
from tb.cli_case import lutloom, results, write_tiny

MODULE = "lutloom_tiny"
Ports = dict[str, tuple[str, int]]  # name -> direction, width


def write_writable(folder: Path) -> tuple[Path, Path]:
    """The small network with weights in RAM."""
    network, plan = write_tiny(folder)
    layers = Plan.load(plan).layers
    Plan({**layers, "hidden": LayerPlan(2, 3, "ram")}, lanes=3).save(plan)
    return network, plan


def generate(folder: Path, interface: str, *options: str) -> tuple[Path, Ports]:
    """Folder of the files; the ports as yosys reads them."""
    network, plan = write_writable(folder)
    status, output, errors = lutloom("generate", network, "--plan", plan, "--interface", interface,
                                     *options)
    assert (status, errors) == (0, "")
    out = folder / "rtl"
    run_yosys(["read_verilog top.v", f"hierarchy -top {MODULE}", "proc",
               "write_json ports.json"], folder / "yosys.log", out)
    read = json.loads((out / "ports.json").read_text())["modules"][MODULE]["ports"]
    ports = {name: (port["direction"], len(port["bits"])) for name, port in read.items()}
    facts = results(out / "top.json", "generate")
    assert facts["module"] == MODULE
    assert {port["name"]: (port["direction"], port["width"]) for port in facts["ports"]} == ports
    assert {Path(name).name for name in facts["files"]} | {"top.json", "address_map.md"} == {
        path.name for path in out.iterdir()} - {"ports.json"}
    return out, ports


def texts(element: Any, path: str) -> list[str]:
    return [found.text for found in element.findall(path, {"": NAMESPACE})]


def test_ip_xact(tmp_path: Path) -> None:
    out, ports = generate(tmp_path, "axi", "--memory-files")
    root = ElementTree.parse(out / "component.xml").getroot()
    assert root.tag == f"{{{NAMESPACE}}}component"
    directions = {"in": "input", "out": "output"}
    described = {}
    for port in root.iterfind("model/ports/port", {"": NAMESPACE}):
        left, right = (texts(port, f"wire/vector/{side}") for side in ("left", "right"))
        described[texts(port, "name")[0]] = (
            directions[texts(port, "wire/direction")[0]],
            int(left[0]) - int(right[0]) + 1 if left else 1)
    assert described == ports
    mapped: dict[str, list[str]] = {}
    for bus in root.iterfind("busInterfaces/busInterface", {"": NAMESPACE}):
        physical, logical = (texts(bus, f"portMaps/portMap/{kind}/name")
                             for kind in ("physicalPort", "logicalPort"))
        name = texts(bus, "name")[0]
        mapped[name] = physical
        if len(physical) > 1:
            assert physical == [f"{name}_{signal.lower()}" for signal in logical]
    assert list(mapped) == ["s_axis", "m_axis", "s_axi_lite", "aclk", "aresetn"]
    assert sorted(sum(mapped.values(), [])) == sorted(ports)  # each once
    registers, weights = root.findall("memoryMaps/memoryMap/addressBlock", {"": NAMESPACE})
    assert texts(registers, "register/name") == [register.name for register in REGISTERS]
    assert [int(text, 16) for text in texts(registers, "register/addressOffset")] == list(
        OFFSETS.values())
    bits = ports["s_axi_lite_awaddr"][1]
    assert [int(texts(weights, name)[0], 0) for name in ("baseAddress", "range")] == [
        1 << bits - 1, 1 << bits - 1]
    names = texts(root, "fileSets/fileSet/file/name")
    assert names[0] == "top.v" and len(names) > 1
    assert all((out / name).exists() for name in names)


def test_platform_designer(tmp_path: Path) -> None:
    out, ports = generate(tmp_path, "avalon")
    lines = (out / f"{MODULE}_hw.tcl").read_text().splitlines()
    interfaces: dict[str, str] = {}
    described: Ports = {}
    properties: dict[str, dict[str, str]] = {}
    for line in lines:
        command, *words = line.split() or [""]
        if command == "add_interface":
            interfaces[words[0]] = " ".join(words[1:])
        elif command == "set_interface_property":
            properties.setdefault(words[0], {})[words[1]] = words[2]
        elif command == "add_interface_port":
            owner, name, role, direction, width = words
            assert owner in interfaces and name not in described
            assert name == (owner if owner in ("clock", "reset") else f"{owner}_{role}")
            described[name] = direction.lower(), int(width)
        elif command == "add_fileset_file":
            assert words[2] == "PATH" and (out / words[3]).exists()
    assert described == ports
    assert interfaces == {
        "clock": "clock end", "reset": "reset end", "sink": "avalon_streaming end",
        "source": "avalon_streaming start", "csr": "avalon end"}
    assert properties["sink"] == properties["source"]
    assert properties["sink"]["firstSymbolInHighOrderBits"] == "false"
    assert properties["csr"]["readLatency"] == "1"
    assert f"set_fileset_property QUARTUS_SYNTH TOP_LEVEL {MODULE}" in lines


@pytest.mark.parametrize("interface", ["axi", "avalon"])
def test_fusesoc(tmp_path: Path, interface: str) -> None:
    out, _ = generate(tmp_path, interface, "--memory-files")
    text = (out / f"{MODULE}.core").read_text()
    assert text.startswith("CAPI=2:\n")
    assert f"\nname: lutloom:accelerators:{MODULE}:" in text
    assert text.endswith(f"    toplevel: {MODULE}\n")
    files = re.findall(r"^      - ([^:\n]+)(: \{file_type: user, copyto: \1\})?$", text, re.M)
    assert files[0] == ("top.v", "")
    assert all(options for _, options in files[1:])
    verilog = (out / "top.v").read_text()
    assert {name for name, _ in files[1:]} == set(re.findall(r'\$readmemb\("([^"]+)"', verilog))


def test_registers_are_written_and_documented(tmp_path: Path) -> None:
    out, _ = generate(tmp_path, "axi")
    assert (out / "registers.md").read_text() == register_table()
    assert (out / "registers.h").read_text() == c_header()
    assert register_table() in (repository() / "docs/axi.md").read_text()
    defined = dict(re.findall(r"^#define LUTLOOM_(\w+) (0x[0-9a-f]+)$", c_header(), re.M))
    assert {name.lower(): int(value, 16) for name, value in defined.items()} == {
        **OFFSETS, **{f"control_{bit.name}".lower(): int(bit) for bit in Control},
        **{f"status_{bit.name}".lower(): int(bit) for bit in Status}}


def test_stream_is_the_default(tmp_path: Path) -> None:
    network, plan = write_tiny(tmp_path)
    assert lutloom("generate", network, "--plan", plan)[0] == 0
    assert {path.name for path in (tmp_path / "rtl").iterdir()} == {"top.v", "top.json"}


def test_rejects_taps(tmp_path: Path) -> None:
    network, plan = write_tiny(tmp_path)
    status, _, errors = lutloom("generate", network, "--plan", plan, "--interface", "axi", "--taps")
    assert (status, errors) == (2, "--taps needs --interface stream, not axi\n")


def test_names_of_modules_are_those_of_verilog() -> None:
    assert module_name("resnet-8 (small)") == "lutloom_resnet_8__small_"
