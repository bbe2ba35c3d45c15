"""What the network of a recipe takes as hardware: LUTs, cycles and latency."""

from pathlib import Path
from typing import Any

from scripts.output import console, say, speed

__all__ = ["measure"]


def measure(network: Any, plan: Any, folder: Path) -> dict[str, float]:
    """Plan and synthesise; luts, ffs, brams, dsps, cycles between frames and latency in cycles.

    plan : ``golden.recipe_file.RtlPlan`` of the recipe
    folder : gets plan.json, the netlist and the log of yosys
    """
    from dataclasses import replace

    from hdl.accelerator import Accelerator
    from hdl.planner import plan_for_cycles
    from hdl.synth import synthesize

    with console.status(f"plan and synthesise {network.name} for {plan.family}"):
        made = plan_for_cycles(network, plan.cycles, storages=plan.storages, levels=plan.levels,
                               variant=plan.variant)
        accelerator = Accelerator(network, made)
        replace(made, queues=accelerator.queues).save(folder / "plan.json")
        totals = synthesize(accelerator, plan.family, folder / "synth", per_layer=False).totals
    say(f"{plan.family}: {totals.lut:,} LUT, {totals.ff:,} FF, {totals.bram:g} block RAMs, "
        f"{totals.dsp:,} DSP; {speed(accelerator.initiation_interval, accelerator.latency)}")
    return {"luts": totals.lut, "ffs": totals.ff, "brams": totals.bram, "dsps": totals.dsp,
            "cycles": accelerator.initiation_interval, "latency": accelerator.latency}
