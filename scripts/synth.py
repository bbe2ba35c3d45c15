"""lutloom synth: what the accelerator takes in each FPGA family."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hdl.synth import FAMILIES, synthesize
from scripts.files import beside
from scripts.generate import load_design
from scripts.output import (
    JsonOption,
    NetworkArgument,
    PlanOption,
    console,
    say,
    table,
    write_results,
)

__all__ = ["synth"]

_COLUMNS = ("lut", "ff", "bram", "carry", "lutram", "dsp")


def synth(
    network: NetworkArgument,
    plan: PlanOption,
    family: Annotated[list[str] | None, typer.Option(
        help=f"One of {', '.join(FAMILIES)}, or all; may be given again (default: xc7).",
        show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(
        file_okay=False, help="Folder for netlists and logs (default: synth beside the network).",
        show_default=False)] = None,
    layers: Annotated[bool, typer.Option(
        help="Count every layer by itself; nothing is then optimised across layers.")] = True,
    json: JsonOption = None,
) -> None:
    """Synthesise with yosys and list LUTs, flip-flops and block RAMs of each layer."""
    from hdl.accelerator import Accelerator

    loaded, made = load_design(network, plan)
    out = out or beside(network, "synth")
    families = list(FAMILIES) if family == ["all"] else family or ["xc7"]
    results: dict[str, Any] = {}
    for name in families:
        with console.status(f"yosys: {name}"):
            result = synthesize(Accelerator(loaded, made), name, out, per_layer=layers)
        rows = [*result.layers.items(), ("total", result.totals)]
        table(f"{loaded.name}: {FAMILIES[name].title}",
              ["layer", "LUT", "FF", "BRAM", "carry", "LUT RAM", "DSP"],
              [(part, *(getattr(cost, column) for column in _COLUMNS)) for part, cost in rows])
        results[name] = {"netlist": result.netlist, "totals": vars(result.totals),
                         "layers": {part: vars(cost) for part, cost in result.layers.items()}}
    say(f"netlists and logs: {out}")
    write_results(json, "synth", {"network": loaded.name, "digest": loaded.digest,
                                  "families": results})
