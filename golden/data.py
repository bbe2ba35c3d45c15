"""Data sets: images, texts and volumes with their classes, divided into training and test set."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.cifar10 import FILES, find_cifar10, read_cifar10
from golden.idx import read_idx
from golden.jets import CLASSES as JETS
from golden.jets import FEATURES, NAME, read_jets
from golden.movies import LENGTH, read_movies
from golden.number import Bipolar, Integer, Number
from golden.volumes import SHAPES, SIZE, make_volumes

__all__ = ["DATASETS", "FOLDERLESS", "WHITE", "Dataset", "Values", "encode_pixels", "load"]

WHITE = 128  # the least pixel that binarises to +1
FOLDERLESS = "digits", "volumes"  # data sets that need no folder

_MNIST_FILES = {"train_x": "train-images-idx3-ubyte", "train_y": "train-labels-idx1-ubyte",
                "test_x": "t10k-images-idx3-ubyte", "test_y": "t10k-labels-idx1-ubyte"}
_DIGITS = tuple("0123456789")
_CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                    "truck")
_VOLUMES = (6000, 1), (1000, 2)  # how many, and their seed, for training and for the test

Values = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images, or texts or volumes, and their classes.

    name : the name it is loaded by
    train_x, test_x : (images, pixels) uint8, row-major, channels fastest; of texts (texts, words)
        uint16, indices of words
    train_y, test_y : (images,) int64, index of the class
    shape : of one image, (rows, columns); of a text (words,), of a volume three numbers
    classes : name of each class
    channels : values a pixel
    """

    name: str
    train_x: Values
    train_y: NDArray[np.int64]
    test_x: Values
    test_y: NDArray[np.int64]
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    channels: int = 1

    @property
    def n_in(self) -> int:
        """Pixels an image."""
        return int(self.train_x.shape[1])


def _load_digits(_folder: str | os.PathLike[str] | None) -> Dataset:
    """The 1,797 8x8 digits that scikit-learn brings along, a fifth of each class for the test.

    Their 17 levels are stretched to 8 bits: round(level * 255 / 16).
    """
    from sklearn.datasets import load_digits  # imported late: it costs a second
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    pixels = np.rint(digits.data * 255 / 16).astype(np.uint8)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, digits.target.astype(np.int64), test_size=0.2, random_state=0,
        stratify=digits.target)
    return Dataset("digits", train_x, train_y, test_x, test_y, (8, 8), _DIGITS)


def _folder(folder: str | os.PathLike[str] | None, name: str, what: str, files: str) -> Path:
    """The folder given, or that of LUTLOOM_DATA; what and which files the data set name takes."""
    source = "--data"
    if folder is None:
        source, folder = "LUTLOOM_DATA", os.environ.get("LUTLOOM_DATA")
    if not folder:
        raise FileNotFoundError(f"no folder for the data set {name}: give one with --data or "
                                f"LUTLOOM_DATA; it holds {what} {files}")
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; --data or LUTLOOM_DATA (here {source}) "
                                f"must name the folder of {what}")
    return Path(folder)


