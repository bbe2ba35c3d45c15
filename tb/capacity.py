"""How many beats a chain of cores takes in while none is taken from it, by its timing models."""

from collections.abc import Sequence

from hdl.timing import Timing

__all__ = ["capacity"]


def capacity(stages: Sequence[Timing], most: int, patience: int = 1000) -> int:
    """Input beats, at most ``most``, that go in until nothing has for ``patience`` cycles.

    What the scenario ``full`` of ``tb.harness`` measures: a core that stops earlier than it must,
    or later than it may, has another capacity. Right for stages whose interval is well below the
    patience.
    """
    taken = still = 0
    while still < patience and taken < most:
        valid, ready = [True], [False]
        for stage in stages:
            valid.append(stage.valid(valid[-1]))
        for stage in reversed(stages):
            ready.append(stage.ready(ready[-1]))
        moves = [offered and wanted for offered, wanted in zip(valid, reversed(ready), strict=True)]
        for k, stage in enumerate(stages):
            stage.step(moves[k], moves[k + 1])
        taken, still = taken + moves[0], 0 if moves[0] else still + 1
    return taken
