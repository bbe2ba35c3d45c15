"""Convolutional networks: layers against PyTorch's, lowering exact stage by stage, checkpoints."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from golden.checkpoint import load_checkpoint, save_checkpoint
from golden.convnet import ConvNet, Pool
from golden.convspec import CONVNETS, ConvSpec, Stage
from golden.data import encode_pixels, load
from golden.layer import Add, Conv, Dense, MultiThreshold
from golden.lower import lower
from golden.number import Bipolar, Integer, Ternary
from golden.prediction import predict
from golden.quantise import steps
from golden.recipes import Recipe
from golden.reference import run
from golden.ternary import ternarise
from golden.train import train
from golden.trainable import (
    BatchNorm,
    BinaryConv,
    BinaryEmbedding,
    StepActivation,
    TernaryConv,
)
from tb.harness import settings

DENSE = Stage("dense", 3)


@pytest.mark.parametrize("kernel", [(3,), (3, 3), (3, 3, 3)], ids=str)
@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 1)])
def test_convolutions_are_pytorchs(kernel: tuple[int, ...], stride: int, padding: int) -> None:
    torch.manual_seed(settings.seed)
    theirs = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(kernel) - 1](
        2, 4, 3, stride, padding, bias=False)
    x = torch.randint(-9, 10, (3, 2, *[7] * len(kernel))).float()
    for make, quantise in ((BinaryConv, torch.sign), (TernaryConv, ternarise)):
        ours = make(2, 4, kernel, stride, padding)
        with torch.no_grad():
            theirs.weight.copy_(quantise(ours.weight))
        assert torch.equal(ours.integers(), theirs.weight)
        assert torch.equal(ours(x), theirs(x))
        ours(x).sum().backward(), theirs.zero_grad(), theirs(x).sum().backward()
        assert ours.weight.grad is not None and theirs.weight.grad is not None
        assert torch.equal(ours.weight.grad, theirs.weight.grad)


def test_embedding_shows_columns() -> None:
    torch.manual_seed(settings.seed)
    layer = BinaryEmbedding(7, 3)
    x = torch.tensor([[0, 6, 6, 2]])
    one_hot = functional.one_hot(x, 7).float() @ torch.sign(layer.weight).T
    assert torch.equal(layer(x), one_hot.movedim(-1, 1))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_pools_are_pytorchs(d: int) -> None:
    torch.manual_seed(settings.seed)
    x = torch.randint(0, 50, (2, 3, *[5] * d)).float()
    greatest = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[d - 1](2)
    mean = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[d - 1](2)
    assert torch.equal(Pool(2, "max")(x), greatest(x))
    assert torch.equal(Pool(2, "sum")(x), mean(x) * 2**d)


def test_steps_count_thresholds() -> None:
    x = torch.tensor([-1.0, -0.1, 0.0, 0.24, 0.25, 0.74, 0.75, 1.25, 1.5, 1.6, 9.0])
    x.requires_grad_()
    y = steps(x, 0.5, 3)
    assert y.tolist() == [0, 0, 0, 0, 1, 1, 2, 3, 3, 3, 3]
    y.backward(torch.arange(1.0, 12))
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 6, 8, 10, 12, 14, 16, 18, 0, 0]
    activation = StepActivation(2)
    assert activation(torch.tensor([0.26, 0.27, 0.8, 0.81, 1.34, 1.35])).tolist() == [
        0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("d", [1, 2, 3])
def test_batch_norm_of_channels(d: int) -> None:
    """Eval mode at each place is that of the channels alone, bit by bit."""
    torch.manual_seed(settings.seed)
    ours, theirs = BatchNorm(3), (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[d - 1](3)
    x = torch.randn(9, 3, *[4] * d) * 5 + 2
    assert torch.equal(ours(x), theirs(x))
    ours.eval()
    places = ours(x.movedim(1, -1).reshape(-1, 3))
    assert torch.equal(ours(x).movedim(1, -1).reshape(-1, 3), places)


def test_named_models_have_the_known_shapes() -> None:
    cnv = [((30, 30), 64), ((28, 28), 64), ((14, 14), 64), ((12, 12), 128), ((10, 10), 128),
           ((5, 5), 128), ((3, 3), 256), ((1, 1), 256), ((), 512), ((), 512), ((), 10)]
    for name in ("cnv", "cnv_w1a2", "cnv_ternary"):
        assert list(CONVNETS[name].layout())[1:] == cnv
    assert [layout for layout in CONVNETS["lenet5"].layout()][1:] == [
        ((24, 24), 20), ((12, 12), 20), ((8, 8), 50), ((4, 4), 50), ((), 500), ((), 10)]
    assert {name: (spec.weights, spec.bits) for name, spec in CONVNETS.items()} == {
        "tiny_cnn": ("binary", 1), "lenet5": ("binary", 1), "cnv": ("binary", 1),
        "cnv_w1a2": ("binary", 2), "cnv_ternary": ("ternary", 2), "resnet8": ("ternary", 2),
        "cifar_cnn": ("binary", 1), "text": ("binary", 2), "text_cnn": ("binary", 2),
        "voxels": ("binary", 1)}
    for name in ("digits", "volumes"):
        data = load(name)
        for spec in CONVNETS.values():
            if spec.data == name:
                assert (spec.n_in, spec.n_out) == (data.n_in, len(data.classes))


def disturbed(spec: ConvSpec) -> ConvNet:
    """A model in eval mode with random batch norms, some of whose scales are 0."""
    torch.manual_seed(settings.seed)
    model = ConvNet(spec)
    with torch.no_grad():
        model(torch.randint(0, 2**min(int(spec.input[4:]), 8), (50, spec.n_in)))  # statistics
        for module in model.modules():
            if isinstance(module, BatchNorm):
                module.variance.copy_((module.mean / 2)**2 + module.variance)
                module.scale.copy_(torch.randn_like(module.scale).abs() * 2)
                module.scale[::5] = 0
                module.shift.copy_(torch.randn_like(module.shift) + 0.5)
    return model.eval()


def conv(channels: int, kernel: int, stride: int = 1, padding: int = 0) -> Stage:
    return Stage("conv", channels, kernel, stride, padding)


SPECS = {
    "plane": ConvSpec("m", "digits", (8, 7), 3, (
        conv(5, 3, padding=1), conv(7, 2, 2), Stage("pool", kernel=2), Stage("dense", 11), DENSE)),
    "line": ConvSpec("m", "digits", (13,), 2, (
        conv(4, 3, 2), Stage("pool", kernel=2, operation="sum"), Stage("activation"),
        conv(6, 1), DENSE)),
    "space": ConvSpec("m", "digits", (5, 4, 6), 1, (
        conv(4, 3, padding=1), Stage("pool", kernel=2), DENSE)),
    "residual": ConvSpec("m", "digits", (6, 6), 2, (
        conv(4, 3, padding=1), Stage("residual", 4, 3), Stage("residual", 6, 3, 2),
        Stage("residual", 6, 1), Stage("activation"), Stage("pool", kernel=3, operation="sum"),
        DENSE)),
    "words": ConvSpec("m", "movies", (9,), 1, (
        Stage("embedding", 5), conv(6, 3, padding=1), Stage("pool", kernel=9), DENSE),
        input="uint3"),
    "dense": ConvSpec("m", "digits", (3,), 4, (Stage("dense", 5), DENSE)),
}


@pytest.mark.parametrize("bits", [1, 2, 3])
@pytest.mark.parametrize("weights", ["binary", "ternary"])
@pytest.mark.parametrize("shape", SPECS)
def test_every_stage_agrees(shape: str, weights: str, bits: int, rng: np.random.Generator) -> None:
    model = disturbed(replace(SPECS[shape], weights=weights, bits=bits))
    spec, network = model.spec, lower(model, metadata={"seed": 1})
    assert (str(network.input), network.n_in, network.metadata) == (
        spec.input, spec.n_in, {"seed": 1})
    seen: list[np.ndarray] = []
    for module in model.stages:
        module.register_forward_hook(lambda module, x, y: seen.append(
            y.movedim(1, -1).flatten(1).numpy()))
    x = rng.integers(0, network.input.maximum + 1, (60, spec.n_in))
    scores = predict(model, x.astype(np.uint16))
    *outputs, best = run(network, x)
    names = [layer.name for layer in network.layers]
    for k, (stage, values) in enumerate(zip(spec.stages, seen, strict=True)):
        # A stage's last layer gives what it gives.
        last = max(index for index, name in enumerate(names)
                   if re.match(rf"{stage.kind}_{k}(_|$)", name))
        assert (outputs[last] == values).all(), names[last]
        assert values.min() < values.max()
    assert (outputs[-1] == scores).all() and (best[:, 0] == scores.argmax(axis=1)).all()


def test_kinds_of_layers() -> None:
    one = lower(disturbed(SPECS["plane"])).layers
    assert [layer.name for layer in one] == ["conv_0", "conv_1", "pool_2", "dense_3", "dense_4",
                                             "argmax"]
    assert isinstance(one[0], Conv) and one[0].weight_kind == one[0].output == Bipolar()
    two = lower(disturbed(replace(SPECS["residual"], bits=2, weights="ternary")), classify=False)
    codes = two.layers[1]
    assert isinstance(codes, MultiThreshold) and codes.output == Integer(2, False)
    assert codes.thresholds.shape == (4, 3) and codes.positions == 36
    assert isinstance(two.layers[-1], Dense) and two.layers[-1].weight_kind == Ternary()
    assert {layer.name: str(layer.output) for layer in two.layers if isinstance(layer, Add)} == {
        "residual_1": "uint3", "residual_2": "uint3", "residual_3": "uint4"}
    assert two.sources == {
        "residual_1": ("residual_1_second_codes", "conv_0_codes"),
        "residual_2_shortcut": ("residual_2_input",),
        "residual_2": ("residual_2_second_codes", "residual_2_shortcut_codes"),
        "residual_3": ("residual_3_second_codes", "residual_2")}


def test_clip_keeps_scales_and_weights_in_bounds() -> None:
    model = ConvNet(SPECS["plane"])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.linspace(-3, 3, parameter.numel()).reshape(parameter.shape))
    model.clip()
    for name, parameter in model.named_parameters():
        low, high = {"weight": (-1, 1), "scale": (0, 3), "shift": (-3, 3)}[name.rsplit(".")[-1]]
        assert (parameter.min(), parameter.max()) == (low, high)


def test_tiny_cnn_learns_and_is_lowered_exactly(tmp_path: Path) -> None:
    digits = load("digits")
    model = train("tiny_cnn", digits, Recipe(epochs=12, learning_rate=0.02, temperature=0.5,
                                             batch=50))
    assert isinstance(model, ConvNet) and not model.training
    network = lower(model)
    *_, scores, answers = run(network, encode_pixels(digits.test_x, network.input))
    assert (scores == predict(model, digits.test_x)).all()
    assert (answers[:, 0] == digits.test_y).mean() > 0.85
    save_checkpoint(tmp_path / "m.npz", model, {"seed": 1})
    loaded, metadata = load_checkpoint(tmp_path / "m.npz")
    assert (loaded.spec, metadata) == (model.spec, {"seed": 1}) and not loaded.training
    assert lower(loaded).digest == network.digest


@pytest.mark.parametrize("shape", ["residual", "words"])
def test_checkpoint_returns_exactly(shape: str, tmp_path: Path) -> None:
    model = disturbed(replace(SPECS[shape], bits=2, weights="ternary"))
    before = torch.get_rng_state()
    save_checkpoint(tmp_path / "m.npz", model)
    loaded, _ = load_checkpoint(tmp_path / "m.npz")
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(loaded, ConvNet) and loaded.spec == model.spec
    assert lower(loaded).digest == lower(model).digest


def test_training_repeats_and_computes_in_bfloat16() -> None:
    digits = load("digits")
    recipe = Recipe(epochs=1, shift=1, flip=True, bfloat16=True, batch=100)
    models = [train("tiny_cnn", digits, recipe, seed=seed) for seed in (1, 1, 2)]
    states = [[tensor.tolist() for tensor in model.state_dict().values()] for model in models]
    assert states[0] == states[1] != states[2]
    assert all(tensor.dtype == torch.float32 for tensor in models[0].state_dict().values())


def test_statistics_settle_at_the_end() -> None:
    """Those of the first layer are the means over all images; all numbers of it are integers."""
    digits = load("digits")
    few = replace(digits, train_x=digits.train_x[:128] // 16, train_y=digits.train_y[:128])
    for batch in (128, 64):
        model = train("tiny_cnn", few, Recipe(epochs=2, batch=batch))
        assert isinstance(model, ConvNet)
        first: Any = model.stages[0]
        with torch.no_grad():
            sums = first.weights(torch.tensor(few.train_x).float().reshape(-1, 1, 8, 8))
        assert torch.equal(first.activate.norm.mean, sums.mean((0, 2, 3)))
        assert first.activate.norm.momentum == 0.1


@pytest.mark.parametrize("changes, error, message", [
    ({"name": "M"}, ValueError,
     'model name must be a lower-case identifier such as "dense_0", not "M"'),
    ({"stages": ()}, ValueError, "the last stage must be dense; it gives the scores"),
    ({"stages": (DENSE, conv(3, 1))}, ValueError,
     "the last stage must be dense; it gives the scores"),
    ({"stages": (Stage("flatten", 3), DENSE)}, ValueError,
     ('stage 0 must be one of conv, pool, residual, activation, embedding, dense, not "flatten"')),
    ({"stages": (conv(3, 1), Stage("embedding", 3), DENSE)}, ValueError,
     "stage 1 must not be an embedding; only the first may be"),
    ({"stages": (Stage("pool", operation="mean"), DENSE)}, ValueError,
     'operation of stage 0 must be "max" or "sum", not "mean"'),
    ({"stages": (conv(0, 1), DENSE)}, ValueError, "channels of stage 0 must be at least 1, not 0"),
    ({"stages": (conv(2, 1.5), DENSE)}, TypeError,  # type: ignore[arg-type]
     "kernel of stage 0 must be an integer, not 1.5"),
    ({"stages": (conv(2, 9), DENSE)}, ValueError,
     "kernel of stage 0 must fit its input; 9 is too much"),
    ({"stages": (conv(2, 1), Stage("residual", 2, 2), DENSE)}, ValueError,
     "kernel of the residual stage 1 must be odd, not 2"),
    ({"size": (2, 2, 2, 2)}, ValueError,
     "size must be (L,), (H, W) or (D, H, W), not (2, 2, 2, 2)"),
    ({"bits": 9}, ValueError, "bits must be at most 8, not 9"),
    ({"weights": "int4"}, ValueError, 'weights must be "binary" or "ternary", not "int4"'),
    ({"input": "int8"}, ValueError, 'input must be unsigned, such as "uint8", not "int8"'),
])
def test_rejects(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    message = message if message.startswith("model name") else f"model m: {message}"
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        replace(SPECS["plane"], **changes)


def test_sums_beyond_float32_are_refused() -> None:
    model = ConvNet(ConvSpec("m", "digits", (2**17,), 1, (Stage("dense", 1),))).eval()
    with torch.no_grad():
        next(model.parameters()).fill_(1)
    with pytest.raises(ValueError, match=rf"^layer dense_0: accumulators reach {255 * 2**17}, but "
                                         r"float32 is exact below 2\*\*24 only; use fewer or "
                                         "narrower inputs$"):
        lower(model)
