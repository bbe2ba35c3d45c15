"""HostLink: answers byte for byte those of the model, under any noise, and never stuck."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from boards.host.frames import to_bytes, to_values
from golden.layer import Dense
from golden.link import LinkModel
from golden.network import Network
from golden.number import Bipolar, Integer
from golden.packet import EVENT, MAX_PAYLOAD, START, Command, Event, encode
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.address_map import BEGIN, COMMIT
from hdl.core_port import CorePort
from hdl.host_link import HostLink
from hdl.plan import LayerPlan, Plan
from tb.harness import Frames, simulate

IDENTITY = b"a board with a tiny network"
QUEUE = 40
GAP = EVENT | Event.GAP
SETTLE = [GAP, *encode(Command.ECHO, bytes(64)), GAP]  # longer than a few frames take


def draw_network(rng: np.random.Generator) -> Network:
    """5 inputs of 3 bits, 4 neurons, 3 scores, weights of 3 bits."""
    kind = Integer(3, True)
    first, second = (rng.integers(-4, 4, shape) for shape in ((4, 5), (3, 4)))
    return Network("tiny", (Dense("first", kind, first, rng.integers(-4, 5, 4), kind),
                            Dense("second", Bipolar(), second, None, kind)))


class Written:
    """What the words in an accelerator make of it: the last of the networks written whole."""

    def __init__(self, core: Accelerator, networks: list[Network]) -> None:
        self.core, self.network, self.words = core, networks[0], dict[int, int]()
        self.known = [(dict(core.writes(network)[1:-1]), network) for network in networks]

    def write(self, address: int, data: int) -> bool:
        if address not in self.known[0][0]:
            return False
        self.words[address] = data
        self.network = next((network for words, network in self.known if words == self.words),
                            self.network)
        return True

    def compute(self, frame: bytes) -> bytes:
        x = to_values(frame, self.network.n_in, self.network.input)
        return to_bytes(run(self.network, x)[-1], self.core.output).tobytes()


class Requests:
    """Random requests, and what noise makes of them."""

    def __init__(self, rng: np.random.Generator, core: Accelerator,
                 networks: list[Network]) -> None:
        self.rng = rng
        self.writes = [self.pairs(core.writes(network)) for network in networks]
        self.strays = [(BEGIN, 0), (1000, 1), (1 << 31, 1), (COMMIT, 0)]

    def pairs(self, pairs: list[tuple[int, int]]) -> bytes:
        return b"".join(part.to_bytes(4, "little") for pair in pairs for part in pair)

    def draw(self) -> bytes:
        """Sound packets, of which the last may ask for something impossible."""
        rng = self.rng
        kinds: list[Callable[[], bytes]] = [
            lambda: encode(Command.ECHO, rng.bytes(int(rng.choice([0, 1, 9, 200])))),
            lambda: encode(Command.IDENTIFY, bytes(int(rng.random() < 0.2))),
            lambda: encode(Command.RESET, rng.bytes(3)),
            *3 * [lambda: encode(Command.RUN, rng.bytes(int(rng.integers(0, 9))))],
            lambda: encode(Command.RUN, bytes(QUEUE + 1)),
            lambda: encode(Command.TEST, bytes([*rng.integers(0, 4, 1), 0])),
            lambda: encode(Command.TEST, bytes(3)),
            lambda: encode(Command.WRITE, self.writes[rng.integers(len(self.writes))]),
            lambda: encode(Command.WRITE, self.pairs(
                self.strays[rng.integers(3):][:rng.integers(1, 5)])),
            lambda: encode(Command.WRITE, bytes(int(rng.choice([0, 9])))),
            lambda: encode(int(rng.choice([0, 9, 0x80, 0xFF])), b"?"),
        ]
        return kinds[rng.integers(len(kinds))]()

    def noise(self, packet: bytes) -> list[int]:
        """A packet that something has happened to."""
        rng, words = self.rng, [int(byte) for byte in packet]
        at = int(rng.integers(len(words)))
        kind = rng.integers(8)
        if kind == 0:
            words[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del words[at]
        elif kind == 2:
            words = words[:at]
        elif kind == 3:
            words[3] |= 4  # more than 1000 bytes
        elif kind == 4:
            words[at:at] = [int(byte) for byte in rng.bytes(int(rng.integers(1, 30)))]
        elif kind == 5:
            words[at] = EVENT | Event.FRAMING
        elif kind == 6:
            words[at:] = [EVENT | Event.OVERFLOW, *words[int(rng.integers(at, len(words))):]]
        else:
            words = [START] * int(rng.integers(9)) + [int(byte) for byte in rng.bytes(20)]
        return words

    def session(self, requests: int, noisy: float) -> list[int]:
        """Words of a line, from any state of the board to a known one, and then on."""
        words = [GAP, *encode(Command.RESET), *encode(Command.WRITE, self.writes[0])]
        begin, commit = (encode(Command.WRITE, self.pairs([(address, 0)]))
                         for address in (BEGIN, COMMIT))
        frame, test = encode(Command.RUN, b"\x53\x01"), encode(Command.TEST, b"\1\0")
        for packet in (begin, frame, test, encode(Command.RUN), commit, frame):
            words += [*packet, *SETTLE]
        for _ in range(requests):
            packet = self.draw()
            if self.rng.random() < noisy:
                words += [GAP, *self.noise(packet), GAP]
            else:
                words += packet
            # Without noise in front no gap is needed.
            words += SETTLE if packet[1] in (Command.RUN, Command.TEST) else []
            words += encode(Command.ECHO, bytes([len(words) % 256]))  # the next good one
        return [*words, GAP]


@pytest.mark.parametrize("noisy, requests, netlist", [
    (0.0, 25, False), (0.7, 40, False), (0.7, 8, True),
], ids=["quiet", "noise", "netlist"])
def test_answers_as_the_model(rng: np.random.Generator, noisy: float, requests: int,
                              netlist: bool) -> None:
    networks = [draw_network(rng) for _ in range(2)]
    core = Accelerator(networks[0], Plan({"first": LayerPlan(2, 3, "ram"),
                                          "second": LayerPlan(3, 2, "ram")}, lanes=2))
    written = Written(core, networks)
    words = Requests(rng, core, networks).session(requests, noisy)
    model = LinkModel(IDENTITY, 2, QUEUE, written.compute, written.write)
    answers = model.answers(words)
    assert answers.count(encode(Command.ECHO | 0x80, bytes(64))) >= 6
    link = HostLink(CorePort(core, QUEUE, 30), IDENTITY)
    simulate(link, Frames(np.array([words]), 9, 1), Frames(np.array([list(answers)]), 8, 1),
             starts=(), latency=64, interval=64, netlist=netlist,
             scenarios=("both",) if netlist else ("none", "both", "reset"))


def test_rejects(rng: np.random.Generator) -> None:
    network = draw_network(rng)
    port = CorePort(Accelerator(network, Plan({"first": LayerPlan(), "second": LayerPlan()})))
    for size in (0, MAX_PAYLOAD + 1):
        message = f"HostLink identity must be 1 to 512 bytes, not {size}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            HostLink(port, bytes(size))
    port.taps = tuple(f"layer_{k}" for k in range(118))
    message = ("the counters and 118 watched layers need 515 bytes, a packet has 512; leave out "
               "taps")
    with pytest.raises(ValueError, match=f"^{message}$"):
        HostLink(port, IDENTITY)
