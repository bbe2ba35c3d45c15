"""Quantisers of float models' weights: parametrizations of ``weight``, and where they stand.

=====================  ==========================================  ==================
quantiser              weights                                     in hardware
=====================  ==========================================  ==================
``Binary``             plus or minus the mean magnitude, or 1      ``Bipolar``
``TernaryWeights``     0 and plus or minus a mean magnitude        ``Ternary``
``TrainedTernary``     0 and two learnt scales                     ``Codebook``
``FixedWeights``       multiples of a power of two                 ``Integer``
``LearntStep``         multiples of a learnt step                  ``Integer``
``PowersOfTwo``        0 and plus or minus powers of two           ``Codebook``
=====================  ==========================================  ==================

Each takes latent weights of any shape, rows first, and gives the quantised ones in their dtype;
``integers`` gives the same exactly, as integers and steps. A latent weight of 0 stays 0 in every
kind that has a 0, so a mask may stand in front. NaN stays NaN. Unless a class says otherwise the
gradient is that of the quantised weight, passed straight through.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.fixed import Fixed
from golden.learnt_step import LearntStep
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.quantise import binarise, binarise_stochastic
from golden.quantised import quantises, weight_chain
from golden.ternary import TrainedTernary, ternarise, ternary_scale
from golden.weighted_modules import IntegerWeights, weighted_modules

__all__ = ["Binary", "FixedWeights", "LearntStep", "PowersOfTwo", "TernaryWeights",
           "TrainedTernary", "quantise_weights"]


class _Scaled(nn.Module):
    """Integers times a step; the gradient passes straight through."""

    kind: Number

    def split(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Integers in the shape of ``weight``, and the step: shape () or (n_out,). No gradient."""
        raise NotImplementedError

    def forward(self, weight: Tensor) -> Tensor:
        """The quantised weights."""
        values, step = self.split(weight.detach())
        if step.ndim:
            step = step.reshape(-1, *[1] * (weight.ndim - 1))
        return (values * step).to(weight.dtype) + (weight - weight.detach())  # plus 0, exactly

    def integers(self, weight: Tensor) -> IntegerWeights:
        """The quantised weights of eval mode, exactly."""
        training = self.training
        self.training = False
        values, step = self.split(weight.detach())
        self.training = training
        return IntegerWeights(values.to(torch.int64).cpu().numpy(), self.kind,
                              step.double().cpu().numpy())


