"""What the tests of accelerators on a processor's bus share: building one, and steps for it."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from golden.registers import OFFSETS
from hdl.accelerator import Accelerator
from hdl.bus_tops import bus_top
from hdl.verilog import write_verilog
from tb.harness import settings
from tb.netlist import cell_models, write_netlist
from tb.simulator import PortsOnlyVerilator

__all__ = ["Step", "carry_out", "read", "write"]

Step = Sequence[Any]


def read(register: str) -> Step:
    """The value of a register."""
    return "read", OFFSETS[register]


def write(register: str | int, value: int, size: int = 4) -> Step:
    """Write a register, or an address; size: bytes that are meant."""
    address = OFFSETS[register] if isinstance(register, str) else register
    return "write", address, value.to_bytes(size, "little").hex()


def carry_out(core: Accelerator, kind: str, steps: Sequence[Step], netlist: bool = False
              ) -> list[Any]:
    """Results of the steps on a simulated accelerator behind a bus; see ``tb.bus_bench``.

    netlist: simulate what yosys makes of it for 7-series.
    """
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=settings.folder))
    top, memory_files = bus_top(core, kind), list[Path]()
    if netlist:
        sources = [write_netlist(top, folder), *cell_models()]
    else:
        verilog, *memory_files = write_verilog(top, folder / "top.v", memory_files=True)
        sources = [verilog]
    (folder / "case.json").write_text(json.dumps(
        {"kind": kind, "seed": settings.seed, "steps": list(steps)}))
    simulator = PortsOnlyVerilator(sources, "tb.bus_bench", folder, memory_files=memory_files,
                                   waves=settings.waves, optimise="-O0")
    simulator.simulate({})
    outcome = json.loads((folder / "result.json").read_text())
    assert outcome["broken"] == []
    results: list[Any] = outcome["results"]
    return results
