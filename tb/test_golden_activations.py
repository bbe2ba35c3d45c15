"""Activations in fixed point: what is observed, what is settled, gradients, state, training."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from golden.activations import FixedActivation, LearntStepActivation, calibrate
from golden.fixed import Fixed
from tb.digits_training import digits, make_model, train


def settled(width: int, greatest: float, signed: bool = False) -> FixedActivation:
    activation = FixedActivation(width, signed)
    activation(torch.tensor([greatest]))
    activation.settle()
    return activation


def test_observes_and_then_rounds() -> None:
    activation = FixedActivation(3)
    x = torch.tensor([-9.0, -0.1, 0.0, 0.3, 1.25])
    assert activation.fixed is None
    assert activation(x).tolist() == x.clamp(min=0).tolist()
    assert activation(x / 2).tolist() == (x / 2).clamp(min=0).tolist()
    activation.settle()
    assert activation.fixed == Fixed(3, 2, False)  # up to 1.75 covers 1.25
    x = torch.tensor([-9.0, -0.1, 0.0, 0.1, 0.125, 0.3, 1.25, 1.375, 1.76, 50.0])
    assert activation(x).tolist() == [0, 0, 0, 0, 0.25, 0.25, 1.25, 1.5, 1.75, 1.75]


def test_signed_ones_go_below_zero() -> None:
    activation = FixedActivation(3, signed=True)
    x = torch.tensor([[-1.5, 0.75]])
    assert torch.equal(activation(x), x)
    activation.settle()
    assert activation.fixed == Fixed(3, 1, True)
    x = torch.tensor([-2.5, -0.75, -0.25, 0.25, 0.75, 3.0])
    assert activation(x).tolist() == [-2.0, -0.5, 0.0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [2, 8, 16])
def test_equals_the_integers(width: int, signed: bool, rng: np.random.Generator) -> None:
    activation = settled(width, 3.7, signed)
    x = torch.tensor(rng.normal(0, 3, (20, 7)), dtype=torch.float32)
    kind = activation.fixed
    assert kind is not None
    exact = kind.value(kind.quantise(x.numpy(), "half_up", "saturate"))
    assert (activation(x).double().numpy() == exact).all()


def test_gradient_passes_inside_the_range() -> None:
    x = torch.tensor([-1.0, 0.0, 0.3, 0.75, 0.76, 9.0], requires_grad=True)
    gradient, = torch.autograd.grad(settled(2, 0.9)(x).sum(), x)
    assert gradient.tolist() == [0, 1, 1, 1, 0, 0]
    gradient, = torch.autograd.grad(FixedActivation(2)(x).sum(), x)
    assert gradient.tolist() == [0, 0, 1, 1, 1, 1]


def deep() -> nn.Sequential:
    return nn.Sequential(*make_model(lambda: FixedActivation(4)), nn.Dropout(),
                         FixedActivation(6, signed=True))


def test_calibration_and_state() -> None:
    model, (x, _) = deep(), digits()
    calibrate(model, [100 * x])  # forgotten by the next
    calibrate(model, x.split(64))
    assert model.training
    with torch.no_grad():
        hidden = model[0](x).relu()
        scores = model[2](hidden)
    assert model[1].fixed == Fixed.fitting(hidden.max().item(), 4, False)
    assert model[4].fixed == Fixed.fitting(scores.abs().max().item(), 6, True)
    loaded = deep()
    loaded.load_state_dict(model.state_dict())
    assert [loaded[k].fixed for k in (1, 4)] == [model[k].fixed for k in (1, 4)]
    assert torch.equal(loaded.eval()(x), model.eval()(x))
    calibrate(model, [x])
    assert not any(part.training for part in model.modules())


@pytest.mark.parametrize("make", [FixedActivation, LearntStepActivation])
def test_training_goes_on(make: Callable[[int], nn.Module]) -> None:
    model, (x, _) = make_model(lambda: make(2)), digits()
    if make is FixedActivation:
        calibrate(model, [x])
    losses = train(model, 30)
    assert losses[-1] < 0.7 * losses[0]
    assert len(model[1](model[0](x)).unique()) == 4


UNSEEN = ("FixedActivation: the greatest magnitude seen must be above 0 and finite, not {}; run "
          "the model on other examples, or look at the layer in front")


@pytest.mark.parametrize("call, message", [
    (lambda: FixedActivation(17), "Fixed width must be from 2 to 16, not 17"),
    (lambda: LearntStepActivation(1), "Fixed width must be from 2 to 16, not 1"),
    (lambda: FixedActivation(4).settle(), UNSEEN.format(0.0)),
    (lambda: settled(4, torch.inf), UNSEEN.format(torch.inf)),
    (lambda: settled(4, torch.nan), UNSEEN.format(torch.nan)),
    (lambda: calibrate(nn.Sequential(nn.ReLU()), []),
     "a model to calibrate must have a FixedActivation, but Sequential has none"),
    (lambda: calibrate(nn.Sequential(nn.Identity(), FixedActivation(4)), []),
     "layer 1: " + UNSEEN.format(0.0)),
])
def test_rejects(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


def test_a_failing_batch_leaves_the_mode() -> None:
    model = deep()
    with pytest.raises(RuntimeError):
        calibrate(model, [torch.zeros(2, 3)])
    assert model.training
