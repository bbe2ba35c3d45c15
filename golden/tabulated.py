"""Elementwise layers that follow any function: a full table, or straight pieces.

:func:`tabulate` and :func:`fit_pieces` make their parameters from a Python function of floats.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golden.activation import Elementwise, narrowest
from golden.check import check_choice, check_count, check_integer_kind, check_integers
from golden.fixed import OVERFLOWS, ROUNDINGS, Fixed, fit, round_shift
from golden.number import Integer

__all__ = ["Pieces", "PiecewiseLinear", "Table", "fit_pieces", "sigmoid", "tabulate"]

_MOST_BITS = 16
Function = Callable[[NDArray[np.float64]], ArrayLike]


@dataclass(frozen=True, eq=False)
class Table(Elementwise):
    """``y = table[x - input.minimum]``: any function of at most 16 bits.

    name : lower-case identifier
    input : Integer of at most 16 bits
    n : channels
    table : (2**input.width,) values of kind ``output``, in the order of the inputs
    output : Integer of at most 32 bits
    positions : places with n values each

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Integer
    n: int
    table: NDArray[np.int64]
    output: Integer
    positions: int = 1

    def __post_init__(self) -> None:
        self._check(self.input, _MOST_BITS)
        check_integer_kind(self.name, "output", self.output, 32)
        table = check_integers(self.name, "table", self.table, (2**self.input.width,))
        object.__setattr__(self, "table", table)
        _check_range(self.name, "table", table, self.output)

    @property
    def weight_bits(self) -> int:
        """Bits of the table."""
        return self.table.size * self.output.width


@dataclass(frozen=True, eq=False)
class PiecewiseLinear(Elementwise):
    """``y = overflow(round((slopes[s] * r + offsets[s]) / 2**shift))``: straight pieces.

    ``x - input.minimum = s * length + r`` with r from 0 to ``length - 1``: each of the equally
    long pieces s has its own slope and offset.

    name : lower-case identifier
    input : Integer of at most 16 bits
    n : channels
    slopes, offsets : (pieces,) integers of at most 32 and 48 bits; pieces is a power of two, at
        most 2**input.width
    shift : 0 to 30
    rounding, overflow : see :mod:`golden.fixed`
    output : Integer of at most 32 bits
    positions : places with n values each

    Raises TypeError and ValueError that name layer, parameter, rule and value.
    """

    name: str
    input: Integer
    n: int
    slopes: NDArray[np.int64]
    offsets: NDArray[np.int64]
    shift: int
    rounding: str
    overflow: str
    output: Integer
    positions: int = 1

    def __post_init__(self) -> None:
        self._check(self.input, _MOST_BITS)
        check_integer_kind(self.name, "output", self.output, 32)
        pieces, most = np.asarray(self.slopes).size, 2**self.input.width
        if pieces & pieces - 1 or not 1 <= pieces <= most:
            raise ValueError(f"layer {self.name}: slopes must be as many as a power of two, at "
                             f"most {most}, not {pieces}")
        for parameter, bits in (("slopes", 32), ("offsets", 48)):
            array = check_integers(self.name, parameter, getattr(self, parameter), (pieces,))
            object.__setattr__(self, parameter, array)
            _check_range(self.name, parameter, array, Integer(bits, True))
        object.__setattr__(self, "shift", check_count(self.name, "shift", self.shift, 0, 30))
        check_choice(f"layer {self.name}", "rounding", self.rounding, ROUNDINGS)
        check_choice(f"layer {self.name}", "overflow", self.overflow, OVERFLOWS)

    @property
    def length(self) -> int:
        """Inputs of a piece."""
        return 2**self.input.width // self.slopes.size

    @property
    def weight_bits(self) -> int:
        """Bits of all slopes and offsets."""
        return self.slopes.size * sum(narrowest(values).width
                                      for values in (self.slopes, self.offsets))


def _check_range(name: str, parameter: str, array: NDArray[np.int64], number: Integer) -> None:
    wrong = np.flatnonzero((array < number.minimum) | (array > number.maximum))
    if wrong.size:
        raise ValueError(f"layer {name}: {parameter} must be of {number}, not {array[wrong[0]]} "
                         f"at index {wrong[0]}")


def sigmoid(x: ArrayLike) -> NDArray[np.float64]:
    """``1 / (1 + exp(-x))`` in a form that no x overflows."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x, np.float64)))


def _sample(function: Function, input_: Fixed) -> NDArray[np.float64]:
    """The function's value of every input, in their order."""
    codes = np.arange(input_.integer.minimum, input_.integer.maximum + 1)
    values = np.asarray(function(input_.value(codes)), np.float64)
    if values.shape != codes.shape:
        raise ValueError(f"function must give one value for each of {codes.size} inputs, not an "
                         f"array of shape {values.shape}")
    return values


def tabulate(function: Function, input_: Fixed, output: Fixed, rounding: str = "half_even",
             overflow: str = "saturate") -> NDArray[np.int64]:
    """The table of a :class:`Table` layer that computes ``function``.

    function : array of floats -> array of as many floats: ``np.tanh``, :func:`sigmoid`, any other
    input_, output : what the layer's integers stand for
    Returns (2**input_.width,) codes of ``output``. Raises ValueError where the function gives
    anything but one finite value for each input.
    """
    return output.quantise(_sample(function, input_), rounding, overflow)


@dataclass(frozen=True)
class Pieces:
    """Parameters of a :class:`PiecewiseLinear` layer and how well they follow the function.

    error : the greatest distance of the layer's output from the function's exact value, in steps
        of the output; quantising exactly would leave 0.5. Beyond the output's range the distance
        is that from its end.
    """

    slopes: NDArray[np.int64]
    offsets: NDArray[np.int64]
    shift: int
    rounding: str
    overflow: str
    error: float


def fit_pieces(function: Function, input_: Fixed, output: Fixed, pieces: int, *,
               shift: int = 12, rounding: str = "half_up") -> Pieces:
    """Straight pieces through ``function``; overflow saturates.

    pieces : a power of two, at most 2**input_.width; shift : bits of slopes and offsets below a
    step of the output. Each piece has the slope of its ends' chord and the offset that leaves
    equal errors above and below it. Raises ValueError as :func:`tabulate` does and for other
    pieces.
    """
    exact = _sample(function, input_) / output.step
    low, high = output.integer.minimum, output.integer.maximum
    if not np.isfinite(exact).all():
        raise ValueError(f"function must be finite, not {exact[~np.isfinite(exact)][0]}")
    if pieces < 1 or pieces & pieces - 1 or pieces > exact.size:
        raise ValueError(f"pieces must be a power of two, at most {exact.size}, not {pieces}")
    exact = exact.clip(low, high)
    rows = exact.reshape(pieces, -1)
    places = np.arange(rows.shape[1])
    rise = (rows[:, -1] - rows[:, 0]) / max(places[-1], 1)
    slopes = np.rint(rise * 2**shift).astype(np.int64)
    rest = rows * 2**shift - slopes[:, None] * places
    # Rounding down gives half a step away.
    centre = (rest.max(1) + rest.min(1)) / 2 + (2**shift / 2 if rounding == "floor" else 0)
    offsets = np.rint(centre).astype(np.int64)
    sums = slopes[:, None] * places + offsets[:, None]
    got = fit(round_shift(sums, shift, rounding), output.integer, "saturate")
    return Pieces(slopes, offsets, shift, rounding, "saturate",
                  float(np.abs(got.ravel() - exact).max()))
