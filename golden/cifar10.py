"""CIFAR-10 in its binary layout: records of a label and 32x32 pixels of three colours.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", University of
Toronto, 2009.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["FILES", "find_cifar10", "read_cifar10"]

FILES = tuple(f"data_batch_{k}.bin" for k in range(1, 6)), ("test_batch.bin",)

_FOLDERS = "", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"
_PIXELS = 3 * 32 * 32
RECORDS = 10_000  # of each file


def find_cifar10(folder: Path, name: str) -> Path:
    """Where the file ``name`` lies: in ``folder`` or one of the usual subfolders.

    Raises FileNotFoundError that names those.
    """
    for place in _FOLDERS:
        if (folder / place / name).is_file():
            return folder / place / name
    raise FileNotFoundError(f"{folder / name}: missing, and in the subfolders "
                            f"{', '.join(_FOLDERS[1:])} too; copy the binary version of CIFAR-10 "
                            "there or name another folder with --data or LUTLOOM_DATA")


def read_cifar10(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels (images, 3072), row-major with the colours fastest, and labels (images,) of a file.

    Raises ValueError that names file and reason for wrong sizes and labels.
    """
    size, expected = path.stat().st_size, RECORDS * (1 + _PIXELS)
    if size != expected:
        what = "truncated" if size < expected else "too long"
        raise ValueError(f"{path}: {what}, {size} bytes instead of {expected} ({RECORDS} records "
                         f"of {1 + _PIXELS}); fetch the file again")
    records = np.fromfile(path, np.uint8).reshape(RECORDS, 1 + _PIXELS)
    labels = records[:, 0].astype(np.int64)
    if labels.max() > 9:
        raise ValueError(f"{path}: labels must be from 0 to 9, not {labels.max()}; this is another "
                         "file")
    planes = records[:, 1:].reshape(RECORDS, 3, 32 * 32)
    return np.ascontiguousarray(planes.swapaxes(1, 2)).reshape(RECORDS, _PIXELS), labels
