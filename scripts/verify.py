"""lutloom verify: the generated hardware against the golden answers, bit by bit."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from scripts.files import load_data
from scripts.generate import load_design
from scripts.output import (
    DataOption,
    JsonOption,
    NetworkArgument,
    PlanOption,
    RandomOption,
    SeedOption,
    bar,
    fail,
    say,
    speed,
    write_results,
)

__all__ = ["check", "frames_for", "verify"]


def frames_for(network: Any, data: Path | None, random: bool, seed: int, frames: int
               ) -> NDArray[np.int64]:
    """(frames, n_in) values: random ones, or the first test images of the network's data set."""
    from golden.data import encode_pixels

    if random:
        codes = np.random.default_rng(seed).integers(
            0, 2**network.input.width, (frames, network.n_in), np.uint64)
        return network.input.decode(codes)
    if "data" not in network.metadata:
        raise ValueError(f"network {network.name} names no data set; use --random")
    dataset = load_data(str(network.metadata["data"]), data, "--random takes random frames instead")
    return encode_pixels(dataset.test_x, network.input)[:frames]


def check(network: Any, plan: Any, x: NDArray[np.int64], *, netlist: bool = False,
          taps: bool = True, stalls: bool = True, seed: int = 0) -> Any:
    """Outcome (tb.harness.Result) of the accelerator on frames x.

    taps: also compare what leaves every layer.
    """
    from golden.reference import run
    from hdl.accelerator import Accelerator
    from tb.harness import SCENARIOS, Frames
    from tb.harness import verify as run_harness

    accelerator = Accelerator(network, plan, taps=taps)
    golden = run(network, x)
    watched = {layer.name: Frames.of(values, layer.output, plan.lanes_out(layer),
                                     layer.positions_out)
               for layer, values in zip(network.layers, golden, strict=True)}
    outputs = Frames.of(golden[-1], accelerator.output, accelerator.lanes_out)
    what = f"verify {network.name} ({'netlist' if netlist else 'RTL'}{', stalls' * stalls})"
    with bar(what, None) as show:
        result = run_harness(accelerator, Frames.of(x, network.input, plan.lanes), outputs,
                             netlist=netlist, taps=watched if taps else None, seed=seed,
                             scenarios=SCENARIOS if stalls else ("none",), progress=show)
        show(result.frames, None if result.fault else result.frames)
    if result.interval == 0:  # nothing follows a single frame: the promise stands
        result = replace(result, interval=accelerator.initiation_interval)
    return result


def check_fast(network: Any, plan: Any, x: NDArray[np.int64]) -> dict[str, Any]:
    """The last layer's outputs of all frames x, at the simulator's own speed, without stalls."""
    from golden.reference import run
    from hdl.accelerator import Accelerator
    from tb.harness import Frames
    from tb.whole_set import run_frames

    core = Accelerator(network, plan)
    with bar(f"verify {network.name} (RTL, all frames)", len(x)) as show:
        done = run_frames(core, Frames.of(x, network.input, plan.lanes), network.n_out, core.output,
                          core.lanes_out, stalls=False, progress=lambda now, _: show(now))
        show(len(x))
    wrong = np.argwhere(done.outputs != run(network, x)[-1])
    fault = None
    if len(wrong):
        frame, element = map(int, wrong[0])
        fault = f"{len(set(wrong[:, 0]))} frames, the first is frame {frame}, element {element}"
    return {"fault": fault, "frames": len(x), "latency": core.latency,
            "interval": core.initiation_interval}


def verify(
    network: NetworkArgument,
    plan: PlanOption,
    frames: Annotated[int, typer.Option(
        min=1, help="Frames to compare; at most the test images there are.")] = 20,
    netlist: Annotated[bool, typer.Option(
        help="Run the synthesised 7-series netlist instead of the RTL.")] = False,
    taps: Annotated[bool, typer.Option(
        help="Compare what leaves every layer, through ports made for it, and not the last "
        "layer's outputs alone.")] = True,
    stalls: Annotated[bool, typer.Option(
        help="Also with random stalls on both sides, and with resets in mid-frame.")] = True,
    fast: Annotated[bool, typer.Option(
        "--fast", help="For thousands of frames: the RTL's outputs alone, without stalls, at the "
        "simulator's own speed.")] = False,
    random: RandomOption = False,
    data: DataOption = None,
    seed: SeedOption = 0,
    json: JsonOption = None,
) -> None:
    """Simulate the accelerator and compare every bit it gives with the golden answers."""
    loaded, made = load_design(network, plan)
    x = frames_for(loaded, data, random, seed, frames)
    if fast and netlist:
        raise ValueError("--fast is for the RTL alone; leave out --fast or --netlist")
    result = check_fast(loaded, made, x) if fast else vars(
        check(loaded, made, x, netlist=netlist, taps=taps, stalls=stalls, seed=seed))
    kind = "netlist" if netlist else "RTL"
    write_results(json, "verify", {"network": loaded.name, "digest": loaded.digest, "kind": kind,
                                   "images": len(x), **result})
    if result["fault"] is not None:
        fail(f"the {kind} differs: {result['fault']}")
    say(f"bit-exact: {result['frames']:,} frames ({kind}), {len(x):,} different ones; "
        f"{speed(result['interval'], result['latency'])}")
