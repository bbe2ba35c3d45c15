"""Quantisers of weights: formulas in another way, exact integers, gradients, masks, training."""

import re
from collections.abc import Callable
from fractions import Fraction
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.number import Bipolar, Codebook, Integer, Ternary
from golden.quantised import integer_weights, weight_quantisers
from golden.quantisers import (
    Binary,
    FixedWeights,
    LearntStep,
    PowersOfTwo,
    TernaryWeights,
    TrainedTernary,
    quantise_weights,
)
from tb.digits_training import digits, make_model, train
from tb.harness import settings

MAKERS: dict[str, Callable[[], Any]] = {
    "binary": Binary, "signs": lambda: Binary(scaled=False), "ternary": TernaryWeights,
    "trained": TrainedTernary, "fixed": lambda: FixedWeights(4),
    "channels": lambda: FixedWeights(4, per_channel=True), "learnt": lambda: LearntStep(3),
    "powers": lambda: PowersOfTwo(4)}
# Eight weights of at most 12 bits, so that sums and means are exact in float32.
EXACT = st.lists(st.integers(-2048, 2048), min_size=8, max_size=8)


class Masked(nn.Module):
    """Every third weight is 0."""

    def forward(self, weight: Tensor) -> Tensor:
        keep = torch.arange(weight.numel()).reshape(weight.shape) % 3 != 0
        return weight * keep


def matrix(numbers: list[int]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32).reshape(2, 4) / 1024


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction()) / max(len(values), 1)


def sign(x: Fraction) -> int:
    return (x > 0) - (x < 0)


def power_of_two_above(top: Fraction) -> Fraction:
    """The least that is at least ``top``; of 0 it is 1."""
    bound = Fraction(1)
    while top and bound >= 2 * top:
        bound /= 2
    while bound < top:
        bound *= 2
    return bound


def fixed_rows(rows: list[list[Fraction]], width: int) -> list[Fraction]:
    result = []
    for row in rows:
        step = power_of_two_above(max(map(abs, row))) / 2**(width - 1)
        result += [min(max(round(x / step), -2**(width - 1)), 2**(width - 1) - 1) * step
                   for x in row]
    return result


def nearest_power(x: Fraction, top: Fraction, bits: int) -> Fraction:
    """By the intervals of the paper: (a + b) / 2 <= |x| < 3 b / 2 for neighbours a < b."""
    greatest = Fraction(1)
    while 4 * top / 3 < greatest and top:
        greatest /= 2
    while 4 * top / 3 >= 2 * greatest:
        greatest *= 2
    powers = [Fraction(0), *(greatest / 2**k for k in reversed(range(2**(bits - 2))))]
    for below, power in zip(powers, powers[1:], strict=False):
        if (below + power) / 2 <= abs(x) < power * 3 / 2:
            return sign(x) * power
    return Fraction(0)


def expected(name: str, x: list[Fraction]) -> list[Fraction]:
    """Each method by its definition, in rationals."""
    top, average = max(map(abs, x)), mean([abs(v) for v in x])
    match name:
        case "binary" | "signs":
            factor = average if name == "binary" else Fraction(1)
            return [factor * (1 if v >= 0 else -1) for v in x]
        case "ternary":
            far = [abs(v) for v in x if abs(v) > Fraction(0.7) * average]
            return [sign(v) * mean(far) * (abs(v) > Fraction(0.7) * average) for v in x]
        case "trained":
            codes = [sign(v) * (abs(v) > Fraction(0.05) * top) for v in x]
            scale = {s: mean([abs(v) for v, c in zip(x, codes, strict=True) if c == s])
                     for s in (-1, 1)}
            return [c * scale[c] if c else Fraction() for c in codes]
        case "fixed":
            return fixed_rows([x], 4)
        case "channels":
            return fixed_rows([x[:4], x[4:]], 4)
    return [nearest_power(v, top, 4) for v in x]


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "learnt"])
@example_settings(max_examples=60, deadline=None, derandomize=True)
@given(numbers=EXACT)
def test_forward_follows_the_definition(name: str, numbers: list[int]) -> None:
    weight = matrix(numbers)
    result = MAKERS[name]()(weight)
    exact = expected(name, [Fraction(n, 1024) for n in numbers])
    # Means of counts that are no power of two are rounded to float32: once, so to the nearest.
    assert result.flatten().tolist() == [float(np.float32(float(v))) for v in exact]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (4, 3, 5), (2, 3, 3, 3), (2, 1, 2, 3, 2)])
def test_integers_times_step_are_the_weights(name: str, shape: tuple[int, ...],
                                             rng: np.random.Generator) -> None:
    for dtype in (torch.float32, torch.float64):
        weight = torch.tensor(rng.normal(0, 0.3, shape), dtype=dtype)
        quantiser = MAKERS[name]().to(weight)
        result = quantiser(weight)
        if name == "trained":
            quantiser.quantise(8)
            result = quantiser(weight)
        values, kind, step = quantiser.integers(weight)
        assert values.dtype == np.int64 and values.shape == shape == tuple(result.shape)
        assert step.dtype == np.float64 and step.shape == (shape[:1] if name == "channels" else ())
        by_row = step.reshape(-1, *[1] * (len(shape) - 1))
        assert (values * by_row == result.detach().double().numpy()).all()
        assert (kind.decode(kind.encode(values)) == values).all()
        assert result.dtype == dtype


