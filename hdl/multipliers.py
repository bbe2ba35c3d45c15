"""What multipliers of cores are made of: LUTs or the multiplier blocks of a family."""

from golden.check import check_choice
from golden.layer import Dense
from golden.number import Bipolar, Codebook, Integer, Number, Ternary

__all__ = ["MULTIPLIERS", "check_dsp", "check_multiplier", "factor_kind"]

MULTIPLIERS = "lut", "dsp"
_DSP_BITS = 18  # of a signed operand, in the multipliers of all families
_DSP_LEAST = 9  # bits of a product that yosys gives to a multiplier block


def check_multiplier(name: str, multiplier: str) -> None:
    """Raise ValueError unless ``multiplier`` is known."""
    check_choice(f"layer {name}", "multiplier", multiplier, MULTIPLIERS)


def factor_kind(number: Number) -> Number:
    """The numbers that are multiplied: the kind itself, or the entries of a codebook."""
    return number.entry if isinstance(number, Codebook) else number


def check_dsp(layer: Dense) -> None:
    """Raise ValueError unless a multiplier block of every family can do a product."""
    kinds = {"weights": layer.weight_kind, "inputs": layer.input}
    numbers = {what: factor_kind(kind) for what, kind in kinds.items()}
    if isinstance(layer.weight_kind, Bipolar | Ternary):
        raise ValueError(f"layer {layer.name}: multiplier must be lut for {layer.weight_kind} "
                         "weights, which are added and subtracted")
    if not isinstance(layer.input, Integer):
        raise ValueError(f'layer {layer.name}: multiplier must be lut for {layer.input} inputs, '
                         "which are added and subtracted")
    for what, number in numbers.items():
        bits = number.width + (number.minimum == 0)
        if bits > _DSP_BITS:
            raise ValueError(f'layer {layer.name}: multiplier "dsp" takes {what} of at most '
                             f'{_DSP_BITS} bits with their sign, not {bits}; take "lut"')
    bits = sum(number.width for number in numbers.values())
    if bits < _DSP_LEAST:
        raise ValueError(f'layer {layer.name}: multiplier "dsp" takes products of at least '
                         f'{_DSP_LEAST} bits, not {bits}, which are made of LUTs anyway; take '
                         '"lut"')
