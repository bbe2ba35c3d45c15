"""When beats move where streams fork and join, and how deep the FIFOs of branches must be.

A graph is given by ``stages``, name -> Timing in topological order, of which the last gives the
output, and ``sources``, name -> the stages that its inputs come from; a source that is none of the
stages, as "input", is the graph's input. What several stages take is forked eagerly
(:class:`hdl.join.Fork`): each takes a beat at its own pace. A stage with several sources takes a
beat of each at once or, a :class:`ConcatenateTiming`, of one after the other. ``queues``,
(producer, consumer) -> depth, puts FIFOs into the edges; an edge without one, or of depth 0, is a
wire.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy

from hdl.timing import FifoTiming, PipelineTiming, Timing, fifo_latency

__all__ = ["ConcatenateTiming", "Edge", "GraphTiming", "check_depths", "fifo_depths",
           "fork_edges", "is_steady"]

Edge = tuple[str, str]
Stages = Mapping[str, Timing]
Sources = Mapping[str, tuple[str, ...]]
_UNBOUNDED = 2**62
_CLOSE = 64  # deeper FIFOs are found to within a part of so many
_LONGEST = 1000  # beats inside a stage are on their way for no longer, above an interval


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


def fork_edges(sources: Sources) -> list[Edge]:
    """Edges that leave a stage with several consumers: those that may have to hold beats."""
    edges = [(source, name) for name, of in sources.items() for source in of]
    forked = [source for source, _ in edges]
    return [edge for edge in dict.fromkeys(edges) if forked.count(edge[0]) > 1]


def fifo_depths(stages: Stages, sources: Sources, *, beats: tuple[int, int], interval: int,
                frames: int = 6, edges: Sequence[Edge] | None = None) -> dict[Edge, int]:
    """Least depths of FIFOs in ``edges`` with which a frame comes every ``interval`` cycles.

    beats : of a frame, at the input and at the output
    interval : the greatest of all stages, in cycles a frame
    frames : how many are looked at
    edges : where FIFOs may be, by default :func:`fork_edges`

    The graph is cut where it is but one stream. Each part runs with FIFOs without bounds, then with
    ever smaller ones until a beat less is too few, or a part in 64 of a deep one; 0 means that none
    is needed. Then all parts run together. Where the first ones up to some part are late together,
    the FIFOs of that part are found anew behind the others; if none help, all are found in the
    whole graph. Raises ValueError if no depths reach the interval.
    """
    edges = fork_edges(sources) if edges is None else edges
    parts, depths, given = _parts(stages, sources), dict.fromkeys(edges, 0), [beats[0]]
    inside = [[edge for edge in edges if edge[1] in part] for part in parts]
    for part, own in zip(parts, inside, strict=True):
        found, n = _least_depths(part, sources, given[-1], interval, frames, own)
        depths |= found
        given.append(n)

    def first(count: int) -> Stages:
        return {name: stage for part in parts[:count] for name, stage in part.items()}

    def late(count: int) -> bool:
        return not is_steady(GraphTiming(first(count), sources, depths), given[count], interval,
                             frames)

    sound = 0
    while sound < len(parts) and late(len(parts)):
        # More parts only slow those in front of them down.
        sound = bisect_left(range(len(parts)), True, sound + 1, key=late)
        try:
            found, _ = _least_depths(first(sound), sources, beats[0], interval, frames,
                                     inside[sound - 1], depths)
        except ValueError:
            return _least_depths(stages, sources, beats[0], interval, frames, edges)[0]
        depths |= found
    return depths


def check_depths(stages: Stages, sources: Sources, queues: Mapping[Edge, int], *,
                 beats: tuple[int, int], interval: int, frames: int = 6) -> None:
    """Raise ValueError that names a FIFO too shallow for a frame every ``interval`` cycles.

    queues : the depths that are given, 0 for none; everything else as for :func:`fifo_depths`
    """
    if is_steady(GraphTiming(stages, sources, queues), beats[1], interval, frames):
        return
    needed = fifo_depths(stages, sources, beats=beats, interval=interval, frames=frames,
                         edges=list(queues))
    for edge, depth in queues.items():
        if depth < needed[edge]:
            raise ValueError(f"edge {edge[0]} -> {edge[1]} stalls: its FIFO holds {depth} beats, "
                             f"but needs {needed[edge]} for a frame every {interval} cycles; make "
                             "it that deep")


def _parts(stages: Stages, sources: Sources) -> list[Stages]:
    """The graph's parts in a row, each of which gives all that the next one takes."""
    consumers = Counter(source for of in sources.values() for source in of)
    parts: list[Stages] = []
    part: dict[str, Timing] = {}
    waiting = consumers["input"]  # outputs, as often as they are still to be taken
    for name, stage in stages.items():
        part[name] = stage
        waiting += consumers[name] - len(sources[name])
        if waiting == consumers[name]:
            parts.append(part)
            part = {}
    return parts


