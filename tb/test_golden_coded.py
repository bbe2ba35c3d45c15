"""Compressed files: every bit of models comes back, sizes on disk, damage is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.archive import read_archive, write_archive
from golden.coded import CodedModel
from golden.masking import Pruning, prune_weights
from golden.quantisers import FixedWeights, LearntStep, TernaryWeights, quantise_weights
from golden.sharing import share
from golden.weighted_modules import weighted_modules
from tb.digits_training import digits, make_model, train

STEPS: dict[str, Callable[[nn.Module], object]] = {
    "raw": lambda model: None,
    "pruned": lambda model: prune_weights(model, Pruning("percentile", 80)),
    "shared": lambda model: share(model, 16),
    "fixed": lambda model: quantise_weights(model, lambda: FixedWeights(12, per_channel=True)),
    "learnt": lambda model: quantise_weights(model, lambda: LearntStep(4)),
    "ternary": lambda model: quantise_weights(model, TernaryWeights)}


def make_mixed() -> nn.Sequential:
    """Convolutions of all kinds, with and without biases, batch norm and an embedding."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Embedding(9, 4), nn.Conv1d(8, 12, 3, groups=2), nn.BatchNorm1d(12), nn.Flatten(),
        nn.Linear(24, 20, bias=False), nn.Unflatten(1, (4, 5, 1)), nn.Conv2d(4, 20, 1),
        nn.Unflatten(2, (5, 1)), nn.Conv3d(20, 7, (2, 1, 1)), nn.Flatten(), nn.Linear(28, 3))


@pytest.mark.parametrize("first", ["raw", "pruned"])
@pytest.mark.parametrize("second", [name for name in STEPS if name != "pruned"])
def test_models_come_back(first: str, second: str, tmp_path: Path) -> None:
    model: Any = make_mixed()
    path = tmp_path / "coded.npz"
    x = torch.randint(9, (5, 8), generator=torch.Generator().manual_seed(1))
    model(x)  # batch norm has seen something
    STEPS[first](model)
    STEPS[second](model)
    model.eval()
    with torch.no_grad():
        golden = model(x)
    coded = CodedModel.of(model)
    coded.save(path)
    again, fresh = CodedModel.load(path), make_mixed().eval()
    again.apply(fresh)
    layers = weighted_modules(fresh)
    assert len(layers) == 5
    for name, layer in layers.items():
        assert torch.equal(layer.weight, model[int(name)].weight)
    assert torch.equal(fresh(x), golden)
    assert again.sizes == coded.sizes and again.total == coded.total
    assert again.other_bits == 32 * (9 * 4 + 4 * 12) + 64  # an embedding, a norm and its counter
    assert coded.total.plain == 32 * sum(value.numel() for layer in layers.values()
                                         for value in layer.parameters())
    counted = (again.total.total + again.other_bits) / 8
    assert path.stat().st_size < counted + 900 + 200 * len(again.layers)


def test_deep_compression_of_trained_digits(tmp_path: Path) -> None:
    """Prune, train, share, train, code: many times smaller, the same answers."""
    model = make_model()
    train(model, 60)
    prune_weights(model, Pruning("percentile", 85))
    train(model, 60)
    share(model, 16)
    losses = train(model, 30)
    path, fresh = tmp_path / "digits.npz", make_model()
    coded = CodedModel.of(model)
    coded.save(path)
    CodedModel.load(path).apply(fresh)
    x, y = digits()
    assert torch.equal(fresh(x), model(x)) and losses[-1] < 0.5
    assert coded.total.name == "total" and coded.total.rate > 9
    assert path.stat().st_size < coded.total.total / 8 + 1300
    assert coded.total.values + coded.total.indices < 1.05 * coded.total.entropy


def saved(folder: Path) -> Path:
    path = folder / "coded.npz"
    model = make_mixed()
    share(model, 8)
    CodedModel.of(model).save(path)
    return path


def test_damage_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    sound = path.read_bytes()
    for place in range(0, len(sound), len(sound) // 40):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 16]) + sound[place + 1:])
        try:
            coded = CodedModel.load(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")
            continue
        fresh = make_mixed()  # a byte of the container that says nothing
        coded.apply(fresh)
        assert CodedModel.of(fresh).sizes == coded.sizes
    path.write_bytes(sound[:-100])
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: damaged"):
        CodedModel.load(path)


@pytest.mark.parametrize("change, message", [
    (lambda content, data: (content, data[:-1]),
     "2.num_batches_tracked of 8 bytes begins in 7 bytes"),
    (lambda content, data: (content, data[:9]),
     "no stream of 144 symbols of 3 bits, 0 lengths and 432 bits begins in 9 bytes"),
    (lambda content, data: (content, np.append(data, data[:3])), "3 bytes are left over"),
    (lambda content, data: ({**content, "layers": 3}, data), "'int' object is not iterable"),
    (lambda content, data: ({"others": []}, data), "'layers'"),
])
def test_nonsense_is_refused(change: Callable[..., Any], message: str, tmp_path: Path) -> None:
    """Files with a right checksum that describe nothing."""
    path = saved(tmp_path)
    content, arrays = read_archive(path, "lutloom-coded", 1)
    content, data = change(content, arrays["data"])
    write_archive(path, "lutloom-coded", 1, content, {"data": data})
    with pytest.raises(ValueError) as caught:
        CodedModel.load(path)
    assert str(caught.value) == f"{path}: describes no valid model: {message}"


def with_masks(model: nn.Sequential) -> nn.Sequential:
    prune_weights(model, Pruning("percentile", 10))
    return model


SMALL = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, affine=False), nn.Linear(2, 2))


@pytest.mark.parametrize("model, message", [
    (nn.Sequential(nn.Linear(3, 2)),
     "layers of the model must be those of the coded one, ['0', '2'], not ['0']"),
    (nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)),
     ("other parameters and buffers of the model must be those of the coded one, "
      "['1.num_batches_tracked', '1.running_mean', '1.running_var'], not []")),
    (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, affine=False), nn.Linear(3, 2)),
     "layer 2: shape of the model must be those of the coded one, [2, 2], not [2, 3]"),
    (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, affine=False), nn.Linear(2, 2, False)),
     "layer 2: biases of the model must be those of the coded one, [2], not []"),
    (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(1, affine=False), nn.Linear(2, 2)),
     "1.running_mean: shape of the model must be those of the coded one, [2], not [1]"),
    (with_masks(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, affine=False),
                              nn.Linear(2, 2))),
     ("layer 0: the model must have no masks and quantisers, which stay in the weights; make a "
      "new one")),
])
def test_other_models_are_refused(model: nn.Sequential, message: str) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        CodedModel.of(SMALL).apply(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def broken(layer: nn.Linear) -> nn.Linear:
    nn.init.constant_(layer.bias, np.nan)
    return layer


@pytest.mark.parametrize("model, error, message", [
    (nn.Sequential(nn.Linear(2, 2)).double(), TypeError,
     "layer 0: weight must be float32, not float64"),
    (nn.Sequential(broken(nn.Linear(2, 2))), ValueError, "layer 0: bias must be finite"),
    (nn.ReLU(), ValueError, ("a model to compress must have dense layers or convolutions of "
                             "torch.nn, but ReLU has none")),
])
def test_other_weights_are_refused(model: nn.Module, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        CodedModel.of(model)
