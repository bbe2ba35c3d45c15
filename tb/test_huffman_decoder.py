"""HuffmanDecoder against the golden decoder; corrupted blocks against its promise of an error."""

import warnings

import numpy as np
import pytest
from amaranth.sim import Simulator

from golden.huffman import HuffmanCode, pack_block
from hdl.huffman_decoder import HuffmanDecoder
from tb.harness import Frames, simulate

ALL_BUT_ONE = HuffmanCode((*range(1, 15), 14))  # complete, up to 14 bits


def blocks(rng: np.random.Generator, code: HuffmanCode, n: int, frames: int) -> np.ndarray:
    """Symbols (frames, n): the same ones in other orders, so that all blocks have equal sizes."""
    symbols = rng.choice(code.symbols, n)
    return np.array([rng.permutation(symbols) for _ in range(frames)])


def words_of(code: HuffmanCode, symbols: np.ndarray) -> list[int]:
    """A block's words, with the mark in bit 32 of the last."""
    words = pack_block(code.encode(symbols))
    return [*words[:-1], words[-1] | 1 << 32]


@pytest.mark.parametrize("code, n, netlist", [
    (HuffmanCode((1,)), 1, False), (HuffmanCode((0, 15, 0)), 37, False),
    (HuffmanCode((1, 1)), 67, False), (HuffmanCode((15,) * 200), 64, False),
    (ALL_BUT_ONE, 53, False), (HuffmanCode.of([k * k // 7 for k in range(256)]), 101, False),
    (HuffmanCode((0, 15, 0)), 37, True), (ALL_BUT_ONE, 53, True),
])
def test_matches_golden(rng: np.random.Generator, code: HuffmanCode, n: int, netlist: bool) -> None:
    symbols = blocks(rng, code, n, 6)
    words = np.array([words_of(code, row) for row in symbols])
    core = HuffmanDecoder(code, n)
    simulate(core, Frames(words.astype(np.uint64), 33, 1),
             Frames(symbols.astype(np.uint64), 8, 1), netlist=netlist)


def run(core: HuffmanDecoder, words: list[int], cycles: int) -> tuple[list[int], list[str], int]:
    """Offer words in every cycle: (symbols, "done" and "error" as they begin, words taken)."""
    symbols, events, taken = [], [], 0

    async def bench(ctx) -> None:
        nonlocal taken
        before = {"done": 0, "error": 0}
        ctx.set(core.o.ready, 1)
        for _ in range(cycles):
            offered = taken < len(words)
            ctx.set(core.i.valid, offered)
            ctx.set(core.i.p.word, words[taken] & 0xFFFFFFFF if offered else 0)
            ctx.set(core.i.p.last, words[taken] >> 32 if offered else 0)
            if ctx.get(core.o.valid):
                symbols.append(ctx.get(core.o.payload))
            for name in before:
                now = ctx.get(getattr(core, name))
                if now > before[name]:
                    events.append(name)
                before[name] = now
            taken += offered and ctx.get(core.i.ready)
            await ctx.tick()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return symbols, events, taken


@pytest.mark.parametrize("code, n", [(HuffmanCode((1, 2, 3)), 40), (ALL_BUT_ONE, 12)],
                         ids=["incomplete", "complete"])
def test_every_flipped_bit_is_noticed(rng: np.random.Generator, code: HuffmanCode, n: int) -> None:
    """Each bit of a block, its length, its checksum and its marks; then a right block follows."""
    first, second = blocks(rng, code, n, 2)
    sound = words_of(code, first)
    count, stream = 33 * len(sound), []
    for bit in range(count):
        word, place = divmod(bit, 33)
        broken = [*sound[:word], sound[word] ^ 1 << place, *sound[word + 1:]]
        stream += broken + words_of(code, second)
    symbols, events, taken = run(HuffmanDecoder(code, n), stream, 3 * count * (n + 8))
    assert taken == len(stream)
    # A mark too many makes two wrong blocks of one; one too few makes one of two.
    assert events.count("done") == count - 1
    assert count <= events.count("error") <= 2 * count
    broken_then_right = "".join(event[0] for event in events).replace("ee", "e")
    assert broken_then_right == ("ed" * count)[:-2] + "e"
    assert len(symbols) >= n * (count - 1)


@pytest.mark.parametrize("cut", range(4))
def test_truncation_is_noticed(rng: np.random.Generator, cut: int) -> None:
    first, second = blocks(rng, ALL_BUT_ONE, 20, 2)
    words = words_of(ALL_BUT_ONE, first)
    short = words[:cut + 1]
    short[-1] |= 1 << 32
    symbols, events, taken = run(HuffmanDecoder(ALL_BUT_ONE, 20),
                                 short + words_of(ALL_BUT_ONE, second), 100)
    assert events == ["error", "done"] and symbols[-20:] == second.tolist()


@pytest.mark.parametrize("wrong", ["too many", "too few"])
def test_other_numbers_of_symbols_are_noticed(rng: np.random.Generator, wrong: str) -> None:
    code = HuffmanCode((1, 2, 3))
    sound = blocks(rng, code, 12, 1)[0]
    other = np.append(sound, [2]) if wrong == "too many" else sound[:-1]
    symbols, events, _ = run(HuffmanDecoder(code, 12),
                             words_of(code, other) + words_of(code, sound), 100)
    assert events == ["error", "done"] and symbols[-12:] == sound.tolist()


@pytest.mark.parametrize("code", [HuffmanCode((1, 2, 3)), ALL_BUT_ONE, HuffmanCode((15,))],
                         ids=["incomplete", "complete", "one"])
def test_garbage_never_hangs(rng: np.random.Generator, code: HuffmanCode) -> None:
    """Whatever words come, all are taken and an error is raised; a right block then is decoded."""
    sound = blocks(rng, code, 9, 1)[0]
    garbage = [int(word) & ~(0x3FFFFF80 if rng.random() < 0.5 else 0)
               for word in rng.integers(0, 2**33, 300)]
    garbage[-1] |= 1 << 32
    symbols, events, taken = run(HuffmanDecoder(code, 9), garbage + words_of(code, sound), 3500)
    assert taken == 300 + len(words_of(code, sound))
    assert set(events[:-1]) == {"error"} and events[-1] == "done"
    assert symbols[-9:] == sound.tolist()


@pytest.mark.parametrize("arguments, error, message", [
    ((None, 1), TypeError, r"^HuffmanDecoder code must be a HuffmanCode, not None$"),
    ((ALL_BUT_ONE, True), TypeError, r"^HuffmanDecoder n must be an integer, not True$"),
    ((ALL_BUT_ONE, 0), ValueError, r"^HuffmanDecoder n must be at least 1, not 0$"),
])
def test_rejects(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        HuffmanDecoder(*arguments)
