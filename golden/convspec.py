"""Descriptions of convolutional networks of few bits, and the named ones."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from golden.layer import check_name
from golden.number import Bipolar, Integer, Number, Ternary, parse_number

__all__ = ["CONVNETS", "ConvSpec", "Stage"]

_KINDS = "conv", "pool", "residual", "activation", "embedding", "dense"
_OPERATIONS = "max", "sum"
_WEIGHTS: dict[str, Number] = {"binary": Bipolar(), "ternary": Ternary()}


@dataclass(frozen=True)
class Stage:
    """One stage of a :class:`ConvSpec`.

    kind : "conv" and "dense", each with batch norm and activation behind it, unless it is the last
        stage, which gives scores; "pool"; "residual": two convolutions and what they take, added;
        "activation": batch norm and activation alone, for the sums behind residual stages;
        "embedding": a row of ±1 for each index, first of all stages
    channels : that leave it; of pool and activation those that enter
    kernel, stride, padding : the same in all dimensions; a pool's stride is its kernel. Of a
        residual stage, whose kernels are odd and padded so that the size stays, the stride is
        that of the first convolution.
    operation : of a pool, "max" or "sum"
    """

    kind: str
    channels: int = 0
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    operation: str = "max"


@dataclass(frozen=True)
class ConvSpec:
    """What a convolutional network looks like; ``CONVNETS`` holds the named ones.

    name : lower-case identifier
    data : name of its data set
    size : of the input, (L,), (H, W) or (D, H, W)
    channels : of the input
    stages : at least one, the last "dense"
    input : number kind of the inputs, "uint8" for pixels; of indices "uintN" for 2**N entries
    weights : "binary" or "ternary" (``golden.ternary.ternarise``)
    bits : of activations; 1 is -1 and +1, more are 0 to 2**bits - 1

    Raises TypeError and ValueError that name parameter, rule and value.
    """

    name: str
    data: str
    size: tuple[int, ...]
    channels: int
    stages: tuple[Stage, ...]
    input: str = "uint8"
    weights: str = "binary"
    bits: int = 1

    def __post_init__(self) -> None:
        check_name(self.name, "model")
        object.__setattr__(self, "size", tuple(self.size))
        object.__setattr__(self, "stages", tuple(self.stages))
        self._check_numbers()
        if not self.stages or self.stages[-1].kind != "dense":
            raise ValueError(f"model {self.name}: the last stage must be dense; it gives the "
                             "scores")
        if self.weights not in _WEIGHTS:
            raise ValueError(f'model {self.name}: weights must be "binary" or "ternary", '
                             f'not "{self.weights}"')
        number = parse_number(self.input)
        if not isinstance(number, Integer) or number.signed:
            raise ValueError(f'model {self.name}: input must be unsigned, such as "uint8", '
                             f'not "{self.input}"')
        for k, stage in enumerate(self.stages):
            if stage.kind not in _KINDS:
                raise ValueError(f"model {self.name}: stage {k} must be one of "
                                 f'{", ".join(_KINDS)}, not "{stage.kind}"')
            if (stage.kind == "embedding") != (k == 0 and self.stages[0].kind == "embedding"):
                raise ValueError(f"model {self.name}: stage {k} must not be an embedding; only "
                                 "the first may be")
            if stage.operation not in _OPERATIONS:
                raise ValueError(f'model {self.name}: operation of stage {k} must be "max" or '
                                 f'"sum", not "{stage.operation}"')
        list(self.layout())

    def _check_numbers(self) -> None:
        values: list[tuple[str, Any, int]] = [
            ("channels", self.channels, 1), ("bits", self.bits, 1),
            *(("size", n, 1) for n in self.size)]
        for k, stage in enumerate(self.stages):
            fields = asdict(stage)
            values += [(f"{name} of stage {k}", fields[name], least) for name, least in (
                ("channels", int(stage.kind not in ("pool", "activation"))), ("kernel", 1),
                ("stride", 1), ("padding", 0))]
        for name, value, least in values:
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"model {self.name}: {name} must be an integer, not {value!r}")
            if value < least:
                raise ValueError(f"model {self.name}: {name} must be at least {least}, "
                                 f"not {value}")
        if not 1 <= len(self.size) <= 3:
            raise ValueError(f"model {self.name}: size must be (L,), (H, W) or (D, H, W), "
                             f"not {self.size}")
        if self.bits > 8:
            raise ValueError(f"model {self.name}: bits must be at most 8, not {self.bits}")

    def layout(self) -> Iterator[tuple[tuple[int, ...], int]]:
        """(size, channels) of the tensor in front of each stage, and of the scores at the end.

        Raises ValueError for a window that does not fit.
        """
        size, channels = self.size, self.channels
        for k, stage in enumerate(self.stages):
            yield size, channels
            stride = stage.kernel if stage.kind == "pool" else stage.stride
            padding = stage.kernel // 2 if stage.kind == "residual" else stage.padding
            if stage.kind in ("conv", "pool", "residual"):
                size = tuple((n + 2 * padding - stage.kernel) // stride + 1 for n in size)
            elif stage.kind == "dense":
                size = ()
            if min(size, default=1) < 1:
                raise ValueError(f"model {self.name}: kernel of stage {k} must fit its input; "
                                 f"{stage.kernel} is too much")
            if stage.kind == "residual" and stage.kernel % 2 == 0:
                raise ValueError(f"model {self.name}: kernel of the residual stage {k} must be "
                                 f"odd, not {stage.kernel}")
            channels = stage.channels or channels
        yield size, channels

    @property
    def n_in(self) -> int:
        """Inputs a frame."""
        return prod(self.size) * self.channels

    @property
    def n_out(self) -> int:
        """Scores, one a class."""
        return self.stages[-1].channels

    @property
    def fan_in(self) -> int:
        """Inputs of the last layer."""
        size, channels = list(self.layout())[-2]
        return prod(size) * channels

    @property
    def weight_kind(self) -> Number:
        """Number kind of all weights."""
        return _WEIGHTS[self.weights]


def _conv(channels: int, kernel: int, padding: int = 0) -> Stage:
    return Stage("conv", channels, kernel, padding=padding)


_POOL = Stage("pool", kernel=2)
_CNV = (_conv(64, 3), _conv(64, 3), _POOL, _conv(128, 3), _conv(128, 3), _POOL, _conv(256, 3),
        _conv(256, 3), Stage("dense", 512), Stage("dense", 512), Stage("dense", 10))
_RESNET = (_conv(32, 3, padding=1), Stage("residual", 32, 3), Stage("residual", 64, 3, 2),
           Stage("residual", 128, 3, 2), Stage("activation"),
           Stage("pool", kernel=8, operation="sum"), Stage("dense", 10))

# lenet5 after Y. LeCun et al., "Gradient-based learning applied to document recognition",
# Proc. IEEE 1998, in the widths of Caffe, like cifar_cnn; cnv after Y. Umuroglu et al., "FINN",
# FPGA 2017, arXiv:1612.07119.
CONVNETS = {spec.name: spec for spec in (
    ConvSpec("tiny_cnn", "digits", (8, 8), 1, (
        _conv(32, 3, padding=1), _POOL, _conv(64, 3), Stage("dense", 10))),
    ConvSpec("lenet5", "mnist", (28, 28), 1, (
        _conv(20, 5), _POOL, _conv(50, 5), _POOL, Stage("dense", 500), Stage("dense", 10))),
    ConvSpec("cifar_cnn", "cifar10", (32, 32), 3, (
        _conv(32, 5, 2), _POOL, _conv(32, 5, 2), _POOL, _conv(64, 5, 2), _POOL,
        Stage("dense", 64), Stage("dense", 10))),
    ConvSpec("cnv", "cifar10", (32, 32), 3, _CNV),
    ConvSpec("cnv_w1a2", "cifar10", (32, 32), 3, _CNV, bits=2),
    ConvSpec("cnv_ternary", "cifar10", (32, 32), 3, _CNV, weights="ternary", bits=2),
    ConvSpec("resnet8", "cifar10", (32, 32), 3, _RESNET, weights="ternary", bits=2),
    ConvSpec("text", "movies", (512,), 1, (
        Stage("embedding", 32), _conv(64, 3), Stage("pool", kernel=510, operation="sum"),
        Stage("activation"), Stage("dense", 2)), input="uint12", bits=2),
    ConvSpec("text_cnn", "movies", (512,), 1, (
        Stage("embedding", 16), _conv(16, 3), Stage("pool", kernel=510, operation="sum"),
        Stage("activation"), Stage("dense", 2)), input="uint12", bits=2),
    ConvSpec("voxels", "volumes", (12, 12, 12), 1, (
        _conv(16, 3), _POOL, _conv(32, 3), Stage("dense", 64), Stage("dense", 8))),
)}