@pytest.mark.parametrize("make, kind", [
    (Binary, Bipolar()), (TernaryWeights, Ternary()), (lambda: FixedWeights(2), Integer(2, True)),
    (lambda: FixedWeights(16, True), Integer(16, True)), (lambda: LearntStep(5), Integer(5, True)),
    (lambda: PowersOfTwo(2), Ternary()), (lambda: PowersOfTwo(3), Integer(3, True)),
    (lambda: PowersOfTwo(4), Codebook((-8, -4, -2, -1, 0, 1, 2, 4, 8)))])
def test_kinds(make: Callable[[], Any], kind: object) -> None:
    assert make().integers(torch.tensor([[1.0, -0.3, 0.0]])).kind == kind


@pytest.mark.parametrize("bits", range(2, 7))
def test_powers_of_two_have_the_papers_range(bits: int) -> None:
    """n1 = floor(log2(4 s / 3)); 2**(bits - 2) powers down from there; 0 below half the least."""
    quantiser = PowersOfTwo(bits)
    for top, n1 in ((1.0, 0), (1.499, 0), (1.5, 1), (0.75, 0), (0.7499, -1), (3e-5, -15)):
        least = 2.0**(n1 + 1 - 2**(bits - 2))
        weight = torch.tensor([[top, -least, least / 2, -0.999 * least / 2, 0.0]])
        assert quantiser(weight)[0].tolist() == [2.0**n1, -least, least, 0.0, 0.0]
        assert float(quantiser.integers(weight).step) == least
    assert max(map(abs, quantiser.integers(weight).values[0])) == 2**(2**(bits - 2) - 1)


@pytest.mark.parametrize("name", ["binary", "signs", "ternary", "fixed", "channels", "powers"])
def test_gradients_go_straight_through(name: str) -> None:
    weight = torch.tensor([[0.75, -0.01, 1.5, -1.0], [0.0, 0.3, -2.0, 0.25]], requires_grad=True)
    incoming = torch.arange(8.0).reshape(2, 4)
    MAKERS[name]()(weight).backward(incoming)
    assert weight.grad is not None and weight.grad.tolist() == incoming.tolist()


def test_learnt_step() -> None:
    """Width 3: codes -4 to 3. The first mean magnitude is 0.75, so the step 1.5 / sqrt(3)."""
    quantiser = LearntStep(3)
    quantiser(torch.tensor([0.5, -1.0]))
    assert quantiser.step.item() == np.float32(1.5 / 3**0.5)
    with torch.no_grad():
        quantiser.step.fill_(0.5)
    weight = torch.tensor([0.3125, 0.75, 1.5, 9.0, -2.0, -9.0, -0.125, 0.0], requires_grad=True)
    result = quantiser(weight)
    assert result.tolist() == [0.5, 1.0, 1.5, 1.5, -2.0, -2.0, 0.0, 0.0]  # 1.5 and 0.25 to even
    incoming = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]
    result.backward(torch.tensor(incoming))
    assert weight.grad is not None and quantiser.step.grad is not None
    assert weight.grad.tolist() == [1.0, 2.0, 0, 0, 0, 0, 64.0, 128.0]
    codes, ratios = [1, 2, 3, 3, -4, -4, 0, 0], [0.625, 1.5, 3, 18, -4, -18, -0.25, 0]
    slopes = [code - ratio if -4 < ratio < 3 else code
              for code, ratio in zip(codes, ratios, strict=True)]
    total = sum(g * slope for g, slope in zip(incoming, slopes, strict=True))
    assert quantiser.step.grad.item() == np.float32(total) * np.float32((8 * 3)**-0.5)
    before = quantiser(weight).tolist()
    with torch.no_grad():
        quantiser.step.neg_()  # its sign means nothing
    assert quantiser(weight).tolist() == before
    assert LearntStep(3)(torch.zeros(2)).tolist() == [0, 0]


@pytest.mark.parametrize("width", [2, 8, 13, 16])
def test_learnt_steps_have_exact_products(width: int, rng: np.random.Generator) -> None:
    quantiser = LearntStep(width)
    weight = torch.tensor(rng.normal(0, 1, 1000), dtype=torch.float32)
    with torch.no_grad():
        quantiser.step.fill_(float(rng.uniform(0.5, 1)) * 2.0**(2 - width))
    values, kind, step = quantiser.integers(weight)
    assert {kind.minimum, kind.maximum} <= set(values.tolist())
    assert (values * step == quantiser(weight).detach().double().numpy()).all()
    assert abs(float(step) - quantiser.step.item()) <= quantiser.step.item() * 2.0**(width - 24)