def _least_depths(stages: Stages, sources: Sources, beats: int, interval: int, frames: int,
                  edges: Sequence[Edge], others: Mapping[Edge, int] | None = None
                  ) -> tuple[dict[Edge, int], int]:
    """Depths of the edges, next to those of ``others``, and the stages' output beats of a frame."""
    depths: dict[Edge, int] = dict.fromkeys(edges, _UNBOUNDED)
    if not depths and others is None:
        frames = 1  # enough to count beats
    others = others or {}
    graph = GraphTiming(stages, sources, {**others, **depths})
    came = _drain(graph, beats, interval, frames)
    n = len(came) // frames

    def suffices(changes: dict[Edge, int]) -> bool:
        queues = {**others, **depths, **changes}
        return is_steady(GraphTiming(stages, sources, queues), n, interval, frames)

    def clear(edges: Sequence[Edge]) -> None:
        """Leave out the FIFOs that are not needed: all of them, or those of each half."""
        nothing = dict.fromkeys(edges, 0)
        if suffices(nothing):
            depths.update(nothing)
        elif len(edges) > 1:
            clear(edges[:len(edges) // 2])
            clear(edges[len(edges) // 2:])

    starts = came[::max(n, 1)]
    if not n or frames > 1 and starts[-1] - starts[-2] > interval:
        raise ValueError(f"stages {', '.join(stages)} cannot give a frame every {interval} cycles, "
                         "whatever their FIFOs; the interval is too short, or an edge among them "
                         "needs a FIFO and may have none")
    for edge in depths:
        depths[edge] = max(graph.queues[edge].needed, 3)  # of the latency it has without bounds
    clear(list(depths))
    for edge, high in depths.items():
        low, close = 0, max(1, high // _CLOSE)
        step = close
        while high - low > close:  # the first guess is a good one: look near it first
            middle = max(high - step, (low + high) // 2)
            if suffices({edge: middle}):
                high, step = middle, 2 * step
            else:
                low = middle
        depths[edge] = high
    return depths, n


def _drain(graph: GraphTiming, beats: int, interval: int, frames: int) -> list[int]:
    """Cycles of all output beats of some frames, of which one comes every ``interval`` cycles."""
    came: list[int] = []
    cycle = taken = still = 0
    while still < interval + _LONGEST:
        offered = taken < min(frames, cycle // interval + 1) * beats
        valid, ready = graph.valid(offered), graph.ready(True)
        if valid:
            came.append(cycle)
        still = 0 if graph.moves else still + 1
        graph.step(offered and ready, valid)
        taken, cycle = taken + (offered and ready), cycle + 1
    return came


def is_steady(graph: GraphTiming, beats: int, interval: int, frames: int) -> bool:
    """Do frames of ``beats`` output beats come every ``interval`` cycles, once the graph is full?

    Inputs are always offered, outputs always taken. The first half of the frames may come sooner,
    or later than they should after ones that came sooner.
    """
    starts: list[int] = []
    cycle = given = still = 0
    while still < interval + _LONGEST and len(starts) < frames:
        valid, ready = graph.valid(True), graph.ready(True)
        if valid and given % beats == 0:
            starts.append(cycle)
        if len(starts) > frames // 2 and cycle - starts[-1] > interval:
            return False
        if len(starts) > frames // 2 + 1 and starts[-1] - starts[-2] > interval:
            return False
        still = 0 if graph.moves else still + 1
        graph.step(ready, valid)
        given, cycle = given + valid, cycle + 1
    return len(starts) == frames
