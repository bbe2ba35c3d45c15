"""Whole data sets at the simulator's own speed: the runner itself, then a trained network.

With ``LUTLOOM_DATA`` naming the folder of the MNIST files, the network is sfc on a thousand test
images, and ``make images`` compares all 10,000; without, it is the digits network on the digits'
test images.
"""

import os
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from golden.argmax import argmax
from golden.checkpoint import load_checkpoint, zoo_path
from golden.data import encode_pixels, load
from golden.lower import lower
from golden.network import Network
from golden.number import Bipolar, Integer
from golden.recipe_file import ZOO
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.argmax import ArgMax
from hdl.lane_converter import LaneConverter
from hdl.plan import LayerPlan, Plan
from hdl.planner import plan_for_cycles
from tb.broken_core import BrokenCore
from tb.harness import Frames
from tb.whole_set import run_frames

BYTE = Integer(8, signed=True)


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize("processes", [1, 3])
def test_order_and_values(rng: np.random.Generator, stalls: bool, processes: int) -> None:
    x = rng.integers(-128, 128, (200, 10))
    result = run_frames(ArgMax(10, BYTE, 3), Frames.of(x, BYTE, 3), 1, Integer(4, False),
                        stalls=stalls, processes=processes)
    assert (result.outputs == argmax(x)).all()
    # Four beats a frame; at the wrapper's ends a few cycles for each process.
    assert stalls or 200 * 4 <= result.cycles <= 200 * 4 + 20 * processes


def test_many_beats_on_both_sides(rng: np.random.Generator) -> None:
    x = rng.integers(-128, 128, (50, 29))
    result = run_frames(LaneConverter(29, 8, 2, 3), Frames.of(x, BYTE, 2), 29, BYTE, 3)
    assert (result.outputs == x).all()


@pytest.mark.parametrize("fault, message", [
    ("hangs", r"part 0 of 1: no output for \d+ cycles after 1 of 12 frames"),
    ("drops", r"part 0 of 1: no output for \d+ cycles after 11 of 12 frames"),
    ("doubles", r"part 0 of 1: an output beat too many after all frames"),
])
def test_counts_beats(rng: np.random.Generator, fault: str, message: str) -> None:
    x = Frames(rng.integers(0, 256, (12, 8)), 8, 2)
    with pytest.raises(AssertionError, match=f"^{message}$"):
        run_frames(BrokenCore(fault), x, 8, BYTE, 2, processes=1)


def test_padding_must_be_zero(rng: np.random.Generator) -> None:
    x = Frames(rng.integers(0, 256, (12, 7)), 8, 2)
    with pytest.raises(AssertionError, match=r"^padding of the last output beat is not zero$"):
        run_frames(BrokenCore("none"), x, 7, BYTE, 2)


def test_wrong_value_stands_where_it_is(rng: np.random.Generator) -> None:
    codes = rng.integers(0, 256, (12, 8))
    result = run_frames(BrokenCore("wrong value"), Frames(codes, 8, 2), 8, Integer(8, False), 2,
                        processes=1)
    assert np.argwhere(result.outputs != codes).tolist() == [[1, 3]]


def test_images_of_a_data_set() -> None:
    """The accelerator gives the very answer of the golden network on a thousand test images."""
    data, name = ("mnist", "sfc") if os.environ.get("LUTLOOM_DATA") else ("digits", "digits")
    model, _ = load_checkpoint(zoo_path(name))
    network = lower(model)
    x = encode_pixels(load(data).test_x[:1000], network.input)
    plan = plan_for_cycles(network, 1568)  # wider plans take minutes to compile
    core = Accelerator(network, plan)
    processes = 2
    result = run_frames(core, Frames.of(x, network.input, plan.lanes), network.n_out, core.output,
                        core.lanes_out, stalls=False, processes=processes)
    golden = run(network, x)[-1]
    assert result.outputs.shape == golden.shape
    wrong = np.flatnonzero((result.outputs != golden).any(axis=1))
    assert not len(wrong), f"{len(wrong)} of {len(x)} images differ, the first is {wrong[0]}"
    # At the promised rate: what is more fills the pipeline, once a process.
    more = result.cycles - len(x) * core.initiation_interval
    assert 0 <= more <= processes * (core.latency + core.initiation_interval + 20)


