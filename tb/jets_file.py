"""Made jets, and the file in which real ones come."""

from pathlib import Path
from typing import Any

import numpy as np

from golden.jets import CLASSES, FEATURES
from tb.harness import settings

__all__ = ["NAMES", "made_jets", "write_jets"]

NAMES = [f"feature_{k}" for k in range(FEATURES)]


def made_jets(n: int = 500) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Features whose means and widths tell the classes apart, of very different scales."""
    rng = np.random.default_rng(settings.seed)
    classes = rng.integers(0, 5, n)
    features = rng.normal(classes[:, None] * np.linspace(0, 2, FEATURES), 1, (n, FEATURES))
    return features * np.geomspace(1e-3, 1e3, FEATURES) - 7, [CLASSES[k] for k in classes]


def write_jets(path: Path, features: np.ndarray[Any, Any], classes: list[str],
               names: list[str] = NAMES, labels: str = "{g,q,w,z,t}") -> None:
    """An ARFF file of features (jets, numbers) and the class of each jet."""
    rows = [",".join([*(repr(float(value)) for value in row), label])
            for row, label in zip(features, classes, strict=True)]
    path.write_text("\n".join(["@RELATION jets", *(f"@ATTRIBUTE {name} REAL" for name in names),
                               f"@ATTRIBUTE class {labels}", "@DATA", *rows]) + "\n")
