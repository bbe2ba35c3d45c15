"""Common subexpressions of 0/1 matrices: subsets of inputs that several rows add up alike."""

from dataclasses import dataclass

import numpy as np

__all__ = ["SharedSums", "share_sums"]

_IMPOSSIBLE = np.float32(-1e9)


@dataclass(frozen=True)
class SharedSums:
    """``rows[i]`` and ``nodes[k]`` list the items they add up; item n_inputs + k is node k."""
    n_inputs: int
    rows: tuple[tuple[int, ...], ...]
    nodes: tuple[tuple[int, ...], ...]


def share_sums(matrix: np.ndarray, width: int = 1, minimum_gain: float = 3.0) -> SharedSums:
    """Extract, again and again, the largest subset of items that two sums have in common.

    matrix: bool (n_rows, n_inputs); row i is the sum of the inputs where it is true. width: bits of
    an input. An extraction is worth the bits that its second user no longer adds, less the bits of
    the shared result; none worth less than minimum_gain is made. Greedy, deterministic; the rows
    keep their sums exactly.
    """
    n_rows, n_inputs = matrix.shape
    capacity = n_rows + max(64, 4 * n_rows)
    member = np.zeros((capacity, n_inputs + capacity), np.float32)
    member[:n_rows, :n_inputs] = matrix
    bits = np.zeros(n_inputs + capacity, np.float32)
    largest = np.zeros(n_inputs + capacity, np.float64)
    bits[:n_inputs], largest[:n_inputs] = width, (1 << width) - 1
    gain = np.full((capacity, capacity), _IMPOSSIBLE, np.float32)
    used = n_rows

    def rate(k: int) -> None:
        """The gain of sharing between sum k and each other one."""
        saved = member[:used] @ (bits * member[k])
        total = member[:used] @ (largest * member[k])
        value = saved - np.ceil(np.log2(total + 1)).astype(np.float32)
        value[k] = _IMPOSSIBLE
        gain[k, :used] = gain[:used, k] = value

    for k in range(used):
        rate(k)
    while used < capacity:
        i, j = divmod(int(gain[:used, :used].argmax()), used)
        if gain[i, j] < minimum_gain:
            break
        common = (member[i] > 0) & (member[j] > 0)
        whole = [k for k in (i, j) if k >= n_rows and member[k].sum() == common.sum()]
        if whole:  # one of the two is such a shared sum already
            node = whole[0]
        else:
            node = used
            used += 1
            member[node] = common
            largest[n_inputs + node - n_rows] = (largest * common).sum()
            bits[n_inputs + node - n_rows] = int(largest[n_inputs + node - n_rows]).bit_length()
        for k in {i, j} - {node}:
            member[k][common] = 0
            member[k, n_inputs + node - n_rows] = 1
        for k in sorted({i, j, node}):
            rate(k)

    def items(k: int) -> tuple[int, ...]:
        return tuple(np.flatnonzero(member[k]).tolist())

    return SharedSums(n_inputs, tuple(items(k) for k in range(n_rows)),
                      tuple(items(k) for k in range(n_rows, used)))
