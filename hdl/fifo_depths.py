"""How deep the FIFOs between stages must be, so that a frame comes every so many cycles.

Graphs are those of :mod:`hdl.graph_timing`, whose model runs with ever smaller FIFOs.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

from hdl.graph_timing import Edge, GraphTiming, Sources, Stages
from hdl.timing import Timing

__all__ = ["check_depths", "fifo_depths", "fork_edges", "is_steady"]

_UNBOUNDED = 2**62
_CLOSE = 64  # deeper FIFOs are found to within a part of so many
_LONGEST = 1000  # beats inside a stage are on their way for no longer, above an interval


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
