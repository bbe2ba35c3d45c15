"""Folding: batch norm and activation become integer thresholds, exactly.

Thresholds are found by asking the very module: for a monotone function of an integer, bisection
finds the least integer from which on a code is reached. So rounding of the batch norm's float32
arithmetic is reproduced, not analysed.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from golden.number import Bipolar, Integer, Number
from golden.trainable import BatchNorm, BinaryActivation, StepActivation

__all__ = ["EXACT", "check_exact", "checked_slope", "least", "output_of", "thresholds"]

EXACT = 2**24  # float32 holds all integers up to it

Integers = NDArray[np.int64]


def checked_slope(name: str, norm: BatchNorm) -> NDArray[np.float32]:
    """The slope of ``norm`` (n,) in layer ``name``.

    Raises ValueError for training mode and for parameters that are no finite numbers.
    """
    if norm.training:
        raise ValueError(f"layer {name}: batch norm must be in eval mode; call model.eval()")
    with torch.no_grad():
        slope: NDArray[np.float32] = norm.slope().numpy()
        for what, values in (("slope", slope), ("mean", norm.mean.numpy()),
                             ("shift", norm.shift.numpy())):
            wrong = np.flatnonzero(~np.isfinite(values))
            if wrong.size:
                raise ValueError(f"layer {name}: the batch norm's {what} must be finite, not "
                                 f"{values[wrong[0]]} at output {wrong[0]}; train again with a "
                                 "lower learning rate")
    return slope


def check_exact(name: str, low: Integers, high: Integers) -> None:
    """Raise ValueError if accumulators from ``low`` to ``high`` reach beyond float32's integers."""
    greatest = max(-low.min(), high.max())
    if greatest >= EXACT:
        raise ValueError(f"layer {name}: accumulators reach {greatest}, but float32 is exact below "
                         "2**24 only; use fewer or narrower inputs")


def least(low: Integers, high: Integers, reached: Callable[[Integers], NDArray[np.bool_]]
          ) -> Integers:
    """(n,) the least integers from ``low`` to ``high`` of which ``reached`` holds, else ``high``.

    reached : integers (n,) -> (n,); where it holds it holds for all greater ones
    """
    # Invariant: it holds of none below low, and of all from high on.
    while (low < high).any():
        middle = (low + high) >> 1
        holds = reached(middle)
        low, high = np.where(holds | (low == high), low, middle + 1), np.where(holds, middle, high)
    return high


def output_of(activation: BinaryActivation | StepActivation) -> Number:
    """Number kind of the codes that leave ``activation``."""
    if isinstance(activation, BinaryActivation):
        return Bipolar()
    return Integer.holding(0, activation.top, signed=False)


def thresholds(name: str, norm: BatchNorm, activation: BinaryActivation | StepActivation,
               low: Integers, high: Integers) -> Integers:
    """(n, levels) the least integers for which each code but the first is reached.

    name : of the layer, for messages
    low, high : (n,) least and greatest integer of each channel; ``high + 1`` is a threshold that
        is never reached

    Raises ValueError for a negative slope and for integers that float32 does not hold.
    """
    slope = checked_slope(name, norm)
    wrong = np.flatnonzero(slope < 0)
    if wrong.size:
        raise ValueError(f"layer {name}: the batch norm's scale must be 0 or more, not of slope "
                         f"{slope[wrong[0]]} at output {wrong[0]}; clip it as training does")
    check_exact(name, low, high)
    number = output_of(activation)
    codes = range(number.minimum + 1, number.maximum + 1) if isinstance(number, Integer) else (1,)

    def reached(code: int, integers: Integers) -> NDArray[np.bool_]:
        with torch.no_grad():
            x = torch.tensor(integers[None], dtype=torch.float32)
            return (activation(norm(x))[0] >= code).numpy()

    return np.stack([least(low, high + 1, partial(reached, code)) for code in codes], axis=1)
