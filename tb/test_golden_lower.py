"""Lowering: the integer network equals the model's eval mode on everything it can meet."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from golden.data import encode_pixels, load
from golden.float_net import FloatNet
from golden.layer import Dense
from golden.lower import fold, lower
from golden.models import BinaryMLP, ModelSpec
from golden.number import Bipolar, Integer, Number
from golden.prediction import predict
from golden.reference import run
from golden.trainable import BatchNorm
from tb.harness import settings

BIPOLAR, PIXEL = Bipolar(), Integer(8, False)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
SCALES = FLOATS | st.sampled_from([0.0, -0.0, 1e-45, -1e-45, 1.0, -1.0])


def batch_norm(scale: list[float], shift: list[float], mean: list[float],
               variance: list[float]) -> BatchNorm:
    norm = BatchNorm(len(scale)).eval()
    with torch.no_grad():
        for name, values in (("scale", scale), ("shift", shift), ("mean", mean),
                             ("variance", variance)):
            getattr(norm, name).copy_(torch.tensor(values))
    return norm


def assert_folds_exactly(number: Number, weights: np.ndarray, norm: BatchNorm) -> Dense:
    """Every accumulator of every row, reachable or not, gives the sign the module gives."""
    layer = fold("d", number, weights, norm)
    flipped = layer.weights[:, 0] != weights[:, 0]
    assert layer.weights.tolist() == (weights * np.where(flipped, -1, 1)[:, None]).tolist()
    plain = Dense("d", number, weights)
    accumulators = np.arange(plain.accumulator_minimum.min(), plain.accumulator_maximum.max() + 1)
    with torch.no_grad():
        columns = torch.tensor(accumulators, dtype=torch.float32)[:, None]
        fires = (norm(columns.expand(-1, len(weights))) >= 0).numpy()
    inside = ((accumulators[:, None] >= plain.accumulator_minimum)
              & (accumulators[:, None] <= plain.accumulator_maximum))
    decided = np.where(flipped, -1, 1) * accumulators[:, None] >= layer.thresholds
    assert (fires == decided)[inside].all()
    return layer


@hypothesis_settings(derandomize=True, deadline=None, max_examples=200)
@given(st.data(), st.integers(1, 12), st.integers(1, 6), st.sampled_from([BIPOLAR, PIXEL]),
       st.integers(0, 2**32))
def test_any_batch_norm_folds_exactly(data: st.DataObject, n_in: int, n_out: int, number: Number,
                                      seed: int) -> None:
    near = st.floats(-300, 300, width=32)
    rows = data.draw(st.lists(st.tuples(SCALES | near, FLOATS | near, FLOATS | near,
                                        st.floats(0, 2.0**100, width=32)),
                              min_size=n_out, max_size=n_out))
    scale, shift, mean, variance = (list(column) for column in zip(*rows, strict=True))
    norm = batch_norm(scale, shift, mean, variance)
    if not bool(torch.isfinite(norm.slope()).all()):
        return  # refused; see test_rejects
    weights = np.random.default_rng(seed).choice([-1, 1], (n_out, n_in)).astype(np.int8)
    assert_folds_exactly(number, weights, norm)


@pytest.mark.parametrize("number", [BIPOLAR, PIXEL], ids=str)
def test_typical_batch_norms_fold_exactly(number: Number, rng: np.random.Generator) -> None:
    n_in, n_out = 100, 300
    spread = 10.0 if number == BIPOLAR else 2000.0
    norm = batch_norm(rng.normal(0, 1, n_out).tolist(), rng.normal(0, 1, n_out).tolist(),
                      rng.normal(0, spread, n_out).tolist(),
                      (spread**2 * rng.random(n_out)).tolist())
    weights = rng.choice([-1, 1], (n_out, n_in)).astype(np.int8)
    assert_folds_exactly(number, weights, norm)


def test_scale_decides_the_direction() -> None:
    """acc >= 1.5 for a positive scale, acc <= 1.5 for a negative one, a constant for zero."""
    weights = np.ones((6, 4), np.int8)
    norm = batch_norm([2.0, -2.0, 0.0, 0.0, -0.0, 0.0], [0.0, 0.0, 0.0, -1e-45, 1.0, -1.0],
                      [1.5] * 6, [1.0] * 6)
    layer = assert_folds_exactly(BIPOLAR, weights, norm)
    assert layer.thresholds is not None
    assert layer.weights[:, 0].tolist() == [1, -1, 1, 1, 1, 1]
    assert layer.thresholds.tolist() == [2, -1, -4, 5, -4, 5]


def disturbed(spec: ModelSpec) -> BinaryMLP:
    """A model in eval mode with random batch norms, some of their scales negative or zero."""
    torch.manual_seed(settings.seed)
    model = BinaryMLP(spec)
    model(torch.tensor(load("digits").train_x[:200]))  # running statistics
    with torch.no_grad():
        for norm in model.norm:
            norm.scale.copy_(torch.randn_like(norm.scale))
            norm.scale[::5] = 0
            norm.shift.copy_(torch.randn_like(norm.shift))
            norm.mean.mul_(10)
            norm.variance.mul_(10)
    return model.eval()


@pytest.mark.parametrize("kind, number", [("pixels", PIXEL), ("binarised", BIPOLAR)])
@pytest.mark.parametrize("widths", [(64, 64, 64, 64, 10), (64, 13, 1, 7, 10), (64, 10)], ids=str)
def test_every_layer_agrees_on_every_image(kind: str, number: Number,
                                           widths: tuple[int, ...]) -> None:
    model = disturbed(ModelSpec("m", widths, "digits", kind, dropout=0.5, stochastic_weights=True,
                                stochastic_activations=True))
    network = lower(model, metadata={"seed": 1})
    assert (network.name, network.input, network.metadata) == ("m", number, {"seed": 1})
    pixels = np.concatenate([load("digits").test_x, load("digits").train_x])
    *outputs, best = run(network, encode_pixels(pixels, network.input))
    with torch.no_grad():
        x = model.encode(torch.tensor(pixels))
        for dense, norm, hidden in zip(model.dense, model.norm, outputs, strict=False):
            x = model.activation(norm(dense(x)))
            assert (hidden == x.numpy()).all()
    scores = predict(model, pixels)
    assert len(outputs) == len(widths) - 1
    assert (outputs[-1] == scores).all()
    assert (best[:, 0] == scores.argmax(axis=1)).all()
    for batch in (1, 7):
        assert (predict(model, pixels[:50], batch) == scores[:50]).all()


def test_classes_are_optional() -> None:
    model = disturbed(ModelSpec("m", (64, 5, 10), "digits"))
    assert [layer.name for layer in lower(model).layers] == ["dense_0", "dense_1", "argmax"]
    network = lower(model, classify=False, name="other")
    assert [layer.name for layer in network.layers] == ["dense_0", "dense_1"]
    assert network.name == "other"


SMALL = ModelSpec("m", (4, 3, 2), "digits")
ONES = np.ones((1, 4), np.int8)
untyped_lower: Any = lower


def test_rejects() -> None:
    def refuses(error: type[Exception], message: str, call: Any, *arguments: Any) -> None:
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            call(*arguments)

    refuses(TypeError, "model must be a BinaryMLP, ConvNet or FloatNet, not Linear", untyped_lower,
            torch.nn.Linear(2, 2))
    refuses(ValueError, "layer dense_0: weight must have a quantiser, such as FixedWeights(8); see "
            "golden.quantisers.quantise_weights", untyped_lower, FloatNet(SMALL, norm=False).eval())
    refuses(ValueError, "model m must be in eval mode; call model.eval()", lower, BinaryMLP(SMALL))
    refuses(ValueError, "layer d: batch norm must be in eval mode; call model.eval()",
            fold, "d", BIPOLAR, ONES, BatchNorm(1))
    nan, inf = float("nan"), float("inf")
    way_out = "train again with a lower learning rate"
    for what, value, parameters in (("slope", "nan", ([nan], [0.0], [0.0], [1.0])),
                                    ("slope", "nan", ([1.0], [0.0], [0.0], [-1.0])),
                                    ("shift", "inf", ([1.0], [inf], [0.0], [1.0])),
                                    ("mean", "-inf", ([1.0], [0.0], [-inf], [1.0]))):
        refuses(ValueError, f"layer d: the batch norm's {what} must be finite, not {value} at "
                f"output 0; {way_out}", fold, "d", BIPOLAR, ONES, batch_norm(*parameters))
    wide = Integer(24, True)
    refuses(ValueError, f"layer d: accumulators reach {4 * 2**23}, but float32 is exact below "
            "2**24 only; use fewer or narrower inputs",
            fold, "d", wide, ONES, batch_norm([1.0], [0.0], [0.0], [1.0]))
