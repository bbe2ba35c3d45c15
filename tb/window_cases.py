"""What testbenches of windows share: the golden windows, and random geometries."""

from typing import Any

import numpy as np
import torch
from hypothesis import strategies
from numpy.typing import NDArray
from torch.nn import functional

from golden.geometry import PADDING_MODES, Geometry
from golden.number import Bipolar, Number

__all__ = ["draw", "geometries", "geometry", "random_geometry", "windows"]

_MODES = {"zeros": "constant", "replicate": "replicate", "reflect": "reflect"}


def geometry(*parameters: Any) -> Geometry:
    """Geometry of size, kernel, stride, padding, dilation, mode."""
    return Geometry.of("window", *parameters)


def draw(rng: np.random.Generator, number: Number, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Random values of a bipolar, ternary or integer number."""
    values = rng.integers(number.minimum, number.maximum, shape, endpoint=True)
    return np.where(values < 0, -1, 1) if isinstance(number, Bipolar) else values


def windows(x: NDArray[Any], geometry: Geometry, channels: int, pad: int = 0, sets: int = 1
            ) -> NDArray[np.int64]:
    """Windows of x (frames, positions * channels), (frames, positions_out * taps * channels).

    With ``sets`` all taps of the first channels / sets channels, then of the next. By PyTorch's
    padding and views of the padded tensor.
    """
    tensor = torch.tensor(x.reshape(len(x), *geometry.size, channels), dtype=torch.float64)
    tensor = tensor.movedim(-1, 1)
    if any(geometry.padding):
        mode = _MODES[geometry.mode]
        tensor = functional.pad(tensor, [n for n in reversed(geometry.padding) for _ in range(2)],
                                mode, pad if mode == "constant" else None)
    for d, (extent, step, gap) in enumerate(zip(geometry.extent, geometry.stride,
                                                geometry.dilation, strict=True)):
        tensor = tensor.unfold(d + 2, extent, step)[..., ::gap]
    taps = tensor.movedim(1, -1).reshape(len(x), -1, geometry.taps, sets, channels // sets)
    return taps.movedim(3, 2).reshape(len(x), -1).to(torch.int64).numpy()


@strategies.composite
def geometries(draw: strategies.DrawFn, most: int = 6) -> Geometry:
    """Geometries of 1 to 3 dimensions, in 3 of at most ``most - 2`` places each."""
    dimensions = draw(strategies.integers(1, 3))
    mode = draw(strategies.sampled_from(PADDING_MODES))
    parameters: list[tuple[int, ...]] = []
    for _ in range(dimensions):
        size = draw(strategies.integers(1, most - 2 * (dimensions == 3)))
        pad = draw(strategies.integers(0, min(2, size - 1) if mode == "reflect" else 2))
        kernel = draw(strategies.integers(1, min(3, size + 2 * pad)))
        gap = draw(strategies.integers(1, min(3, (size + 2 * pad - 1) // max(kernel - 1, 1) or 1)))
        step = draw(strategies.integers(1, 3))
        parameters.append((size, kernel, step, pad, gap))
    sizes, kernels, strides, paddings, dilations = zip(*parameters, strict=True)
    return Geometry("window", sizes, kernels, strides, paddings, dilations, mode)


def random_geometry(rng: np.random.Generator) -> Geometry:
    """Another one for every seed: 2 or 3 dimensions of 3 to 5 places."""
    while True:
        dimensions = int(rng.integers(2, 4))
        size, kernel, stride, padding, dilation = (
            rng.integers(least, most, dimensions).tolist()
            for least, most in ((3, 6), (2, 4), (1, 3), (0, 3), (1, 3)))
        try:
            return Geometry.of("window", size, kernel, stride, padding, dilation,
                               str(rng.choice(PADDING_MODES)))
        except ValueError:  # the kernel is larger than the padded input
            continue
