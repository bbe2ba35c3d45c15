"""Data sets: the embedded digits, MNIST files of every kind of damage, pixels to inputs."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from golden.data import WHITE, encode_pixels, load
from golden.number import Bipolar, Integer

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx(array: np.ndarray) -> bytes:
    header = [0x0800 | array.ndim, *array.shape]
    return b"".join(n.to_bytes(4, "big") for n in header) + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six training and four test images in the format of MNIST, half of the files as gzip."""
    monkeypatch.delenv("LUTLOOM_DATA", raising=False)
    for images, labels, n in ((IMAGES, LABELS, 6), (TEST_IMAGES, TEST_LABELS, 4)):
        (tmp_path / images).write_bytes(idx(rng.integers(0, 256, (n, 28, 28))))
        (tmp_path / f"{labels}.gz").write_bytes(gzip.compress(idx(np.arange(n))))
    return tmp_path


def test_digits_are_embedded() -> None:
    data, again = load("digits"), load("digits")
    assert (data.train_x.shape, data.test_x.shape) == ((1437, 64), (360, 64))
    assert data.n_in == 64 and data.shape == (8, 8) and data.classes == tuple("0123456789")
    assert data.train_x.dtype == np.uint8 and data.train_y.dtype == np.int64
    levels = np.round(np.arange(17) * 255 / 16).astype(int).tolist()
    assert np.unique(data.train_x).tolist() == levels
    # Stratified: each class has a fifth of its images in the test set.
    counts = np.bincount(data.test_y), np.bincount(data.train_y)
    assert (abs(counts[0] * 4 - counts[1]) <= 5).all()
    assert (data.test_x == again.test_x).all() and (data.test_y == again.test_y).all()


def test_mnist_is_read(folder: Path) -> None:
    data = load("mnist", folder)
    assert (data.train_x.shape, data.test_x.shape) == ((6, 784), (4, 784))
    assert data.train_x.tobytes() == (folder / IMAGES).read_bytes()[16:]
    assert data.train_y.tolist() == [0, 1, 2, 3, 4, 5] and data.test_y.tolist() == [0, 1, 2, 3]
    assert (data.shape, data.train_y.dtype) == ((28, 28), np.int64)


def test_mnist_folder_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load("mnist", folder).test_x.tolist()
    nested = folder / "mnist"
    nested.mkdir()
    for file in list(folder.glob("*ubyte*")):
        file.rename(nested / file.name)
    assert load("mnist", str(folder)).test_x.tolist() == expected
    monkeypatch.setenv("LUTLOOM_DATA", str(folder))
    assert load("mnist").test_x.tolist() == expected


def test_missing_mnist_says_the_way_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reason(where: Path | None) -> str:
        with pytest.raises(FileNotFoundError) as caught:
            load("mnist", where)
        return str(caught.value)

    assert reason(None) == (
        "no folder for the data set mnist: give one with --data or LUTLOOM_DATA; it holds the "
        f"MNIST files {IMAGES}, {LABELS}, {TEST_IMAGES}, {TEST_LABELS}, plain or with .gz")
    nowhere = folder / "nowhere"
    assert reason(nowhere) == (f"{nowhere}: no such folder; --data or LUTLOOM_DATA (here --data) "
                               "must name the folder of the MNIST files")
    monkeypatch.setenv("LUTLOOM_DATA", str(nowhere))
    assert reason(None) == (f"{nowhere}: no such folder; --data or LUTLOOM_DATA (here "
                            "LUTLOOM_DATA) must name the folder of the MNIST files")
    (folder / TEST_IMAGES).unlink()
    assert reason(folder) == (
        f"{folder / TEST_IMAGES}: missing, with .gz and without, and in the subfolder mnist too; "
        "copy it there or name another folder with --data or LUTLOOM_DATA")


ZIPPED = gzip.compress(idx(np.arange(6)), mtime=0)


@pytest.mark.parametrize("name, content, reason", [
    (IMAGES, idx(np.zeros((6, 28, 28)))[:-1], ("truncated, its header announces 4704 bytes of "
     "data, the file holds 4703; fetch the file again")),
    (IMAGES, idx(np.zeros((6, 28, 28))) + b"x", ("too long, its header announces 4704 bytes of "
     "data, the file holds 4705; fetch the file again")),
    (IMAGES, b"\0\0\x08", "truncated, 3 bytes hold no IDX header of 16; fetch the file again"),
    (IMAGES, idx(np.zeros(20)), ("wrong magic number 0x00000801, expected 0x00000803 (bytes in 3 "
     "dimensions); this is another file")),
    (IMAGES, b"\0\0\x08\x03" + b"\xff" * 12, (f"truncated, its header announces {(2**32 - 1)**3} "
     "bytes of data, the file holds 0; fetch the file again")),
    (IMAGES, idx(np.zeros((6, 8, 8))), ("holds an array of shape (6, 8, 8), expected images of "
     "28x28; this is another data set")),
    (IMAGES, idx(np.zeros((0, 28, 28))), ("holds an array of shape (0, 28, 28), expected images of "
     "28x28; this is another data set")),
    (f"{LABELS}.gz", gzip.compress(idx(np.zeros(5))), (f"5 labels for 6 images in {IMAGES}; the "
     "two do not belong together")),
    (f"{LABELS}.gz", gzip.compress(idx(np.arange(6) + 5)), ("labels must be from 0 to 9, not 10; "
     "this is another data set")),
    (f"{LABELS}.gz", ZIPPED[:-9], ("gzip data cannot be unpacked (Compressed file ended before the "
     "end-of-stream marker was reached); fetch the file again")),
    (f"{LABELS}.gz", idx(np.arange(6)), "is no gzip file; fetch it again or remove its .gz ending"),
], ids=lambda value: value[:40] if isinstance(value, str) else "bytes")
def test_wrong_mnist_file_says_why(folder: Path, name: str, content: bytes, reason: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{folder / name}: {reason}')}$"):
        load("mnist", folder)


@pytest.mark.parametrize("position", [3, 12, -6])
def test_damaged_gzip_says_why(folder: Path, position: int) -> None:
    path, damaged = folder / f"{LABELS}.gz", bytearray(ZIPPED)
    damaged[position] ^= 0xff
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: gzip data cannot be unpacked "
                                         r"\(.*\); fetch the file again$"):
        load("mnist", folder)


def test_pixels_become_inputs() -> None:
    pixels = np.array([[0, WHITE - 1, WHITE, 255]], np.uint8)
    assert encode_pixels(pixels, Integer(8, False)).tolist() == pixels.tolist()
    assert encode_pixels(pixels, Bipolar()).tolist() == [[-1, -1, 1, 1]]
    with pytest.raises(ValueError, match="^a network for images takes uint8 or bipolar inputs, "
                                         "not int8$"):
        encode_pixels(pixels, Integer(8, True))
    with pytest.raises(TypeError, match="^pixels must be uint8, not int64$"):
        encode_pixels(pixels.astype(np.int64), Bipolar())


def test_unknown_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match='^data set must be one of digits, mnist, not "cifar"$'):
        load("cifar")
