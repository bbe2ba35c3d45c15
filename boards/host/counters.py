"""What a board has counted, and what comes of its self-test."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from golden.packet import COUNTERS

__all__ = ["Counters", "SelfTest"]


@dataclass(frozen=True)
class Counters:
    """What a board has counted since it was last reset; ``faults`` since it was programmed.

    cycles, latency: from the first input beat to the last and to the first output beat; stalled_in,
    stalled_out: cycles in which a beat has waited there; frames_in, frames_out; signature: of all
    outputs (``golden.pattern.signature``); testing: is a self-test under way?; signatures: of each
    layer's outputs, where the bitstream has taps; faults: name -> how often (modulo 2**16).
    """

    cycles: int
    latency: int
    stalled_in: int
    stalled_out: int
    frames_in: int
    frames_out: int
    signature: int
    testing: bool
    signatures: tuple[int, ...]
    faults: Mapping[str, int]

    @property
    def cycles_per_frame(self) -> float:
        """Cycles over frames that are out; NaN before the first."""
        return self.cycles / self.frames_out if self.frames_out else math.nan

    @classmethod
    def decode(cls, payload: bytes) -> "Counters":
        """From the answer of a board."""
        fields: dict[str, Any] = {}
        for name, size in COUNTERS.items():
            fields[name], payload = int.from_bytes(payload[:size], "little"), payload[size:]
        faults = {name.removeprefix("faults_"): fields.pop(name)
                  for name in COUNTERS if name.startswith("faults_")}
        return cls(**{**fields, "testing": bool(fields["testing"])}, faults=faults,
                   signatures=tuple(np.frombuffer(payload, "<u4").tolist()))


@dataclass(frozen=True)
class SelfTest:
    """Outcome of a self-test: the golden signature and what the board has counted."""

    expected: int
    counters: Counters

    @property
    def passed(self) -> bool:
        return self.counters.signature == self.expected
