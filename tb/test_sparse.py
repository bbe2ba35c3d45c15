"""SparseEngine against the dense product of its decoded weights, and against its own timing."""

import numpy as np
import pytest

from golden.dense import dense
from golden.layer import Dense
from golden.number import Bipolar, Codebook, Integer
from golden.sparse import InterleavedColumns, sparse
from hdl.sparse_engine import SparseEngine
from hdl.sparse_timing import SparseTiming
from tb.harness import Frames, simulate, verify
from tb.rewritten import Rewritten

BOOK = Codebook((-32768, -700, -3, 0, 1, 2, 3, 5, 32767))
FULL = Codebook((-32768, *range(-8, 7)))  # as many values as there may be


def draw_layer(rng: np.random.Generator, n_in: int, n_out: int, density: float, number: Integer,
               kind: Codebook = BOOK) -> Dense:
    some = np.array([entry for entry in kind.entries if entry])
    weights = rng.choice(some, (n_out, n_in)) * (rng.random((n_out, n_in)) < density)
    return Dense("fc", number, weights, weight_kind=kind)


def draw_inputs(rng: np.random.Generator, layer: Dense, frames: int) -> np.ndarray:
    """Frames of all densities, with the extremes and frames of nothing but zeros."""
    low, high = layer.input.minimum, layer.input.maximum
    x = rng.integers(low, high, (frames, layer.n_in), endpoint=True)
    x *= rng.random(x.shape) < rng.choice([0.1, 0.3, 0.6, 1.0], (frames, 1))
    x[1], x[2] = high, low
    x[3:6] = 0
    return x


@pytest.mark.parametrize("n_in, n_out, density, number, pe, lanes, depth, relu, netlist", [
    (1, 1, 1.0, Integer(16, True), 1, 1, 1, False, False),
    (3, 2, 0.0, Integer(16, False), 3, 2, 2, False, False),
    (13, 70, 0.04, Integer(16, True), 1, 4, 3, True, False),
    (20, 37, 0.3, Integer(5, False), 4, 3, 1, False, False),
    (37, 64, 0.1, Integer(16, True), 3, 8, 8, False, False),
    (21, 34, 0.2, Integer(8, False), 17, 5, 2, True, False),
    (23, 50, 0.5, Integer(3, True), 7, 23, 256, False, False),
    (13, 70, 0.25, Integer(16, True), 1, 4, 3, True, True),
    (20, 37, 0.3, Integer(5, False), 4, 3, 1, False, True),
])
def test_matches_golden(rng: np.random.Generator, n_in: int, n_out: int, density: float,
                        number: Integer, pe: int, lanes: int, depth: int, relu: bool,
                        netlist: bool) -> None:
    """Sums, and the cycle in which every frame comes, for frames of all densities."""
    layer = draw_layer(rng, n_in, n_out, density, number)
    x = draw_inputs(rng, layer, 30)
    core = SparseEngine(layer, pe=pe, lanes=lanes, depth=depth, relu=relu)
    y = sparse(x, core.columns, relu)
    assert (y == (np.maximum(dense(x, layer), 0) if relu else dense(x, layer))).all()
    simulate(core, Frames.of(x, number, lanes), Frames.of(y, core.output, pe), netlist=netlist,
             starts=core.timing.starts(x))


@pytest.mark.parametrize("n_in, n_out, density, number, pe, lanes, depth, netlist", [
    (1, 1, 1.0, Integer(16, True), 1, 1, 1, False),
    (13, 70, 0.04, Integer(16, True), 2, 4, 3, False),
    (8, 3, 0.4, Integer(5, False), 5, 3, 2, False),
    (9, 20, 0.2, Integer(16, True), 1, 4, 4, True),
])
def test_decodes_on_the_fly(rng: np.random.Generator, n_in: int, n_out: int, density: float,
                            number: Integer, pe: int, lanes: int, depth: int,
                            netlist: bool) -> None:
    layer = draw_layer(rng, n_in, n_out, density, number)
    x = draw_inputs(rng, layer, 16)
    core = SparseEngine(layer, pe=pe, lanes=lanes, depth=depth, storage="compressed")
    stored = sum(element.words[0] for element in core._elements if element.words)
    assert stored == core.columns.huffman()["together"].payload
    simulate(core, Frames.of(x, number, lanes),
             Frames.of(sparse(x, core.columns), core.output, pe), netlist=netlist, starts=())


def test_no_frame_is_given_from_a_corrupted_rom(rng: np.random.Generator) -> None:
    layer = draw_layer(rng, 6, 9, 0.5, Integer(4, True))
    x = draw_inputs(rng, layer, 6)
    for word, bit in ((0, 3), (1, 0), (1, 31), (-1, 7)):
        core = SparseEngine(layer, pe=2, lanes=2, storage="compressed")
        core._elements[1].words[word] ^= 1 << bit
        result = verify(core, Frames.of(x, layer.input, 2),
                        Frames.of(sparse(x, core.columns), core.output, 2), starts=(),
                        scenarios=("none",))
        assert result.fault is not None and "and 0 of 30 output beats" in result.fault


