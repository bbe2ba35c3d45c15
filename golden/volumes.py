"""Small volumes of eight shapes, generated from a seed: turned, moved, scaled, and noisy.

All of it is integer arithmetic, so that every machine makes the same voxels.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHAPES", "SIZE", "make_volumes"]

SIZE = 12  # voxels in each direction
_NOISE = 40

Coordinates = NDArray[np.int64]

# Each tells which points (3, ...) lie within a shape of half extent r about the origin.
SHAPES: dict[str, Callable[[Coordinates, int], NDArray[np.bool_]]] = {
    "ball": lambda p, r: (p**2).sum(0) <= r**2,
    "cube": lambda p, r: 4 * np.abs(p).max(0) <= 3 * r,
    "cylinder": lambda p, r: (4 * (p[0]**2 + p[1]**2) <= r**2) & (np.abs(p[2]) <= r),
    "cone": lambda p, r: (np.abs(p[2]) <= r) & (4 * (p[0]**2 + p[1]**2) <= (r - p[2])**2),
    # With R = 3/4 r and t = 1/4 r: (|p|^2 + R^2 - t^2)^2 <= 4 R^2 (x^2 + y^2).
    "torus": lambda p, r: (2 * (p**2).sum(0) + r**2)**2 <= 9 * r**2 * (p[0]**2 + p[1]**2),
    "cross": lambda p, r: (np.sort(np.abs(p), axis=0)[1] * 4 <= r) & (np.abs(p).max(0) <= r),
    "plate": lambda p, r: (np.abs(p[:2]).max(0) <= r) & (4 * np.abs(p[2]) <= r),
    "shell": lambda p, r: ((p**2).sum(0) <= r**2) & (16 * (p**2).sum(0) >= 9 * r**2),
}


def _turn(a: int, b: int, c: int, d: int) -> NDArray[np.int64]:
    """Rotation by the quaternion (a, b, c, d), times its squared norm."""
    return np.array([[a*a + b*b - c*c - d*d, 2*(b*c - a*d), 2*(b*d + a*c)],
                     [2*(b*c + a*d), a*a - b*b + c*c - d*d, 2*(c*d - a*b)],
                     [2*(b*d - a*c), 2*(c*d + a*b), a*a - b*b - c*c + d*d]])


def make_volumes(n: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """``n`` volumes (n, SIZE**3), row-major, and their shapes (n,), as many of each.

    A shape has a half extent of 4 to 6 voxels, its centre up to one voxel off the middle, any
    direction and a brightness of 100 to 255; each voxel's noise is evenly spread over -40..40.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % len(SHAPES)
    grid = 4 * np.indices((SIZE,) * 3) - 2 * (SIZE - 1)  # quarters of a voxel
    volumes = np.empty((n, SIZE**3), np.uint8)
    inside = tuple(SHAPES.values())
    for volume, label in zip(volumes, labels, strict=True):
        quaternion = rng.integers(-4, 5, 4)
        if not quaternion.any():
            quaternion[0] = 1
        centre, half = rng.integers(-4, 5, 3), int(rng.integers(16, 25))
        points = np.tensordot(_turn(*quaternion.tolist()), grid - centre[:, None, None, None], 1)
        shape = inside[label](points, half * int((quaternion**2).sum()))
        voxels = shape * rng.integers(100, 256) + rng.integers(-_NOISE, _NOISE + 1, shape.shape)
        volume[:] = voxels.clip(0, 255).reshape(-1)
    return volumes, labels
