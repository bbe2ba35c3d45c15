"""Float networks: folding, and the lowering of what is quantised, exactly."""

import re
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from golden.activations import LearntStepActivation, calibrate
from golden.convspec import ConvSpec, Stage
from golden.data import encode_pixels
from golden.float_net import FloatNet, fold_norms
from golden.layer import Conv, Dense
from golden.lower import lower
from golden.lower_float import lower_modules, quantise_activations, round_biases
from golden.models import ModelSpec, named
from golden.quantised import integer_weights
from golden.quantisers import FixedWeights, LearntStep, PowersOfTwo, quantise_weights
from golden.reference import run
from golden.trainable import BatchNorm
from golden.weighted_modules import weighted_modules
from tb.harness import settings

MLP = ModelSpec("mlp", (12, 7, 5, 4), "digits")
SIGNS = ModelSpec("signs", (12, 7, 4), "digits", "binarised", 0.3)
IMAGES = ConvSpec("images", "digits", (5, 6), 2, (
    Stage("conv", 4, 3, padding=1), Stage("pool", kernel=2), Stage("conv", 3, 2),
    Stage("dense", 6), Stage("dense", 4)))
VOLUMES = ConvSpec("volumes", "digits", (3, 4, 4), 1, (
    Stage("conv", 3, 2, stride=2), Stage("pool", kernel=1, operation="sum"), Stage("dense", 4)))
TEXT = ConvSpec("text", "digits", (9,), 1, (
    Stage("embedding", 4), Stage("conv", 5, 3), Stage("pool", kernel=7, operation="sum"),
    Stage("activation"), Stage("dense", 3)), input="uint6")
SPECS = [MLP, SIGNS, IMAGES, VOLUMES, TEXT]


def made(spec: Any, norm: bool = False) -> FloatNet:
    torch.manual_seed(settings.seed)
    model = FloatNet(spec, norm)
    for part in model.modules():
        if isinstance(part, BatchNorm):
            part.mean.normal_()
            part.variance.uniform_(0.5, 2)
            for values in (part.scale, part.shift):
                nn.init.normal_(values)
    return model.eval()


def inputs(spec: Any, n: int = 20) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(settings.seed)
    if spec is TEXT:
        return rng.integers(0, 64, (n, spec.n_in)).astype(np.uint16)
    return rng.integers(0, 256, (n, spec.n_in)).astype(np.uint8)


