"""Where everything that can be written lies on an accelerator's write bus."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from amaranth.utils import ceil_log2

__all__ = ["BEGIN", "COMMIT", "DATA_WIDTH", "Region", "address_map", "map_table"]

BEGIN, COMMIT = 0, 1  # addresses that open and close a transaction; any data
DATA_WIDTH = 32


@dataclass(frozen=True)
class Region:
    """A memory of ``words`` words of ``width`` bits, written in pieces of 32 bits.

    Piece p of word k, its bits 32 * p and up, is written at address ``base + k * stride + p``; the
    last of the ``pieces`` makes the word. stride is the number of pieces, rounded up to a power of
    two, and base a multiple of ``size``, a power of two. core, memory: names; number: the memory's
    within its core.
    """

    core: str
    memory: str
    number: int
    base: int
    words: int
    width: int

    @property
    def pieces(self) -> int:
        """Pieces of a word."""
        return -(-self.width // DATA_WIDTH)

    @property
    def piece_bits(self) -> int:
        """Low bits of an address that say which piece it is."""
        return ceil_log2(self.pieces)

    @property
    def stride(self) -> int:
        """Addresses from a word to the next."""
        return 1 << self.piece_bits

    @property
    def size(self) -> int:
        """Addresses that are set aside."""
        return self.stride << ceil_log2(self.words)

    def writes(self, address: int, word: int) -> list[tuple[int, int]]:
        """(address, data) pairs that write a word at an address of the memory."""
        start = self.base + address * self.stride
        return [(start + piece, word >> DATA_WIDTH * piece & (1 << DATA_WIDTH) - 1)
                for piece in range(self.pieces)]


def address_map(cores: Mapping[str, Mapping[str, tuple[int, int]]]) -> tuple[Region, ...]:
    """Regions of all memories, given as core -> memory -> (words, bits of a word).

    In their order, each from the first free multiple of its size on; 0 and 1 are BEGIN, COMMIT.
    """
    regions: list[Region] = []
    free = COMMIT + 1
    for core, memories in cores.items():
        for number, (memory, (words, width)) in enumerate(memories.items()):
            size = Region(core, memory, number, 0, words, width).size
            base = -(-free // size) * size
            regions.append(Region(core, memory, number, base, words, width))
            free = base + size
    return tuple(regions)


def map_table(regions: Iterable[Region]) -> str:
    """The address map as a table in Markdown."""
    rows = [f"| {BEGIN:#06x} | | begin | | | opens a transaction |",
            f"| {COMMIT:#06x} | | commit | | | closes it |"]
    for region in regions:
        pieces = f"{region.pieces} of {region.stride}" if region.pieces != region.stride else (
            f"{region.pieces}")
        last = region.base + region.words * region.stride - 1
        rows.append(f"| {region.base:#06x} - {last:#06x} | {region.core} | {region.memory} | "
                    f"{region.words} | {region.width} | {pieces} |")
    return "\n".join(["| addresses | layer | memory | words | bits | addresses a word |",
                      "| --- | --- | --- | --- | --- | --- |", *rows, ""])
