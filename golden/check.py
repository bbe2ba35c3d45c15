"""Checks that layers of every kind share; each message names layer, parameter, rule and value."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.number import Codebook, Integer, Number

__all__ = ["check_choice", "check_count", "check_divisor", "check_integer_kind", "check_integers",
           "check_name", "check_number", "frozen"]


def check_name(name: str, what: str) -> None:
    """Raise TypeError or ValueError unless ``name`` is a lower-case identifier."""
    if not isinstance(name, str):
        raise TypeError(f"{what} name must be a string, not {name!r}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f'{what} name must be a lower-case identifier such as "dense_0", '
                         f'not "{name}"')


def check_number(number: Number, name: str) -> None:
    """Raise TypeError unless ``number`` is a Number, ValueError if it is a codebook."""
    if not isinstance(number, Number):
        raise TypeError(f"layer {name}: input must be a Number, not {number!r}")
    if isinstance(number, Codebook):
        raise ValueError(f"layer {name}: input must be bipolar, ternary or an integer, not "
                         f"{number}; only weights have a codebook")


def check_integer_kind(name: str, parameter: str, number: Any, most: int) -> None:
    """Raise TypeError or ValueError unless ``number`` is an Integer of at most ``most`` bits."""
    if not isinstance(number, Integer):
        raise TypeError(f"layer {name}: {parameter} must be an Integer, not {number}; raw "
                        "accumulators of a Dense layer are")
    if number.width > most:
        raise ValueError(f"layer {name}: {parameter} must have at most {most} bits, not "
                         f"{number.width}; put a Scale layer between")


def check_count(name: str, parameter: str, value: Any, least: int, most: int) -> int:
    """``value`` as an int; TypeError or ValueError unless it is from ``least`` to ``most``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"layer {name}: {parameter} must be an integer, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"layer {name}: {parameter} must be from {least} to {most}, not {value}")
    return int(value)


def check_divisor(name: str, parameter: str, value: Any, whole: int, of: str) -> int:
    """``value`` as an int; TypeError or ValueError unless it divides the ``whole`` of ``of``."""
    value = check_count(name, parameter, value, 1, whole)
    if whole % value:
        raise ValueError(f"layer {name}: {parameter} must divide the {whole} {of}, not {value}")
    return value


def check_choice(where: str, parameter: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise ValueError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{where}: {parameter} must be one of {', '.join(choices)}, "
                         f"not {value!r}")


def check_integers(name: str, parameter: str, values: Any, shape: tuple[int, ...]
                   ) -> NDArray[np.int64]:
    """A read-only int64 copy; TypeError or ValueError unless integers of the shape."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise TypeError(f"layer {name}: {parameter} must be integers, not {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"layer {name}: {parameter} must have shape {shape}, not {array.shape}")
    return frozen(array.astype(np.int64, order="C"))


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """``array`` itself, made read-only, so that a validated layer stays valid."""
    array.setflags(write=False)
    return array