@pytest.mark.parametrize("n_in, n_out, densities, pe, lanes, depth, relu, room, netlist", [
    (7, 70, (0.4, 0.04), 2, 2, 3, True, None, False),
    (4, 33, (0.04, 1.0), 1, 3, 1, False, 132, True),  # in block RAM
])
def test_weights_can_be_written(rng: np.random.Generator, n_in: int, n_out: int,
                                densities: tuple[float, float], pe: int, lanes: int, depth: int,
                                relu: bool, room: int | None, netlist: bool) -> None:
    """A core made for one layer computes another one, of other values and the greatest sums that
    there are, in the cycles of its columns."""
    number, few = Integer(8, True), Codebook(BOOK.entries[2:8])
    first = draw_layer(rng, n_in, n_out, densities[0], number, few)
    first = Dense("fc", number, first.weights, weight_kind=BOOK)  # small sums
    weights = draw_layer(rng, n_in, n_out, densities[1], number, FULL).weights.copy()
    weights[:2] = FULL.minimum
    second = Dense("other", number, weights, weight_kind=FULL)
    core = SparseEngine(first, pe=pe, lanes=lanes, depth=depth, relu=relu, storage="ram", room=room)
    columns, x = InterleavedColumns.of(second, pe), draw_inputs(rng, second, 16)
    y = sparse(x, columns, relu)
    assert core.output.minimum <= y.min() and y.max() <= core.output.maximum
    simulate(core, Frames.of(x, number, lanes), Frames.of(y, core.output, pe), netlist=netlist,
             starts=SparseTiming(columns, lanes, depth).starts(x),
             writes=Frames.of_words(core.writes(second), len(core.write.payload.as_value())))


@pytest.mark.parametrize("after, depth", [(1, 1), (3, 4)])
def test_weights_change_between_frames(rng: np.random.Generator, after: int, depth: int) -> None:
    """Frames that are in the core when a write is offered still meet the old weights, those that
    come later the new ones, whatever is stalled."""
    number = Integer(3, True)
    first = draw_layer(rng, 5, 7, 0.3, number, Codebook((-8, -1, 0, 3)))
    second = draw_layer(rng, 5, 7, 0.9, number, Codebook((-5, 0, 7)))
    core = SparseEngine(first, pe=2, lanes=2, depth=depth, storage="ram", room=20)
    x = draw_inputs(rng, first, 24)
    changed = np.arange(len(x))[:, None] // 2 % 2 == 1
    simulate(Rewritten(core, [second, first], 2, 3, after), Frames.of(x, number, 2),
             Frames.of(np.where(changed, dense(x, second), dense(x, first)), core.output, 2),
             starts=(), scenarios=("source", "sink", "both", "patient", "full"))


def _layer(**changes) -> Dense:
    return Dense(**{"name": "fc", "input": Integer(8, True), "weights": np.ones((2, 3), int),
                    "weight_kind": Codebook((0, 1)), **changes})


@pytest.mark.parametrize("arguments, error, message", [
    ({"layer": "fc"}, TypeError, r"^layer must be a golden.layer.Dense, not 'fc'$"),
    ({"pe": 0}, ValueError, r"^layer fc: pe must be from 1 to 64, not 0$"),
    ({"pe": 65}, ValueError, r"^layer fc: pe must be from 1 to 64, not 65$"),
    ({"depth": 257}, ValueError, r"^layer fc: depth must be from 1 to 256, not 257$"),
    ({"lanes": 0}, ValueError, r"^layer fc: lanes must be at least 1, not 0$"),
    ({"lanes": 1.0}, TypeError, r"^layer fc: lanes must be an integer, not 1.0$"),
    ({"depth": True}, TypeError, r"^layer fc: depth must be an integer, not True$"),
    ({"storage": "logic"}, ValueError,
     r"^layer fc: storage must be one of rom, ram, compressed, not 'logic'$"),
    ({"room": 6}, ValueError,
     r"^layer fc: storage must be ram for a room, not rom; leave room out$"),
    ({"room": 0, "storage": "ram"}, ValueError, r"^layer fc: room must be at least 1, not 0$"),
    ({"room": 5, "storage": "ram"}, ValueError,
     (r"^layer fc: room must be at least 6, the entries of the longest element of layer fc, not 5; "
      r"make the core with more room, or prune that layer further$")),
    ({"layer": _layer(input=Integer(17, True))}, ValueError,
     (r"^layer fc: input must be an integer of at most 16 bits for the sparse engine, "
      r"not int17$")),
    ({"layer": _layer(bias=np.array([1, 2]))}, ValueError,
     (r"^layer fc: the sparse engine has no thresholds and no bias; leave them out or use a "
      r"folded layer$")),
    ({"layer": _layer(weight_kind=Bipolar())}, ValueError,
     (r"^layer fc: weight_kind must be a codebook to be compressed into columns, not bipolar; "
      r"cluster the weights$")),
])
def test_rejects(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SparseEngine(**{"layer": _layer(), "pe": 1, **arguments})


@pytest.mark.parametrize("own, other, error, message", [
    ({"storage": "rom"}, {}, TypeError, r"^layer fc: storage must be ram to be written, not rom$"),
    ({}, {"bias": np.array([1, 2])}, ValueError,
     (r"^layer b: the sparse engine has no thresholds and no bias; leave them out or use a "
      r"folded layer$")),
    ({}, {"weights": np.ones((2, 4), int)}, ValueError,
     (r"^layer fc: \(input, shape of weights\) must be \('int8', \(2, 3\)\), not \('int8', "
      r"\(2, 4\)\) as of layer b; make a core for that$")),
    ({}, {"weight_kind": Codebook((1, 4))}, ValueError,
     (r"^layer fc: entries must have at most 2 bits, not 4 as of layer b; make the core with a "
      r"codebook of wider entries$")),
    ({"layer": _layer(weights=np.eye(2, 3, dtype=int))}, {}, ValueError,
     (r"^layer fc: room must be at least 6, the entries of the longest element of layer b, not 2; "
      r"make the core with more room, or prune that layer further$")),
])
def test_rejects_writes(own: dict, other: dict, error: type[Exception], message: str) -> None:
    core = SparseEngine(**{"layer": _layer(), "pe": 1, "storage": "ram", **own})
    with pytest.raises(error, match=message):
        core.writes(_layer(name="b", **other))