@pytest.mark.parametrize("name, cycles, frames", [
    ("tiny_cnn", 1500, 360), ("voxels", 16000, 20), ("text", 20000, 30), ("lenet5", 3500, 10),
])
def test_convolutional_networks(name: str, cycles: int, frames: int) -> None:
    """Trained networks of convolutions in one to three dimensions, on images of their test sets."""
    model, _ = load_checkpoint(zoo_path(name))
    if model.spec.data in ("mnist", "movies") and not os.environ.get("LUTLOOM_DATA"):
        pytest.skip(f"the images of {name} need LUTLOOM_DATA, the folder of {model.spec.data}")
    network = lower(model)
    check(network, plan_for_cycles(network, cycles, storages=("rom",)),
          encode_pixels(load(model.spec.data).test_x[:frames], network.input), cycles)


def check(network: Network, plan: Plan, x: NDArray[np.int64], cycles: int | None = None) -> None:
    """The network, planned for so many cycles, gives its golden answers at the promised rate."""
    core = Accelerator(network, plan)
    assert cycles is None or core.initiation_interval <= cycles
    result = run_frames(core, Frames.of(x, network.input, plan.lanes), network.n_out, core.output,
                        core.lanes_out, stalls=False, processes=1)
    assert (result.outputs == run(network, x)[-1]).all()
    assert result.cycles <= len(x) * core.initiation_interval + core.latency + 20


SCHEDULED: dict[str, Any] = {"engine": "scheduled", "multiplier": "dsp"}
# Frames of each network, and how it is folded so far that it compiles in seconds: cycles a frame,
# or plans of single layers and depths of queues, which are long in the finding.
NETWORKS: dict[str, tuple[int, int | dict[str, LayerPlan], dict[str, int] | None]] = {
    "lenet300_coded": (50, 1200, None),
    "lenet5_coded": (2, {
        "conv_0": LayerPlan(10, 5, **SCHEDULED), "conv_2": LayerPlan(14, 5, **SCHEDULED),
        "dense_4": LayerPlan(2, 1, **SCHEDULED), "dense_5": LayerPlan(1, 1, **SCHEDULED)},
        {"pool_1 -> conv_2": 333}),
    "mlp128_binary": (30, 3200, None),
    "mlp128_ternary": (20, 3200, None),
    "text_cnn_16bit": (2, {
        "embedding_0": LayerPlan(simd=8), "conv_1": LayerPlan(2, 8, multiplier="dsp"),
        "dense_4": LayerPlan(multiplier="dsp")}, None),
    "text_cnn_3bit": (4, {"embedding_0": LayerPlan(simd=16), "conv_1": LayerPlan(1, 16)}, None),
}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ZOO / "networks").glob("*.npz")))
def test_networks_of_recipes(name: str, rng: np.random.Generator) -> None:
    """The networks of recipes that come along, on test images or, without them, on random ones."""
    network = Network.load(ZOO / "networks" / f"{name}.npz")
    frames, folding, queues = NETWORKS[name]
    try:
        images = load(str(network.metadata["data"])).test_x[:frames]
    except FileNotFoundError:
        top = 2 if network.input == Bipolar() else network.input.maximum + 1
        kind: Any = np.uint8 if top <= 256 else np.uint16
        images = rng.integers(0, max(top, 256), (frames, network.n_in), kind)
    x = encode_pixels(images, network.input)
    if isinstance(folding, int):
        check(network, plan_for_cycles(network, folding, storages=("rom",)), x, folding)
    else:
        layers = {layer.name: folding.get(layer.name, LayerPlan()) for layer in network.layers}
        check(network, Plan(layers, queues=queues), x)
