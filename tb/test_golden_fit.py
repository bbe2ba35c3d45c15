"""The training loop: what is interrupted comes to the same end, and stops where it should."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import golden.training_state
from golden.data import load
from golden.fit import fit
from golden.float_net import FloatNet
from golden.models import ModelSpec
from golden.prediction import accuracy
from golden.recipes import Recipe
from golden.train import train
from golden.training_state import Progress

DIGITS = load("digits")
SPEC = ModelSpec("m", (64, 20, 10), "digits", dropout=0.1)
RECIPE = Recipe(epochs=4, batch=50, learning_rate=0.01, shift=1)


def weights(model: torch.nn.Module) -> list[Any]:
    return [tensor.tolist() for tensor in model.state_dict().values()]


def interrupt_after(epoch: int) -> Any:
    def progress(now: Progress) -> None:
        if now.epoch == epoch + 1:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("kind", ["binary", "float"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_interrupted_training_comes_to_the_same_end(kind: str, epoch: int, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden.training_state, "_PAUSE", 0.0)
    expected = train(SPEC, DIGITS, RECIPE, kind=kind)
    state = tmp_path / "new" / "state"
    with pytest.raises(KeyboardInterrupt):
        train(SPEC, DIGITS, RECIPE, kind=kind, state=state, progress=interrupt_after(epoch))
    assert [path.name for path in state.parent.iterdir()] == ["state"]
    # Another training starts anew, whatever lies there.
    other = dataclasses.replace(RECIPE, learning_rate=0.02)
    before = state.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        train(SPEC, DIGITS, other, kind=kind, state=state, progress=interrupt_after(0))
    state.write_bytes(before)
    seen: list[Progress] = []
    resumed = train(SPEC, DIGITS, RECIPE, kind=kind, state=state, progress=seen.append)
    assert weights(resumed) == weights(expected)
    assert [p.epoch for p in seen] == [1, 2, 3, 4]
    assert all(a.seconds < b.seconds for a, b in zip(seen, seen[1:], strict=False))
    # Finished, it is not trained again.
    monkeypatch.setattr("golden.fit._epoch", None)
    assert weights(train(SPEC, DIGITS, RECIPE, kind=kind, state=state)) == weights(expected)


def test_damaged_state_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    train(SPEC, DIGITS, RECIPE, state=state)
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"^{re.escape(str(state))}: damaged, or no state of a "
                                         r"training \(.*\); remove it to start anew$"):
        train(SPEC, DIGITS, RECIPE, state=state)


def test_patience_takes_the_best_epoch() -> None:
    held: list[float] = []
    recipe = Recipe(epochs=60, batch=50, learning_rate=0.05, validation=200, patience=3)
    seen: list[list[Any]] = []

    def progress(now: Progress) -> None:
        assert now.validation_accuracy is not None
        held.append(now.validation_accuracy)
        seen.append(weights(model))

    torch.manual_seed(0)
    model = FloatNet(SPEC)
    history = fit(model, DIGITS, recipe, name="m", seed=3, progress=progress)
    best = held.index(max(held))
    assert len(history) == best + 1 + recipe.patience < recipe.epochs
    assert weights(model) == seen[best] != seen[-1]


def test_images_held_out_are_not_trained_on() -> None:
    """Their labels are wrong: who sees them cannot learn the others and answer them so."""
    shown: list[Tensor] = []

    def loss(scores: Tensor, labels: Tensor, images: Tensor) -> Tensor:
        shown.append(images)
        return torch.nn.functional.cross_entropy(scores, labels)

    recipe = Recipe(epochs=2, batch=37, validation=1000)
    torch.manual_seed(0)
    model = FloatNet(SPEC)
    history = fit(model, DIGITS, recipe, name="m", loss=loss)
    seen = {tuple(row) for row in torch.cat(shown).tolist()}
    hidden = [k for k, row in enumerate(DIGITS.train_x.tolist()) if tuple(row) not in seen]
    assert len(DIGITS.train_x) - len(hidden) == (len(DIGITS.train_x) - 1000) // 37 * 37 or (
        1000 <= len(hidden) < 1037)
    assert history[-1].validation_accuracy is not None
    assert accuracy(model, DIGITS.train_x[hidden], DIGITS.train_y[hidden]) > 0.2


def test_weight_decay_shrinks_weights() -> None:
    norms = []
    for decay in (0.0, 0.1):
        torch.manual_seed(0)
        model = FloatNet(SPEC, norm=False)
        fit(model, DIGITS, dataclasses.replace(RECIPE, weight_decay=decay), name="m")
        norms.append(float(sum(p.detach().square().sum() for p in model.parameters())))
    assert norms[1] < 0.5 * norms[0]


@pytest.mark.parametrize("recipe, message", [
    (Recipe(1, batch=400, validation=1100),
     "batch must be at most the 337 training images that are left of 1437, not 400"),
    (Recipe(1, batch=2000), "batch must be at most the 1437 training images, not 2000"),
])
def test_rejects(recipe: Recipe, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fit(FloatNet(SPEC), DIGITS, recipe, name="m")


@pytest.mark.parametrize("change, error, message", [
    ({"patience": 2}, ValueError,
     "patience must be 0 without images held out, not 2; give a number for validation"),
    ({"patience": -1}, ValueError, "patience must be at least 0, not -1"),
    ({"validation": -1}, ValueError, "validation must be at least 0, not -1"),
    ({"weight_decay": -0.1}, ValueError,
     "weight_decay must be greater than 0 and finite, not -0.1"),
])
def test_recipe_rejects(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Recipe(1, **change)