def _mnist_file(folder: Path, name: str) -> Path:
    for parent in (folder, folder / "mnist"):
        for candidate in (parent / name, parent / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    raise FileNotFoundError(f"{folder / name}: missing, with .gz and without, and in the subfolder "
                            "mnist too; copy it there or name another folder with --data or "
                            "LUTLOOM_DATA")


def _load_mnist(folder: str | os.PathLike[str] | None) -> Dataset:
    """MNIST from the IDX files in ``folder`` (LUTLOOM_DATA if None) or its subfolder mnist."""
    where = _folder(folder, "mnist", "the MNIST files",
                    f"{', '.join(_MNIST_FILES.values())}, plain or with .gz")
    paths = {part: _mnist_file(where, name) for part, name in _MNIST_FILES.items()}
    arrays = {part: read_idx(path, 3 if part.endswith("x") else 1)
              for part, path in paths.items()}
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_x"], arrays[f"{part}_y"]
        if images.shape[1:] != (28, 28) or not len(images):
            raise ValueError(f"{paths[f'{part}_x']}: holds an array of shape {images.shape}, "
                             "expected images of 28x28; this is another data set")
        if len(images) != len(labels):
            raise ValueError(f"{paths[f'{part}_y']}: {len(labels)} labels for {len(images)} "
                             f"images in {paths[f'{part}_x'].name}; the two do not belong together")
        if labels.max() > 9:
            raise ValueError(f"{paths[f'{part}_y']}: labels must be from 0 to 9, not "
                             f"{labels.max()}; this is another data set")
    return Dataset("mnist", arrays["train_x"].reshape(-1, 784), arrays["train_y"].astype(np.int64),
                   arrays["test_x"].reshape(-1, 784), arrays["test_y"].astype(np.int64),
                   (28, 28), _DIGITS)


def _load_cifar10(folder: str | os.PathLike[str] | None) -> Dataset:
    """CIFAR-10 from its binary files in ``folder`` (LUTLOOM_DATA if None) or a usual subfolder."""
    where = _folder(folder, "cifar10", "the CIFAR-10 files",
                    "data_batch_1.bin to data_batch_5.bin and test_batch.bin")
    paths = [[find_cifar10(where, name) for name in names] for names in FILES]  # before any is read
    (train_x, train_y), (test_x, test_y) = (
        [np.concatenate(parts) for parts in zip(*map(read_cifar10, part), strict=True)]
        for part in paths)
    return Dataset("cifar10", train_x, train_y, test_x, test_y, (32, 32), _CIFAR10_CLASSES, 3)


def _load_movies(folder: str | os.PathLike[str] | None) -> Dataset:
    """The movie reviews in ``folder`` (LUTLOOM_DATA if None) or its subfolder movie_reviews."""
    where = _folder(folder, "movies", "the movie reviews", "as movie_reviews.zip or unpacked")
    return Dataset("movies", *read_movies(where), (LENGTH,), ("negative", "positive"))


def _load_jets(folder: str | os.PathLike[str] | None) -> Dataset:
    """The jets in ``folder`` (LUTLOOM_DATA if None) or its subfolder jets, or from OpenML."""
    where = _folder(folder, "jets", "the jets", f"as {NAME}.arff, or gets what OpenML has")
    return Dataset("jets", *read_jets(where), (FEATURES,), JETS)


def _load_volumes(_folder: str | os.PathLike[str] | None) -> Dataset:
    """Volumes of eight shapes, made anew."""
    (train_x, train_y), (test_x, test_y) = (make_volumes(n, seed) for n, seed in _VOLUMES)
    return Dataset("volumes", train_x, train_y, test_x, test_y, (SIZE,) * 3, tuple(SHAPES))


DATASETS = {"digits": _load_digits, "mnist": _load_mnist, "cifar10": _load_cifar10,
            "movies": _load_movies, "volumes": _load_volumes, "jets": _load_jets}


def encode_pixels(pixels: NDArray[Any], number: Number) -> NDArray[np.int64]:
    """Inputs of a network for 8-bit pixels (any shape): the pixels, or their signs.

    number : the network's ``input``; ``Integer(8, False)`` keeps the pixels, ``Bipolar()`` makes
        them -1 below ``WHITE`` and +1 from it on. Indices of words, which are uint16, stay what
        they are for an unsigned Integer. Raises ValueError for other kinds.
    """
    pixels = np.asarray(pixels)
    if pixels.dtype == np.uint16:
        if not isinstance(number, Integer) or number.signed:
            raise ValueError(f"a network for texts takes unsigned inputs, not {number}")
        return pixels.astype(np.int64)
    if pixels.dtype != np.uint8:
        raise TypeError(f"pixels must be uint8, not {pixels.dtype}")
    if number == Integer(8, False):
        return pixels.astype(np.int64)
    if number == Bipolar():
        return np.where(pixels >= WHITE, np.int64(1), np.int64(-1))
    raise ValueError(f"a network for images takes uint8 or bipolar inputs, not {number}")


def load(name: str, folder: str | os.PathLike[str] | None = None) -> Dataset:
    """The data set ``name`` of ``DATASETS``.

    folder : where its files are, or the subfolders mnist, cifar10, movie_reviews and jets with
        them; the environment variable LUTLOOM_DATA if None; digits and volumes need none

    Raises ValueError for an unknown name and for a wrong file, FileNotFoundError for a missing
    one; each message names the file, the reason and the way out.
    """
    if name not in DATASETS:
        raise ValueError(f'data set must be one of {", ".join(DATASETS)}, not "{name}"')
    return DATASETS[name](folder)
