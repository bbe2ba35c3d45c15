"""The write bus of whole accelerators: what is written is computed, and frames meet all or none."""

from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring

from golden.layer import Dense
from golden.network import Network
from golden.number import Codebook, Integer, Number
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.address_map import BEGIN, COMMIT, address_map, map_table
from hdl.plan import LayerPlan, Plan
from hdl.write_bus import WriteBus
from tb.cli_case import lutloom, results
from tb.dense_cases import draw_layer
from tb.harness import Frames, simulate
from tb.rewritten import Rewritten

SMALL = Integer(3, True)
PLANS = {
    "scheduled": {"first": LayerPlan(2, 2, "ram", engine="scheduled"),
                  "second": LayerPlan(1, 3, "ram", engine="scheduled", fifo=2)},
    "folded": {"first": LayerPlan(2, 3, "ram"), "second": LayerPlan(3, 2, "ram", fifo=2)},
}


def draw_network(rng: np.random.Generator, kind: Number, density: float = 1.0) -> Network:
    """7 inputs, 6 neurons with thresholds, 3 without; no zeros at density 1."""
    layers: list[Dense] = []
    for name, n_in, n_out in (("first", 7, 6), ("second", 6, 3)):
        number = layers[-1].output if layers else SMALL
        drawn = draw_layer(rng, n_in, n_out, number, name == "first", kind, density)
        layers.append(Dense(name, number, drawn.weights, drawn.thresholds, kind, drawn.bias))
    return Network("network", tuple(layers))


def room(kind: Number) -> Network:
    """As draw_network, with schedules that have room for any."""
    first = Dense("first", SMALL, np.full((6, 7), kind.maximum), np.full(6, 127), kind,
                  np.full(6, 127))
    return Network("network", (first, Dense("second", first.output, np.full((3, 6), kind.maximum),
                                            None, kind, np.full(3, 127))))


def words(core: Accelerator, pairs: list[tuple[int, int]]) -> list[int]:
    """Pairs as beats of the stream."""
    assert core.bus is not None
    return [core.bus.payload(*pair) for pair in pairs]


@pytest.mark.parametrize("plan, netlist", [
    ("scheduled", False), ("folded", False), ("folded", True),
], ids=["scheduled-rtl", "folded-rtl", "folded-netlist"])
def test_writes_a_network(rng: np.random.Generator, plan: str, netlist: bool) -> None:
    """An accelerator made for one network computes another one after its pairs were written."""
    book = Codebook((-5, 0, 1, 6))
    core = Accelerator(room(book), Plan(PLANS[plan], lanes=2))
    second = draw_network(rng, book, 0.6)
    x = rng.integers(-4, 4, (12, 7))
    simulate(core, Frames.of(x, SMALL, 2),
             Frames.of(run(second, x)[-1], core.output, core.lanes_out), netlist=netlist,
             writes=Frames.of_words(words(core, core.writes(second)), len(core.write.p.as_value())))


class Beats(Accelerator):
    """An accelerator whose writes are beats of the stream."""

    def writes(self, network: Network) -> list[int]:  # type: ignore[override]
        return words(self, super().writes(network))


