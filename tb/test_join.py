"""Fork, Add and Concatenate: branches that meet, against the golden sums and concatenations."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from golden.joining import Add as AddLayer
from golden.joining import Concatenate as ConcatenateLayer
from golden.number import Bipolar, Integer, Number, Ternary
from golden.pooling import Pool
from golden.spatial import add, concatenate, pool
from hdl.fifo import StreamFIFO
from hdl.join import Add, Concatenate, Fork
from hdl.reduce import Reduce
from tb.branches import Branches
from tb.capacity import capacity
from tb.cases import rtl_only
from tb.harness import Frames, simulate


def draw(rng: np.random.Generator, number: Number, n: int, frames: int = 50) -> np.ndarray:
    """Random values, the least and the greatest."""
    values = np.array([-1, 1]) if isinstance(number, Bipolar) else np.arange(
        number.minimum, number.maximum + 1)
    x = rng.choice(values, (frames, n))
    x[0], x[1] = number.minimum, number.maximum
    return x


def check(join: Any, x: Sequence[np.ndarray], numbers: Sequence[Number], cores: Sequence[list],
          outputs: Frames, netlist: bool) -> None:
    """Elements of the input are those of all branches side by side."""
    lanes, width, branches = outputs.lanes, 0, []
    codes = np.zeros(x[0].shape, np.uint64)
    for values, number, row in zip(x, numbers, cores, strict=True):
        codes |= number.encode(values) << np.uint64(width)
        branches.append((width, width + number.width, row))
        width += number.width
    core = Branches(join, branches, lanes=lanes, width=width, interval=outputs.beats)
    inputs = Frames(codes, width, lanes)
    result = simulate(core, inputs, outputs, netlist=netlist)
    assert result.capacity == capacity([core.timing()], len(codes) * inputs.beats)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, other, n, lanes, depths", [
    rtl_only(Integer(5, True), Integer(8, False), 1, 1, (1, 1)),
    (Ternary(), Integer(3, False), 7, 3, (3, 5)),
    rtl_only(Bipolar(), Bipolar(), 2, 2, (0, 0)), rtl_only(Bipolar(), Ternary(), 5, 2, (5, 4)),
])
def test_add(rng: np.random.Generator, number: Number, other: Number, n: int, lanes: int,
             depths: tuple[int, int], netlist: bool) -> None:
    layer = AddLayer("sum", number, other, n)
    x = draw(rng, number, n), draw(rng, other, n)[::-1]
    cores = [[StreamFIFO(lanes * kind.width, depth)] if depth else []
             for kind, depth in zip((number, other), depths, strict=True)]
    check(Add(layer, lanes=lanes), x, (number, other), cores,
          Frames.of(add(*x), layer.output, lanes), netlist)


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
@pytest.mark.parametrize("number, n, lanes", [(Integer(4, True), 3, 3), rtl_only(Bipolar(), 4, 2)])
def test_concatenate(rng: np.random.Generator, number: Number, n: int, lanes: int,
                     netlist: bool) -> None:
    """Of 2 n channels, of n, which are the greatest of two, and of 2 n again."""
    layer = ConcatenateLayer("joined", number, (2 * n, n, 2 * n))
    x = [draw(rng, number, 2 * n) for _ in range(3)]
    half = pool(x[1], Pool("half", number, (2,), n, 2))
    queues = [StreamFIFO(lanes * number.width, depth * n // lanes) for depth in (3, 5, 9)]
    cores: list[list[Any]] = [[queue] for queue in queues]
    cores[1].insert(0, Reduce(number, n, 2, lanes=lanes, output=number))
    check(Concatenate(layer, lanes=lanes), x, [number] * 3, cores,
          Frames.of(concatenate((x[0], half, x[2]), layer), number, lanes), netlist)


def test_fork_serves_each_at_its_own_pace(rng: np.random.Generator) -> None:
    """The inputs take the same beat in different cycles."""
    layer = ConcatenateLayer("joined", Bipolar(), (2, 2))
    x = [draw(rng, Bipolar(), 2) for _ in range(2)]
    check(Concatenate(layer, lanes=2), x, [Bipolar()] * 2, [[], []],
          Frames.of(concatenate((x[0], x[1]), layer), Bipolar(), 2), netlist=False)


ADD = AddLayer("sum", Bipolar(), Bipolar(), 4, 3)
JOINED = ConcatenateLayer("joined", Bipolar(), (4, 6), 3)


@pytest.mark.parametrize("core, arguments, error, message", [
    (Fork, {"width": 0, "n": 2}, ValueError, "Fork width must be at least 1, not 0"),
    (Fork, {"width": 1, "n": 1}, ValueError, "Fork n must be at least 2, not 1"),
    (Fork, {"width": 1, "n": True}, TypeError, "Fork n must be an integer, not True"),
    (Add, {"layer": ADD, "lanes": 5}, ValueError,
     "layer sum: lanes must be from 1 to 4, the layer's elements, not 5"),
    (Add, {"layer": ADD, "lanes": 1.0}, TypeError,
     "layer sum: lanes must be an integer, not 1.0"),
    (Concatenate, {"layer": JOINED, "lanes": 11}, ValueError,
     "layer joined: lanes must be from 1 to 10, the layer's elements, not 11"),
    (Concatenate, {"layer": JOINED, "lanes": 4}, ValueError,
     "layer joined: lanes must divide the channels of each source, 4, 6, not 4"),
])
def test_rejects(core: Any, arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        core(**arguments)
