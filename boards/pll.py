"""Dividers of the PLLs of five families, for the nearest frequency not above a wanted one.

Limits are those of the slowest speed grade among our boards. Sources: Xilinx DS181 and UG472
(PLLE2), Intel CV-51002 and UG-01087 (altera_pll), Lattice FPGA-DS-02012 and FPGA-TN-02200
(EHXPLLL), FPGA-TN-02052 (SB_PLL40), Gowin DS117 and UG286 (rPLL).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

__all__ = ["LIMITS", "Limits", "Pll", "find_pll", "megahertz"]

_MHZ = 1_000_000
FAR = Fraction(2, 100)  # a wanted frequency that is missed by more than this share is refused


class Span(NamedTuple):
    """Lowest and highest allowed, both included; Hz."""

    low: int
    high: int

    def holds(self, value: Fraction) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Limits:
    """What a family's PLL may do.

    primitive: its name. reference = input / n, n in 1..n_most; of the feedback dividers m and the
    output dividers in `q`, both included, the VCO is reference * m and the output VCO / q. Where
    output_feedback, the output is fed back: it is reference * m, and the VCO is output * q.
    """

    primitive: str
    reference: Span
    vco: Span
    output: Span
    n_most: int
    m: tuple[int, int]
    q: tuple[int, ...]
    output_feedback: bool = False


def _span(low: float, high: float) -> Span:
    return Span(round(low * _MHZ), round(high * _MHZ))


LIMITS: Mapping[str, Limits] = {
    "xc7": Limits("PLLE2_ADV", _span(19, 450), _span(800, 1600), _span(6.25, 464), 56, (2, 64),
                  tuple(range(1, 129))),
    "cyclonev": Limits("altera_pll", _span(5, 325), _span(600, 1400), _span(1, 460), 512, (1, 512),
                       tuple(range(1, 513))),
    # CLKOP is fed back, so m is its divider; CLKOS is the output.
    "ecp5": Limits("EHXPLLL", _span(10, 400), _span(400, 800), _span(10, 400), 128, (1, 128),
                   tuple(range(1, 129))),
    "ice40": Limits("SB_PLL40", _span(10, 133), _span(533, 1066), _span(16, 275), 16, (1, 128),
                    tuple(2**k for k in range(1, 7))),
    "gowin": Limits("rPLL", _span(3, 400), _span(400, 1200), _span(3.125, 600), 64, (1, 64),
                    (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128), output_feedback=True),
}


@dataclass(frozen=True)
class Pll:
    """Dividers of a family's PLL; frequencies follow from them, exactly.

    n, m, q: see `Limits`.
    """

    family: str
    input_hz: int
    n: int
    m: int
    q: int

    @property
    def reference_hz(self) -> Fraction:
        return Fraction(self.input_hz, self.n)

    @property
    def vco_hz(self) -> Fraction:
        feedback = self.m * self.q if LIMITS[self.family].output_feedback else self.m
        return self.reference_hz * feedback

    @property
    def output_hz(self) -> Fraction:
        return self.vco_hz / self.q


def megahertz(hertz: Fraction | float) -> str:
    """A frequency for people: MHz without needless digits."""
    return f"{float(hertz) / _MHZ:.6g}"


def _allowed(family: str, input_hz: int, wanted_hz: int) -> Iterator[Pll]:
    """For each n and q the PLLs on both sides of the wanted frequency, or of the nearest end of
    what the PLL may give, within all limits."""
    limits = LIMITS[family]
    target = min(max(wanted_hz, limits.output.low), limits.output.high)
    for n in range(1, limits.n_most + 1):
        reference = Fraction(input_hz, n)
        if not limits.reference.holds(reference):
            continue
        for q in limits.q:
            m = int(target * (1 if limits.output_feedback else q) / reference)
            for factor in (m, m + 1):
                pll = Pll(family, input_hz, n, factor, q)
                if (limits.m[0] <= factor <= limits.m[1] and limits.vco.holds(pll.vco_hz)
                        and limits.output.holds(pll.output_hz)):
                    yield pll


def find_pll(family: str, input_hz: int, wanted_hz: int) -> Pll:
    """The PLL of a family whose output is nearest to a frequency and not above it.

    Of several it takes the one with the highest reference, then with the fastest VCO: they jitter
    least. Raises ValueError for an unknown family, and where the output would be more than 2 %
    below what is wanted; the message names the nearest possible frequencies.
    """
    if family not in LIMITS:
        raise ValueError(f"family must be one of {', '.join(LIMITS)}, not {family!r}")
    plls = list(_allowed(family, input_hz, wanted_hz))
    below = [pll for pll in plls if pll.output_hz <= wanted_hz]
    if below:
        best = max(below, key=lambda pll: (pll.output_hz, pll.reference_hz, pll.vco_hz))
        if best.output_hz >= wanted_hz * (1 - FAR):
            return best
    nearest = [megahertz(find({pll.output_hz for pll in side})) for find, side in
               ((max, below), (min, [pll for pll in plls if pll not in below])) if side]
    raise ValueError(f"clock: {LIMITS[family].primitive} makes no {megahertz(wanted_hz)} MHz of "
                     f"{megahertz(input_hz)} MHz, but {' or '.join(nearest) or 'no other'} MHz")
