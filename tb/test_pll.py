"""Dividers of PLLs against all that there are, what the primitives are told, and the start-up."""

import re
from fractions import Fraction

import numpy as np
import pytest
from amaranth import ClockDomain, Module
from amaranth.sim import Simulator

from boards.clock import Startup
from boards.platforms import BOARDS, make_platform
from boards.pll import LIMITS, find_pll, megahertz
from boards.project import TOOLCHAINS
from tb.tool_case import Blinker

MHZ = 1_000_000
INPUTS = {"xc7": 100, "cyclonev": 50, "ecp5": 25, "ice40": 12, "gowin": 27}
BOARD = {"xc7": "arty-a7-35t", "cyclonev": "de0-cv", "ecp5": "ulx3s-25f", "ice40": "icebreaker",
         "gowin": "tang-nano-9k"}


def all_outputs(family: str, input_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Every output that some dividers make within the limits, as multiples a / b of the input."""
    limits = LIMITS[family]
    n, m, q = (axis.ravel() for axis in np.meshgrid(
        np.arange(1, min(limits.n_most, input_hz // limits.reference.low) + 1),
        np.arange(limits.m[0], limits.m[1] + 1), limits.q))
    high = m * q if limits.output_feedback else m  # VCO = reference * high
    low = np.ones_like(q) if limits.output_feedback else q  # output = reference * m / low
    fits = np.ones(n.shape, bool)
    for times, over, span in ((np.ones_like(n), n, limits.reference), (high, n, limits.vco),
                              (m, n * low, limits.output)):
        fits &= (input_hz * times >= span.low * over) & (input_hz * times <= span.high * over)
    return m[fits], (n * low)[fits]


@pytest.mark.parametrize("family", LIMITS)
def test_is_the_nearest_not_above(family, rng):
    input_hz = INPUTS[family] * MHZ
    a, b = all_outputs(family, input_hz)
    ratios = a / b
    low, high = int(input_hz * ratios.min()), int(input_hz * ratios.max())
    exact = input_hz * int(a[0]) // int(b[0])
    for wanted in [*map(int, rng.integers(low + 1, high, 12)), high, exact]:
        k = np.where(input_hz * a <= wanted * b, ratios, 0).argmax()
        best = Fraction(input_hz * int(a[k]), int(b[k]))
        if best < wanted * Fraction(98, 100):
            with pytest.raises(ValueError, match=f"^clock: {LIMITS[family].primitive} makes no "):
                find_pll(family, input_hz, wanted)
            continue
        pll = find_pll(family, input_hz, wanted)
        limits = LIMITS[family]
        assert pll.output_hz == best
        assert limits.vco.low <= pll.vco_hz <= limits.vco.high
        assert limits.reference.low <= pll.reference_hz <= limits.reference.high


@pytest.mark.parametrize("family, wanted, n, m, q", [
    ("ice40", 48, 1, 64, 16),  # icepll -i 12 -o 48: DIVR 0, DIVF 63, DIVQ 4
    ("xc7", 200, 1, 16, 8), ("ecp5", 100, 1, 32, 8), ("gowin", 54, 1, 2, 16),
    ("cyclonev", 140, 1, 28, 10),
])
def test_takes_high_references_and_a_fast_vco(family, wanted, n, m, q):
    pll = find_pll(family, INPUTS[family] * MHZ, wanted * MHZ)
    assert (pll.n, pll.m, pll.q, pll.output_hz) == (n, m, q, wanted * MHZ)


def test_takes_the_greatest_dividers():
    """127 being prime, 31 / (56 * 127) of the input needs the greatest n and all but the greatest
    q; other dividers come near."""
    exact = Fraction(2_000 * MHZ * 31, 56 * 127)
    pll = find_pll("xc7", 2_000 * MHZ, int(exact) + 1)
    assert (pll.n, pll.m, pll.q) == (56, 31, 127)
    assert 0.98 < find_pll("xc7", 2_000 * MHZ, int(exact)).output_hz / exact < 1


@pytest.mark.parametrize("family, wanted, message", [
    ("ice40", 13, "clock: SB_PLL40 makes no 13 MHz of 12 MHz, but 16.125 MHz"),
    ("gowin", 2, "clock: rPLL makes no 2 MHz of 27 MHz, but 3.375 MHz"),
    ("gowin", 37, "clock: rPLL makes no 37 MHz of 27 MHz, but 36 or 37.125 MHz"),
    ("ecp5", 500, "clock: EHXPLLL makes no 500 MHz of 25 MHz, but 400 MHz"),
    ("cyclonev", 900, "clock: altera_pll makes no 900 MHz of 50 MHz, but 460 MHz"),
    ("virtex", 50, "family must be one of xc7, cyclonev, ecp5, ice40, gowin, not 'virtex'"),
])
def test_rejects(family, wanted, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        find_pll(family, INPUTS.get(family, 25) * MHZ, wanted * MHZ)


def test_a_frequency_for_people():
    assert [megahertz(hertz) for hertz in (12e6, Fraction(250 * MHZ, 3))] == ["12", "83.3333"]


def parameters(family: str, clock_hz: float, tools: str) -> tuple[str, dict[str, str], float]:
    """(primitive, its parameters, clock) as a board's top has them in RTLIL."""
    board = BOARDS[BOARD[family]]
    platform = make_platform(board, TOOLCHAINS[tools].amaranth, clock_hz)
    files = platform.prepare(Blinker(), name="top", emit_src=False).files
    text = files["top.il"] if isinstance(files["top.il"], str) else files["top.il"].decode()
    cell = next(cell for cell in re.split(r"^  cell ", text, flags=re.MULTILINE)
                if cell.startswith(f"\\{LIMITS[family].primitive}"))
    told = dict(re.findall(r"parameter (?:real |signed )?\\(\w+) (.*)", cell))
    return cell.split()[0][1:], told, platform.clock_hz


def test_primitives_are_told_the_dividers():
    """Frequencies by the makers' formulas from what the primitives are told."""
    name, told, clock = parameters("xc7", 83.3e6, "openxc7")
    assert name == "PLLE2_ADV"
    assert Fraction(100_000_000 * int(told["CLKFBOUT_MULT"]), int(told["DIVCLK_DIVIDE"]) * int(
        told["CLKOUT0_DIVIDE"])) == Fraction(1_080_000_000, 13)
    assert clock == 1080e6 / 13
    name, told, clock = parameters("ecp5", 66e6, "trellis")
    assert (name, told["FEEDBK_PATH"], told["CLKFB_DIV"]) == ("EHXPLLL", '"CLKOP"', "1")
    vco = 25e6 / int(told["CLKI_DIV"]) * int(told["CLKFB_DIV"]) * int(told["CLKOP_DIV"])
    assert vco / int(told["CLKOS_DIV"]) == clock
    name, told, clock = parameters("ice40", 48e6, "icestorm")
    assert (name, told["FILTER_RANGE"]) == ("SB_PLL40_PAD", "1")
    assert 12e6 * (int(told["DIVF"]) + 1) / (int(told["DIVR"]) + 1) / 2**int(told["DIVQ"]) == clock
    name, told, clock = parameters("gowin", 54e6, "apicula")
    assert (name, told["FCLKIN"], told["CLKFB_SEL"]) == ("rPLL", '"27"', '"internal"')
    assert 27e6 * (int(told["FBDIV_SEL"]) + 1) / (int(told["IDIV_SEL"]) + 1) == clock
    assert 400e6 <= clock * int(told["ODIV_SEL"]) <= 1200e6
    name, told, clock = parameters("cyclonev", 140e6, "quartus")
    assert (name, told["reference_clock_frequency"], told["output_clock_frequency0"]) == (
        "altera_pll", '"50.000000 MHz"', '"140.000000 MHz"')


def test_no_pll_where_the_clock_is_the_boards():
    for family, name in BOARD.items():
        board = BOARDS[name]
        platform = make_platform(board, TOOLCHAINS[board.toolchains[0]].amaranth,
                                 INPUTS[family] * 1e6)
        assert platform.pll is None
        assert platform.clock_hz == INPUTS[family] * 1e6


def test_mistral_has_no_pll():
    with pytest.raises(ValueError, match=re.escape(
            "clock: nextpnr-mistral knows no PLL, so it must be the board's 50 MHz, not 100 MHz; "
            "or take --tools quartus")):
        make_platform(BOARDS["de10-nano"], "Mistral", 100e6)


def test_start_up_waits_anew_after_each_break():
    """The reset ends 5 cycles after the clock runs, two of them for the synchroniser and one for
    its register more, and begins again when it does not."""
    dut, seen = Startup(5), []
    top = Module()
    top.domains.por = ClockDomain(reset_less=True)
    top.submodules.dut = dut
    running = [0, 0] + [1] * 4 + [0] + [1] * 12 + [0] * 5

    async def drive(context):
        for value in running:
            context.set(dut.running, value)
            seen.append(context.get(dut.held))
            await context.tick("por")

    simulator = Simulator(top)
    simulator.add_clock(1e-6, domain="por")
    simulator.add_testbench(drive)
    simulator.run()
    released = 7 + 2 + 5 + 1
    assert seen == [1] * released + [0] * (19 + 2 + 1 - released) + [1] * (len(running) - 22)