class Binary(_Scaled):
    """The sign of each weight, of 0 the plus, times the mean magnitude of the layer.

    M. Courbariaux et al., "BinaryConnect", NIPS 2015, arXiv:1511.00363; the scale after
    M. Rastegari et al., "XNOR-Net", ECCV 2016, arXiv:1603.05279. Latent weights are not clipped.
    There is no 0: behind a mask, what was pruned would come back.

    stochastic : in training mode signs are drawn by PyTorch's generator, +1 with the probability
        (weight + 1) / 2, clipped to 0..1
    scaled : False: the weights are -1 and +1
    """

    kind = Bipolar()

    def __init__(self, stochastic: bool = False, scaled: bool = True) -> None:
        super().__init__()
        self.stochastic, self.scaled = stochastic, scaled

    def split(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Signs and their scale."""
        draw = binarise_stochastic if self.stochastic and self.training else binarise
        return draw(weight), weight.abs().mean() if self.scaled else weight.new_ones(())


class TernaryWeights(_Scaled):
    """-1, 0 and +1 at the threshold of TWN, times the scale that comes nearest to the weights.

    See ``golden.ternary``.
    """

    kind = Ternary()

    def split(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and their scale."""
        return ternarise(weight), ternary_scale(weight)


class FixedWeights(_Scaled):
    """Fixed point that fits the greatest magnitude, rounded half to even: ``Fixed.fitting``.

    width : bits, 2 to 16
    per_channel : a step for each row of the weight's first dimension instead of one for all

    The range follows the weights, so the gradient passes everywhere.
    """

    def __init__(self, width: int, per_channel: bool = False) -> None:
        super().__init__()
        self.kind = Fixed(width, 0, True).integer
        self.per_channel = per_channel

    def split(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and powers of two."""
        rows = weight.double().flatten(1) if self.per_channel else weight.double().reshape(1, -1)
        tops = rows.abs().amax(1).nan_to_num(0, 0).tolist()  # weights that are no numbers stay so
        steps = weight.new_tensor([Fixed.fitting(top, self.kind.width, True).step for top in tops],
                                  dtype=torch.float64)
        codes = (rows / steps[:, None]).round().clamp(self.kind.minimum, self.kind.maximum)
        return codes.reshape(weight.shape), steps if self.per_channel else steps[0]


class PowersOfTwo(_Scaled):
    """0 and plus or minus 2**n2 to 2**n1, so that a product is a shift.

    n1 = floor(log2(4 max |weight| / 3)), n2 = n1 + 1 - 2**(bits - 2). A magnitude from three
    quarters of a power of two up to below one and a half of it becomes that; from half of 2**n2 on
    it becomes 2**n2, and 0 below. A. Zhou et al., "Incremental network quantization", ICLR 2017,
    arXiv:1702.03044.

    bits : 2 to 6, as in the paper: one of them stands for 0; 2 are ternary
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        if not isinstance(bits, int) or isinstance(bits, bool):
            raise TypeError(f"PowersOfTwo bits must be an integer, not {bits!r}")
        if not 2 <= bits <= 6:
            raise ValueError(f"PowersOfTwo bits must be from 2 to 6, not {bits}")
        self.bits = bits
        powers = [1 << k for k in range(2**(bits - 2))]
        entries = Codebook((*(-power for power in powers[::-1]), 0, *powers))
        self.kind = Ternary() if bits == 2 else Integer(3, True) if bits == 3 else entries

    def split(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Powers of two from 1 on, and 2**n2."""
        magnitude = weight.abs()
        least = _exponents(magnitude.max()) + 1 - 2**(self.bits - 2)
        step = weight.new_tensor(2.0**int(least), dtype=torch.float64)
        exponents = (_exponents(magnitude) - least).clamp(min=0)
        kept = (magnitude.double() >= step / 2).to(torch.int64)
        return torch.sign(weight).to(torch.int64) * (kept << exponents), step


def _exponents(magnitude: Tensor) -> Tensor:
    """``floor(log2(4 magnitude / 3))``, exactly: int64."""
    mantissa, exponent = torch.frexp(magnitude)  # 0.5 <= mantissa < 1
    return exponent.to(torch.int64) - 1 + (mantissa >= 0.75)


def quantise_weights(model: nn.Module, make: Callable[[], nn.Module],
                     layers: Iterable[str] | None = None) -> None:
    """Put a quantiser of its own, ``make()``, behind the weight of every layer.

    layers : names of those to quantise (see ``weighted_modules``); None: all without a quantiser

    Quantisers may have parameters, so make the optimiser afterwards. Raises ValueError for an
    unknown layer, for one that has a quantiser, and for ``Binary`` behind a mask; none is
    quantised then.
    """
    modules, made = weighted_modules(model), {}
    free = [name for name in modules if not any(map(quantises, weight_chain(modules[name])))]
    if layers is None and not free:
        raise ValueError("a model to quantise must have a layer without a quantiser")
    for name in free if layers is None else layers:
        if name not in modules:
            raise ValueError(f"layers must be among {', '.join(modules)}, not {name!r}")
        chain, quantiser = weight_chain(modules[name]), make()
        if not quantises(quantiser):
            raise TypeError(f"make must give a quantiser of weights, not {quantiser!r}")
        for part in filter(quantises, chain):
            raise ValueError(f"layer {name}: weight must have one quantiser at most, but has "
                             f"{type(part).__name__} before {type(quantiser).__name__}")
        if chain and isinstance(quantiser, Binary) and not modules[name].weight.all():
            raise ValueError(f"layer {name}: weight must not be pruned before Binary, which has no "
                             "0; take TernaryWeights")
        made[name] = quantiser
    for name, quantiser in made.items():
        weight = modules[name].weight
        parametrize.register_parametrization(modules[name], "weight", quantiser.to(weight))
