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


@pytest.mark.parametrize("call, message", [
    (lambda: FixedActivation(17), "Fixed width must be from 2 to 16, not 17"),
    (lambda: LearntStepActivation(1), "Fixed width must be from 2 to 16, not 1"),
    (lambda: FixedActivation(4).settle(),
     ("FixedActivation must have seen a value other than 0 before settle; run the model on "
      "examples, or see calibrate")),
    (lambda: settled(4, 1.0)(torch.tensor([torch.nan])),
     "Fixed x must be finite, not nan at index (0,)"),
    (lambda: settled(4, torch.inf), "Fixed x must be finite, not inf at index ()"),
    (lambda: calibrate(nn.Sequential(nn.ReLU()), []),
     "a model to calibrate must have a FixedActivation, but Sequential has none"),
    (lambda: calibrate(nn.Sequential(nn.Identity(), FixedActivation(4)), []),
     ("layer 1: calibration must show it a value other than 0; give other batches, or look whether "
      "the layer in front is dead")),
])
def test_rejects(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


def test_a_failing_batch_leaves_the_mode() -> None:
    model = deep()
    with pytest.raises(RuntimeError):
        calibrate(model, [torch.zeros(2, 3)])
    assert model.training
