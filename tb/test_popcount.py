"""Popcount against counting non-zeros, in both variants, as RTL and as netlist."""

import numpy as np
import pytest

from golden.number import Integer
from golden.popcount import popcount
from hdl.popcount import Popcount
from tb.cases import rtl_only
from tb.harness import Frames, simulate


def draw(rng: np.random.Generator, n: int) -> np.ndarray:
    """Words of all densities, all zeros, all ones, a single one and a single zero."""
    density = np.linspace(0, 1, 60)[:, None]
    single = np.eye(n, dtype=bool)[rng.permutation(n)[:20]]
    return np.concatenate([rng.random((60, n)) < density, single, ~single]).astype(np.int64)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("n, levels, variant", [
    rtl_only(1, 1, "portable"), rtl_only(1, 1, "xc7"), (2, 1, "xc7"), rtl_only(3, 2, "portable"),
    (7, 1, "portable"), rtl_only(7, 1, "xc7"), (13, 3, "xc7"), (64, 2, "portable"),
    rtl_only(64, 1, "xc7"), rtl_only(100, 9, "portable"), (251, 2, "xc7"),
])
def test_matches_golden(rng: np.random.Generator, n: int, levels: int, variant: str,
                        netlist: bool) -> None:
    bits = draw(rng, n)
    core = Popcount(n, levels=levels, variant=variant)
    result = simulate(core, Frames.of(bits, Integer(1, False), n),
                      Frames.of(popcount(bits)[:, None], Integer(n.bit_length(), False)),
                      netlist=netlist)
    assert result.capacity == core.latency


@pytest.mark.parametrize("n, luts", [(64, 39), (256, 155), (784, 477)])
def test_size(n: int, luts: int) -> None:
    assert Popcount(n).logic.luts == luts


@pytest.mark.parametrize("levels, latency", [(1, 8), (2, 4), (3, 3), (8, 1), (100, 1)])
def test_latency_is_depth_over_levels(levels: int, latency: int) -> None:
    assert Popcount(64, levels=levels).latency == latency


@pytest.mark.parametrize("arguments, error, message", [
    ({"n": 0}, ValueError, r"^n must be at least 1, not 0$"),
    ({"n": 2.0}, TypeError, r"^n must be an integer, not 2.0$"),
    ({"n": 2, "levels": 0}, ValueError, r"^levels must be at least 1, not 0$"),
    ({"n": 2, "levels": "3"}, TypeError, r"^levels must be an integer, not '3'$"),
    ({"n": 2, "variant": "asic"}, ValueError,
     r"^variant must be one of portable, xc7, not 'asic'$"),
])
def test_rejects(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Popcount(**arguments)
