"""Activations of few bits for float models: their range is observed and fixed, or learnt."""

from collections.abc import Iterable
from math import inf

import torch
from torch import Tensor, nn

from golden.check import check_choice
from golden.fixed import Fixed
from golden.learnt_step import LearntStepActivation
from golden.quantise import fixed

__all__ = ["FixedActivation", "LearntStepActivation", "calibrate", "make_activation"]


class FixedActivation(nn.Module):
    """Activations -> the nearest fixed-point numbers, a half upwards; beyond the range its end.

    Until ``settle`` values pass as they are (unsigned: those below 0 as 0) and the greatest
    magnitude is kept in mind. Unsigned, it is a ReLU that saturates. Gradient: 1, but 0 beyond the
    range.

    width : bits, 2 to 16
    signed : two's complement codes instead of unsigned ones
    """

    def __init__(self, width: int, signed: bool = False) -> None:
        super().__init__()
        self.integer = Fixed(width, 0, signed).integer
        self.greatest: Tensor
        self.fraction: Tensor
        self.register_buffer("greatest", torch.tensor(0.0))
        self.register_buffer("fraction", torch.tensor(torch.nan))  # nan: not settled

    @property
    def fixed(self) -> Fixed | None:
        """The format, part of the state; None before ``settle``."""
        fraction = float(self.fraction)
        if fraction != fraction:
            return None
        return Fixed(self.integer.width, int(fraction), self.integer.signed)

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape, which stays."""
        if (kind := self.fixed) is not None:
            return fixed(x, kind, "half_up", "saturate")
        if not self.integer.signed:
            x = x.relu()
        self.greatest.copy_(torch.maximum(self.greatest, x.detach().abs().max()))
        return x

    def settle(self) -> None:
        """Take the power-of-two step that fits the greatest magnitude seen: ``Fixed.fitting``.

        Raises ValueError if that is 0 or not finite.
        """
        greatest = float(self.greatest)
        if not 0 < greatest < inf:
            raise ValueError("FixedActivation: the greatest magnitude seen must be above 0 and "
                             f"finite, not {greatest}; run the model on other examples, or look at "
                             "the layer in front")
        kind = Fixed.fitting(greatest, self.integer.width, self.integer.signed)
        self.fraction.fill_(kind.fraction)

    def observe(self) -> None:
        """Forget the range and the format; the next values are observed."""
        self.greatest.zero_()
        self.fraction.fill_(torch.nan)


def make_activation(width: int, steps: str) -> FixedActivation | LearntStepActivation:
    """An unsigned activation of ``width`` bits; steps : "power_of_two" or "learnt"."""
    check_choice("activations", "steps", steps, ("power_of_two", "learnt"))
    return LearntStepActivation(width) if steps == "learnt" else FixedActivation(width)


def calibrate(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Settle every ``FixedActivation`` of ``model`` by what eval mode makes of ``batches``.

    All are observed together, so each sees values that nothing in front has quantised yet; learnt
    steps get their first values. The model's mode is kept. Raises ValueError if the model has
    neither, and with its name for one that cannot ``settle``.
    """
    found = {name: part for name, part in model.named_modules()
             if isinstance(part, FixedActivation)}
    if not found and not any(isinstance(part, LearntStepActivation) for part in model.modules()):
        raise ValueError(f"a model to calibrate must have a FixedActivation, but "
                         f"{type(model).__name__} has none")
    for activation in found.values():
        activation.observe()
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for x in batches:
                model(x)
    finally:
        model.train(was_training)
    for name, activation in found.items():
        try:
            activation.settle()
        except ValueError as error:
            raise ValueError(f"layer {name}: {error}") from error
