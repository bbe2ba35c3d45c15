"""A core as the netlist that Yosys makes of it, with cell models that Verilator can run.

The netlist is that of ``hdl.synth`` for 7-series. Its cells behave as in Yosys's own
``cells_sim.v``, apart from the block RAMs, which have no behaviour there and are modelled in
``tb/models/block_ram.v``.
"""

import shutil
from importlib.metadata import version
from pathlib import Path

import pyosys
from amaranth.lib import wiring

from hdl import synth
from hdl.verilog import to_rtlil
from tb.cache import cached, content_hash

__all__ = ["cell_models", "write_netlist"]


def write_netlist(component: wiring.Component, folder: Path) -> Path:
    """Verilog netlist of the component, from the cache if the same design was mapped before."""
    rtlil = to_rtlil(component)
    key = content_hash(rtlil, Path(synth.__file__).read_bytes(), version("pyosys"))

    def make(target: Path) -> None:
        netlist = synth.synthesize_rtlil(rtlil, "xc7", folder).netlist
        shutil.copyfile(netlist, target / "netlist.v")

    return cached("netlist", key, make) / "netlist.v"


def cell_models() -> list[Path]:
    """Verilog files of the cells; the first definition of a cell counts."""
    return [Path(__file__).parent / "models/block_ram.v",
            Path(pyosys.__file__).parent / "share/xilinx/cells_sim.v"]
