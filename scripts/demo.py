"""lutloom demo: digits from training to bitstream, with every step checked."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from boards.flow import build as run_flow
from boards.platforms import BOARDS
from hdl.synth import FAMILIES, synthesize
from scripts.build import board_test
from scripts.generate import generate
from scripts.lower import difference, lower_model
from scripts.output import (
    JsonOption,
    SeedOption,
    bar,
    bars,
    console,
    fail,
    percent,
    say,
    speed,
    table,
    write_results,
)
from scripts.plan import plan as plan_command
from scripts.report import count_answers, render
from scripts.train import train_model
from scripts.verify import check

__all__ = ["demo"]

LUTS = 1000  # the smallest board of the demo, an iCE40UP5K, has 5280 logic cells of 4 inputs
FRAMES_WITH_STALLS = 20
BOARD_FRAMES = 4
_BOARDS = ("icebreaker", "ulx3s-25f")


@contextmanager
def _step(title: str) -> Iterator[None]:
    console.print(f"\n[bold]{title}[/]")
    start = time.perf_counter()
    yield
    console.print(f"[dim]{time.perf_counter() - start:.1f} s[/]")


def demo(
    out: Annotated[Path, typer.Option(
        file_okay=False, help="Folder for everything it makes.")] = Path("build/demo"),
    seed: SeedOption = 1,
    json: JsonOption = None,
) -> None:
    """Train digits, lower, generate, prove bit-exact, synthesise, route: all of it, checked."""
    from golden.recipe_file import find_recipe

    start = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = []
    with _step("1. Train: a float network and its binary counterpart"):
        recipe = find_recipe("digits")
        float_model, dataset, _ = train_model(replace(recipe, kind="float"), None, seed=seed)
        model, _, _ = train_model(recipe, None, seed=seed)
        accuracy = _accuracies(float_model, model, dataset)
    with _step("2. Lower: batch norm and signs become integer thresholds"):
        network = lower_model(model, dataset, {"seed": seed, "accuracy": accuracy["quantised"]})
        wrong = difference(model, network, dataset.test_x)
        if wrong is not None:
            fail(f"the integer network differs: {wrong}")
        network.save(out / "network.npz")
        say(f"equal to the trained model on all {len(dataset.test_x)} test images")
    with _step("3. Plan and generate"):
        plan_command(out / "network.npz", luts=LUTS, out=out / "plan.json")
        generate(out / "network.npz", out / "plan.json", out=out / "rtl")
    plan, x, answers = _golden(network, dataset, out)
    accuracy["integer"] = float((answers == dataset.test_y).mean())
    with _step("4. Verify RTL and netlist; meanwhile synthesise, place and route"), bars():
        workers = ThreadPoolExecutor(os.cpu_count())
        try:
            builds = [workers.submit(_build, network, plan, x[:BOARD_FRAMES], board, out)
                      for board in _BOARDS]
            families = {family: workers.submit(_synthesise, network, plan, family, out)
                        for family in FAMILIES}
            results += _verify(network, plan, x, "RTL")
            results += _verify(network, plan, x[:FRAMES_WITH_STALLS], "RTL", stalls=True)
            results += _verify(network, plan, x, "netlist")
            results += [build.result() for build in builds]
            results += [{"command": "synth", "families": {
                family: made.result() for family, made in families.items()}}]
        finally:
            workers.shutdown(cancel_futures=True)
    # Bit-exact outputs are the golden ones.
    accuracy |= {kind: accuracy["integer"] for kind in ("RTL", "netlist")}
    results.insert(0, {"command": "demo", "accuracy": {
        kind: (share, len(x)) for kind, share in accuracy.items()}})
    confusion = count_answers(dataset.test_y, answers, len(dataset.classes))
    (out / "report.html").write_text(render(network, plan, results, confusion))
    facts = {"seconds": time.perf_counter() - start, "results": results, "confusion": confusion}
    write_results(out / "demo.json", "demo", facts)
    write_results(json, "demo", facts)
    _summary(results, network, plan)
    say(f"report: {out / 'report.html'}; {facts['seconds']:.0f} s in all")
    # The first run of a kind takes each test image once, without stalls.
    equal = {kind: next(result["frames"] for result in results if result.get("kind") == kind)
             for kind in ("RTL", "netlist")}
    say(f"bit-exact: {equal['RTL']}/{len(x)} frames (RTL), "
        f"{equal['netlist']}/{len(x)} frames (netlist)")


def _accuracies(float_model: Any, model: Any, dataset: Any) -> dict[str, float]:
    from golden.prediction import accuracy

    return {"float": accuracy(float_model, dataset.test_x, dataset.test_y),
            "quantised": accuracy(model, dataset.test_x, dataset.test_y)}


def _golden(network: Any, dataset: Any, out: Path) -> tuple[Any, Any, Any]:
    """(plan, input values, answers) for all test images."""
    from golden.data import encode_pixels
    from golden.reference import run
    from hdl.plan import Plan

    x = encode_pixels(dataset.test_x, network.input)
    return Plan.load(out / "plan.json"), x, run(network, x)[-1][:, 0]


def _verify(network: Any, plan: Any, x: Any, kind: str, stalls: bool = False
            ) -> list[dict[str, Any]]:
    """Results of one verification; a difference ends the demo."""
    outcome = check(network, plan, x, netlist=kind == "netlist", stalls=stalls)
    if outcome.fault is not None:
        fail(f"the {kind} differs in frame {outcome.frame}, layer {outcome.layer}, element "
             f"{outcome.element}: {outcome.fault}")
    return [{"command": "verify", "kind": kind, "images": len(x), **vars(outcome)}]


def _build(network: Any, plan: Any, x: Any, board: str, out: Path) -> dict[str, Any]:
    with bar(f"route {network.name} for {board}", 1) as show:
        built = run_flow(board_test(network, plan, x, board), board, out / board)
        show(1)
    return {"command": "build", "fits": True, **vars(built),
            "utilisation": {kind: vars(use) for kind, use in built.utilisation.items()}}


def _synthesise(network: Any, plan: Any, family: str, out: Path) -> dict[str, Any]:
    from hdl.accelerator import Accelerator

    with bar(f"synthesise {network.name} for {family}", 1) as show:
        made = synthesize(Accelerator(network, plan), family, out / "synth", per_layer=True)
        show(1)
    return {"totals": vars(made.totals),
            "layers": {part: vars(cost) for part, cost in made.layers.items()}}


def _summary(results: list[dict[str, Any]], network: Any, plan: Any) -> None:
    from hdl.accelerator import Accelerator

    table("Accuracy", ["version", "accuracy", "test images"],
          [(kind, percent(share), images)
           for kind, (share, images) in results[0]["accuracy"].items()])
    accelerator = Accelerator(network, plan)
    say(speed(accelerator.initiation_interval, accelerator.latency))
    families = next(result["families"] for result in results if result["command"] == "synth")
    table("Resources after synthesis", ["family", "LUT", "FF", "BRAM"],
          [(FAMILIES[family].title, *(costs["totals"][column] for column in ("lut", "ff", "bram")))
           for family, costs in families.items()])
    table("After place and route", ["board", "Fmax", "board clock", "frames/s at that clock"],
          [(BOARDS[result["board"]].title, f"{result['fmax_hz'] / 1e6:.1f} MHz",
            f"{result['clock_hz'] / 1e6:g} MHz",
            round(result["clock_hz"] / accelerator.initiation_interval))
           for result in results if result["command"] == "build"])
