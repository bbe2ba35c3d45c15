"""Files of a project, each written whole."""

from collections.abc import Mapping
from pathlib import Path

from golden.archive import replacing

__all__ = ["write_files"]


def write_files(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write texts by the names of their files, in this order; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with replacing(folder / name) as unfinished:
            unfinished.write_text(text)
    return [folder / name for name in texts]
