"""Memories of a core's parameters: constants, ROM or RAM, and the stream that writes them."""

from collections.abc import Mapping, Sequence

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.utils import ceil_log2

from golden.check import check_choice
from hdl.rom import LutRom

__all__ = ["MEMORIES", "STORAGES", "check_memory", "memory_for", "memory_style", "payloads",
           "read_port", "write_signature"]

STORAGES = "logic", "rom", "ram"
MEMORIES = "auto", "lut", "block"
_LUT_WORDS = 64  # "auto" keeps up to so many words in LUTs
# What yosys calls them; a ROM in LUTs is logic, a RAM in LUTs is distributed.
_STYLES = {("rom", "lut"): {"rom_style": "logic"}, ("ram", "lut"): {"ram_style": "distributed"},
           ("rom", "block"): {"rom_style": "block"}, ("ram", "block"): {"ram_style": "block"}}


def check_memory(name: str, storage: str, memory: str,
                 storages: tuple[str, ...] = STORAGES) -> None:
    """Raise ValueError unless both are known, the storage as one of ``storages``."""
    check_choice(f"layer {name}", "storage", storage, storages)
    check_choice(f"layer {name}", "memory", memory, MEMORIES)


def memory_for(memory: str, words: int) -> str:
    """What "auto" stands for: LUTs for few words, block RAM for more."""
    if memory == "auto":
        return "lut" if words <= _LUT_WORDS else "block"
    return memory


def memory_style(storage: str, memory: str) -> dict[str, str]:
    """Attributes that make yosys keep a "rom" or "ram" in LUTs ("lut") or block RAM."""
    return _STYLES[storage, memory]


def _layout(memories: Mapping[str, tuple[int, int]]) -> data.StructLayout:
    return data.StructLayout({
        "memory": ceil_log2(max(len(memories), 2)),
        "address": ceil_log2(max(2, *(words for words, _ in memories.values()))),
        "word": max(bits for _, bits in memories.values())})


def write_signature(memories: Mapping[str, tuple[int, int]]) -> stream.Signature:
    """Stream of words for memories: name -> (words, bits of a word), numbered in their order."""
    return stream.Signature(_layout(memories))


def payloads(memories: Mapping[str, tuple[int, int]], contents: Sequence[Sequence[int]]
             ) -> list[int]:
    """Payloads that write these words into the memories."""
    layout = _layout(memories)
    return [number | address << layout["address"].offset | word << layout["word"].offset
            for number, words in enumerate(contents) for address, word in enumerate(words)]


def read_port(m: Module, name: str, words: Sequence[int], width: int, *, storage: str,
              memory: str, variant: str, write: wiring.PureInterface | None = None,
              number: int = 0) -> ReadPort | LutRom:
    """A memory with a synchronous read port; its submodule is called ``name``.

    words : content, or first content of a RAM; storage "logic" is a ROM in LUTs
    write, number : the stream of writes that reach it, and its number there; for a RAM alone
    """
    if storage == "logic":
        storage, memory = "rom", "lut"
    memory = memory_for(memory, len(words))
    if (storage, memory, variant) == ("rom", "lut", "xc7"):
        m.submodules[name] = rom = LutRom(words, width, variant=variant)
        return rom
    # At least two words, since a memory of depth 1 has no address.
    contents = Memory(shape=width, depth=max(len(words), 2), init=words,
                      attrs=memory_style(storage, memory))
    m.submodules[name] = contents
    if write is not None:
        port = contents.write_port()
        m.d.comb += [
            port.addr.eq(write.p.address),
            port.data.eq(write.p.word),
            port.en.eq(write.valid & write.ready & (write.p.memory == number)),
        ]
    return contents.read_port()

