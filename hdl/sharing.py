"""Common subexpressions of -1, 0, +1 matrices: subsets of inputs that several rows add up alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SharedSums", "Term", "share_sums"]

_IMPOSSIBLE = np.float32(-1e9)

Term = tuple[int, bool]  # item, and whether it is taken away


@dataclass(frozen=True)
class SharedSums:
    """``rows[i]`` and ``nodes[k]`` list the terms they add up; item n_inputs + k is node k."""
    n_inputs: int
    rows: tuple[tuple[Term, ...], ...]
    nodes: tuple[tuple[Term, ...], ...]


def share_sums(matrix: NDArray[np.int8], width: int = 1, minimum_gain: float = 3.0) -> SharedSums:
    """Extract, again and again, the largest subset of terms that two sums have in common.

    matrix: (n_rows, n_inputs) of -1, 0 and +1; row i adds the inputs where it is +1 and takes away
    those where it is -1. Two sums also share what one has with all signs turned round. width: bits
    of an input. An extraction is worth the bits that its second user no longer adds, less the bits
    of the shared result; none worth less than minimum_gain is made. Greedy, deterministic; the rows
    keep their sums exactly.
    """
    n_rows, n_inputs = matrix.shape
    capacity = n_rows + max(64, 4 * n_rows)
    signed = bool((matrix < 0).any())
    member = np.zeros((capacity, n_inputs + capacity), np.float32)
    member[:n_rows, :n_inputs] = matrix
    bits = np.zeros(n_inputs + capacity, np.float32)
    largest = np.zeros(n_inputs + capacity, np.float64)
    bits[:n_inputs], largest[:n_inputs] = width, (1 << width) - 1
    gain = np.full((capacity, capacity), _IMPOSSIBLE, np.float32)
    used = n_rows

    def overlap(k: int, price: NDArray[np.floating]) -> list[NDArray[np.floating]]:
        """What sum k has in common with each other one: as it is and, if signed, turned round."""
        sums, own = member[:used], member[k]
        product = sums @ (price * own)
        if not signed:
            return [product]
        either = np.abs(sums) @ (price * np.abs(own))
        return [(either + product) / 2, (either - product) / 2]

    def rate(k: int) -> None:
        """The gain of sharing between sum k and each other one."""
        values = [saved - np.ceil(np.log2(total + 1)).astype(np.float32) for saved, total
                  in zip(overlap(k, bits), overlap(k, largest), strict=True)]
        value = np.max(values, axis=0)
        value[k] = _IMPOSSIBLE
        gain[k, :used] = gain[:used, k] = value

    def common(i: int, j: int) -> tuple[NDArray[np.bool_], int]:
        """The inputs that sums i and j share at most gain, and sum j's sign there against i's."""
        best = []
        for sign in (1, -1) if signed else (1,):
            both = (member[i] != 0) & (member[i] == sign * member[j])
            worth = bits[both].sum() - np.ceil(np.log2(largest[both].sum() + 1))
            best.append((worth, sign, both))
        _, sign, both = max(best, key=lambda entry: entry[:2])
        return both, sign

    for k in range(used):
        rate(k)
    while used < capacity:
        i, j = divmod(int(gain[:used, :used].argmax()), used)
        if gain[i, j] < minimum_gain:
            break
        both, sign = common(i, j)
        whole = [k for k in (i, j) if k >= n_rows and np.count_nonzero(member[k]) == both.sum()]
        if whole:  # one of the two is such a shared sum already
            node = whole[0]
        else:
            node = used
            used += 1
            member[node] = np.where(both, member[i], 0)
            item = n_inputs + node - n_rows
            largest[item] = largest[both].sum()
            bits[item] = int(largest[item]).bit_length()
        item = n_inputs + node - n_rows
        turned = {i: 1, j: sign} if node != j else {i: sign, j: 1}
        for k in {i, j} - {node}:
            member[k][both] = 0
            member[k, item] = turned[k]
        for k in sorted({i, j, node}):
            rate(k)

    def terms(k: int) -> tuple[Term, ...]:
        return tuple((int(item), bool(member[k, item] < 0)) for item in np.flatnonzero(member[k]))

    return SharedSums(n_inputs, tuple(terms(k) for k in range(n_rows)),
                      tuple(terms(k) for k in range(n_rows, used)))
