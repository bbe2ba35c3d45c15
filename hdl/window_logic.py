"""Logic that cores of windows share: small tables, counters that follow them, zeros."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from amaranth.hdl import C, Cat, Const, Module, Mux, Signal, Value

from golden.check import check_count
from golden.geometry import Geometry
from golden.number import Bipolar, Number, Ternary
from hdl.window_order import Sources, WindowOrder

__all__ = ["add_modulo", "check_lines", "choose", "follow", "shown", "shown_number", "table"]


def check_lines(name: str, geometry: Geometry | Sources, line_buffers: int | None) -> int | None:
    """TypeError or ValueError unless windows can be made of so many lines, or it is None."""
    if line_buffers is None:
        return None
    return check_count(name, "line_buffers", line_buffers,
                       WindowOrder(geometry, lines=True).least_lines, 2**16)


def shown_number(geometry: Geometry, number: Number, pad: int) -> Number:
    """Number of a window's elements: ``number``, or ternary for bipolar inputs among zeros.

    Raises TypeError or ValueError unless ``pad`` is a value of it.
    """
    if not isinstance(pad, int | np.integer) or isinstance(pad, bool):
        raise TypeError(f"layer {geometry.name}: pad must be an integer, not {pad!r}")
    if isinstance(number, Bipolar) and pad == 0:
        return Ternary() if geometry.pads_zeros else number
    try:
        number.encode(pad)
    except ValueError:
        raise ValueError(f"layer {geometry.name}: pad must be a value of the input, {number}, not "
                         f"{pad}; use one from {number.minimum} to {number.maximum}") from None
    return number


def shown(payload: Value, zero: Value, number: Number, output: Number, pad: int) -> Value:
    """Elements in the code of ``output``: those of ``number`` in ``payload``, or ``pad`` instead.

    The two numbers are the same, or bipolar and ternary.
    """
    elements = [payload[k:k + number.width] for k in range(0, len(payload), number.width)]
    if number != output:
        elements = [Cat(C(1, 1), ~element) for element in elements]
    code = C(int(output.encode(pad)), output.width)
    return Cat(Mux(zero, code, element) for element in elements)


def table(m: Module, name: str, index: Value, words: Sequence[int]) -> Value:
    """``words[index]``, most of which are one word: logic for the others alone."""
    most, _ = Counter(words).most_common(1)[0]
    places: dict[int, list[int]] = {}
    for place, word in enumerate(words):
        if word != most:
            places.setdefault(word, []).append(place)
    if not places:
        return C(most)
    found = Signal(range(min(words), max(words) + 1), name=name)
    with m.Switch(index):
        for word, chosen in places.items():
            with m.Case(*chosen):
                m.d.comb += found.eq(word)
        with m.Default():
            m.d.comb += found.eq(most)
    return found


def choose(m: Module, name: str, index: Value, values: Sequence[Value]) -> Value:
    """``values[index]``, if need be a signal called ``name``."""
    if isinstance(index, Const):
        return values[index.value]
    *others, last = values
    chosen, wide = Signal(last.shape(), name=name), Signal(range(len(values)), name=f"{name}_index")
    m.d.comb += wide.eq(index)
    with m.Switch(wide):
        for k, value in enumerate(others):
            with m.Case(k):
                m.d.comb += chosen.eq(value)
        with m.Default():
            m.d.comb += chosen.eq(last)
    return chosen


def add_modulo(value: Value, addend: Value, limit: int) -> Value:
    """Sum of two numbers below ``limit``, modulo ``limit``."""
    total = value + addend
    return Mux(total >= limit, total - limit, total)[:max(1, (limit - 1).bit_length())]


def follow(m: Module, name: str, step: Value, index: Value, words: Sequence[int],
           around: int = 0, modulo: int | None = None) -> Signal:
    """``words[index]`` in a register, for an index that counts at each ``step``.

    Whenever the index starts anew, ``around`` more. All of it modulo ``modulo`` if that is given.
    """
    gains = [after - word for word, after in zip(words, [*words[1:], words[0] + around],
                                                 strict=True)]
    if modulo is None:
        register = Signal(range(max(words) + 1), init=words[0], name=name)
        following = register + table(m, f"{name}_gain", index, gains)
    else:
        register = Signal(range(modulo), init=words[0] % modulo, name=name)
        following = add_modulo(register, table(m, f"{name}_gain", index, [
            gain % modulo for gain in gains]), modulo)
    with m.If(step):
        m.d.sync += register.eq(following)
    return register
