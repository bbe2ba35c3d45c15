"""Memories of a core's parameters: constants, ROM or RAM, and the stream that writes them."""

from collections.abc import Mapping, Sequence

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.utils import ceil_log2

from hdl.rom import LutRom

__all__ = ["MEMORIES", "STORAGES", "check_storage", "payloads", "read_port", "write_signature"]

STORAGES = "logic", "rom", "ram"
MEMORIES = "auto", "lut", "block"
_LUT_WORDS = 64  # "auto" keeps up to so many words in LUTs
# What yosys calls them; a ROM in LUTs is logic, a RAM in LUTs is distributed.
_STYLES = {("rom", "lut"): {"rom_style": "logic"}, ("ram", "lut"): {"ram_style": "distributed"},
           ("rom", "block"): {"rom_style": "block"}, ("ram", "block"): {"ram_style": "block"}}


def check_storage(name: str, storage: str, memory: str) -> None:
    """Raise ValueError unless both are known."""
    for parameter, value, choices in (("storage", storage, STORAGES), ("memory", memory, MEMORIES)):
        if value not in choices:
            raise ValueError(f"layer {name}: {parameter} must be one of {', '.join(choices)}, "
                             f"not {value!r}")


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
    if memory == "auto":
        memory = "lut" if len(words) <= _LUT_WORDS else "block"
    if (storage, memory, variant) == ("rom", "lut", "xc7"):
        m.submodules[name] = rom = LutRom(words, width, variant=variant)
        return rom
    # At least two words, since a memory of depth 1 has no address.
    contents = Memory(shape=width, depth=max(len(words), 2), init=words,
                      attrs=_STYLES[storage, memory])
    m.submodules[name] = contents
    if write is not None:
        port = contents.write_port()
        m.d.comb += [
            port.addr.eq(write.p.address),
            port.data.eq(write.p.word),
            port.en.eq(write.valid & write.ready & (write.p.memory == number)),
        ]
    return contents.read_port()

