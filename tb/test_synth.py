# amaranth: UnusedElaboratable=no
"""Resource counts of designs small enough to count by hand, for every family."""

import re

import pytest
from amaranth import Module
from amaranth.hdl import Assert
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.netlist_levels import logic_levels
from hdl.popcount import Popcount
from hdl.synth import FAMILIES, synthesize
from hdl.yosys import ToolError


class Accumulator(wiring.Component):
    """o := o + i, 16 bits: 16 flip-flops and one 16-bit carry chain."""

    def __init__(self) -> None:
        super().__init__({"i": In(16), "o": Out(16)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(self.o + self.i)
        return m


class Table(wiring.Component):
    """512 words of 32 bits with a registered read port: 16 kbit of block ROM."""

    def __init__(self) -> None:
        super().__init__({"a": In(9), "o": Out(32)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        content = [(k * 0x9E3779B1) % 2**32 for k in range(512)]
        m.submodules.rom = rom = memory.Memory(shape=32, depth=512, init=content)
        port = rom.read_port()
        m.d.comb += [port.addr.eq(self.a), self.o.eq(port.data)]
        return m


class Parity(wiring.Component):
    """Parity of n bits."""

    def __init__(self, n: int) -> None:
        super().__init__({"i": In(n), "o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(self.i.xor())
        return m


class SmallMemory(wiring.Component):
    """32 words of 8 bits, written by clock, read at once."""

    def __init__(self) -> None:
        super().__init__({"write": In(1), "write_address": In(5), "data": In(8),
                          "read_address": In(5), "o": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ram = ram = memory.Memory(shape=8, depth=32, init=[])
        write, read = ram.write_port(), ram.read_port(domain="comb")
        m.d.comb += [write.en.eq(self.write), write.addr.eq(self.write_address),
                     write.data.eq(self.data), read.addr.eq(self.read_address),
                     self.o.eq(read.data)]
        return m


class Product(wiring.Component):
    """16 x 16 bits, unsigned."""

    def __init__(self) -> None:
        super().__init__({"a": In(16), "b": In(16), "o": Out(32)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(self.a * self.b)
        return m


class Pair(wiring.Component):
    """A table whose lower halves are summed up, and the parity of four address bits beside."""

    def __init__(self) -> None:
        super().__init__({"a": In(9), "o": Out(16), "p": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.table = table = Table()
        m.submodules.sum = total = Accumulator()
        m.d.comb += [table.a.eq(self.a), total.i.eq(table.o), self.o.eq(total.o),
                     self.p.eq(self.a[:4].xor())]
        return m


class Unmappable(wiring.Component):
    """A check, which is no hardware."""

    def __init__(self) -> None:
        super().__init__({"i": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += Assert(self.i)
        return m


def counts(component: wiring.Component, family: str, folder: object) -> dict[str, float]:
    """Non-zero resources of the component."""
    totals = vars(synthesize(component, family, str(folder)).totals)
    return {name: value for name, value in totals.items() if value and name != "cells"}


# A 16-bit chain is 4 CARRY4, 8 CCU2C (each with 2 LUTs); on iCE40 bit 15 sends no carry on.
@pytest.mark.parametrize("family, expected", [
    ("xc7", {"lut": 16, "ff": 16, "carry": 4}),
    ("cyclonev", {"lut": 16, "ff": 16, "carry": 16}),
    ("ecp5", {"lut": 16, "ff": 16, "carry": 8}),
    ("ice40", {"lut": 16, "ff": 16, "carry": 15}),
    ("gowin", {"lut": 16, "ff": 16, "carry": 16}),
])
def test_accumulator(tmp_path, family, expected):
    assert counts(Accumulator(), family, tmp_path) == expected


# 16 kbit: half of an RAMB36, two M10K of 20 bits, one DP16KD, four SB_RAM40_4K, one BSRAM.
@pytest.mark.parametrize("family, bram",
                         [("xc7", 0.5), ("cyclonev", 2), ("ecp5", 1), ("ice40", 4), ("gowin", 1)])
def test_table(tmp_path, family, bram):
    assert counts(Table(), family, tmp_path) == {"bram": bram}


# The widest LUT takes it whole.
@pytest.mark.parametrize("family, n",
                         [("xc7", 6), ("cyclonev", 6), ("ecp5", 4), ("ice40", 4), ("gowin", 4)])
def test_parity(tmp_path, family, n):
    assert counts(Parity(n), family, tmp_path) == {"lut": 1}


# RAM32M holds 32 words of 6 bits in 4 LUTs.
def test_small_memory(tmp_path):
    assert counts(SmallMemory(), "xc7", tmp_path) == {"lutram": 2 * 4}


# Cells of 16 words by 4 bits: 2 x 2 of them; logic chooses between the upper and lower words.
@pytest.mark.parametrize("family, lutram", [("ecp5", 4 * 6), ("gowin", 4 * 4)])
def test_small_memory_of_16_words(tmp_path, family, lutram):
    assert counts(SmallMemory(), family, tmp_path) == {"lutram": lutram, "lut": 8 + 2}


@pytest.mark.parametrize("family", ["cyclonev", "ecp5"])
def test_product(tmp_path, family):
    assert counts(Product(), family, tmp_path) == {"dsp": 1}


def test_latch_and_flip_flop_names_of_every_family():
    flip_flops = {"xc7": ["FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1"], "cyclonev": ["MISTRAL_FF"],
                  "ecp5": ["TRELLIS_FF"], "ice40": ["SB_DFF", "SB_DFFESR", "SB_DFFNSS"],
                  "gowin": ["DFF", "DFFE", "DFFSE", "DFFRE", "DFFNPE", "DFFC", "DFFNC"]}
    for family, names in flip_flops.items():
        for name in names:
            assert next(cost for pattern, cost in FAMILIES[family].costs
                        if re.fullmatch(pattern, name)) == {"ff": 1}


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_add_up(tmp_path, family):
    synthesis = synthesize(Pair(), family, tmp_path, per_layer=True)
    assert list(synthesis.layers) == ["table", "sum", "top"]
    assert synthesis.layers["table"].bram == synthesis.totals.bram > 0
    assert synthesis.layers["sum"].ff == synthesis.totals.ff == 16
    assert synthesis.layers["top"].lut == 1
    assert synthesis.totals.lut == sum(part.lut for part in synthesis.layers.values())
    assert sum(synthesis.totals.cells.values()) == sum(
        sum(part.cells.values()) for part in synthesis.layers.values())
    # The netlist itself is flat all the same.
    assert synthesis.netlist.read_text().count("\nmodule ") == 1
    assert synthesis.json.stat().st_size and synthesis.log.stat().st_size


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_counts_logic_levels(tmp_path, levels):
    """A pipeline of primitives has as many levels between its registers as it was made for."""
    core = Popcount(200, levels=levels, variant="xc7")
    assert logic_levels(synthesize(core, "xc7", tmp_path).json) == levels


def test_carry_chains_are_no_level(tmp_path):
    assert logic_levels(synthesize(Accumulator(), "xc7", tmp_path).json) == 1


def test_rejects_unknown_family(tmp_path):
    with pytest.raises(ValueError, match=r"^family must be one of xc7, cyclonev, ecp5, ice40, "
                                         r"gowin, not 'virtex'$"):
        synthesize(Parity(4), "virtex", tmp_path)


def test_rejects_what_has_no_primitive(tmp_path):
    with pytest.raises(ValueError, match=r"^ice40 has no primitive for 1 \$\w+ cells of the "
                                         r"design$"):
        synthesize(Unmappable(), "ice40", tmp_path)


def test_names_the_log_of_a_failure(tmp_path):
    (tmp_path / "ecp5.json").mkdir()  # in the way of the netlist
    with pytest.raises(ToolError, match=re.escape(f"All of it: {tmp_path / 'ecp5.yosys.log'}")):
        synthesize(Parity(4), "ecp5", tmp_path)
