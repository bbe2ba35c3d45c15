"""Synthesis for five FPGA families, with a resource table for each layer."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from amaranth.lib import wiring

from hdl.verilog import to_rtlil
from hdl.yosys import run_yosys

__all__ = ["FAMILIES", "Family", "Resources", "Synthesis", "synthesis_script", "synthesize",
           "synthesize_rtlil"]


@dataclass(frozen=True)
class Resources:
    """What a netlist, or one layer of it, takes; families differ in what a LUT is.

    ======== ================================ ================ ============= ================
    family   lut                              lutram           bram          carry
    ======== ================================ ================ ============= ================
    xc7      LUT1..6, LUT6_2, INV             LUTs as memory   RAMB36E1;     CARRY4 (4 bits)
                                              or shift reg.    RAMB18E1 .5
    cyclonev ALUT2..6, NOT, ALUT_ARITH; two   MLAB bits x 32   M10K          ALUT_ARITH
             share an ALM, a 6-input one not  (1 ALUT each)
    ecp5     LUT4, and 2 for each CCU2C       6 for DPR16X4    DP16KD        CCU2C (2 bits)
    ice40    SB_LUT4 (SB_CARRY lies beside)   -                SB_RAM40_4K   SB_CARRY (1 bit)
    gowin    LUT1..4, INV, and 1 for each ALU 16 bits a LUT    BSRAM 18 kbit ALU (1 bit)
    ======== ================================ ================ ============= ================

    A product written ``*`` becomes a multiplier block where it is wide enough and the family has
    one, but not on ice40, whose common members have none; cores write ``*`` only where they were
    asked for blocks. lut counts logic alone, without lutram. ff counts flip-flops and latches, dsp
    multiplier blocks, cells every primitive by its own name. Wide multiplexers (MUXF7, PFUMX,
    MUX2_LUT5), constants and pads cost nothing here.
    """

    lut: int = 0
    ff: int = 0
    bram: float = 0
    carry: int = 0
    dsp: int = 0
    lutram: int = 0
    cells: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """A family: its name for people, the yosys command, and what each primitive costs.

    costs: (regular expression of the whole cell name, {field of Resources: amount}); the first
    that matches counts.
    """

    title: str
    command: str
    costs: tuple[tuple[str, Mapping[str, float]], ...]


_XILINX = "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf"
_LUT, _FF, _BRAM, _DSP = {"lut": 1}, {"ff": 1}, {"bram": 1}, {"dsp": 1}

FAMILIES: Mapping[str, Family] = {
    "xc7": Family("Xilinx 7 series", _XILINX, (
        (r"LUT[1-6]|LUT6_2|INV", _LUT), (r"(FD[RSCP]E|LD[CP]E)(_1)?", _FF),
        (r"CARRY4", {"carry": 1}), (r"RAMB36E1", _BRAM), (r"RAMB18E1", {"bram": 0.5}),
        (r"DSP48E1", _DSP), (r"RAM(32|64)X1S(_1)?|SRL16E|SRLC16E|SRLC32E", {"lutram": 1}),
        (r"RAM(32|64)X1D(_1)?|RAM128X1S(_1)?", {"lutram": 2}),
        (r"RAM128X1D|RAM256X1S|RAM(32|64)M", {"lutram": 4}),
    )),
    "cyclonev": Family("Intel Cyclone V", "synth_intel_alm -family cyclonev -noiopad -noclkbuf", (
        (r"MISTRAL_(ALUT[2-6]|NOT)", _LUT), (r"MISTRAL_ALUT_ARITH", {"lut": 1, "carry": 1}),
        (r"MISTRAL_FF", _FF), (r"MISTRAL_M10K", _BRAM), (r"MISTRAL_MUL.*", _DSP),
        (r"MISTRAL_MLAB", {"lutram": 1}),
    )),
    "ecp5": Family("Lattice ECP5", "synth_ecp5", (
        (r"LUT4", _LUT), (r"CCU2C", {"lut": 2, "carry": 1}), (r"TRELLIS_FF", _FF),
        (r"(DP16|PDPW16)KD", _BRAM), (r"MULT18X18D|ALU54B", _DSP),
        # Four LUTs hold the bits; the write port takes both LUTs of a third slice.
        (r"TRELLIS_DPR16X4", {"lutram": 6}),
    )),
    "ice40": Family("Lattice iCE40", "synth_ice40", (
        (r"SB_LUT4", _LUT), (r"SB_CARRY", {"carry": 1}), (r"SB_DFF.*", _FF),
        (r"SB_RAM40_4K.*", _BRAM), (r"SB_MAC16", _DSP),
    )),
    "gowin": Family("Gowin GW1N", "synth_gowin -noiopads", (
        (r"LUT[1-4]|INV", _LUT), (r"ALU", {"lut": 1, "carry": 1}), (r"(DFF|DL)N?[SRPC]?E?", _FF),
        (r"(SP|SDP|SDPB|DP|DPB|pROM)(X9B?)?", _BRAM), (r"MULT.*|PADD.*", _DSP),
        (r"RAM16S(DP)?1", {"lutram": 1}), (r"RAM16S(DP)?2", {"lutram": 2}),
        (r"RAM16S(DP)?4", {"lutram": 4}),
    )),
}


@dataclass(frozen=True)
class Synthesis:
    """Where the netlist of a family lies and what it takes.

    netlist and json: the flat netlist as Verilog and as yosys JSON (what nextpnr reads); log:
    everything yosys said; layers: submodule of the top -> its share, and "top" -> what lies
    between them; empty unless it was asked for. totals is the sum of the layers.
    """

    family: str
    netlist: Path
    json: Path
    log: Path
    totals: Resources
    layers: Mapping[str, Resources]


def synthesize(component: wiring.Component, family: str, build_dir: Path | str,
               per_layer: bool = False) -> Synthesis:
    """Map component to a family's primitives; pads and clock buffers are left out.

    per_layer keeps each submodule of the component apart until it is counted, so nothing is
    optimised across their borders: totals may then be some LUTs more than without.

    Raises ValueError for an unknown family, ToolError if yosys fails.
    """
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")
    return synthesize_rtlil(to_rtlil(component), family, build_dir, per_layer=per_layer)


def synthesize_rtlil(rtlil: str, family: str, build_dir: Path | str, *, per_layer: bool = False,
                     options: Sequence[str] = (), before: Sequence[str] = (),
                     after: Sequence[str] = ()) -> Synthesis:
    """The same for RTLIL text whose top module is `top`.

    options go to the synth command; before: yosys commands that read further primitives; after:
    those for the flat netlist at the end.
    """
    folder = Path(build_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{family}.il").write_text(rtlil)
    layers = re.findall(r"^module \\(top\.[^.\s]+)$", rtlil, re.MULTILINE) if per_layer else []
    log = folder / f"{family}.yosys.log"
    run_yosys(synthesis_script(rtlil, family, layers=layers, options=options, before=before,
                               after=after), log)
    stat = json.loads((folder / f"{family}.stat.json").read_text())
    cells = {name.removeprefix("\\"): module["num_cells_by_type"]
             for name, module in stat["modules"].items()}
    parts = {name.removeprefix("top."): _resources(cells[name], family, set(cells))
             for name in (*layers, "top") if name in cells}
    return Synthesis(family, folder / f"{family}.netlist.v", folder / f"{family}.json", log,
                     _total(parts.values()), parts if per_layer else {})


def synthesis_script(rtlil: str, family: str, *, layers: Sequence[str] = (),
                     options: Sequence[str] = (), before: Sequence[str] = (),
                     after: Sequence[str] = ()) -> list[str]:
    """Yosys commands that make FAMILY.json and more of RTLIL text, which lies in FAMILY.il.

    layers: modules to be kept apart until they are counted; options, before and after: see
    `synthesize_rtlil`.
    """
    keep = [f"setattr -mod -set keep_hierarchy 1 {' '.join(layers)}"] if layers else []
    merge = ["setattr -mod -unset keep_hierarchy *", "flatten", "opt_clean"] if layers else []
    return [
        # abc9 checking its own work takes minutes to hours on flat designs.
        "scratchpad -set abc9.verify 0",
        *before,
        f"read_rtlil {family}.il",
        *keep,
        *_commands(family, options, bool(re.search(r"^  memory ", rtlil, re.MULTILINE))),
        f"tee -q -o {family}.stat.json stat -json",
        *merge,
        # Notes of what was flattened, which nextpnr takes for cells.
        "delete t:$scopeinfo",
        f"write_verilog -noattr {family}.netlist.v",
        f"write_json {family}.json",
        *after,
    ]


def _commands(family: str, options: Sequence[str], memories: bool) -> list[str]:
    """The synth command. On 7-series, of which most designs are made, what takes most of a small
    design's time is left out: how memories are mapped where there are none, and the black boxes of
    thousands of cells (cells_xtra.v) that neither Yosys nor a core ever instantiates."""
    command = " ".join([FAMILIES[family].command, *options, "-top top"])
    if family != "xc7":
        return [command]
    begin = ["read_verilog -lib -specify +/xilinx/cells_sim.v", "hierarchy -check -top top"]
    if memories:
        return [*begin, f"{command} -run prepare:"]
    return [*begin, f"{command} -run prepare:map_memory", f"{command} -run map_ffram:"]


def _resources(cells: Mapping[str, int], family: str, modules: Set[str]) -> Resources:
    """Price the cells of one module; instances of other modules are theirs to count."""
    sums: dict[str, float] = defaultdict(int)
    primitives: dict[str, int] = {}
    for cell, count in sorted(cells.items()):
        name = cell.removeprefix("\\")
        if name in modules or name == "$scopeinfo":
            continue
        if name.startswith("$"):
            raise ValueError(f"{family} has no primitive for {count} {name} cells of the design")
        primitives[name] = count
        cost = next((cost for pattern, cost in FAMILIES[family].costs
                     if re.fullmatch(pattern, name)), {})
        for resource, amount in cost.items():
            sums[resource] += amount * count
    bram = sums.pop("bram", 0)
    return Resources(bram=bram, cells=primitives, **{name: int(n) for name, n in sums.items()})


def _total(parts: Iterable[Resources]) -> Resources:
    parts = list(parts)
    cells: Counter[str] = Counter()
    for part in parts:
        cells.update(part.cells)
    return Resources(sum(p.lut for p in parts), sum(p.ff for p in parts),
                     sum(p.bram for p in parts), sum(p.carry for p in parts),
                     sum(p.dsp for p in parts), sum(p.lutram for p in parts), dict(cells))
