"""What the tests of the console command share: running it, a small network, its result files."""

import json
import re
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from golden.network import ArgMax, Dense, Network
from golden.number import Bipolar, Integer
from hdl.plan import LayerPlan, Plan
from scripts.cli import run

__all__ = ["lutloom", "results", "write_tiny"]


def lutloom(*arguments: object) -> tuple[int, str, str]:
    """Run one command in this process; (exit status, output, errors)."""
    with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as errors:
        status = run([str(argument) for argument in arguments])
    return status, output.getvalue(), errors.getvalue()


def write_tiny(folder: Path) -> tuple[Path, Path]:
    """Files of a small network (6 pixels, 3 classes) and of a plan for it."""
    rng = np.random.default_rng(5)

    def signs(*shape: int) -> np.ndarray:
        return rng.choice([-1, 1], shape).astype(np.int8)

    scores = Dense("scores", Bipolar(), signs(3, 4))
    network = Network("tiny", (Dense("hidden", Integer(8, False), signs(4, 6), np.arange(4)),
                               scores, ArgMax("argmax", scores.output, 3)))
    network.save(folder / "network.npz")
    Plan({"hidden": LayerPlan(2, 3), "scores": LayerPlan(1, 2), "argmax": LayerPlan(simd=1)},
         lanes=3).save(folder / "plan.json")
    return folder / "network.npz", folder / "plan.json"


def results(path: Path, command: str) -> dict[str, Any]:
    """What --json wrote, after a check of what every such file says."""
    content = json.loads(path.read_text())
    assert content["command"] == command
    assert re.fullmatch(r"\d+\.\d+\.\d+", content["lutloom"])
    return content
