"""Depths of FIFOs where streams fork and join: as deep as they must be, as the hardware shows."""

import re
from copy import deepcopy

import numpy as np
import pytest

from golden.dense import dense
from golden.joining import Add as AddLayer
from golden.number import Integer
from golden.spatial import add
from hdl.fifo import StreamFIFO
from hdl.fifo_depths import check_depths, fifo_depths, fork_edges
from hdl.folded_dense import FoldedDense
from hdl.graph_timing import ConcatenateTiming, GraphTiming
from hdl.join import Add
from hdl.timing import (
    ConverterTiming,
    EmbeddingTiming,
    FifoTiming,
    FoldedTiming,
    PipelineTiming,
    ReduceTiming,
    Timing,
    WireTiming,
    first_output,
)
from tb.branches import Branches
from tb.capacity import capacity
from tb.dense_cases import draw_layer
from tb.harness import Frames, verify

SKIP = "input", "join"


def residual(rng: np.random.Generator, depth: int) -> tuple[Branches, Frames, Frames]:
    """A dense layer and the FIFO around it, with inputs and golden sums."""
    number, n, lanes = Integer(3, True), 12, 3
    layer = draw_layer(rng, n, n, number, thresholds=False)
    core = FoldedDense(layer, pe=lanes, simd=lanes)
    join = AddLayer("sum", core.output, number, n)
    skip = [StreamFIFO(lanes * number.width, depth)] if depth else []
    branches = Branches(Add(join, lanes=lanes), [(0, 3, [core]), (0, 3, skip)], lanes=lanes,
                        width=3, interval=core.initiation_interval)
    x = rng.integers(-4, 4, (20, n))
    return branches, Frames.of(x, number, lanes), Frames.of(add(dense(x, layer), x), join.output,
                                                            lanes)


@pytest.mark.parametrize("depth, fault", [
    (4, ""), (3, "interval: promised 16 cycles a frame, measured 18"), (1, "nothing moved for")])
def test_residual_block(rng: np.random.Generator, depth: int, fault: str) -> None:
    """The hardware is at full rate with the least depth, slower with one less, hangs with few."""
    core, inputs, outputs = residual(rng, depth)
    stages, sources = residual(rng, 0)[0].graph()
    assert fifo_depths(stages, sources, beats=(4, 4), interval=16) == {
        ("input", "core_0_0"): 0, SKIP: 4}
    if not fault:
        check_depths(stages, sources, {SKIP: depth}, beats=(4, 4), interval=16)
        result = verify(core, inputs, outputs)
        assert not result.fault
        assert result.capacity == capacity([core.timing()], 80)
        return
    with pytest.raises(ValueError, match=f"^edge input -> join stalls: its FIFO holds {depth} "
                                         "beats, but needs 4 for a frame every 16 cycles; make it "
                                         "that deep$"):
        check_depths(stages, sources, {SKIP: depth}, beats=(4, 4), interval=16)
    late = verify(core, inputs, outputs, latency=None if depth > 1 else 0, scenarios=("none",))
    assert str(late.fault).startswith(fault)


