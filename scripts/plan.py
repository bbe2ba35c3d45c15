"""lutloom plan: how each layer is built, from a frame rate or a LUT budget."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.files import beside, check_outputs
from scripts.output import (
    JsonOption,
    NetworkArgument,
    positive,
    say,
    speed,
    table,
    write_results,
)

__all__ = ["plan", "plan_rows"]


def plan_rows(network: Any, plan: Any) -> list[dict[str, Any]]:
    """One entry a layer: its LayerPlan, its estimate and, if it is scheduled, the imbalance."""
    from hdl.estimate import estimate
    from hdl.schedule import Schedule

    rows = [{**vars(plan.layers[cost.name]), **vars(cost)} for cost in estimate(network, plan)
            if cost.name in plan.layers]
    layers = {layer.name: layer for layer in network.layers}
    for row in rows:
        if row["engine"] == "scheduled":
            row["imbalance"] = Schedule(layers[row["name"]].dense, row["pe"]).imbalance
    return rows


def plan(
    network: NetworkArgument,
    fps: Annotated[float | None, typer.Option(
        callback=positive, help="Frames a second to reach; needs --clock. One of --fps and --luts "
        "is needed.", show_default=False)] = None,
    clock: Annotated[float | None, typer.Option(
        callback=positive, help="Clock in MHz that --fps is meant for.",
        show_default=False)] = None,
    luts: Annotated[int | None, typer.Option(
        min=1, help="LUTs (6 inputs) that the whole accelerator may take; the fastest plan within "
        "them is chosen.", show_default=False)] = None,
    brams: Annotated[float | None, typer.Option(
        min=0, help="Block RAMs (36 kbit) that it may take; with --luts.",
        show_default=False)] = None,
    storage: Annotated[list[str] | None, typer.Option(
        help="Where weights may be: logic (hard-wired), rom, ram (written at run time); may be "
        "given again (default: logic and rom).", show_default=False)] = None,
    levels: Annotated[int, typer.Option(
        min=1, help="Logic levels between two registers: fewer run faster and take more.")] = 3,
    variant: Annotated[str, typer.Option(
        help="portable, or xc7 for primitives of the 7 series.")] = "portable",
    out: Annotated[Path | None, typer.Option(
        dir_okay=False, help="Plan file to write (default: plan.json beside the network).",
        show_default=False)] = None,
    json: JsonOption = None,
) -> None:
    """Choose how much of each layer is computed in parallel, and show what that costs."""
    from golden.network import Network
    from hdl.accelerator import Accelerator
    from hdl.estimate import estimate
    from hdl.planner import plan_for_luts, plan_for_rate, total

    out = out or beside(network, "plan.json")
    check_outputs({"out": out, "json": json}, [network])
    loaded = Network.load(network)
    if (fps is None) == (luts is None):
        raise ValueError("give either --fps (with --clock) or --luts")
    options: dict[str, Any] = {"levels": levels, "variant": variant}
    if storage:
        options["storages"] = storage
    if fps is not None:
        if clock is None:
            raise ValueError("--fps needs the clock too: give --clock in MHz")
        made = plan_for_rate(loaded, fps, round(clock * 1e6), **options)
    else:
        assert luts is not None
        made = plan_for_luts(loaded, luts, brams=brams, **options)
    accelerator = Accelerator(loaded, made)
    made = replace(made, queues=accelerator.queues)
    rows = plan_rows(loaded, made)
    sums = total(estimate(loaded, made))
    table(f"{loaded.name}: plan", ["layer", "storage", "pe", "simd", "cycles", "LUT", "FF", "BRAM"],
          [(row["name"], row["storage"], row["pe"], row["simd"], row["cycles"], row["lut"],
            row["ff"], row["bram"]) for row in rows]
          + [("total", "", "", "", sums.cycles, sums.lut, sums.ff, sums.bram)])
    for row in rows:
        if "imbalance" in row:
            say(f"{row['name']}: scheduled, {row['pe']} elements with {row['imbalance']:.2f} times "
                "the cycles of an even share of the non-zeros")
    for edge, depth in accelerator.queues.items():
        say(f"{edge}: a FIFO of {depth:,} beats keeps the rate")
    cycles = accelerator.initiation_interval
    say(speed(cycles, accelerator.latency)
        + (f"; {clock * 1e6 / cycles:,.0f} frames/s at {clock:g} MHz" if clock else ""))
    out.parent.mkdir(parents=True, exist_ok=True)
    made.save(out)
    say(str(out))
    write_results(json, "plan", {
        "network": loaded.name, "plan": out, "layers": rows, "initiation_interval": cycles,
        "latency": accelerator.latency,
        "total": vars(sums)})
