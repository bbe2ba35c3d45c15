"""Depth of a mapped netlist: how many LUTs a signal passes from one register to the next."""

import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

__all__ = ["logic_levels"]

# Cells of 7-series without a register, and whether passing them counts as a level.
_LEVELS = {**{f"LUT{n}": 1 for n in range(1, 7)}, "LUT6_2": 1, "INV": 1, "CARRY4": 0, "MUXF7": 0,
           "MUXF8": 0}


def logic_levels(netlist: Path) -> int:
    """LUTs on the longest path of a flat 7-series netlist in Yosys's JSON.

    Carry chains and wide multiplexers are not counted: they lie beside the LUTs. Registers,
    memories and multiplier blocks begin and end paths. Raises ValueError for a combinational loop.
    """
    module: dict[str, Any] = json.loads(netlist.read_text())["modules"]["top"]
    cells = {name: cell for name, cell in module["cells"].items() if cell["type"] in _LEVELS}
    driver = {bit: name for name, cell in cells.items() for port, bits in
              cell["connections"].items() if cell["port_directions"][port] == "output"
              for bit in bits}
    reads = {name: {driver[bit] for port, bits in cell["connections"].items()
                    if cell["port_directions"][port] == "input" for bit in bits if bit in driver}
             for name, cell in cells.items()}
    depth: dict[str, int] = {}
    for name in TopologicalSorter(reads).static_order():
        before = max((depth[other] for other in reads[name]), default=0)
        depth[name] = before + _LEVELS[cells[name]["type"]]
    return max(depth.values(), default=0)
