"""Files of arrays with a JSON header: versioned, checksummed, written atomically, no pickle.

A file is an ordinary ``.npz`` (``numpy.load`` reads it). Its member ``header`` holds UTF-8 JSON:
``format`` and ``version`` name what the file is, ``content`` is the caller's description, and
``sha256`` covers everything else in the file.
"""

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["digest", "pack_signs", "read_archive", "replacing", "unpack_signs",
           "write_archive", "write_files"]

Arrays = Mapping[str, NDArray[Any]]


def digest(header: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 (hex) of a JSON header and of the kind, shape and bytes of every array."""
    sha = hashlib.sha256(json.dumps(header, sort_keys=True, allow_nan=False).encode())
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.dtype.str} {array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def pack_signs(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Array of -1 and +1 (any shape) -> one bit an element, row-major, first in bit 0."""
    return np.packbits(values.reshape(-1) > 0, bitorder="little")


def unpack_signs(packed: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Inverse of ``pack_signs``; ValueError if ``packed`` has not the bytes ``shape`` needs."""
    count = int(np.prod(shape, dtype=np.int64))
    if packed.dtype != np.uint8 or packed.shape != ((count + 7) // 8,):
        raise ValueError(f"{packed.size} bytes hold no array of shape {shape}")
    bits = np.unpackbits(packed, count=count, bitorder="little")
    return (2 * bits.astype(np.int8) - 1).reshape(shape)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Where to write what becomes ``path`` at the end, in one step.

    Readers see the old file or the whole new one; an error within leaves the old one.
    """
    path = Path(path)
    # One name per process: two writers never share an unfinished file.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_files(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write texts by the names of their files, in this order, each whole; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with replacing(folder / name) as unfinished:
            unfinished.write_text(text)
    return [folder / name for name in texts]


def write_archive(path: str | os.PathLike[str], kind: str, version: int,
                  content: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a file of format ``kind``; readers see the old file or the whole new one.

    Raises ValueError if ``content`` is not JSON (NaN included), OSError if writing fails.
    """
    header: dict[str, Any] = {"format": kind, "version": version, "content": content}
    header["sha256"] = digest(header, arrays)
    raw = np.frombuffer(json.dumps(header, allow_nan=False).encode(), np.uint8)
    with replacing(path) as unfinished, open(unfinished, "wb") as file:
        np.savez_compressed(file, header=raw, **dict(arrays))  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())


def _members(path: Path) -> dict[str, NDArray[Any]]:
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            # read() verifies the member's CRC before NumPy parses what may be damaged.
            member = io.BytesIO(archive.read(name))
            arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member,
                                                                         allow_pickle=False)
    return arrays


def read_archive(path: str | os.PathLike[str], kind: str, version: int, oldest: int | None = None
                 ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Content and arrays of a file of format ``kind``, of ``version`` or from ``oldest`` to it.

    Raises FileNotFoundError if there is none, IsADirectoryError for a folder, ValueError with the
    reason if the file is damaged, older or newer than what this program reads, or of another kind.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: this is a folder; expected a {kind} file")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a {kind} file")
    try:
        arrays = _members(path)
        header = json.loads(arrays.pop("header").tobytes())
        found, number = header["format"], header["version"]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
            KeyError, TypeError, OSError) as error:
        raise ValueError(f"{path}: damaged, or no {kind} file ({error}); "
                         "write it again or restore a copy") from error
    if found != kind:
        raise ValueError(f"{path}: this is a {found} file, not a {kind} file")
    if isinstance(number, int) and number < (version if oldest is None else oldest):
        raise ValueError(f"{path}: {kind} version {number} is older than the {version} this "
                         "program reads; make the file again")
    if not isinstance(number, int) or number > version:
        raise ValueError(f"{path}: {kind} version {number} is newer than the {version} this "
                         "program reads; update lutloom")
    checksum = header.pop("sha256", None)
    if checksum != digest(header, arrays):
        raise ValueError(f"{path}: damaged, its checksum does not agree with its contents; "
                         "write it again or restore a copy")
    return header["content"], arrays