def draw_graph(rng: np.random.Generator, blocks: int
               ) -> tuple[dict[str, Timing], dict[str, tuple[str, ...]]]:
    """Blocks of two or three branches, some of them again with a block inside; 6 beats a frame."""
    stages: dict[str, Timing] = {}
    sources: dict[str, tuple[str, ...]] = {}

    def add_stage(timing: Timing, *of: str) -> str:
        name = f"s{len(stages)}"
        stages[name], sources[name] = timing, of
        return name

    def block(source: str, depth: int) -> str:
        ends = []
        for _ in range(rng.integers(2, 4)):
            end = source
            for _ in range(rng.integers(0, 3)):
                kind = rng.integers(4)
                if kind == 3 and depth:
                    end = block(end, depth - 1)
                else:
                    timings: list[Timing] = [FoldedTiming(6, 6, 3), PipelineTiming(4),
                                             WireTiming(), FifoTiming(2, 1)]
                    end = add_stage(timings[kind], end)
            ends.append(end)
        return add_stage(PipelineTiming(1), *ends)

    end = "input"
    for _ in range(blocks):
        end = block(end, 1)
    return stages, sources


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_depths_are_least(rng: np.random.Generator, blocks: int) -> None:
    """Of a single block; behind another one the beats may come so slowly that fewer suffice."""
    for _ in range(12 // blocks):
        stages, sources = draw_graph(rng, blocks)
        timing: dict = {"beats": (6, 6), "interval": 36}
        depths = fifo_depths(stages, sources, **timing)
        assert list(depths) == fork_edges(sources)
        check_depths(stages, sources, depths, **timing)
        for edge, depth in depths.items():
            if depth and blocks == 1:
                with pytest.raises(ValueError, match=f"^edge {edge[0]} -> {edge[1]} stalls: its "
                                                     f"FIFO holds {depth - 1} beats"):
                    check_depths(stages, sources, depths | {edge: depth - 1}, **timing)


def test_parts_that_are_late_together() -> None:
    """Each keeps the rate alone, but one gives in a burst what the next takes evenly."""
    stages: dict[str, Timing] = {"pipeline": PipelineTiming(2), "burst": ReduceTiming(30, 36),
                                 "even": EmbeddingTiming(6), "end": PipelineTiming(1)}
    sources = {"pipeline": ("input",), "burst": ("pipeline",), "even": ("burst",),
               "end": ("even",)}
    edges = [(source, name) for name, (source,) in sources.items()]
    timing: dict = {"beats": (36, 36), "interval": 36}
    depths = fifo_depths(stages, sources, **timing, edges=edges)
    assert depths == {**dict.fromkeys(edges, 0), ("burst", "even"): 4}
    check_depths(stages, sources, depths, **timing)
    with pytest.raises(ValueError, match="^edge burst -> even stalls: its FIFO holds 3 beats"):
        check_depths(stages, sources, depths | {("burst", "even"): 3}, **timing)
    with pytest.raises(ValueError, match="^stages pipeline, burst, even, end cannot give a frame "):
        fifo_depths(stages, sources, **timing, edges=edges[:2])


def test_concatenation_waits_for_its_turn() -> None:
    """While the beats of input 0 pass, those of input 1 wait, the last of them in the fork."""
    stages: dict[str, Timing] = {"left": PipelineTiming(1), "right": WireTiming(),
                                 "join": ConcatenateTiming((3, 3))}
    sources: dict[str, tuple[str, ...]] = {"left": ("input",), "right": ("input",),
                                           "join": ("left", "right")}
    assert fifo_depths(stages, sources, beats=(3, 6), interval=6) == {
        ("input", "left"): 0, ("input", "right"): 2}


def test_a_chain_is_a_graph() -> None:
    chain: list[Timing] = [ConverterTiming(7, 2, 3, 3, 9), FifoTiming(3, 2),
                           ReduceTiming(4, 5), FoldedTiming(3, 4, 5), PipelineTiming(2)]
    names = [f"stage_{k}" for k in range(len(chain))]
    sources = {name: (before,) for name, before in zip(names, ["input", *names], strict=False)}
    graph = [GraphTiming(dict(zip(names, chain, strict=True)), sources) for _ in range(2)]
    assert first_output(graph[:1]) == first_output(deepcopy(chain))
    assert capacity(graph[1:], 500) == capacity(chain, 500) < 500


def test_rejects_what_no_fifo_mends() -> None:
    stages: dict[str, Timing] = {"branch": FoldedTiming(4, 4, 3), "join": PipelineTiming(1)}
    sources = {"branch": ("input",), "join": ("branch", "input")}
    for interval, edges in ((16, []), (15, None)):
        with pytest.raises(ValueError, match="^" + re.escape(
                f"stages branch, join cannot give a frame every {interval} cycles, whatever their "
                "FIFOs; the interval is too short, or an edge among them needs a FIFO and may have "
                "none") + "$"):
            fifo_depths(stages, sources, beats=(4, 4), interval=interval, edges=edges)