def test_stochastic_signs_are_drawn_in_training_only() -> None:
    weight, quantiser = torch.full((400, 50), 0.5), Binary(stochastic=True)
    torch.manual_seed(settings.seed)
    first, second = quantiser(weight), quantiser(weight)
    torch.manual_seed(settings.seed)
    assert torch.equal(quantiser(weight), first) and not torch.equal(first, second)
    assert abs((first > 0).sum().item() - 15_000) < 400  # six standard deviations of B(20000, 3/4)
    assert (quantiser.integers(weight).values == 1).all() and quantiser.training
    assert torch.equal(quantiser.eval()(weight), weight)


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in ("binary", "signs")])
def test_behind_a_mask(name: str, rng: np.random.Generator) -> None:
    model = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Conv1d(2, 3, 3))
    layers: list[Any] = [model[0], model[2]]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", Masked())
    quantise_weights(model, MAKERS[name])
    for quantiser, _ in weight_quantisers(model).values():
        if isinstance(quantiser, TrainedTernary):
            quantiser.quantise(6)
    integers = integer_weights(model)
    assert list(integers) == ["0", "2"]
    for layer, (values, _, step) in zip(layers, integers.values(), strict=True):
        weight = layer.weight.detach().double().numpy()
        assert (weight == values * step.reshape(-1, *[1] * (values.ndim - 1))).all()
        assert not weight.flat[::3].any() and weight.any()
        layer.weight.sum().backward()
        gradient = layer.parametrizations.weight.original.grad
        assert not gradient.flatten()[::3].any() and gradient.any()


@pytest.mark.parametrize("name", MAKERS)
def test_training_improves_the_loss(name: str) -> None:
    model, (x, _) = make_model(), digits()
    quantise_weights(model, MAKERS[name])
    losses = train(model, 30)
    assert losses[-1] < 0.8 * losses[0]
    again = make_model()
    quantise_weights(again, MAKERS[name])
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(x), model(x))


def test_named_two() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)).double()
    quantise_weights(model, lambda: LearntStep(4), layers=("0", "2"))
    found = weight_quantisers(model)
    assert list(found) == ["0", "2"] and found["0"][0] is not found["2"][0]
    assert all(parameter.dtype == torch.float64 for parameter in model.parameters())
    quantise_weights(model, Binary)  # what is left
    assert [kind for _, kind, _ in integer_weights(model).values()] == [
        Integer(4, True), Bipolar(), Integer(4, True)]


def two() -> Any:
    return nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))


def two_with(*parts: nn.Module) -> Any:
    model = two()
    for part in parts:
        parametrize.register_parametrization(model[0], "weight", part)
    return model


def two_of(value: float) -> Any:
    model = two()
    quantise_weights(model, TernaryWeights)
    nn.init.constant_(model[0].parametrizations.weight.original, value)
    return model


@pytest.mark.parametrize("call, error, message", [
    (lambda: FixedWeights(1), ValueError, "Fixed width must be from 2 to 16, not 1"),
    (lambda: LearntStep(17), ValueError, "Fixed width must be from 2 to 16, not 17"),
    (lambda: PowersOfTwo(7), ValueError, "PowersOfTwo bits must be from 2 to 6, not 7"),
    (lambda: PowersOfTwo(4.0), TypeError,  # type: ignore[arg-type]
     "PowersOfTwo bits must be an integer, not 4.0"),
    (lambda: quantise_weights(two(), Binary, ["0", "fc"]), ValueError,
     "layers must be among 0, 1, not 'fc'"),
    (lambda: quantise_weights(two(), nn.ReLU), TypeError,
     "make must give a quantiser of weights, not ReLU()"),
    (lambda: quantise_weights(two_of(1.0), Binary), ValueError,
     "a model to quantise must have a layer without a quantiser"),
    (lambda: quantise_weights(two_with(Masked(), TernaryWeights()), Binary, ["0"]), ValueError,
     "layer 0: weight must have one quantiser at most, but has TernaryWeights before Binary"),
    (lambda: quantise_weights(two_with(Masked()), Binary), ValueError,
     "layer 0: weight must not be pruned before Binary, which has no 0; take TernaryWeights"),
    (lambda: weight_quantisers(two_with(TernaryWeights(), Masked())), ValueError,
     "layer 0: the quantiser of weight must be its last parametrization, not followed by Masked"),
    (lambda: integer_weights(two_with(TernaryWeights())), ValueError,
     ("layer 1: weight must have a quantiser, such as FixedWeights(8); see "
      "golden.quantisers.quantise_weights")),
    (lambda: integer_weights(two_of(nan)), ValueError, "layer 0: weight must be finite"),
    (lambda: integer_weights(two_of(inf)), ValueError, "layer 0: weight must be finite"),
])
def test_rejects(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_nothing_is_quantised_where_one_layer_is_refused() -> None:
    model = two()
    with pytest.raises(ValueError):
        quantise_weights(model, Binary, ["0", "fc"])
    assert weight_quantisers(model) == {}
