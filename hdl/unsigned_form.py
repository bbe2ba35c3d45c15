"""How number kinds follow from unsigned integers, on which all arithmetic is built."""

from dataclasses import dataclass

from golden.number import Bipolar, Integer, Number, Ternary

__all__ = ["UnsignedForm", "unsigned_form"]


@dataclass(frozen=True)
class UnsignedForm:
    """``value = scale * u + offset`` with u = code, its top bit inverted if ``flip_top``."""
    scale: int
    offset: int
    flip_top: bool


def unsigned_form(number: Number) -> UnsignedForm:
    """How the values of a number kind follow from an unsigned integer of the same width."""
    match number:
        case Bipolar():
            return UnsignedForm(2, -1, False)
        case Ternary():
            return UnsignedForm(1, -2, True)
        case Integer():
            return UnsignedForm(1, number.minimum, number.signed)
    raise ValueError(f"inputs must be bipolar, ternary or integers, not {number}")
