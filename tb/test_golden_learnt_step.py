"""Learnt steps: first step, values, gradients by hand, and products that are exact."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from golden.learnt_step import LearntStep, LearntStepActivation


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


@example_settings(max_examples=100, deadline=None, derandomize=True)
@given(numbers=st.lists(st.integers(-4096, 4096), min_size=1, max_size=9),
       width=st.integers(2, 16), steps=st.integers(1, 255))
def test_forward_follows_the_definition(numbers: list[int], width: int, steps: int) -> None:
    """In rationals, for steps of 8 bits, which are exact; their quotients round to the even."""
    quantiser = LearntStep(width)
    with torch.no_grad():
        quantiser.step.fill_(steps / 256)
    step, top = Fraction(steps, 256), 2**(width - 1)
    expected = [min(max(round(Fraction(n, 128) / step), -top), top - 1) * step for n in numbers]
    assert quantiser(torch.tensor(numbers) / 128).tolist() == [float(x) for x in expected]


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


def test_wide_activations_are_refused() -> None:
    with pytest.raises(ValueError, match="^LearntStepActivation width must be from 2 to 8, not 9; "
                                         "take FixedActivation for more bits$"):
        LearntStepActivation(9)


def test_learnt_step_of_frames() -> None:
    """Two bits, unsigned: codes 0 to 3; n is the three values of a frame."""
    activation = LearntStepActivation(2)
    activation(torch.tensor([[-5.0, 1.0, 2.0]]))
    assert activation.step.item() == np.float32(2 * 1.0 / 3**0.5)  # the mean of 0, 1 and 2
    with torch.no_grad():
        activation.step.fill_(0.5)
    x = torch.tensor([[-1.0, 0.3125, 0.75], [1.5, 7.0, 0.0]], requires_grad=True)
    result = activation(x)
    assert result.tolist() == [[0, 0.5, 1.0], [1.5, 1.5, 0]]
    result.backward(torch.tensor([[1.0, 2, 4], [8, 16, 32]]))
    assert x.grad is not None and activation.step.grad is not None
    assert x.grad.tolist() == [[0, 2, 4], [0, 0, 0]]
    total = 2 * (1 - 0.625) + 4 * (2 - 1.5) + 8 * 3 + 16 * 3
    assert activation.step.grad.item() == np.float32(total) * np.float32((3 * 3)**-0.5)
