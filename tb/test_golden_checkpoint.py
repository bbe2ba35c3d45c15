"""Checkpoints and the models that come with the project: they return exactly, and are exact."""

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from golden.archive import write_archive
from golden.checkpoint import load_checkpoint, save_checkpoint, zoo_path
from golden.data import encode_pixels, load
from golden.lower import lower
from golden.models import MODELS, BinaryMLP, FloatMLP, ModelSpec
from golden.reference import run
from golden.train import Recipe, predict, train

DIGITS = load("digits")
SPEC = ModelSpec("m", (64, 13, 7, 10), "digits", "binarised", 0.1, True, True)
GOALS = {"tfc": 0.94, "sfc": 0.978, "lfc": 0.986, "digits": 0.95}


@pytest.fixture(scope="module")
def model() -> BinaryMLP:
    trained = train(SPEC, DIGITS, Recipe(epochs=2, learning_rate=0.01))
    assert isinstance(trained, BinaryMLP)
    return trained


def test_checkpoint_returns_exactly(model: BinaryMLP, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    save_checkpoint(path, model, {"seed": 1, "command": "c", "accuracy": 0.5})
    before = torch.get_rng_state()
    loaded, metadata = load_checkpoint(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert metadata == {"seed": 1, "command": "c", "accuracy": 0.5}
    assert loaded.spec == SPEC and not loaded.training
    assert (predict(loaded, DIGITS.test_x) == predict(model, DIGITS.test_x)).all()
    for ours, theirs in zip(model.norm, loaded.norm, strict=True):
        for name, tensor in ours.state_dict().items():
            assert torch.equal(theirs.state_dict()[name], tensor)
    assert lower(loaded).digest == lower(model).digest


def test_wrong_checkpoints_are_refused(model: BinaryMLP, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"

    def reason() -> str:
        with pytest.raises(ValueError) as caught:
            load_checkpoint(path)
        return str(caught.value).removeprefix(f"{path}: ")

    lower(model).save(path)
    assert reason() == "this is a lutloom-network file, not a lutloom-checkpoint file"
    spec = dataclasses.asdict(SPEC)
    write_archive(path, "lutloom-checkpoint", 1, {"spec": spec, "metadata": {}}, {})
    assert reason() == "describes no valid model: 'dense_0'"
    write_archive(path, "lutloom-checkpoint", 1, {"spec": spec | {"input": "x"}}, {})
    assert reason() == ('describes no valid model: model m: input must be "pixels" or "binarised", '
                        'not "x"')
    save_checkpoint(path, model)
    with np.load(path) as members:
        arrays = {name: members[name] for name in members.files if name != "header"}
    arrays["norm_1.mean"] = arrays["norm_1.mean"][:1]
    write_archive(path, "lutloom-checkpoint", 1, {"spec": spec, "metadata": {}}, arrays)
    assert reason() == "describes no valid model: an array has shape (1,) instead of (7,)"
    save_checkpoint(path, model)
    path.write_bytes(path.read_bytes()[:-30])
    assert reason().startswith("damaged, or no lutloom-checkpoint file (")


def test_rejects(model: BinaryMLP, tmp_path: Path) -> None:
    save: Any = save_checkpoint
    with pytest.raises(TypeError, match="^model must be a BinaryMLP, not FloatMLP$"):
        save(tmp_path / "m.npz", FloatMLP(SPEC))
    with pytest.raises(TypeError, match="^metadata must map strings to strings or plain numbers, "
                                        r"not 'widths' to \(1, 2\)$"):
        save(tmp_path / "m.npz", model, {"widths": (1, 2)})
    message = ('trained model must be one of digits, lfc, sfc, tfc, not "xfc"; '
               "or train your own")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        zoo_path("xfc")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", MODELS)
def test_zoo_model_is_exact(name: str, rng: np.random.Generator) -> None:
    """Equal scores on its test images where they are at hand, and on random ones everywhere."""
    model, metadata = load_checkpoint(zoo_path(name))
    assert model.spec == MODELS[name]
    folder = " --data FOLDER" if model.spec.data != "digits" else ""
    assert metadata["command"] == f"lutloom train {name}{folder} --seed {metadata['seed']}"
    assert metadata["test_accuracy"] >= GOALS[name]
    assert zoo_path(name).stat().st_size < 500_000
    network = lower(model)
    pixels = rng.integers(0, 256, (100, network.n_in), dtype=np.uint8)
    images = [pixels, pixels & -(pixels > 200).astype(np.uint8)]  # dense and sparse ink
    labelled = name == "digits" or "LUTLOOM_DATA" in os.environ
    if labelled:
        dataset = load(model.spec.data)
        images.append(dataset.test_x)
    *_, scores, best = run(network, encode_pixels(np.concatenate(images), network.input))
    assert (scores == predict(model, np.concatenate(images))).all()
    if labelled:
        answers = best[200:, 0]
        assert (answers == dataset.test_y).mean() == metadata["test_accuracy"]
