"""lutloom build: a bitstream with which a board tests the accelerator by itself."""

from pathlib import Path
from typing import Annotated, Any

import typer

from boards.flow import Build, DoesNotFit
from boards.flow import build as run_flow
from boards.platforms import BOARDS
from boards.selftest import BoardTest, SelfTest, beats
from scripts.generate import load_design
from scripts.output import (
    DataOption,
    JsonOption,
    NetworkArgument,
    PlanOption,
    console,
    fail,
    say,
    table,
    write_results,
)
from scripts.verify import frames_for

__all__ = ["advice", "build", "build_board"]


def build_board(network: Any, plan: Any, x: Any, board: str, out: Path, seed: int = 1) -> Build:
    """Bitstream of the self-test of the accelerator on frames x."""
    from golden.reference import run
    from hdl.accelerator import Accelerator

    if board not in BOARDS:
        raise ValueError(f"--board must be one of {', '.join(BOARDS)}, not {board!r}")
    accelerator = Accelerator(network, plan)
    test = SelfTest(accelerator, beats(x, network.input, accelerator.i),
                    beats(run(network, x)[-1], accelerator.output, accelerator.o))
    return run_flow(BoardTest(test, board), board, out, seed=seed)


def advice(network: Any, plan: Any, error: DoesNotFit) -> str:
    """What plan would fit, by the estimates scaled with what this design really took."""
    from hdl.estimate import estimate
    from hdl.planner import plan_for_luts, total

    use = max(error.over.values(), key=lambda use: use.used / max(use.available, 1))
    planned = total(estimate(network, plan)).lut
    # A tenth is kept free for routing.
    luts = int(planned * use.available / use.used * 0.9)
    try:
        fitting = plan_for_luts(network, luts, levels=plan.levels, variant=plan.variant)
    except ValueError:
        return f"No plan of network {network.name} fits; take a larger part or a smaller network."
    folds = ", ".join(f"{name} pe {layer.pe} simd {layer.simd}"
                      for name, layer in fitting.layers.items())
    return f"This plan should fit: lutloom plan NETWORK --luts {luts} ({folds})."


def build(
    network: NetworkArgument,
    plan: PlanOption,
    board: Annotated[str, typer.Option(help=f"One of {', '.join(BOARDS)}.", show_default=False)],
    frames: Annotated[int, typer.Option(
        min=1, help="Golden frames that the board keeps in block RAM and plays.")] = 4,
    out: Annotated[Path | None, typer.Option(
        help="Folder for bitstream, netlist and logs (default: BOARD beside the network).",
        show_default=False)] = None,
    random: Annotated[bool, typer.Option(
        help="Random frames instead of the data set's test images.")] = False,
    data: DataOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the placement.")] = 1,
    json: JsonOption = None,
) -> None:
    """Place and route the accelerator with a self-test for a board; write the bitstream.

    Its LEDs show a heartbeat, all outputs right so far, and a wrong output seen.
    """
    loaded, made = load_design(network, plan)
    x = frames_for(loaded, data, random, seed)[:frames]
    try:
        with console.status(f"yosys and nextpnr: {board}"):
            built = build_board(loaded, made, x, board, out or network.with_name(board), seed)
    except DoesNotFit as error:
        hint = advice(loaded, made, error)
        write_results(json, "build", {"board": board, "fits": False, "advice": hint,
                                      "utilisation": error.utilisation})
        error.add_note(hint)
        raise
    table(f"{loaded.name} on {BOARDS[board].title}", ["cell", "used", "available", "share"],
          [(name, use.used, use.available, f"{use.used / use.available:.1%}")
           for name, use in built.utilisation.items()])
    say(f"Fmax {built.fmax_hz / 1e6:.1f} MHz, board clock {built.clock_hz / 1e6:g} MHz; "
                  f"{built.bitstream}")
    write_results(json, "build", {"fits": True, "meets_timing": built.meets_timing, **vars(built)})
    if not built.meets_timing:
        fail("the routed design is slower than the board's clock; plan it with fewer logic levels "
             "between registers (lutloom plan --levels)")
