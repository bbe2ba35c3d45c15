"""Checkpoints: a trained model's eval mode in one small file, without pickle.

±1 weights are packed to bits and batch norm parameters kept as float32, so the model comes back
computing exactly what it computed; the latent weights, needed for training only, are left out. Of a
float network all parameters are kept.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golden.archive import pack_signs, read_archive, unpack_signs, write_archive
from golden.convnet import ConvNet
from golden.convspec import ConvSpec, Stage
from golden.float_net import FloatNet
from golden.models import BinaryMLP, ModelSpec
from golden.recipe_file import ZOO
from golden.trainable import BatchNorm, BinaryLinear

__all__ = ["load_checkpoint", "save_checkpoint", "zoo_path"]

FORMAT, VERSION, OLDEST = "lutloom-checkpoint", 3, 1  # 2: convolutions; 3: float networks
_NORM = ("scale", "shift", "mean", "variance")


def zoo_path(name: str) -> Path:
    """Where the checkpoint of the named model lies that comes with the project.

    Raises ValueError that lists those there are if there is none of this name.
    """
    path = ZOO / f"{name}.npz"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in ZOO.glob("*.npz")))
        raise ValueError(f'trained model must be one of {there}, not "{name}"; or train your own')
    return path


def _fill(tensor: Tensor, array: NDArray[Any]) -> None:
    if array.shape != tuple(tensor.shape):  # copy_ would broadcast
        raise ValueError(f"an array has shape {array.shape} instead of {tuple(tensor.shape)}")
    with torch.no_grad():
        tensor.copy_(torch.tensor(array.astype(np.float32)))


def _parts(model: BinaryMLP | ConvNet) -> dict[str, BinaryLinear | BatchNorm]:
    """The modules of a model that a checkpoint keeps, by name."""
    if isinstance(model, BinaryMLP):
        return {**{f"dense_{k}": dense for k, dense in enumerate(model.dense)},
                **{f"norm_{k}": norm for k, norm in enumerate(model.norm)}}
    return {name: part for name, part in model.named_modules()
            if isinstance(part, BinaryLinear | BatchNorm)}


def _packed(part: BinaryLinear, binary: bool) -> NDArray[Any]:
    weights = part.integers().detach().numpy()
    return pack_signs(weights) if binary else weights.astype(np.int8)


def save_checkpoint(path: str | os.PathLike[str], model: BinaryMLP | ConvNet | FloatNet,
                    metadata: Mapping[str, str | int | float] | None = None) -> None:
    """Write ``model``'s eval mode and facts about it (command, seed, accuracy, ...) to ``path``.

    Raises TypeError for another kind of model or metadata that is not strings and numbers.
    """
    if not isinstance(model, BinaryMLP | ConvNet | FloatNet):
        raise TypeError("model must be a BinaryMLP, ConvNet or FloatNet, not "
                        f"{type(model).__name__}")
    metadata = dict(metadata or {})
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str | int | float):
            raise TypeError("metadata must map strings to strings or plain numbers, "
                            f"not {key!r} to {value!r}")
    kind = "spec" if isinstance(model.spec, ModelSpec) else "convnet"
    content: dict[str, Any] = {kind: asdict(model.spec), "metadata": metadata}
    if isinstance(model, FloatNet):
        state = {name: value.numpy() for name, value in model.state_dict().items()}
        write_archive(path, FORMAT, VERSION, content | {"float": {"norm": model.norm}}, state)
        return
    arrays: dict[str, NDArray[Any]] = {}
    for name, part in _parts(model).items():
        if isinstance(part, BinaryLinear):
            arrays[name] = _packed(part, model.spec.weights == "binary")
        else:
            arrays |= {f"{name}.{field}": getattr(part, field).detach().numpy() for field in _NORM}
    write_archive(path, FORMAT, VERSION, content, arrays)


def _made(content: Mapping[str, Any]) -> BinaryMLP | ConvNet | FloatNet:
    """An untrained model of the shape that a checkpoint describes."""
    spec: ModelSpec | ConvSpec
    if "convnet" in content:
        described = content["convnet"]
        stages = tuple(Stage(**stage) for stage in described["stages"])
        spec = ConvSpec(**{**described, "stages": stages})
    else:
        spec = ModelSpec(**content["spec"])
    with torch.random.fork_rng(devices=[]):
        if "float" in content:
            return FloatNet(spec, **content["float"])
        return ConvNet(spec) if isinstance(spec, ConvSpec) else BinaryMLP(spec)


def load_checkpoint(path: str | os.PathLike[str]
                    ) -> tuple[BinaryMLP | ConvNet | FloatNet, dict[str, Any]]:
    """The model saved in ``path``, in eval mode, and its metadata.

    Raises FileNotFoundError, or ValueError with the reason for a file that is damaged, newer
    than this program, of another kind, or that describes no valid model.
    """
    content, arrays = read_archive(path, FORMAT, VERSION, OLDEST)
    try:
        model = _made(content)
        if isinstance(model, FloatNet):
            for name, value in model.state_dict().items():
                _fill(value, arrays[name])
            return model.eval(), dict(content["metadata"])
        for name, part in _parts(model).items():
            if isinstance(part, BinaryLinear):
                weights = arrays[name]
                _fill(part.weight, unpack_signs(weights, tuple(part.weight.shape))
                      if model.spec.weights == "binary" else weights)
            else:
                for field in _NORM:
                    _fill(getattr(part, field), arrays[f"{name}.{field}"])
        return model.eval(), dict(content["metadata"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: describes no valid model: {error}") from error
