"""Number kinds: codes, values, packing, and every rejected parameter."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.number import (
    Bipolar,
    Codebook,
    Integer,
    Number,
    Ternary,
    pack,
    parse_number,
    unpack,
)

KINDS = [Bipolar(), Codebook((-7, 0, 1, 300)), Integer(1, True), Integer(1, False),
         Integer(2, True), Integer(8, False), Integer(12, True),
         Integer(63, False), Integer(64, True)]

untyped_integer: Any = Integer
untyped_parse: Any = parse_number


@pytest.mark.parametrize("number", KINDS, ids=str)
def test_ends_of_the_range_come_back(number: Number) -> None:
    values = np.array([[number.minimum, number.maximum]], np.int64)
    codes = number.encode(values)
    assert codes.dtype == np.uint64 and codes.shape == (1, 2)
    assert (codes < 2**number.width).all()
    assert number.decode(codes).tolist() == values.tolist()


@pytest.mark.parametrize("number, values, codes", [
    (Bipolar(), [-1, 1, 1], [0, 1, 1]),
    (Ternary(), [-1, 0, 1], [3, 0, 1]),
    (Codebook((-70, -1, 9)), [9, -70, -1], [2, 0, 1]),
    (Integer(3, True), [-4, -1, 0, 3], [4, 7, 0, 3]),
    (Integer(3, False), [0, 4, 7], [0, 4, 7]),
    (Integer(64, True), [-1, -2**63], [2**64 - 1, 2**63]),
])
def test_codes_are_twos_complement(number: Number, values: list[int], codes: list[int]) -> None:
    assert number.encode(values).tolist() == codes
    assert number.decode(np.array(codes, np.uint64)).tolist() == values


@pytest.mark.parametrize("number", KINDS[:6], ids=str)
def test_every_code_comes_back(number: Number) -> None:
    codes = np.arange(2**number.width)
    values = number.decode(codes)
    assert len(np.unique(values)) == len(codes)
    assert (values.min(), values.max()) == (number.minimum, number.maximum)
    assert number.encode(values).tolist() == codes.tolist()


@pytest.mark.parametrize("number", [*KINDS, Ternary(), Codebook((-1, 5, 6))], ids=str)
def test_text_names_the_number(number: Number) -> None:
    assert parse_number(str(number)) == number


def test_text_is_short() -> None:
    assert [str(number) for number in (KINDS[0], KINDS[1], KINDS[5], KINDS[6])] == [
        "bipolar", "codebook(-7,0,1,300)", "uint8", "int12"]


@pytest.mark.parametrize("minimum, maximum, signed, width", [
    (0, 0, False, 1), (0, 0, True, 1), (-1, 0, True, 1), (0, 1, True, 2), (-4, 3, True, 3),
    (-5, 3, True, 4), (-4, 4, True, 4), (0, 9, False, 4), (0, 255, False, 8), (0, 256, False, 9),
])
def test_holding_is_narrowest(minimum: int, maximum: int, signed: bool, width: int) -> None:
    number = Integer.holding(minimum, maximum, signed=signed)
    assert number == Integer(width, signed)
    assert number.minimum <= minimum and maximum <= number.maximum


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 64), st.integers(1, 20), st.integers(0, 4))
def test_pack_puts_lane_0_lowest(data: st.DataObject, width: int, lanes: int,
                                 frames: int) -> None:
    rows = data.draw(st.lists(st.lists(st.integers(0, 2**width - 1), min_size=lanes,
                                       max_size=lanes), min_size=frames, max_size=frames))
    codes = np.array(rows, np.uint64).reshape(frames, lanes)
    words = pack(codes, width)
    assert words == [sum(code << width * k for k, code in enumerate(row)) for row in rows]
    assert unpack(words, lanes, width).tolist() == rows


@pytest.mark.parametrize("call, error, message", [
    (lambda: Integer(0, True), ValueError,
     "width of a signed integer must be from 1 to 64, not 0"),
    (lambda: Integer(64, False), ValueError,
     "width of an unsigned integer must be from 1 to 63, not 64"),
    (lambda: untyped_integer(8.0, True), TypeError, "width must be an integer, not 8.0"),
    (lambda: untyped_integer(8, 1), TypeError, "signed must be True or False, not 1"),
    (lambda: Integer.holding(-1, 3, signed=False), ValueError,
     "no unsigned integer holds the range -1 to 3"),
    (lambda: Integer.holding(2, 1, signed=True), ValueError,
     "no signed integer holds the range 2 to 1"),
    (lambda: Bipolar().encode([[1, -1], [0, 1]]), ValueError,
     "bipolar values must be -1 or +1, not 0 at index (1, 0)"),
    (lambda: Bipolar().decode([0, 2]), ValueError,
     "bipolar codes must be from 0 to 1, not 2 at index 1"),
    (lambda: Integer(8, False).encode([7, 256]), ValueError,
     "uint8 values must be from 0 to 255, not 256 at index 1"),
    (lambda: Integer(8, True).encode(-129), ValueError,
     "int8 values must be from -128 to 127, not -129"),
    (lambda: Integer(8, True).encode([0.5]), TypeError, "values must be integers, not float64"),
    (lambda: Integer(8, True).decode([-1]), ValueError,
     "int8 codes must be from 0 to 255, not -1 at index 0"),
    (lambda: parse_number("uint64"), ValueError,
     "width of an unsigned integer must be from 1 to 63, not 64"),
    (lambda: parse_number("float"), ValueError,
     ('number kind must be "bipolar", "ternary", "intN", "uintN" or "codebook(A,B,...)", '
     'not "float"')),
    (lambda: Ternary().encode([0, 2]), ValueError,
     "ternary values must be -1, 0 or +1, not 2 at index 1"),
    (lambda: Ternary().decode([2]), ValueError,
     "ternary codes must be 0, 1 or 3, not 2 at index 0"),
    (lambda: Codebook((1, 4)).encode([[4, 2]]), ValueError,
     "codebook(1,4) values must be entries, not 2 at index (0, 1)"),
    (lambda: Codebook((1, 4, 5)).decode([3]), ValueError,
     "codebook(1,4,5) codes must be below 3, not 3 at index 0"),
    (lambda: Codebook((1,)), ValueError,
     "codebook entries must be a list of 2 to 256 integers, not of shape (1,)"),
    (lambda: Codebook((1, 2**31)), ValueError,
     "codebook entries must have at most 32 bits, not 2147483648 at index 1"),
    (lambda: Codebook((1, 4, 4)), ValueError, ("codebook entries must ascend, but entry 2, 4, "
     "follows 4; sort them and drop equal ones")),
    (lambda: untyped_parse(8), TypeError, "a number kind must be a string, not 8"),
    (lambda: pack([1, 2], 4), ValueError, "codes must have shape (frames, lanes), not (2,)"),
    (lambda: pack([[1]], 65), ValueError, "width must be from 1 to 64, not 65"),
    (lambda: pack([[1, 4]], 2), ValueError, "codes must be from 0 to 3, not 4 at index (0, 1)"),
    (lambda: unpack([1], 0, 1), ValueError,
     "lanes must be at least 1 and width from 1 to 64, not 0 and 1"),
    (lambda: unpack([3, 16], 2, 2), ValueError,
     "words must have at most 4 bits, not 16 at index 1"),
    (lambda: unpack([-1], 2, 2), ValueError, "words must have at most 4 bits, not -1 at index 0"),
])
def test_rejects(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()
