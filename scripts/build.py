"""lutloom build: a bitstream with which a board tests the accelerator by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from boards.flow import Build, DoesNotFit, utilisation
from boards.flow import build as run_flow
from boards.link import BoardLink, LinkedCore
from boards.platforms import BOARDS, make_platform
from boards.pll import megahertz
from boards.project import board_named, choose, write_project
from boards.selftest import BoardTest, SelfTest, beats
from boards.vendor import Vendor
from scripts.files import beside
from scripts.generate import load_design
from scripts.output import (
    DataOption,
    JsonOption,
    NetworkArgument,
    PlanOption,
    RandomOption,
    console,
    fail,
    positive,
    say,
    table,
    write_results,
)
from scripts.verify import frames_for

__all__ = ["ClockOption", "ToolsOption", "advice", "board_test", "build", "clocks", "link_top",
           "verdict"]

ClockOption = Annotated[float | None, typer.Option(
    "--clock", callback=positive, help="Clock in MHz, from the PLL (default: the plan's, else the "
    "board's own).", show_default=False)]
ToolsOption = Annotated[str | None, typer.Option(
    "--tools", help="Toolchain, of those that `lutloom boards` lists (default: the first open one "
    "that is here).", show_default=False)]

ATTEMPTS = 4  # plans that are tried before giving up
LUT_LIMIT = 10_000_000  # more than any part has


def board_test(network: Any, plan: Any, x: Any, board: str) -> BoardTest:
    """Top that plays frames x into the accelerator on a board.

    Raises ValueError for more frames than its block RAMs keep with their answers.
    """
    from golden.reference import run
    from hdl.accelerator import Accelerator

    memory, kbit = board_named(board).memory
    bits = network.n_in * network.input.width + network.n_out * network.output.width
    there = kbit * BOARDS[board].brams
    if bits * len(x) > 1024 * there:
        raise ValueError(f"{len(x):,} golden frames and their answers take "
                         f"{-(-bits * len(x) // 1024):,} kbit, all {memory} of {board} have "
                         f"{there:,}; {1024 * there // bits:,} fit: give fewer with --frames")
    accelerator = Accelerator(network, plan)
    test = SelfTest(accelerator, beats(x, network.input, accelerator.i),
                    beats(run(network, x)[-1], accelerator.output, accelerator.o))
    return BoardTest(test, board)


def clocks(plan: Any, board: str, chain: Any, clock: float | None) -> tuple[float | None, float]:
    """(clock that is wanted, clock that the board then runs at), in Hz; clock: MHz of --clock.

    Raises ValueError where the PLL makes no frequency that is near.
    """
    wanted = plan.clock_hz if clock is None else clock * 1e6
    return wanted, make_platform(BOARDS[board], chain.amaranth, wanted).clock_hz


def verdict(built: Build, cycles: int) -> str:
    """What the routing came to, against the clock that was planned; cycles: of a frame."""
    several = (f", the best of seeds {', '.join(map(str, built.seeds))}"
               if len(built.seeds) > 1 else "")
    rate = f"{built.clock_hz / cycles:,.0f} frames/s" if built.meets_timing else (
        f"it runs {built.fmax_hz / cycles:,.0f} frames/s at {megahertz(built.fmax_hz)} MHz")
    return (f"Fmax {built.fmax_hz / 1e6:.1f} MHz{several}: "
            f"{'meets' if built.meets_timing else 'misses'} the clock of "
            f"{megahertz(built.clock_hz)} MHz by "
            f"{abs(built.fmax_hz / built.clock_hz - 1):.0%}; {rate}")


def link_top(network: Any, plan: Any, clock_hz: float, baud: int) -> BoardLink:
    """Top that a host talks to through the board's UART; it signs every layer's outputs, too."""
    from hdl.accelerator import Accelerator

    return BoardLink(LinkedCore(Accelerator(network, plan, taps=True), clock_hz, baud))


def advice(network: Any, plan: Any, make_top: Callable[[Any], Any], frames: int, board: str,
           out: Path, error: DoesNotFit, **options: Any) -> str:
    """What plan fits: estimates scaled with what designs really take, tried by packing them.

    make_top: of a plan; frames: that its block RAMs keep; options: of `boards.flow.utilisation`.
    """
    from hdl.estimate import estimate
    from hdl.planner import plan_for_luts, total

    used, fitting = error.utilisation, plan
    memory, kbit = BOARDS[board].memory
    kept = -(-frames * network.n_in * network.input.width // (1024 * kbit))
    if kept and used[memory].used > used[memory].available >= used[memory].used - kept:
        return f"The golden frames fill {kept} of the block RAMs: give fewer with --frames."
    brams = used[memory].available * kbit / 36
    for _ in range(ATTEMPTS):
        need = total(estimate(network, fitting))
        tightest = max(used[kind].used / used[kind].available for kind in BOARDS[board].logic)
        if used[memory].used > used[memory].available:
            brams = min(brams, need.bram) * used[memory].available / used[memory].used
        brams = round(brams, 1)
        # A twentieth is left free: a full part is hard to route.
        luts = int(min(need.lut / max(tightest, 0.1), LUT_LIMIT) * 0.95)
        try:
            fitting = plan_for_luts(network, luts, brams=brams, levels=plan.levels,
                                    variant=plan.variant)
        except ValueError as reason:
            return f"No plan fits: {reason}."
        used = utilisation(make_top(fitting), board, out / "advice", **options)
        if all(use.used <= use.available for use in used.values()):
            folds = ", ".join(f"{name} {layer.storage} pe {layer.pe} simd {layer.simd}"
                              for name, layer in fitting.layers.items())
            return (f"This plan fits: lutloom plan NETWORK --luts {luts} --brams {brams:g} "
                    f"({folds}).")
    return "No plan was found that fits; take a larger part or a smaller network."


def build(
    network: NetworkArgument,
    plan: PlanOption,
    board: Annotated[str, typer.Option(help=f"One of {', '.join(BOARDS)}.", show_default=False)],
    frames: Annotated[int, typer.Option(
        min=1, help="Golden frames that the board keeps in block RAM and plays.")] = 4,
    out: Annotated[Path | None, typer.Option(
        file_okay=False, help="Folder for bitstream, netlist and logs (default: BOARD beside the "
        "network).", show_default=False)] = None,
    random: RandomOption = False,
    data: DataOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the placement.")] = 1,
    seeds: Annotated[int, typer.Option(
        min=1, help="Placements to try at once, from --seed on; the fastest is kept.")] = 1,
    clock: ClockOption = None,
    link: Annotated[int | None, typer.Option(
        min=1, help="Instead of the self-test, a host link over the board's UART at so many baud, "
        "as `lutloom bringup` and boards.host talk to.", show_default=False)] = None,
    tools: ToolsOption = None,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="Write the project and its build.sh, and place nothing.")] = False,
    json: JsonOption = None,
) -> None:
    """Place and route the accelerator with a self-test for a board; write the bitstream.

    Its LEDs show a heartbeat, all outputs right so far, and a wrong output seen. With --link a host
    takes the place of the self-test.
    """
    from hdl.accelerator import Accelerator

    chain = choose(board, tools)
    if not dry_run:
        chain.require(BOARDS[board])
    loaded, made = load_design(network, plan)
    wanted, hertz = clocks(made, board, chain, clock)
    facts = {"network": loaded.name, "digest": loaded.digest, "board": board}
    options: dict[str, Any] = {"clock_hz": wanted, "tools": chain.name}
    out = out or beside(network, board)
    x = None if link else frames_for(loaded, data, random, seed, frames)

    def make_top(plan: Any) -> Any:
        if link:
            return link_top(loaded, plan, hertz, link)
        return board_test(loaded, plan, x, board)

    top = make_top(made)
    if dry_run:
        files = write_project(top, board, out, seed=seed, **options)
        for file in files:
            say(str(file))
        write_results(json, "build", {**facts, "tools": chain.name, "files": files})
        return
    if isinstance(chain, Vendor):
        write_project(top, board, out, **options)
        with console.status(f"{chain.name}: {board}"):
            finished = chain.build(out)
        say(f"{finished.bitstream}; timing and utilisation: {finished.report}")
        write_results(json, "build", {**facts, "tools": chain.name, **vars(finished)})
        return
    try:
        with console.status(f"yosys and nextpnr: {board}"):
            built = run_flow(top, board, out, seed=seed, seeds=seeds, **options)
    except DoesNotFit as error:
        with console.status("looking for a plan that fits"):
            hint = advice(loaded, made, make_top, 0 if link else frames, board, out, error,
                          **options)
        write_results(json, "build", {**facts, "fits": False, "advice": hint,
                                      "utilisation": error.utilisation})
        error.add_note(hint)
        raise
    table(f"{loaded.name} on {BOARDS[board].title}", ["cell", "used", "available", "share"],
          [(name, use.used, use.available, f"{use.used / use.available:.1%}")
           for name, use in built.utilisation.items()])
    cycles = Accelerator(loaded, made).initiation_interval
    say(f"{verdict(built, cycles)}; {built.bitstream}")
    write_results(json, "build", {
        **facts, "fits": True, "meets_timing": built.meets_timing, "initiation_interval": cycles,
        **vars(built)})
    if not built.meets_timing:
        fail("the routed design is slower than its clock; plan it with fewer logic levels between "
             "registers (lutloom plan --levels), or give a slower --clock")