def scores(model: FloatNet, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        return model(torch.tensor(x.astype(np.int32))).numpy()


@pytest.mark.parametrize("spec, bits, make", list(product(SPECS, (4, 8), (
    lambda: FixedWeights(6), lambda: FixedWeights(3), lambda: PowersOfTwo(4)))))
def test_lowered_networks_are_exact(spec: Any, bits: int, make: Any) -> None:
    """Scores are the model's, in float64, but for one power of two."""
    model = made(spec)
    quantise_weights(model, make)
    quantise_activations(model, bits)
    x = inputs(spec)
    calibrate(model, [torch.tensor(x.astype(np.int32))])
    round_biases(model)
    network = lower(model, classify=False)
    got = run(network, encode_pixels(x, network.input))[-1]
    wanted = scores(model.double(), x)
    factor = np.frexp(got[wanted != 0] / wanted[wanted != 0])
    assert (factor[0] == 0.5).all() and len(np.unique(factor[1])) == 1
    assert (got[wanted == 0] == 0).all() and len(np.unique(got)) > 10


def test_steps_of_channels_become_one() -> None:
    model = made(IMAGES)
    with torch.no_grad():
        conv: Any = model.get_submodule("conv_2")
        conv.weight[1] /= 8
    quantise_weights(model, lambda: FixedWeights(4, per_channel=True),
                     ["conv_0", "conv_2", "dense_3"])
    quantise_weights(model, lambda: FixedWeights(4), ["dense_4"])
    assert len(set(integer_weights(model)["conv_2"].step)) > 1
    quantise_activations(model, 6)
    x = inputs(IMAGES)
    calibrate(model, [torch.tensor(x.astype(np.int32))])
    round_biases(model)
    got = run(lower(model, classify=False), encode_pixels(x, lower(model).input))[-1]
    wanted = scores(model.double(), x)
    assert len(np.unique(got[wanted != 0] / wanted[wanted != 0])) == 1


def test_other_steps_are_near() -> None:
    """A learnt step is no power of two: codes differ by one at most, and seldom."""
    model = made(MLP)
    quantise_weights(model, lambda: LearntStep(4))
    quantise_activations(model, 8)
    x = inputs(MLP, 200)
    calibrate(model, [torch.tensor(x.astype(np.int32))])
    round_biases(model)
    network = lower(model, classify=False)
    codes = run(network, x.astype(np.int64))[1]
    with torch.no_grad():
        hidden = nn.Sequential(*list(model.double().children())[:3])(torch.tensor(x)).numpy()
    fixed: Any = model.get_submodule("relu_0").fixed
    differs = codes - fixed.quantise(hidden, "half_up")
    assert set(np.unique(differs)) <= {-1, 0, 1} and (differs != 0).mean() < 0.01


@pytest.mark.parametrize("spec, bits, halves", list(product(SPECS, (3, 8), (False, True))))
def test_learnt_steps_are_exact(spec: Any, bits: int, halves: bool) -> None:
    """Codes and scores are the model's in float64, whatever the steps; sums that lie in the middle
    of two codes, as steps of powers of two give, go to the even one as there."""
    model = made(spec)
    quantise_weights(model, lambda: FixedWeights(3) if halves else LearntStep(4))
    quantise_activations(model, bits, "learnt")
    x = inputs(spec)
    calibrate(model, [torch.tensor(x.astype(np.int32))])
    learnt = {name: part for name, part in model.named_modules()
              if isinstance(part, LearntStepActivation)}
    if halves:
        with torch.no_grad():
            for part in learnt.values():
                part.step.copy_(2.0**torch.log2(part.step).floor())
            for module in weighted_modules(model).values():
                bias: Any = module.bias
                bias.copy_((bias * 8).round() / 8)
    round_biases(model)
    network = lower(model, classify=False)
    outputs = dict(zip((layer.name for layer in network.layers),
                       run(network, encode_pixels(x, network.input)), strict=True))
    values: dict[str, Any] = {}
    for name, part in learnt.items():
        part.register_forward_hook(lambda _module, _x, y, name=name: values.update({name: y}))
    wanted = scores(model.double(), x)
    for name, part in learnt.items():
        codes = values[name].movedim(1, -1).flatten(1).numpy() / part.exact_step()
        assert (np.rint(codes) == codes).all() and len(np.unique(codes)) > 1
        assert (outputs[name] == codes).all()
    last, step = list(integer_weights(model).values())[-1], list(learnt.values())[-1].exact_step()
    assert (outputs[network.layers[-1].name] == np.rint(wanted / (last.step * step))).all()


@pytest.mark.parametrize("spec", [MLP, IMAGES, VOLUMES])
def test_folded_norms_compute_the_same(spec: Any) -> None:
    model = made(spec, norm=True).double()
    folded = fold_norms(model)
    assert not any(isinstance(part, BatchNorm) for part in folded.modules())
    x = inputs(spec)
    wanted, got = scores(model, x), scores(folded.double(), x)
    assert (np.rint(got * 1e5) == np.rint(wanted * 1e5)).mean() > 0.9  # float32 weights


def test_layers_are_called_and_shaped_as_modules() -> None:
    model = made(IMAGES)
    assert [name for name, _ in model.named_children()] == [
        "input", "conv_0", "relu_0", "pool_1", "conv_2", "relu_2", "flatten_3", "dense_3",
        "relu_3", "dense_4"]
    quantise_weights(model, lambda: FixedWeights(4))
    quantise_activations(model, 8)
    calibrate(model, [torch.tensor(inputs(IMAGES).astype(np.int32))])
    layers = lower_modules(model)
    assert [layer.name for layer in layers] == [
        "conv_0", "relu_0", "pool_1", "conv_2", "relu_2", "dense_3", "relu_3", "dense_4"]
    assert isinstance(layers[0], Conv) and isinstance(layers[-1], Dense)
    assert (layers[0].weights == integer_weights(model)["conv_0"].values).all()


def quantised(spec: Any, calibrated: bool = True) -> FloatNet:
    model = made(spec)
    quantise_weights(model, lambda: FixedWeights(4))
    quantise_activations(model, 8)
    if calibrated:
        calibrate(model, [torch.tensor(inputs(spec).astype(np.int32))])
    return model


def with_relu() -> FloatNet:
    model = made(MLP)
    quantise_weights(model, lambda: FixedWeights(4))
    return model


def with_unknown_step() -> FloatNet:
    model = with_relu()
    quantise_activations(model, 8, "learnt")
    return model


def with_norm() -> FloatNet:
    model = made(MLP, norm=True)
    quantise_weights(model, lambda: FixedWeights(4))
    return model


def with_large_bias() -> FloatNet:
    model = quantised(MLP)
    dense: Any = model.get_submodule("dense_1")
    with torch.no_grad():
        dense.bias[0] = 1e9
    return model


def with_steps_of_scores() -> FloatNet:
    model = quantised(MLP)
    last: Any = model.get_submodule("dense_2")
    parametrize.remove_parametrizations(last, "weight")
    with torch.no_grad():
        last.weight[0] *= 64
    parametrize.register_parametrization(last, "weight", FixedWeights(4, per_channel=True))
    return model


WAY_OUT = "see quantise_activations and golden.activations.calibrate"


@pytest.mark.parametrize("make, message", [
    (with_unknown_step, ("layer relu_0: the learnt step must be above 0 and finite, not 0.0; see "
                         "golden.activations.calibrate")),
    (with_relu, f"layer relu_0: must be in fixed point; {WAY_OUT}"),
    (lambda: quantised(MLP, False), f"layer relu_0: must be in fixed point; {WAY_OUT}"),
    (with_norm, ("layer norm_0: batch norm must be folded before quantisation; see "
                 "golden.float_net.fold_norms")),
    (with_steps_of_scores, ("layer dense_2: all outputs must have one step, so that scores can be "
                            "compared; quantise the last layer without per_channel")),
])
def test_lowering_rejects(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        lower_modules(make())


def test_a_bias_beyond_32_bits_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^layer dense_1: bias must fit 32 bits in steps of "
                                         r"[\d.e-]+, not be [\d.e+]+ of them; use fewer bits$"):
        lower_modules(with_large_bias())


def test_float_networks_reject() -> None:
    with pytest.raises(ValueError, match="^model resnet8: stage 1 must not be residual in a float "
                                         "network; take the network of few bits$"):
        FloatNet(named("resnet8"))
    with pytest.raises(ValueError, match=r"^model mlp must be in eval mode; call model.eval\(\)$"):
        fold_norms(FloatNet(MLP))
    with pytest.raises(ValueError, match="^model text: norm_3 must stand behind a convolution or "
                                         "dense layer to be folded; train without batch norm$"):
        fold_norms(made(TEXT, norm=True))
