"""Vivado and Quartus through Amaranth's own projects: an option, for those who have them."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.tools import Tool, require
from golden.archive import write_files
from hdl.yosys import ToolError, run_yosys

__all__ = ["QUARTUS", "VENDORS", "VIVADO", "Vendor", "VendorBuild"]

_SCRIPT = "build_top.sh"


@dataclass(frozen=True)
class Vendor:
    """name: for --tools; amaranth: the `toolchain` of Amaranth's platform; tools: what its script
    calls; bitstream: suffix; report: where the tools write Fmax and slack."""

    name: str
    amaranth: str
    tools: tuple[Tool, ...]
    bitstream: str
    report: str

    def require(self, board: Any) -> None:
        """Raise MissingTool unless the tools are here."""
        require(self.name, self.tools)

    def write(self, files: Mapping[str, str], folder: Path) -> list[Path]:
        """Write the project; Verilog is made of the RTLIL by yosys. Returns its files, the script
        last."""
        (folder / _SCRIPT).unlink(missing_ok=True)
        rest = write_files(folder, {name: text for name, text in files.items() if name != _SCRIPT})
        run_yosys(["read_rtlil top.il", "proc -noopt -norom", "memory_collect",
                   "write_verilog -norename top.v"], folder / "verilog.log")
        return [*rest, folder / "top.v", *write_files(folder, {_SCRIPT: files[_SCRIPT]})]

    def build(self, folder: Path) -> "VendorBuild":
        """Run the project's script. Raises ToolError."""
        bitstream = folder / f"top.{self.bitstream}"
        bitstream.unlink(missing_ok=True)
        log = folder / f"{self.name}.log"
        with log.open("w") as output:
            result = subprocess.run(["sh", _SCRIPT], cwd=folder, stdout=output,
                                    stderr=subprocess.STDOUT)
        if result.returncode:
            raise ToolError.from_log(self.name, log)
        return VendorBuild(bitstream, folder / self.report, log)


@dataclass(frozen=True)
class VendorBuild:
    """What a vendor's tools made: timing and utilisation are in its own report."""

    bitstream: Path
    report: Path
    log: Path


def _tools(advice: str, names: Sequence[str]) -> tuple[Tool, ...]:
    return tuple(Tool(name, advice) for name in names)


VIVADO = Vendor("vivado", "Vivado", _tools(
    "AMD's Vivado ML Standard, whose settings64.sh AMARANTH_ENV_VIVADO names or is sourced",
    ("vivado",)), "bit", "top_timing.rpt")
QUARTUS = Vendor("quartus", "Quartus", _tools(
    "Intel's Quartus Prime Lite, with its bin folder on the PATH",
    ("quartus_map", "quartus_fit", "quartus_asm", "quartus_sta")), "sof", "top.sta.rpt")
VENDORS = {vendor.name: vendor for vendor in (VIVADO, QUARTUS)}
