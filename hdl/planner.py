"""Chooses a Plan: the least logic for a frame rate, or the highest frame rate for a device."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from golden.layer import (
    Dense,
    Embedding,
    Layer,
    MultiThreshold,
    PiecewiseLinear,
    Scale,
    Table,
    Weighted,
)
from golden.network import Network
from hdl.estimate import Estimate, converter_luts, estimate, estimate_layer, layer_cycles
from hdl.grouping import Grouping
from hdl.plan import LayerPlan, Plan, lanes_in, lanes_out
from hdl.schedule import Schedule

__all__ = ["plan_for_cycles", "plan_for_luts", "plan_for_rate", "total"]

_BRAM_LUTS = 150  # what a block RAM is worth when foldings are compared
_SCHEDULED_DENSITY = 0.5  # of non-zeros, above which no schedule of them is tried
_LOGIC_LIMIT = 400_000  # weight bits; hard-wiring more takes minutes to generate


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Sums of resources and the cycles of the slowest layer."""
    return Estimate("total", max(e.cycles for e in estimates), sum(e.lut for e in estimates),
                    sum(e.ff for e in estimates), sum(e.bram for e in estimates))


def _candidates(layer: Layer, cycles: int, storages: Sequence[str]) -> Iterator[LayerPlan]:
    """Ways to do the layer in so many cycles; for each number of beats the fewest neurons."""
    if not isinstance(layer, Weighted):
        writable = isinstance(layer, MultiThreshold | Scale | Table | PiecewiseLinear)
        storage = "ram" if set(storages) == {"ram"} and writable else "rom"
        n = layer.channels_out if isinstance(layer, Embedding) else layer.channels_in
        for beats in range(1, n + 1):
            choice = LayerPlan(simd=-(-n // beats), storage=storage)
            if layer_cycles(layer, choice) > cycles:
                return
            yield choice
        return
    dense, windows = layer.dense, layer.positions_out
    for storage in storages:
        if storage == "logic":
            if dense.weight_bits * dense.input.width <= _LOGIC_LIMIT:
                yield from _with_window(layer, LayerPlan(dense.n_out, dense.n_in, "logic"), cycles)
            continue
        if cycles < windows:
            continue
        seen = set()
        for simd in _widths(layer, cycles // windows):
            pe = _neurons(layer, simd, cycles // windows)
            if pe and (pe, simd) not in seen:
                seen.add((pe, simd))
                yield from _with_window(layer, LayerPlan(pe, simd, storage), cycles)
        if (pe_least := _elements(dense, cycles // windows)):
            simd = -(-dense.n_in // (cycles // windows))
            yield from _with_window(layer, LayerPlan(pe_least, simd, storage, engine="scheduled"),
                                    cycles)


def _with_window(layer: Weighted, choice: LayerPlan, cycles: int) -> Iterator[LayerPlan]:
    """The choice, with whole windows at once where taps one after the other take too long."""
    for window in ("serial", "parallel")[:1 if isinstance(layer, Dense) else 2]:
        if layer_cycles(layer, way := replace(choice, window=window)) <= cycles:
            yield way
            return


def _neurons(layer: Weighted, simd: int, cycles: int) -> int:
    """Fewest neurons with which a window of simd inputs a cycle takes so many cycles; 0 if none.

    Of a convolution in groups a divisor of a group's rows, or several groups at once.
    """
    n_out, n_in = layer.own.weights.shape
    groups = 1 if isinstance(layer, Dense) else layer.groups
    if groups == 1:
        return -(-n_out // min(cycles // -(-n_in // simd), n_out))
    rows = n_out // groups
    for pe in (*range(1, rows), *range(rows, n_out + 1, rows)):
        found = Grouping.of(layer, pe, simd)
        if found.cycles <= cycles:
            return found.lanes_out
    return 0


def _widths(layer: Weighted, cycles: int) -> Iterator[int]:
    """Inputs a cycle with which a window takes at most so many cycles, widest first.

    Of a convolution those that need no lane converter, or one from whole positions of a group.
    """
    n = layer.own.n_in
    if isinstance(layer, Dense):
        yield from (-(-n // beats) for beats in range(1, min(n, cycles) + 1))
        return
    channels, taps = layer.weights.shape[1], layer.geometry.taps
    for simd in (*(channels * k for k in range(taps, 1, -1) if taps % k == 0),
                 *(lanes for lanes in range(channels, 0, -1) if channels % lanes == 0)):
        if -(-n // simd) <= cycles:
            yield simd


def _elements(layer: Dense, cycles: int) -> int:
    """Fewest elements whose schedule of the non-zeros takes so many cycles; 0 if none does, or if
    there are too few zeros for one to pay."""
    if layer.non_zeros > _SCHEDULED_DENSITY * layer.n_in * layer.n_out:
        return 0
    least = max(-(-layer.non_zeros // cycles), 1)
    return next((pe for pe in range(least, min(2 * least + 1, layer.n_out) + 1)
                 if Schedule(layer, pe).cycles <= cycles), 0)


def _fewest_cycles(layer: Layer) -> int:
    """Cycles a frame with as much in parallel as there is."""
    if isinstance(layer, Weighted):
        return layer_cycles(layer, LayerPlan(layer.dense.n_out, layer.dense.n_in,
                                             window="parallel"))
    return layer_cycles(layer, LayerPlan(simd=layer.channels_in))


def plan_for_cycles(network: Network, cycles: int, *, storages: Sequence[str] = ("logic", "rom"),
                    levels: int = 3, variant: str = "portable",
                    clock_hz: int | None = None) -> Plan:
    """The plan of the least estimated logic that takes a frame every ``cycles`` or fewer.

    storages : what the layers may use, some of "logic", "rom", "ram". All layers' foldings and the
    lane converters between them are chosen together. Raises ValueError for cycles below 1 and for
    unknown storages.
    """
    if cycles < 1:
        raise ValueError(f"cycles must be at least 1, not {cycles}; ask for a lower frame rate or "
                         "a faster clock")
    unknown = set(storages) - {"logic", "rom", "ram"}
    if unknown or not storages:
        raise ValueError("storages must be some of logic, rom, ram, not "
                         f"{', '.join(sorted(unknown)) or 'none'}")
    # Best way so far to end in so many lanes: cost, lanes of the input, plans of the layers.
    ways: dict[int, tuple[float, int, dict[str, LayerPlan]]] = {}
    for layer in network.layers:
        following: dict[int, tuple[float, int, dict[str, LayerPlan]]] = {}
        for choice in _candidates(layer, cycles, storages):
            alone = estimate_layer(layer, choice, levels)
            cost = alone.lut + _BRAM_LUTS * alone.bram
            first, lanes_after = lanes_in(layer, choice), lanes_out(layer, choice)
            before = ways or {first: (0.0, first, {})}
            for lanes, (spent, entering, plans) in before.items():
                sum_ = spent + cost + converter_luts(lanes, first, layer.input.width)
                if lanes_after not in following or sum_ < following[lanes_after][0]:
                    following[lanes_after] = sum_, entering, {**plans, layer.name: choice}
        if not following:
            least = _fewest_cycles(layer)
            raise ValueError(
                f"layer {layer.name} takes at least {least} cycles a frame, more than {cycles}; "
                "ask for a lower frame rate or a faster clock" if least > cycles else
                f"layer {layer.name} of {layer.weight_bits} weights is too large for "
                'storage "logic" alone; allow "rom" too')
        ways = following
    _, lanes, plans = min(ways.values(), key=lambda way: way[0])
    return Plan(plans, lanes=lanes, levels=levels, variant=variant, clock_hz=clock_hz)


def plan_for_rate(network: Network, fps: float, clock_hz: int, **options: Any) -> Plan:
    """:func:`plan_for_cycles` for so many frames a second at a clock."""
    if not (0 < fps < inf and 0 < clock_hz < inf):
        raise ValueError("fps and clock_hz must be positive and finite, not "
                         f"{fps} and {clock_hz}")
    if fps > clock_hz:
        raise ValueError(f"fps must be at most one frame a clock cycle, {clock_hz}, not {fps}; ask "
                         "for a faster clock or several accelerators")
    return plan_for_cycles(network, int(clock_hz / fps), clock_hz=clock_hz, **options)


def plan_for_luts(network: Network, luts: int, *, brams: float | None = None,
                  **options: Any) -> Plan:
    """The plan of the fewest cycles whose estimate stays within ``luts`` and ``brams``.

    Raises ValueError, with what is missing, if even the smallest plan is larger.
    """
    def fits(cycles: int) -> Plan | None:
        plan = plan_for_cycles(network, cycles, **options)
        need = total(estimate(network, plan))
        return plan if need.lut <= luts and (brams is None or need.bram <= brams) else None

    slowest = max(layer_cycles(layer, LayerPlan()) for layer in network.layers)
    if (best := fits(slowest)) is None:
        need = total(estimate(network, plan_for_cycles(network, slowest, **options)))
        limit = f"{luts} LUTs" + (f" and {brams} block RAMs" if brams is not None else "")
        raise ValueError(f"network {network.name} needs about {need.lut} LUTs and {need.bram} "
                         f"block RAMs in its smallest plan, more than {limit}; take a larger "
                         "device or a smaller network")
    # High fits; low does not, or no plan takes so few cycles, whatever the device.
    low, high = max(map(_fewest_cycles, network.layers)) - 1, slowest
    while high - low > 1 and high > low * 1.005 + 1:
        middle = (low + high) // 2
        plan = fits(middle)
        if plan is None:
            low = middle
        else:
            high, best = middle, plan
    return best
