"""IDX files, the format of MNIST: a big-endian header, then the bytes of one array.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import gzip
import os
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_idx"]

_UINT8 = 0x08


def _content(path: Path) -> bytes:
    """Bytes of a file, uncompressed if it is a gzip file, whatever its name says."""
    raw = path.read_bytes()
    if not raw.startswith(b"\x1f\x8b"):
        if path.suffix == ".gz":
            raise ValueError(f"{path}: is no gzip file; fetch it again or remove its .gz ending")
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: gzip data cannot be unpacked ({error}); "
                         "fetch the file again") from error


def read_idx(path: str | os.PathLike[str], dimensions: int) -> NDArray[np.uint8]:
    """The uint8 array of ``dimensions`` dimensions in an IDX file, plain or gzip.

    Raises FileNotFoundError, or ValueError that names file and reason for a wrong magic number
    and for a file shorter or longer than its header says.
    """
    path = Path(path)
    raw = _content(path)
    header_bytes = 4 + 4 * dimensions
    if len(raw) < header_bytes:
        raise ValueError(f"{path}: truncated, {len(raw)} bytes hold no IDX header of "
                         f"{header_bytes}; fetch the file again")
    magic, expected = int.from_bytes(raw[:4], "big"), _UINT8 << 8 | dimensions
    if magic != expected:
        raise ValueError(f"{path}: wrong magic number 0x{magic:08x}, expected 0x{expected:08x} "
                         f"(bytes in {dimensions} dimensions); this is another file")
    shape = tuple(int.from_bytes(raw[k:k + 4], "big") for k in range(4, header_bytes, 4))
    size = 1
    for n in shape:  # Python integers: a damaged header must not overflow
        size *= n
    if len(raw) - header_bytes != size:
        what = "truncated" if len(raw) - header_bytes < size else "too long"
        raise ValueError(f"{path}: {what}, its header announces {size} bytes of data, the file "
                         f"holds {len(raw) - header_bytes}; fetch the file again")
    return np.frombuffer(raw, np.uint8, offset=header_bytes).reshape(shape)
