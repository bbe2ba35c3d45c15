"""A core as the netlist that Yosys makes of it, with cell models that Verilator can run.

The netlist is that of ``hdl.synth`` for 7-series. Its cells behave as in Yosys's own
``cells_sim.v``, apart from the block RAMs, which have no behaviour there and are modelled in
``tb/models/block_ram.v``.
"""

import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from amaranth.lib import wiring

from hdl import synth
from hdl.verilog import to_rtlil
from tb.cache import cached, content_hash

__all__ = ["cell_models", "uses_cells", "write_netlist"]


def write_netlist(component: wiring.Component, folder: Path) -> Path:
    """Verilog netlist of the component, from the cache if the same design was mapped before."""
    rtlil = to_rtlil(component)
    key = content_hash(rtlil, Path(synth.__file__).read_bytes(), Path(__file__).read_bytes(),
                       version("pyosys"))

    def make(target: Path) -> None:
        # The bits of one vector may depend on each other; single nets are no loop to Verilator.
        written = target.resolve() / "netlist.v"
        synth.synthesize_rtlil(rtlil, "xc7", folder, after=(
            "splitnets", f'write_verilog -noattr "{written}"'))

    return cached("netlist", key, make) / "netlist.v"


def uses_cells(verilog: str) -> bool:
    """Does a generated core instantiate cells of 7-series itself?"""
    return re.search(r"^ +(LUT[1-6]|CARRY4) ", verilog, re.MULTILINE) is not None


def cell_models() -> list[Path]:
    """Verilog files of the cells; the first definition of a cell counts."""
    # Not imported: in one process with torch its bindings break those of matplotlib.
    yosys = find_spec("pyosys")
    assert yosys is not None and yosys.origin is not None
    return [Path(__file__).parent / "models/block_ram.v",
            Path(yosys.origin).parent / "share/xilinx/cells_sim.v"]
