"""WeightLoader: a core booted from a compressed ROM computes the layer of that ROM, or nothing."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from golden.dense import dense
from golden.number import Bipolar, Integer, Number
from hdl.folded_dense import FoldedDense
from hdl.weight_loader import BootedCore, BootImage, WeightLoader
from tb.dense_cases import draw_inputs, draw_layer
from tb.harness import Frames, simulate, verify


def booted(rng: np.random.Generator, number: Number, thresholds: bool, flip: int | None = None
           ) -> tuple[BootedCore, Frames, Frames]:
    """A core made for one layer with the image of another, bit ``flip`` of it wrong; its frames."""
    first, second = (draw_layer(rng, 11, 9, number, thresholds) for _ in range(2))
    core = FoldedDense(first, pe=2, simd=3, storage="ram")
    image = BootImage.of(core, second)
    if flip is not None:
        words = list(image.words)
        words[flip // 32] ^= 1 << flip % 32
        image = replace(image, words=tuple(words))
    x = draw_inputs(rng, 11, number, second)[:12]
    return (BootedCore(core, image), Frames.of(x, number, 3),
            Frames.of(dense(x, second), core.output, 2))


@pytest.mark.parametrize("number, thresholds, netlist", [
    (Bipolar(), True, False), (Integer(8, False), False, False), (Bipolar(), True, True),
])
def test_boots(rng: np.random.Generator, number: Number, thresholds: bool, netlist: bool) -> None:
    simulate(*booted(rng, number, thresholds), netlist=netlist)


def test_no_frame_is_answered_from_a_corrupted_rom(rng: np.random.Generator) -> None:
    result = verify(*booted(rng, Bipolar(), True, flip=77), scenarios=("none",))
    assert result.fault is not None and result.fault.startswith("nothing moved")
    assert "after 0 of" in result.fault and "and 0 of" in result.fault


def load(image: BootImage, cycles: int, stalls: np.random.Generator) -> tuple[list[int], int, int]:
    """(writes, loaded, error) after so many cycles."""
    core, writes, flags = WeightLoader(image), [], [0, 0]

    async def bench(ctx) -> None:
        for _ in range(cycles):
            ready = bool(stalls.random() < 0.7)
            ctx.set(core.write.ready, ready)
            if ready and ctx.get(core.write.valid):
                writes.append(ctx.get(core.write.payload).as_bits())
            await ctx.tick()
            flags[:] = ctx.get(core.loaded), ctx.get(core.error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return writes, flags[0], flags[1]


def test_writes_and_flags(rng: np.random.Generator) -> None:
    layer = draw_layer(rng, 11, 9, Integer(3, True), True)
    core = FoldedDense(layer, pe=2, simd=3, storage="ram")
    image = BootImage.of(core, layer)
    cycles = 3 * image.n + 40
    assert load(image, cycles, rng) == (core.writes(layer), 1, 0)
    for flip in range(0, 32 * len(image.words), 41):
        words = list(image.words)
        words[flip // 32] ^= 1 << flip % 32
        _, loaded, error = load(replace(image, words=tuple(words)), cycles, rng)
        assert (loaded, error) == (0, 1)


def test_sizes(rng: np.random.Generator) -> None:
    """What is stored is what the golden compressor says."""
    layer = draw_layer(rng, 40, 30, Bipolar(), True)
    image = BootImage.of(FoldedDense(layer, pe=3, simd=8, storage="ram"), layer)
    assert image.n == sum(words * n_bytes for words, n_bytes in image.memories)
    assert image.words[0] == image.sizes.payload >= image.sizes.entropy
    assert len(image.words) == -(-image.sizes.payload // 32) + 2
    assert image.sizes.total == image.sizes.payload + 4 * 256


def test_rejects() -> None:
    with pytest.raises(TypeError, match=r"^WeightLoader image must be a BootImage, not 5$"):
        WeightLoader(5)  # type: ignore[arg-type]
