"""When beats move where streams fork and join.

A graph is given by ``stages``, name -> Timing in topological order, of which the last gives the
output, and ``sources``, name -> the stages that its inputs come from; a source that is none of the
stages, as "input", is the graph's input. What several stages take is forked eagerly
(:class:`hdl.join.Fork`): each takes a beat at its own pace. A stage with several sources takes a
beat of each at once or, a :class:`ConcatenateTiming`, of one after the other. ``queues``,
(producer, consumer) -> depth, puts FIFOs into the edges; an edge without one, or of depth 0, is a
wire.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy

from hdl.timing import FifoTiming, PipelineTiming, Timing, fifo_latency

__all__ = ["ConcatenateTiming", "Edge", "GraphTiming", "Sources", "Stages"]

Edge = tuple[str, str]
Stages = Mapping[str, Timing]
Sources = Mapping[str, tuple[str, ...]]


class ConcatenateTiming(PipelineTiming):
    """A register that ``beats[k]`` beats of input k enter, then those of the next input."""

    def __init__(self, beats: Sequence[int]):
        super().__init__(1)
        self._turns = [k for k, count in enumerate(beats) for _ in range(count)]
        self._taken = 0

    @property
    def turn(self) -> int:
        """Which input the next beat comes from."""
        return self._turns[self._taken]

    def step(self, take: bool, give: bool) -> None:
        self._taken = (self._taken + take) % len(self._turns)
        super().step(take, give)


class _Queue(FifoTiming):
    """A FIFO that remembers how many beats it would have had to hold to take all that came."""

    def __init__(self, depth: int, latency: int):
        super().__init__(depth, latency)
        self.needed = 0

    def step(self, take: bool, give: bool) -> None:
        self.needed = max(self.needed, self._level + take)
        super().step(take, give)


class GraphTiming:
    """Handshakes of a graph, which is a Timing, too; see the module's text.

    In each cycle ``valid`` comes before ``ready`` before ``step``. The stages given stay as they
    are.
    """

    def __init__(self, stages: Stages, sources: Sources, queues: Mapping[Edge, int] | None = None):
        # Producer 0 is the input, k + 1 is stage k. A wire leads from a producer to a stage.
        self._stages: list[Timing] = []
        self._inputs: list[list[tuple[int, int]]] = []  # of each stage: (wire, producer)
        self._outputs: list[list[int]] = [[]]  # wires of each producer
        self._wires = 0
        self.queues: dict[Edge, _Queue] = {}
        numbers: dict[str, int] = {}
        for name, stage in stages.items():
            producers = [numbers.get(source, 0) for source in sources[name]]
            for k, source in enumerate(sources[name]):
                if queues and (depth := queues.get((source, name))):
                    queue = self.queues[source, name] = _Queue(depth, fifo_latency(depth))
                    producers[k] = self._add(queue, [producers[k]])
            numbers[name] = self._add(deepcopy(stage), producers)
        self._outputs[-1].append(self._wires)
        self._forks = [k for k, wires in enumerate(self._outputs) if len(wires) > 1]
        # (stage, its only input's wire and producer, its only output's wire), -1 if there are more
        self._rows = [
            (k, stage, *(inputs[0] if len(inputs) == 1 else (-1, -1)),
             outputs[0] if len(outputs) == 1 else -1)
            for k, (stage, inputs, outputs) in enumerate(zip(
                self._stages, self._inputs, self._outputs[1:], strict=True))]
        self._valid = [False] * len(self._outputs)  # does the producer offer a beat?
        self._sent = [False] * (self._wires + 1)  # has that beat been taken from the wire?
        self._wanted = [False] * (self._wires + 1)  # would one be?
        self._takes = [False] * len(self._stages)
        self._gives = [False] * len(self._stages)

    def _add(self, stage: Timing, producers: list[int]) -> int:
        self._inputs.append(list(enumerate(producers, self._wires)))
        for wire, producer in self._inputs[-1]:
            self._outputs[producer].append(wire)
        self._wires += len(producers)
        self._stages.append(stage)
        self._outputs.append([])
        return len(self._stages)

    def _taken(self, k: int) -> list[tuple[int, int]]:
        """Those of the stage's inputs that its next beat comes from."""
        stage, inputs = self._stages[k], self._inputs[k]
        return [inputs[stage.turn]] if isinstance(stage, ConcatenateTiming) else inputs

    def valid(self, offered: bool) -> bool:
        valid, sent, takes = self._valid, self._sent, self._takes
        valid[0] = offered
        for k, stage, wire, producer, _ in self._rows:
            if wire >= 0:
                came = valid[producer] and not sent[wire]
            else:
                came = all(valid[producer] and not sent[wire]
                           for wire, producer in self._taken(k))
            takes[k] = came
            valid[k + 1] = stage.valid(came)
        return valid[-1]

    def ready(self, wanted: bool) -> bool:
        valid, wants, takes, gives = self._valid, self._wanted, self._takes, self._gives
        wants[-1] = wanted
        for k, stage, wire, _, output in reversed(self._rows):
            wanted = wants[output] if output >= 0 else self._all_want(k + 1)
            gives[k] = valid[k + 1] and wanted
            ready = stage.ready(wanted)
            takes[k] = takes[k] and ready
            if wire >= 0:
                wants[wire] = ready
            else:  # a join takes a beat only when all that it needs are there
                for wire, _ in self._inputs[k]:
                    wants[wire] = False
                for wire, _ in self._taken(k):
                    wants[wire] = takes[k]
        return self._all_want(0)

    @property
    def moves(self) -> bool:
        """Does any beat move in this cycle?"""
        return any(self._takes) or any(self._gives)

    def _all_want(self, producer: int) -> bool:
        for wire in self._outputs[producer]:
            if not (self._sent[wire] or self._wanted[wire]):
                return False
        return True

    def step(self, take: bool, give: bool) -> None:
        for producer in self._forks:
            if self._valid[producer]:
                over = self._all_want(producer)
                for wire in self._outputs[producer]:
                    self._sent[wire] = not over and (self._sent[wire] or self._wanted[wire])
        for stage, takes, gives in zip(self._stages, self._takes, self._gives, strict=True):
            stage.step(takes, gives)
