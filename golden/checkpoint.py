"""Checkpoints: a trained binary model's eval mode in one small file, without pickle.

±1 weights are packed to bits and batch norm parameters kept as float32, so the model comes back
computing exactly what it computed; the latent weights, needed for training only, are left out.
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
from golden.models import BinaryMLP, ModelSpec
from golden.number import Bipolar

__all__ = ["load_checkpoint", "save_checkpoint", "zoo_path"]

FORMAT, VERSION = "lutloom-checkpoint", 1
ZOO = Path(__file__).parent / "zoo"
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


def save_checkpoint(path: str | os.PathLike[str], model: BinaryMLP,
                    metadata: Mapping[str, str | int | float] | None = None) -> None:
    """Write ``model``'s eval mode and facts about it (command, seed, accuracy, ...) to ``path``.

    Raises TypeError for another kind of model or metadata that is not strings and numbers.
    """
    if not isinstance(model, BinaryMLP):
        raise TypeError(f"model must be a BinaryMLP, not {type(model).__name__}")
    metadata = dict(metadata or {})
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str | int | float):
            raise TypeError("metadata must map strings to strings or plain numbers, "
                            f"not {key!r} to {value!r}")
    arrays: dict[str, NDArray[Any]] = {}
    for k, dense in enumerate(model.dense):
        weights = dense.integers().detach().numpy()
        arrays[f"dense_{k}"] = (pack_signs(weights) if model.weight_kind == Bipolar()
                                else weights.astype(np.int8))
    for k, norm in enumerate(model.norm):
        for name in _NORM:
            arrays[f"norm_{k}.{name}"] = getattr(norm, name).detach().numpy()
    write_archive(path, FORMAT, VERSION, {"spec": asdict(model.spec), "metadata": metadata}, arrays)


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[BinaryMLP, dict[str, Any]]:
    """The model saved in ``path``, in eval mode, and its metadata.

    Raises FileNotFoundError, or ValueError with the reason for a file that is damaged, newer
    than this program, of another kind, or that describes no valid model.
    """
    content, arrays = read_archive(path, FORMAT, VERSION)
    try:
        spec = ModelSpec(**content["spec"])
        with torch.random.fork_rng(devices=[]):
            model = BinaryMLP(spec)
        for k, dense in enumerate(model.dense):
            shape = (dense.n_out, dense.n_in)
            weights = arrays[f"dense_{k}"]
            _fill(dense.weight, unpack_signs(weights, shape) if spec.weights == "binary"
                  else weights)
        for k, norm in enumerate(model.norm):
            for name in _NORM:
                _fill(getattr(norm, name), arrays[f"norm_{k}.{name}"])
        return model.eval(), dict(content["metadata"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: describes no valid model: {error}") from error
