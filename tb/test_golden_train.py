"""Models and their training: repeatable, stopped on nonsense, every argument checked."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from golden.augment import flipped, shifted
from golden.convspec import CONVNETS
from golden.data import Dataset, load
from golden.fit import TrainingError
from golden.float_net import FloatNet
from golden.lower import lower
from golden.models import MODELS, BinaryMLP, ModelSpec
from golden.prediction import accuracy, find_device, predict
from golden.recipes import RECIPES, Recipe
from golden.train import train
from golden.training_state import Progress
from tb.harness import settings

DIGITS = load("digits")
SPEC = ModelSpec("m", (64, 20, 10), "digits")
QUICK = Recipe(epochs=2, batch=50, learning_rate=0.01)


def weights(model: torch.nn.Module) -> list[Any]:
    return [tensor.tolist() for tensor in model.state_dict().values()]


def test_named_models_have_the_known_widths() -> None:
    assert {name: spec.widths[:-1] for name, spec in MODELS.items()} == {
        "tfc": (784, 64, 64, 64), "sfc": (784, 256, 256, 256), "lfc": (784, 1024, 1024, 1024),
        "digits": (64, 64, 64, 64), "lenet300": (784, 300, 100),
        "jets": (16, 64, 32, 32), "mlp128": (784, 128, 128, 128)}
    assert RECIPES.keys() == MODELS.keys() | CONVNETS.keys()
    for name, spec in MODELS.items():
        assert (spec.name, spec.widths[-1]) == (name, 5 if name == "jets" else 10)


@pytest.mark.parametrize("kind", ["binary", "float"])
@pytest.mark.parametrize("change", [{}, {"input": "binarised"}, {"dropout": 0.3}, {
    "stochastic_weights": True, "stochastic_activations": True}], ids=str)
def test_equal_seeds_give_equal_weights(kind: str, change: dict[str, Any]) -> None:
    spec, recipe = dataclasses.replace(SPEC, **change), dataclasses.replace(QUICK, shift=1)
    models = [train(spec, DIGITS, recipe, seed=seed, kind=kind) for seed in (1, 1, 2)]
    assert weights(models[0]) == weights(models[1]) != weights(models[2])
    assert not any(model.training for model in models)
    assert all(isinstance(model, BinaryMLP if kind == "binary" else FloatNet) for model in models)


def test_training_learns() -> None:
    recipe = Recipe(epochs=20, batch=50, learning_rate=0.01, temperature=0.5)
    for kind, least in (("binary", 0.85), ("float", 0.95)):
        model = train("digits", DIGITS, recipe, kind=kind)
        assert accuracy(model, DIGITS.test_x, DIGITS.test_y) >= least, kind


@pytest.mark.parametrize("drawn", [{"stochastic_weights": True},
                                   {"stochastic_activations": True}], ids=str)
def test_statistics_know_what_eval_mode_computes(drawn: dict[str, Any]) -> None:
    """Not what was drawn in training: means of 128 integers, without rounding."""
    few = dataclasses.replace(DIGITS, train_x=DIGITS.train_x[:128], train_y=DIGITS.train_y[:128])
    spec = ModelSpec("m", (64, 20, 20, 10), "digits", **drawn)
    model = train(spec, few, Recipe(epochs=2, batch=128))
    assert isinstance(model, BinaryMLP)
    with torch.no_grad():
        sums = model.dense[0](torch.from_numpy(few.train_x).float())
        assert torch.equal(model.norm[0].mean, sums.mean(0))
        sums = model.dense[1](model.activation(model.norm[0](sums)))
    assert torch.equal(model.norm[1].mean, sums.mean(0))


def test_progress_tells_each_epoch() -> None:
    seen: list[Progress] = []
    model = train(SPEC, DIGITS, dataclasses.replace(QUICK, epochs=3), progress=seen.append)
    assert [(p.epoch, p.epochs) for p in seen] == [(1, 3), (2, 3), (3, 3)]
    assert seen[-1].test_accuracy == accuracy(model, DIGITS.test_x, DIGITS.test_y)
    assert seen[0].loss > seen[2].loss > 0 and seen[0].train_accuracy < seen[2].train_accuracy < 1
    assert 0 < seen[0].seconds < seen[1].seconds < seen[2].seconds


def test_training_leaves_torch_as_it_was() -> None:
    torch.manual_seed(settings.seed)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(settings.seed)
    counts = []
    train(SPEC, DIGITS, QUICK, threads=threads + 1,
          progress=lambda _: counts.append(torch.get_num_threads()))
    assert torch.equal(torch.rand(3), expected)
    assert (counts, torch.get_num_threads()) == ([threads + 1] * 2, threads)
    with pytest.raises(KeyboardInterrupt):
        train(SPEC, DIGITS, QUICK, threads=threads + 1, progress=interrupt)
    assert torch.get_num_threads() == threads


def interrupt(_: Progress) -> None:
    raise KeyboardInterrupt


def test_accuracy_takes_the_first_of_equals() -> None:
    class Constant(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[1.0, 3.0, 3.0]]).expand(len(x), -1)

    model, x = Constant(), np.zeros((4, 2), np.uint8)
    assert accuracy(model, x, np.array([1, 2, 1, 0])) == 0.5
    assert model.training


@pytest.mark.parametrize("shift", [1, 2])
def test_shift_moves_the_image_and_fills_with_zeros(shift: int) -> None:
    torch.manual_seed(settings.seed)
    image = torch.arange(1, 21, dtype=torch.uint8).reshape(4, 5)
    moved = shifted(image.reshape(1, -1).expand(2000, -1), (4, 5), shift)
    expected = set()
    for down in range(-shift, shift + 1):
        for right in range(-shift, shift + 1):
            target = np.zeros((4, 5), np.uint8)
            for row in range(4):
                for column in range(5):
                    if 0 <= row + down < 4 and 0 <= column + right < 5:
                        target[row + down, column + right] = image[row, column]
            expected.add(tuple(target.reshape(-1).tolist()))
    assert {tuple(row) for row in moved.tolist()} == expected


def test_augmentation_moves_all_channels_of_a_pixel() -> None:
    torch.manual_seed(settings.seed)
    grey = torch.arange(1, 21, dtype=torch.uint8).reshape(1, 20)
    colours = torch.stack([grey, 100 + grey, 200 - grey], dim=2).reshape(1, 60).expand(200, -1)
    moved = shifted(colours, (4, 5), 1, 3).reshape(200, 20, 3)
    inside = moved[..., 0] > 0
    assert not moved[~inside].any() and 0 < (~inside).sum() < 200 * 20
    assert (moved[..., 1] - moved[..., 0] == 100)[inside].all()
    assert (moved[..., 2] + moved[..., 0] == 200)[inside].all()
    mirrored = flipped(colours, (4, 5), 3)
    image = colours[0].reshape(4, 5, 3)
    assert {tuple(row) for row in mirrored.tolist()} == {
        tuple(image.reshape(-1).tolist()), tuple(image.flip(1).reshape(-1).tolist())}
    assert 60 < (mirrored == colours).all(dim=1).sum() < 140


def test_prediction_on_indices_of_words() -> None:
    model = torch.nn.Embedding(2**16, 1)
    x = np.array([[0, 2**16 - 1], [1, 2**15]], np.uint16)
    expected = model.weight.detach().numpy()[x.astype(int)]
    assert (predict(model, x) == expected).all()


def test_device_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [find_device(name).type for name in ("auto", "cpu", "cuda")] == ["cuda", "cpu", "cuda"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [find_device(name).type for name in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(ValueError, match='^device must be "cpu" on a machine without a CUDA '
                                         'device, not "cuda"$'):
        find_device("cuda")


def test_numerical_failure_is_reported() -> None:
    with pytest.raises(TrainingError, match=r"^model m: the loss became nan in epoch \d; lower the "
                                            r"learning rate of 1e\+38$"):
        train(SPEC, DIGITS, dataclasses.replace(QUICK, learning_rate=1e38), kind="float")


def other(**change: Any) -> Dataset:
    return dataclasses.replace(DIGITS, **change)


@pytest.mark.parametrize("call, error, message", [
    (lambda: ModelSpec("M", (2, 2), "d"), ValueError,
     'model name must be a lower-case identifier such as "dense_0", not "M"'),
    (lambda: ModelSpec("m", (2,), "d"), ValueError,
     "model m: widths must be at least two numbers from 1, not (2,)"),
    (lambda: ModelSpec("m", (2, 0, 2), "d"), ValueError,
     "model m: widths must be at least two numbers from 1, not (2, 0, 2)"),
    (lambda: ModelSpec("m", (2, 2.5), "d"), TypeError,  # type: ignore[arg-type]
     "model m: widths must be integers, not 2.5"),
    (lambda: ModelSpec("m", (2, 2), "d", "ternary"), ValueError,
     'model m: input must be "pixels" or "binarised", not "ternary"'),
    (lambda: ModelSpec("m", (2, 2), "d", dropout=1.0), ValueError,
     "model m: dropout must be from 0 to below 1, not 1.0"),
    (lambda: ModelSpec("m", (2**17, 2), "d"), ValueError,
     "model m: sums of 131072 inputs do not fit float32's 24 exact bits; use fewer inputs"),
    (lambda: Recipe(0), ValueError, "epochs must be at least 1, not 0"),
    (lambda: Recipe(1, batch=1), ValueError, "batch must be at least 2, not 1"),
    (lambda: Recipe(1, shift=-1), ValueError, "shift must be at least 0, not -1"),
    (lambda: Recipe(1.5), TypeError,  # type: ignore[arg-type]
     "epochs must be an integer, not 1.5"),
    (lambda: Recipe(1, learning_rate=0.0), ValueError,
     "learning_rate must be greater than 0 and finite, not 0.0"),
    (lambda: Recipe(1, temperature=float("nan")), ValueError,
     "temperature must be greater than 0 and finite, not nan"),
    (lambda: Recipe(1, temperature="1"), TypeError,  # type: ignore[arg-type]
     "temperature must be a number, not '1'"),
    (lambda: train("xfc", DIGITS), ValueError,
     ('model must be one of tfc, sfc, lfc, digits, lenet300, jets, mlp128, tiny_cnn, '
      'lenet5, cifar_cnn, cnv, cnv_w1a2, cnv_ternary, resnet8, text, text_cnn, voxels, not "xfc"')),
    (lambda: train(SPEC, DIGITS, QUICK, device="tpu"), ValueError,
     'device must be one of auto, cpu, cuda, not "tpu"'),
    (lambda: train(SPEC, other(shape=(64,)), dataclasses.replace(QUICK, shift=1)), ValueError,
     "shift and flip must be 0 and False for the data set digits, which holds no images"),
    (lambda: Recipe(1, flip=1), TypeError,  # type: ignore[arg-type]
     "flip must be True or False, not 1"),
    (lambda: train(SPEC, DIGITS), ValueError, "model m has no recipe of its own; give one"),
    (lambda: train(SPEC, DIGITS, QUICK, kind="ternary"), ValueError,
     'kind must be "binary" or "float", not "ternary"'),
    (lambda: train(SPEC, DIGITS, QUICK, seed=-1), ValueError, "seed must be at least 0, not -1"),
    (lambda: train(SPEC, DIGITS, QUICK, seed=1.0), TypeError,  # type: ignore[arg-type]
     "seed must be an integer, not 1.0"),
    (lambda: train(SPEC, DIGITS, QUICK, threads=0), ValueError,
     "threads must be at least 1, not 0"),
    (lambda: train("tfc", DIGITS), ValueError,
     "model tfc takes 784 pixels, but images of the data set digits have 64"),
    (lambda: train(SPEC, other(classes=("x",) * 11), QUICK), ValueError,
     "model m knows 10 classes, but the data set digits has 11"),
    (lambda: train(SPEC, other(train_x=DIGITS.train_x[:49]), QUICK), ValueError,
     "batch must be at most the 49 training images, not 50"),
])
def test_rejects(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_trained_models_lower() -> None:
    """Training leaves nothing that lowering refuses, whatever the seed."""
    for seed in range(3):
        model = train(SPEC, DIGITS, QUICK, seed=seed)
        assert isinstance(model, BinaryMLP)
        assert lower(model).n_out == 1
