"""Huffman codes against a heap of trees, exhaustive search and published codes."""

import heapq
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.huffman import HuffmanCode, entropy_bits, pack_block, unpack_block

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)


def tree_cost(counts: list[int]) -> int:
    """Bits of Huffman's own construction: every merge adds its weight."""
    heap, cost = [count for count in counts if count], 0
    if len(heap) == 1:
        return heap[0]
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        cost += merged
        heapq.heappush(heap, merged)
    return cost


def cost(code: HuffmanCode, counts: list[int]) -> int:
    return sum(a * b for a, b in zip(code.lengths, counts, strict=True))


@settings(derandomize=True, deadline=None)
@given(COUNTS)
def test_as_short_as_a_tree(counts: list[int]) -> None:
    code = HuffmanCode.of(counts)
    assert cost(code, counts) == tree_cost(counts) >= entropy_bits(counts) - 1e-6
    assert [length > 0 for length in code.lengths] == [count > 0 for count in counts]


@pytest.mark.parametrize("counts, longest", [
    ([1, 1, 2, 3, 5], 3), ([1, 1, 2, 4, 8], 3), ([9, 1, 1, 1, 1], 4), ([1, 100], 1),
    ([1, 2, 4, 8], 2), ([5, 0, 3, 1, 1], 2),
])
def test_no_limited_code_is_shorter(counts: list[int], longest: int) -> None:
    """Every choice of lengths that has a prefix code is tried."""
    used = [count for count in counts if count]
    best = min(sum(a * b for a, b in zip(lengths, used, strict=True))
               for lengths in product(range(1, longest + 1), repeat=len(used))
               if sum(2.0**-length for length in lengths) <= 1)
    code = HuffmanCode.of(counts, longest)
    assert cost(code, counts) == best and code.longest <= longest


def test_fibonacci_is_limited_to_15_bits() -> None:
    counts = [1, 1]
    while len(counts) < 40:
        counts.append(counts[-1] + counts[-2])
    code = HuffmanCode.of(counts)
    assert code.longest == 15 and cost(code, counts) > tree_cost(counts)


def test_canonical_code_of_rfc_1951() -> None:
    """The example of RFC 1951, 3.2.2."""
    code = HuffmanCode((3, 3, 3, 3, 3, 2, 4, 4))
    assert [code.codes[symbol] for symbol in range(8)] == [
        "010", "011", "100", "101", "110", "00", "1110", "1111"]
    assert code.table_bits == 32


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=100))
def test_decodes_what_it_encodes(symbols: list[int]) -> None:
    code = HuffmanCode.of(np.bincount(symbols))
    bits = code.encode(symbols)
    assert code.decode(unpack_block(pack_block(bits)), len(symbols)).tolist() == symbols
    sizes = code.sizes(symbols)
    assert sizes.payload == len(bits) >= sizes.entropy - 1e-6
    assert sizes.total == len(bits) + 4 * (max(symbols) + 1)


def test_known_sizes() -> None:
    assert entropy_bits([1, 1, 2]) == 6 and entropy_bits([5]) == 0
    assert HuffmanCode.of([0, 7]).lengths == (0, 1)
    assert pack_block([])[0] == 0 and len(pack_block([1] * 33)) == 4


@pytest.mark.parametrize("make, error, message", [
    (lambda: HuffmanCode((1.5,)), TypeError,  # type: ignore[arg-type]
     r"^Huffman lengths must be a list of integers, not \(1.5,\)$"),
    (lambda: HuffmanCode((8,) * 257), ValueError,
     r"^Huffman lengths must be of 1 to 256 symbols, not 257$"),
    (lambda: HuffmanCode((1, 16)), ValueError, r"^Huffman lengths must be from 0 to 15, not 16$"),
    (lambda: HuffmanCode((1, 1, 1)), ValueError, (r"^Huffman lengths must keep the sum of "
     r"2\*\*-length above 0 and at most 1, not 1.5$")),
    (lambda: HuffmanCode((0, 0)), ValueError, (r"^Huffman lengths must keep the sum of "
     r"2\*\*-length above 0 and at most 1, not 0.0$")),
    (lambda: HuffmanCode.of([1.0]), TypeError, r"^Huffman counts must be a list of integers$"),
    (lambda: HuffmanCode.of([0]), ValueError,
     r"^Huffman counts must be of 1 to 256 symbols, at least 0, and not all 0$"),
    (lambda: HuffmanCode.of([1, 1, 1], 1), ValueError,
     r"^Huffman longest must be from 1 to 15 and leave room for 3 codes, not 1$"),
    (lambda: HuffmanCode((1, 1)).encode([0, 2]), ValueError,
     r"^symbols must have a Huffman code, not 2 at index 1$"),
    (lambda: HuffmanCode((1,)).decode([0, 1], 2), ValueError,
     r"^bits must be codes, not 1 up to bit 1$"),
    (lambda: HuffmanCode((1,)).decode([0, 0], 1), ValueError,
     r"^bits must end after 1 symbols, not go on at bit 1$"),
    (lambda: HuffmanCode((1, 2)).decode([0, 1], 2), ValueError,
     r"^bits must hold 2 symbols, not 1 and the beginning 1 of another$"),
    (lambda: unpack_block([64, 0, 0]), ValueError,
     r"^a block must have as many words as its first says, not 3$"),
    (lambda: unpack_block([0, 0]), ValueError,
     r"^a block's last word must be the CRC-32 of those before$"),
])
def test_rejects(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
