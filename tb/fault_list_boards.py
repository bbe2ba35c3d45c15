"""Faults of boards, PLLs and toolchains: (core, file, old, new, meaning, test)."""

__all__ = ["BOARD_FAULTS"]

_PLL = "tb/test_pll.py::test_"
_PROJECTS = "tb/test_projects.py::test_"
_TOOLS = "tb/test_toolchains.py::test_"

BOARD_FAULTS = (
    ("pll", "boards/pll.py", "if pll.output_hz <= wanted_hz]", "if pll.output_hz != wanted_hz]",
     "a frequency above the wanted one is taken", _PLL + "is_the_nearest_not_above[ice40]"),
    ("pll", "boards/pll.py", "limits.vco.holds(pll.vco_hz)", "pll.vco_hz",
     "the VCO leaves its limits", _PLL + "is_the_nearest_not_above[ecp5]"),
    ("pll", "boards/pll.py", "feedback = self.m * self.q if", "feedback = self.m if",
     "the VCO of a PLL that feeds its output back is taken too low",
     _PLL + "rejects"),
    ("pll", "boards/pll.py", "limits.n_most + 1)", "limits.n_most)",
     "the greatest divider of the input is left out", _PLL + "takes_the_greatest_dividers"),
    ("clock", "boards/clock.py", "p_DIVF=self._pll.m - 1", "p_DIVF=self._pll.m",
     "SB_PLL40 divides by one more", _PLL + "primitives_are_told_the_dividers"),
    ("clock", "boards/clock.py", "p_CLKOS_DIV=self._pll.q", "p_CLKOS_DIV=self._pll.m",
     "EHXPLLL gives the feedback's frequency", _PLL + "primitives_are_told_the_dividers"),
    ("clock", "boards/clock.py", "waited.eq(0)]", "waited.eq(waited)]",
     "the reset is shorter after a break", _PLL + "start_up_waits_anew_after_each_break"),
    ("clock", "boards/clock.py", "self.held.eq(~ready | (", "self.held.eq((",
     "no reset when the clock stops", _PLL + "start_up_waits_anew_after_each_break"),
    ("clock", "boards/clock.py", "            platform.constrain_pll(pll.o)\n", "",
     "the PLL's clock has no constraint", _PROJECTS + "openxc7_netlist"),
    ("families", "boards/families.py", "create_clock -period {{1000000000 / frequency}} [get_ports",
     "# create_clock -period {{1000000000 / frequency}} [get_ports",
     "the board's clock has no constraint",
     _PROJECTS + "xilinx_constraints[openxc7-arty-a7-35t]"),
    ("families", "boards/families.py", 'self.clock_buffer = "BUFG", "I", "O"', "pass",
     "the clock goes through the fabric", _PROJECTS + "openxc7_netlist_without_pll"),
    ("families", "boards/families.py", 'self.clock_buffer = "MISTRAL_CLKBUF", "A", "Q"', "pass",
     "the reset is made of cells that nextpnr-mistral does not know",
     _PROJECTS + "mistral_netlist"),
    ("flow", "boards/flow.py", "best = max(routed", "best = min(routed", "the slowest seed is kept",
     _TOOLS + "openxc7_calls"),
    ("flow", "boards/flow.py", "    chain.require(board_named(board))\n", "",
     "a missing tool is found after synthesis", _TOOLS + "names_what_is_missing"),
    ("toolchain", "boards/toolchain.py", "min(map(float, found.values()))",
     "max(map(float, found.values()))", "the fastest clock counts",
     _TOOLS + "reads_the_last_fmax_of_the_slowest_clock"),
    ("openxc7", "boards/openxc7.py", 'CHIPDB="$CHIPDB/{_die(board)}.bin"',
     'CHIPDB="$CHIPDB/{board.part}.bin"', "the script takes a chip database of another name",
     _TOOLS + "openxc7_script_calls_the_same"),
    ("project", "boards/project.py", 'chain.pack(spec, "seed-$SEED")', 'chain.pack(spec, "seed-1")',
     "the script packs another seed than it has routed", _TOOLS + "openxc7_script_calls_the_same"),
)
