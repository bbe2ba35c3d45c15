"""Movie reviews as indices of words: the polarity data set 2.0.

Source: B. Pang and L. Lee, "A sentimental education: sentiment analysis using subjectivity
summarization based on minimum cuts", ACL 2004, arXiv:cs/0409058.
"""

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["ENTRIES", "LENGTH", "read_movies"]

ENTRIES, LENGTH = 4096, 512  # words known, with index 0 for none; words of a review
CLASSES = "neg", "pos"
REVIEWS = 1000  # of each class
_TEST_REVIEWS = 5  # one of so many


def _texts(folder: Path) -> dict[str, list[str]]:
    """The reviews of each class in the order of their files' names."""
    for parent in (folder, folder / "movie_reviews"):
        if all((parent / part).is_dir() for part in CLASSES):
            return {part: [path.read_text("latin-1")
                           for path in sorted((parent / part).glob("*.txt"))] for part in CLASSES}
        if (parent / "movie_reviews.zip").is_file():
            return _unzipped(parent / "movie_reviews.zip")
    raise FileNotFoundError(f"{folder}: holds neither movie_reviews.zip nor folders neg and pos, "
                            "and its subfolder movie_reviews neither; copy the movie reviews there "
                            "or name another folder with --data or LUTLOOM_DATA")


def _unzipped(path: Path) -> dict[str, list[str]]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {part: [archive.read(name).decode("latin-1")
                           for name in sorted(archive.namelist())
                           if re.search(rf"(^|/){part}/[^/]*\.txt$", name)] for part in CLASSES}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path}: cannot be unpacked ({error}); fetch the file again") from error


def _indices(texts: Sequence[list[str]], index: dict[str, int]) -> NDArray[np.uint16]:
    """(reviews, LENGTH): the last known words of each, with zeros in front of short reviews."""
    rows = np.zeros((len(texts), LENGTH), np.uint16)
    for row, words in zip(rows, texts, strict=True):
        known = [index[word] for word in words if word in index][-LENGTH:]
        row[LENGTH - len(known):] = known
    return rows


def read_movies(folder: Path) -> tuple[NDArray[np.uint16], NDArray[np.int64],
                                       NDArray[np.uint16], NDArray[np.int64]]:
    """Indices of words (reviews, LENGTH) and classes, for training and for the test.

    A fifth of each class is the test, drawn with a seed. Words are the ``ENTRIES - 1`` most
    frequent of the training reviews, the most frequent first from index 1 on; others are left out.
    A review is known by its last words, where its verdict stands.

    Raises FileNotFoundError, or ValueError for a wrong file; each names it and the way out.
    """
    texts = _texts(folder)
    for part in CLASSES:
        if len(texts[part]) != REVIEWS:
            raise ValueError(f"{folder}: holds {len(texts[part])} reviews in {part}, expected "
                             f"{REVIEWS}; fetch the movie reviews again")
    words = [re.findall(r"[a-z']+", text.lower()) for part in CLASSES for text in texts[part]]
    labels = np.repeat(np.arange(len(CLASSES)), REVIEWS)
    # In pairs of one class each, so that both are divided alike.
    order = np.random.default_rng(0).permutation(REVIEWS)
    test = np.tile(order < REVIEWS // _TEST_REVIEWS, len(CLASSES))
    counts = Counter(word for k in np.flatnonzero(~test) for word in words[k])
    ranked = sorted(counts, key=lambda word: (-counts[word], word))[:ENTRIES - 1]
    index = {word: k for k, word in enumerate(ranked, 1)}
    x = _indices(words, index)
    return x[~test], labels[~test], x[test], labels[test]
