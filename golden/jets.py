"""Jets of particle collisions as 16 numbers of eight bits: the data set hls4ml_lhc_jets_hlf.

Sources: J. Duarte et al., "Fast inference of deep neural networks in FPGAs for particle physics",
JINST 13, 2018, arXiv:1804.06913; OpenML data set 42468.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLASSES", "FEATURES", "NAME", "read_jets"]

NAME = "hls4ml_lhc_jets_hlf"
FEATURES = 16
CLASSES = "g", "q", "t", "w", "z"
_TEST_SHARE = 0.2
_REACH = 4  # standard deviations on each side of the mean that eight bits cover


def _from_file(path: Path) -> tuple[NDArray[np.float64], NDArray[Any]]:
    from scipy.io import arff  # imported late, as scikit-learn below: it costs a second

    try:
        table, facts = arff.loadarff(path)
    except (arff.ArffError, ValueError, StopIteration, NotImplementedError) as error:
        raise ValueError(f"{path}: no ARFF file ({error}); fetch it again") from error
    names = facts.names()
    if len(names) != FEATURES + 1 or names[-1] != "class":
        raise ValueError(f"{path}: must have {FEATURES} numbers and a class in each row, not "
                         f"{', '.join(names)}; this is another data set")
    features = np.array([table[name] for name in names[:-1]], np.float64).T
    return features, np.char.decode(table["class"])


def _from_openml(folder: Path) -> tuple[NDArray[np.float64], NDArray[Any]]:
    from sklearn.datasets import fetch_openml

    try:
        found = fetch_openml(NAME, version=1, data_home=folder, as_frame=False, parser="liac-arff")
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f"{folder}: holds no {NAME}.arff, its subfolder jets neither, and OpenML cannot be "
            f"read ({error}); copy the file there or name another folder with --data or "
            "LUTLOOM_DATA") from error
    return found.data.astype(np.float64), found.target.astype(str)


def read_jets(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64],
                                     NDArray[np.uint8], NDArray[np.int64]]:
    """Features (jets, 16) of eight bits and classes, for training and for the test.

    From ``hls4ml_lhc_jets_hlf.arff`` in the folder or its subfolder jets, else by scikit-learn's
    OpenML reader, which keeps what it fetches in the folder. A fifth of each class is the test,
    drawn with a seed. Each feature's mean over the training jets becomes 128 and four standard
    deviations on either side fill the range; what is beyond has its end.

    Raises FileNotFoundError, or ValueError for a wrong file; each names it and the way out.
    """
    from sklearn.model_selection import train_test_split

    paths = [parent / f"{NAME}.arff" for parent in (folder, folder / "jets")]
    path = next((path for path in paths if path.is_file()), None)
    features, labels = _from_openml(folder) if path is None else _from_file(path)
    where = path or folder
    if not np.isfinite(features).all():
        raise ValueError(f"{where}: all features must be finite numbers; fetch the file again")
    unknown = sorted(set(labels.tolist()) - set(CLASSES))
    if unknown:
        raise ValueError(f"{where}: classes must be among {', '.join(CLASSES)}, not {unknown[0]}; "
                         "this is another data set")
    y = np.searchsorted(CLASSES, labels).astype(np.int64)
    train, test = train_test_split(np.arange(len(y)), test_size=_TEST_SHARE, random_state=0,
                                   stratify=y)
    mean, deviation = features[train].mean(0), features[train].std(0)
    scaled = (features - mean) / np.where(deviation > 0, deviation, 1)
    codes = np.rint(128 + scaled * 128 / _REACH).clip(0, 255).astype(np.uint8)
    return codes[train], y[train], codes[test], y[test]
