"""Golden model of streams: a frame of n elements as beats of several lanes."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["from_beats", "lane_converter", "to_beats"]


def to_beats(x: NDArray[Any], lanes: int) -> NDArray[Any]:
    """Frames as a stream carries them: x (frames, n) codes -> (frames * ceil(n / lanes), lanes).

    Element 0 is lane 0 of the first beat; lanes of the last beat beyond n hold 0. The kind of
    ``x`` is kept. Raises ValueError for other shapes or no lanes.
    """
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(f"x must have shape (frames, n) with n at least 1, not {x.shape}")
    if lanes < 1:
        raise ValueError(f"lanes must be at least 1, not {lanes}")
    return np.pad(x, ((0, 0), (0, -x.shape[1] % lanes))).reshape(-1, lanes)


def from_beats(beats: NDArray[Any], n: int) -> NDArray[Any]:
    """Inverse of ``to_beats``: (frames * ceil(n / lanes), lanes) -> (frames, n).

    What lanes beyond n hold is ignored. Raises ValueError for a last frame that is not whole.
    """
    beats = np.asarray(beats)
    if beats.ndim != 2 or n < 1:
        raise ValueError("beats must have shape (beats, lanes) and n be at least 1, "
                         f"not {beats.shape} and {n}")
    beats_a_frame = -(-n // beats.shape[1])
    if len(beats) % beats_a_frame:
        raise ValueError(f"beats must be a multiple of {beats_a_frame}, those of one frame, "
                         f"not {len(beats)}")
    return beats.reshape(-1, beats_a_frame * beats.shape[1])[:, :n]


def lane_converter(beats: NDArray[Any], n: int, lanes_out: int) -> NDArray[np.int64]:
    """The same frames in beats of other lanes: (beats, lanes_in) -> (beats', lanes_out).

    Element by element: output lane k of beat b of a frame is the frame's element
    ``b * lanes_out + k``, found with one gather; 0 beyond the frame's n elements.
    """
    lanes_in = np.asarray(beats).shape[-1]
    frames = torch.tensor(np.asarray(beats, dtype=np.int64)).reshape(-1, -(-n // lanes_in)
                                                                     * lanes_in)
    index = torch.arange(-(-n // lanes_out) * lanes_out)
    gathered = frames[:, index.clamp(max=n - 1)] * (index < n)
    return gathered.reshape(-1, lanes_out).numpy()
