"""Quantisers of weights: formulas in another way, exact integers, gradients, training."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from torch import Tensor

from golden.number import Bipolar, Codebook, Integer, Ternary
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


def test_stochastic_signs_are_drawn_in_training_only() -> None:
    weight, quantiser = torch.full((400, 50), 0.5), Binary(stochastic=True)
    torch.manual_seed(settings.seed)
    first, second = quantiser(weight), quantiser(weight)
    torch.manual_seed(settings.seed)
    assert torch.equal(quantiser(weight), first) and not torch.equal(first, second)
    assert abs((first > 0).sum().item() - 15_000) < 400  # six standard deviations of B(20000, 3/4)
    assert (quantiser.integers(weight).values == 1).all() and quantiser.training
    assert torch.equal(quantiser.eval()(weight), weight)


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


@pytest.mark.parametrize("name", MAKERS)
def test_failed_trainings_show(name: str) -> None:
    quantiser = MAKERS[name]()
    assert quantiser(torch.tensor([[0.5, -0.25]])).isfinite().all()
    assert quantiser(torch.tensor([[0.5, torch.nan]])).isnan().any()
    for parameter in quantiser.parameters():
        torch.nn.init.constant_(parameter, torch.nan)
        assert quantiser(torch.tensor([[0.5, -0.25]])).isnan().any()


@pytest.mark.parametrize("make, error, message", [
    (lambda: FixedWeights(1), ValueError, "Fixed width must be from 2 to 16, not 1"),
    (lambda: LearntStep(17), ValueError, "Fixed width must be from 2 to 16, not 17"),
    (lambda: PowersOfTwo(7), ValueError, "PowersOfTwo bits must be from 2 to 6, not 7"),
    (lambda: PowersOfTwo(4.0), TypeError,  # type: ignore[arg-type]
     "PowersOfTwo bits must be an integer, not 4.0"),
])
def test_rejects(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        make()
