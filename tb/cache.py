"""Folders of results, kept by content and shared by processes.

A result lies under the hash of all that it is made of; who needs the same at the same time waits
for the one who makes it. The cache is ``$LUTLOOM_CACHE``, by default ``build/cache`` in the
repository; it may be deleted at any time. What nobody has asked for in two weeks is forgotten.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

__all__ = ["cache_folder", "cached", "content_hash", "forget", "repository"]

_KEPT = 14 * 24 * 3600  # seconds since a result was last asked for


def repository() -> Path:
    """Root of the source tree, the folder that holds ``tb``."""
    return Path(__file__).resolve().parents[1]


def cache_folder() -> Path:
    """Folder of the cache."""
    return Path(os.environ.get("LUTLOOM_CACHE") or repository() / "build" / "cache").resolve()


def content_hash(*parts: str | bytes) -> str:
    """Key of all parts in their order, 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        # The length keeps ("ab", "c") apart from ("a", "bc").
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


def cached(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """Folder of the cache for (kind, key); ``make(folder)`` fills it if it is not there yet.

    Safe when several processes ask at once: one makes it under a lock, in a folder that gets its
    name only when it is complete. What ``make`` raises is passed on and nothing is kept.
    """
    folder = cache_folder() / f"{kind}-{key}"
    if folder.exists():
        os.utime(folder)
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            scratch = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
            try:
                make(scratch)
                scratch.rename(folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return folder


def forget() -> None:
    """Delete results, and what was never finished, that have not been asked for in two weeks."""
    if not cache_folder().is_dir():
        return
    for path in cache_folder().iterdir():
        try:
            if time.time() - path.stat().st_mtime > _KEPT:
                remove = shutil.rmtree if path.is_dir() else os.unlink
                remove(path)
        except FileNotFoundError:
            pass  # another process was quicker
