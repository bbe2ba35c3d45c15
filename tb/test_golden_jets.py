"""The jets: from a local file, from OpenML's reader, and what is refused."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

from golden.data import load
from golden.jets import CLASSES
from golden.prediction import accuracy
from golden.recipes import Recipe
from golden.train import train
from tb.jets_file import NAMES, made_jets, write_jets


@pytest.mark.parametrize("folder", [".", "jets"])
def test_local_file(folder: str, tmp_path: Path) -> None:
    features, classes = made_jets()
    (tmp_path / folder).mkdir(exist_ok=True)
    write_jets(tmp_path / folder / "hls4ml_lhc_jets_hlf.arff", features, classes)
    jets = load("jets", tmp_path)
    assert (jets.shape, jets.classes, jets.n_in) == ((16,), ("g", "q", "t", "w", "z"), 16)
    assert (len(jets.train_x), len(jets.test_x)) == (400, 100)
    for k, name in enumerate(CLASSES):
        assert abs((jets.test_y == k).sum() - classes.count(name) / 5) < 1
    # The same by PyTorch, from the documented division.
    y = np.array([CLASSES.index(name) for name in classes])
    train_rows, test_rows = train_test_split(np.arange(500), test_size=0.2, random_state=0,
                                             stratify=y)
    assert (jets.train_y == y[train_rows]).all() and (jets.test_y == y[test_rows]).all()
    values = torch.tensor(features)
    deviation, mean = torch.std_mean(values[train_rows], 0, correction=0)
    codes = ((values - mean) / deviation * 32 + 128).round().clamp(0, 255).to(torch.uint8).numpy()
    assert (jets.train_x == codes[train_rows]).all() and (jets.test_x == codes[test_rows]).all()


def test_it_can_be_learnt(tmp_path: Path) -> None:
    write_jets(tmp_path / "hls4ml_lhc_jets_hlf.arff", *made_jets())
    jets = load("jets", tmp_path)
    model = train("jets", jets, Recipe(20, batch=50, learning_rate=0.01, temperature=0.5))
    assert accuracy(model, jets.test_x, jets.test_y) > 0.6


def test_openml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features, classes = made_jets()
    asked: list[Any] = []

    def fetch(name: str, **options: Any) -> Any:
        asked.append((name, options["data_home"]))
        return SimpleNamespace(data=features.astype(object), target=np.array(classes, object))

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    fetched = load("jets", tmp_path)
    assert asked == [("hls4ml_lhc_jets_hlf", tmp_path)]
    write_jets(tmp_path / "hls4ml_lhc_jets_hlf.arff", features, classes)
    local = load("jets", tmp_path)
    for name in ("train_x", "train_y", "test_x", "test_y"):
        assert (getattr(local, name) == getattr(fetched, name)).all()


def test_wrong_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hls4ml_lhc_jets_hlf.arff"
    features, classes = made_jets(20)

    def reason() -> str:
        with pytest.raises(ValueError) as caught:
            load("jets", tmp_path)
        return str(caught.value).removeprefix(f"{path}: ")

    path.write_text("nonsense\n")
    assert re.fullmatch(r"no ARFF file \(.*\); fetch it again", reason())
    write_jets(path, features[:, :3], classes, NAMES[:3])
    assert reason() == ("must have 16 numbers and a class in each row, not feature_0, feature_1, "
                        "feature_2, class; this is another data set")
    write_jets(path, features, ["x", *classes[1:]], labels="{g,q,w,z,t,x}")
    assert reason() == "classes must be among g, q, t, w, z, not x; this is another data set"
    features[3, 4] = np.nan
    write_jets(path, features, classes)
    assert reason() == "all features must be finite numbers; fetch the file again"
    path.unlink()

    def fail(name: str, **options: Any) -> Any:
        raise OSError("no net")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fail)
    with pytest.raises(FileNotFoundError, match=(
            f"^{re.escape(str(tmp_path))}: holds no hls4ml_lhc_jets_hlf.arff, its subfolder jets "
            r"neither, and OpenML cannot be read \(no net\); copy the file there or name another "
            "folder with --data or LUTLOOM_DATA$")):
        load("jets", tmp_path)
