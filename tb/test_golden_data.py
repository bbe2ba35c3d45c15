"""Data sets: what is embedded or generated, files of every kind of damage, pixels to inputs."""

import gzip
import hashlib
import math
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from golden.data import WHITE, encode_pixels, load
from golden.number import Bipolar, Integer
from golden.volumes import SHAPES, make_volumes

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
VOLUMES_7 = "c582d3149a238bb68cf5c128fc3e1684961934eeb04f10a3204478beb4bd8e18"
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


def test_indices_of_words_become_inputs() -> None:
    words = np.array([[0, 4095]], np.uint16)
    assert encode_pixels(words, Integer(12, False)).tolist() == [[0, 4095]]
    with pytest.raises(ValueError, match="^a network for texts takes unsigned inputs, not int12$"):
        encode_pixels(words, Integer(12, True))


def test_unknown_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="^data set must be one of digits, mnist, cifar10, movies, "
                                         'volumes, jets, not "cifar"$'):
        load("cifar")


@pytest.fixture
def cifar10(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three records a file, in the subfolder of the usual name."""
    monkeypatch.setattr("golden.cifar10.RECORDS", 3)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"):
        records = rng.integers(0, 256, (3, 3073), np.uint8)
        records[:, 0] %= 10
        (folder / name).write_bytes(records.tobytes())
    return tmp_path


def test_cifar10_is_read_with_colours_fastest(cifar10: Path) -> None:
    data = load("cifar10", cifar10)
    assert (data.train_x.shape, data.test_x.shape) == ((15, 3072), (3, 3072))
    assert (data.shape, data.channels, data.n_in) == ((32, 32), 3, 3072)
    raw = (cifar10 / "cifar-10-batches-bin" / "data_batch_2.bin").read_bytes()[3073:2 * 3073]
    assert data.train_y[4] == raw[0] and data.train_y.dtype == np.int64
    image = data.train_x[4].reshape(32, 32, 3)
    planes = np.frombuffer(raw[1:], np.uint8).reshape(3, 32, 32)
    assert (image.transpose(2, 0, 1) == planes).all()
    (cifar10 / "cifar-10-batches-bin").rename(cifar10 / "cifar10")
    assert (load("cifar10", cifar10).test_x == data.test_x).all()


def test_wrong_cifar10_says_why(cifar10: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reason(error: type[Exception], where: Path | None = cifar10) -> str:
        with pytest.raises(error) as caught:
            load("cifar10", where)
        return str(caught.value)

    monkeypatch.delenv("LUTLOOM_DATA", raising=False)
    assert reason(FileNotFoundError, None) == (
        "no folder for the data set cifar10: give one with --data or LUTLOOM_DATA; it holds the "
        "CIFAR-10 files data_batch_1.bin to data_batch_5.bin and test_batch.bin")
    file = cifar10 / "cifar-10-batches-bin" / "data_batch_3.bin"
    whole = file.read_bytes()
    for content, what in ((whole[:-1], "truncated, 9218"), (whole + b"x", "too long, 9220")):
        file.write_bytes(content)
        assert reason(ValueError) == (f"{file}: {what} bytes instead of 9219 (3 records of 3073); "
                                      "fetch the file again")
    file.write_bytes(b"\x0a" + whole[1:])
    assert reason(ValueError) == (f"{file}: labels must be from 0 to 9, not 10; this is another "
                                  "file")
    file.unlink()
    assert reason(FileNotFoundError) == (
        f"{cifar10 / 'data_batch_3.bin'}: missing, and in the subfolders cifar10, "
        "cifar-10-batches-bin, cifar10/cifar-10-batches-bin too; copy the binary version of "
        "CIFAR-10 there or name another folder with --data or LUTLOOM_DATA")


@pytest.fixture
def movies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten reviews of each class; in each the word "the" thrice, its class, and its own number."""
    monkeypatch.setattr("golden.movies.REVIEWS", 10)
    monkeypatch.setattr("golden.movies.LENGTH", 4)
    for part in ("neg", "pos"):
        (tmp_path / "movie_reviews" / part).mkdir(parents=True)
        for k in range(10):
            (tmp_path / "movie_reviews" / part / f"cv{k:03}.txt").write_text(
                f"The {part}, the {'abcdefghij'[k]}{part} ! 12 the\n" if k else "the")
    return tmp_path


def test_movies_are_read(movies: Path) -> None:
    data = load("movies", movies)
    assert (data.train_x.shape, data.test_x.shape) == ((16, 4), (4, 4))
    assert data.train_x.dtype == np.uint16
    assert data.train_y.tolist() == [0] * 8 + [1] * 8 and data.test_y.tolist() == [0, 0, 1, 1]
    # "the" is the most frequent word, then "neg" and "pos"; each review ends with "the". A word of
    # the test's reviews alone is left out.
    assert (data.train_x[:, -1] == 1).all()
    assert sorted(set(data.train_x[:8, -4].tolist())) in ([0, 2], [2])
    assert data.test_x[0, -2] == 1
    whole = data.train_x.tolist()
    with zipfile.ZipFile(movies / "movie_reviews.zip", "w") as archive:
        for path in sorted((movies / "movie_reviews").rglob("*.txt")):
            archive.write(path, path.relative_to(movies))
    shutil.rmtree(movies / "movie_reviews")
    assert load("movies", movies).train_x.tolist() == whole


def test_wrong_movies_say_why(movies: Path) -> None:
    (movies / "movie_reviews" / "pos" / "cv003.txt").unlink()
    with pytest.raises(ValueError, match=f"^{re.escape(str(movies))}: holds 9 reviews in pos, "
                                         "expected 10; fetch the movie reviews again$"):
        load("movies", movies)
    shutil.rmtree(movies / "movie_reviews")
    message = (f"{movies}: holds neither movie_reviews.zip nor folders neg and pos, and its "
               "subfolder movie_reviews neither; copy the movie reviews there or name another "
               "folder with --data or LUTLOOM_DATA")
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load("movies", movies)
    damaged = movies / "movie_reviews.zip"
    damaged.write_bytes(b"PK")
    message = f"{damaged}: cannot be unpacked (File is not a zip file); fetch the file again"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load("movies", movies)


def test_volumes_are_the_same_everywhere() -> None:
    x, y = make_volumes(16, 7)
    assert (x.shape, x.dtype, y.tolist()) == ((16, 1728), np.uint8, [*range(8), *range(8)])
    assert hashlib.sha256(x.tobytes()).hexdigest() == VOLUMES_7
    assert (x != make_volumes(16, 8)[0]).any()


def test_shapes_are_the_known_solids() -> None:
    """Volumes, in voxels of half extent 24, beside the formulas of geometry."""
    r, grid = 24, np.indices((49,) * 3) - 24
    sizes = {name: int(inside(grid, r).sum()) for name, inside in SHAPES.items()}
    ball = 4 / 3 * math.pi * r**3
    known = {"ball": ball, "cube": (1.5 * r)**3, "cylinder": math.pi * (r / 2)**2 * 2 * r,
             "cone": math.pi * r**2 / 3 * 2 * r, "torus": 2 * math.pi**2 * 0.75 * r * (r / 4)**2,
             "cross": 3 * 2 * r * (r / 2)**2 - 2 * (r / 2)**3, "plate": 4 * r**2 * r / 2,
             "shell": ball * (1 - 0.75**3)}
    assert sizes.keys() == known.keys()
    for name, size in known.items():
        assert 0.9 * size < sizes[name] < 1.25 * size, name