@pytest.mark.parametrize("plan, scenarios, netlist", [
    ("scheduled", ("source", "sink", "both", "patient", "full"), False),
    ("folded", ("source", "sink", "both", "patient", "full"), False),
    ("scheduled", ("both",), True),
], ids=["scheduled-rtl", "folded-rtl", "scheduled-netlist"])
def test_no_frame_meets_two_networks(rng: np.random.Generator, plan: str,
                                     scenarios: tuple[str, ...], netlist: bool) -> None:
    """Frames that are in the accelerator when a transaction opens meet the old weights in both
    layers, those that come later the new ones in both, whatever is stalled."""
    kind, period = Integer(3, True), 2
    first, second = (draw_network(rng, kind, density) for density in (1.0, 0.5))
    core = Beats(room(kind), Plan(PLANS[plan], lanes=2))
    x = rng.integers(-4, 4, (12, 7))
    golden = np.stack([run([room(kind), first, second][k // period % 3], x)[-1][k]
                       for k in range(len(x))])
    simulate(Rewritten(core, [first, second, room(kind)], period, 4, 1), Frames.of(x, SMALL, 2),
             Frames.of(golden, core.output, core.lanes_out), scenarios=scenarios, netlist=netlist)


class Store(wiring.Component):
    """Takes writes at once, as a core that is always empty."""

    memories = {"wide": (3, 70), "narrow": (2, 5)}

    def __init__(self) -> None:
        super().__init__({"write": wiring.In(stream.Signature(data.StructLayout(
            {"memory": 1, "address": 2, "word": 70})))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.write.ready.eq(1)
        return m


class Watched(wiring.Component):
    """A bus whose pairs come from ``i``; ``o`` shows after each whether ``error`` is set, whether
    a write came of it, and which was the last."""

    latency, initiation_interval = 1, 1

    def __init__(self) -> None:
        self.store = Store()
        self.bus = WriteBus({"store": self.store}, 1, 1)
        self.written = len(self.store.write.p.as_value())
        super().__init__({
            "i": wiring.In(stream.Signature(self.bus.address_width + 32)),
            "o": wiring.Out(stream.Signature(self.written + 2))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bus, m.submodules.store = bus, store = self.bus, self.store
        wiring.connect(m, bus.write_store, store.write)
        wrote, last = Signal(), Signal(self.written)
        free = ~self.o.valid | self.o.ready
        m.d.comb += [bus.write.payload.as_value().eq(self.i.payload),
                     bus.write.valid.eq(self.i.valid & free),
                     self.i.ready.eq(bus.write.ready & free),
                     self.o.payload.eq(Cat(last, wrote, bus.error))]
        with m.If(free):
            m.d.sync += [self.o.valid.eq(self.i.valid & bus.write.ready),
                         wrote.eq(store.write.valid)]
        with m.If(store.write.valid):
            m.d.sync += last.eq(store.write.payload.as_value())
        return m


@pytest.mark.parametrize("netlist", [False, True], ids=["rtl", "netlist"])
def test_refuses(rng: np.random.Generator, netlist: bool) -> None:
    """What lies outside the map or outside a transaction is ignored and sets the flag."""
    core = Watched()
    wide, narrow = core.bus.regions
    used = {region.base + word * region.stride + piece: (region, word, piece)
            for region in core.bus.regions for word in range(region.words)
            for piece in range(region.pieces)}
    assert (wide.base, narrow.base, core.bus.address_width) == (16, 32, 6)
    good = [pair for word in range(3) for pair in wide.writes(word, int(rng.integers(2**62)) << 8)]
    pairs = [(BEGIN, 5), *good, (COMMIT, 0), good[2], (BEGIN, 0), (COMMIT, 0), (BEGIN, 0),
             *((address, int(rng.integers(2**32))) for address in range(2, 64)), (COMMIT, 0),
             (BEGIN, 0), (COMMIT, 9)]
    error = is_open = last = 0
    pieces, expected = [0, 0], []
    for address, value in pairs:
        region, word, piece = used.get(address, (None, 0, 0))
        wrote = region is not None and is_open and piece == region.pieces - 1
        if address in (BEGIN, COMMIT):
            is_open, error = int(address == BEGIN), error if address == COMMIT else 0
        elif region is None or not is_open:
            error = 1
        elif wrote:
            whole = sum(part << 32 * k for k, part in enumerate([*pieces[:piece], value]))
            last = region.number | word << 1 | whole % (1 << region.width) << 3
        if region is not None and not wrote and piece < region.pieces - 1:
            pieces[piece] = value
        expected.append(last | wrote << core.written | error << core.written + 1)
    assert {0, 1} == {code >> core.written + 1 for code in expected}
    simulate(core, Frames.of_words([core.bus.payload(*pair) for pair in pairs],
                                   core.bus.address_width + 32),
             Frames.of_words(expected, core.written + 2),
             scenarios=("none",), netlist=netlist)


@pytest.mark.parametrize("change, error, message", [
    ({"layers": "rom"}, TypeError,
     '^network network: no layer can be written; plan one with storage "ram"$'),
    ({"names": True}, ValueError,
     "^network network has layers first, second, but network other has first$"),
    ({"second": "rom"}, ValueError, "^layer second: storage must be ram to be written, not rom$"),
])
def test_rejects(change: dict, error: type[Exception], message: str) -> None:
    kind = Integer(3, True)
    network = room(kind)
    storages = [change.get("layers", "ram"), change.get("second", change.get("layers", "ram"))]
    core = Accelerator(network, Plan(dict(zip(("first", "second"), (
        LayerPlan(storage=storage) for storage in storages), strict=True))))
    second = network.layers[1]
    assert isinstance(second, Dense)
    other = Network("other", network.layers[:1] if "names" in change else (
        network.layers[0], Dense("second", second.input, second.weights - 1, None, kind,
                                 second.bias)))
    with pytest.raises(error, match=message):
        core.writes(other)


def test_map() -> None:
    """A word of 70 bits takes three of four addresses, five words the place of eight."""
    regions = address_map({"a": {"weights": (5, 70), "preloads": (1, 8)}, "b": {"order": (3, 32)}})
    assert [(r.core, r.memory, r.number, r.base, r.size) for r in regions] == [
        ("a", "weights", 0, 32, 32), ("a", "preloads", 1, 64, 1), ("b", "order", 0, 68, 4)]
    assert regions[0].writes(2, 0x3F_89ABCDEF_01234567) == [
        (40, 0x01234567), (41, 0x89ABCDEF), (42, 0x3F)]
    assert map_table(regions) == """\
| addresses | layer | memory | words | bits | addresses a word |
| --- | --- | --- | --- | --- | --- |
| 0x0000 | | begin | | | opens a transaction |
| 0x0001 | | commit | | | closes it |
| 0x0020 - 0x0033 | a | weights | 5 | 70 | 3 of 4 |
| 0x0040 - 0x0040 | a | preloads | 1 | 8 | 1 |
| 0x0044 - 0x0046 | b | order | 3 | 32 | 1 |
"""


def test_generate_describes_the_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network, plan = room(Integer(3, True)), Plan(PLANS["scheduled"], lanes=2)
    network.save("network.npz")
    plan.save("plan.json")
    assert lutloom("generate", "network.npz", "--plan", "plan.json", "--json", "made.json")[0] == 0
    regions = Accelerator(network, plan).address_map
    assert results(tmp_path / "made.json", "generate")["address_map"] == [
        {**vars(region), "stride": region.stride} for region in regions]
    assert (tmp_path / "rtl/address_map.md").read_text() == map_table(regions)
