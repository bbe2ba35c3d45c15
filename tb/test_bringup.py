"""Bringing up a board at the pins of its UART, simulated, with the driver as it is."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from boards.host.checks import Check, disturbances
from boards.host.driver import Board
from boards.link import BoardLink, LinkedCore, identity
from boards.platforms import BOARDS
from golden.checkpoint import load_checkpoint, zoo_path
from golden.layer import Dense
from golden.link import LinkModel
from golden.lower import lower
from golden.network import Network
from golden.number import Bipolar, Integer
from golden.packet import ERROR, MAX_PAYLOAD, Command, Fault, encode
from golden.reference import run
from hdl.accelerator import Accelerator
from hdl.core_port import CorePort
from hdl.plan import LayerPlan, Plan
from hdl.planner import plan_for_cycles
from scripts.bringup import page
from tb.cli_case import lutloom, results
from tb.fake_board import fake_board
from tb.simulated_board import simulated_board

CLOCK, BAUD = 12_000_000, 3_000_000


def test_bringup_of_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of `lutloom bringup BOARD --port sim`, with the trained network and its test images, at
    a clock that the PLL does not make exactly."""
    monkeypatch.chdir(tmp_path)
    lowered = lower(load_checkpoint(zoo_path("digits"))[0])
    network = Network("digits", lowered.layers, {"data": "digits"})
    network.save("network.npz")
    plan = replace(plan_for_cycles(network, 400), clock_hz=20_000_000)
    plan.save("plan.json")
    status, output, errors = lutloom(
        "bringup", "icebreaker", "--port", "sim", "--network", "network.npz", "--plan", "plan.json",
        "--json", "bringup.json")
    assert (status, errors) == (0, "")
    found = results(tmp_path / "bringup.json", "bringup")
    checks = [Check(**check) for part in found["checks"].values() for check in part]
    core = Accelerator(network, plan)
    assert found["passed"] and all(check.passed for check in checks)
    assert f"{len(checks)} of {len(checks)} checks passed" in output
    wanted = {check.what: check.wanted for check in checks}
    assert wanted["frames with every bit right"] == "20"
    assert wanted["latency, cycles"] == f"{core.latency:,}"
    assert wanted["clock, Hz"] == "19,875,000"
    assert wanted["frames a second"] == f"{19_875_000 / core.initiation_interval:,.0f}"
    assert wanted["cycles a frame"] == f"{core.initiation_interval:,}"
    assert {f"signature behind layer {layer.name}" for layer in network.layers} <= set(wanted)
    assert {what for what, _, _ in disturbances()} <= set(wanted)
    assert found["identity"]["network"] == network.digest[:32]
    assert found["rates"]["accelerator"] == 19_875_000 / core.initiation_interval
    # 64 bytes a frame, 8 more a packet; the answers stand beside them.
    assert 0.9 < found["rates"]["measured"] / found["rates"]["line"] <= 1.05
    text = (tmp_path / "bringup.html").read_text()
    for part in ("digits on iCEBreaker, iCE40UP5K, simulated", "latency, cycles", "TRUNCATED"):
        assert part in text
    assert not re.search(r"https?://|src=|<link|<script|url\(", text)


def draw_network(rng: np.random.Generator, name: str) -> Network:
    kind = Integer(3, True)
    first, second = (rng.integers(-4, 4, shape) for shape in ((6, 300), (5, 6)))
    return Network(name, (Dense("first", kind, first, rng.integers(-9, 9, 6), kind),
                          Dense("second", Bipolar(), second, None, kind)))


def test_writes_another_network(rng: np.random.Generator) -> None:
    """Frames of 113 bytes through small queues, with other weights afterwards."""
    built, other = (draw_network(rng, "written") for _ in range(2))
    core = Accelerator(built, Plan({"first": LayerPlan(3, 5, "ram"),
                                    "second": LayerPlan(5, 6, "ram")}, lanes=7))
    x = rng.integers(-4, 4, (12, 300))
    linked = LinkedCore(core, CLOCK, BAUD, received=200, queue=100, results=9, gap_seconds=100e-6)
    with simulated_board(linked) as name, \
            Board.connect(name, built, baud=BAUD, timeout=20, pause=0.05) as board:
        assert board.identity["queue"] == 100 and board.identity["writable"] == 1
        assert (board.run(x) == run(built, x)[-1]).all()
        board.write(core, other)
        assert (board.run(x) == run(other, x)[-1]).all()
        test = board.self_test(12)
        assert test.passed and test.counters.frames_out == 12 and not test.counters.signatures
        assert test.counters.latency == core.latency
        board.network = built  # which it is not any more
        assert not board.self_test(3).passed

        # Far more than the window: answers, then one error, then the next packet.
        board.line.send_raw(40 * encode(Command.IDENTIFY))
        answers = [board.line.receive_any()]
        while answers[-1][0] != ERROR:
            answers.append(board.line.receive_any())
        assert 20 < len(answers) < 40 and answers[-1][1] == bytes([Fault.OVERFLOW])
        board.line.pause()
        assert board.echo(b"next") == b"next"
        assert board.counters().faults == {**dict.fromkeys(board.counters().faults, 0),
                                           "overflow": 1}


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_its_uart(name: str) -> None:
    platform = BOARDS[name].platform()
    uart = platform.request("uart", 0, dir="-")
    assert uart.rx is not uart.tx


def test_bringup_of_a_board_at_a_port(rng: np.random.Generator, tmp_path: Path,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Another network there, then a check that fails: status 1, and what is wrong."""
    monkeypatch.chdir(tmp_path)
    network, other = draw_network(rng, "wanted"), draw_network(rng, "there")
    network.save("network.npz")
    Plan({"first": LayerPlan(), "second": LayerPlan()}).save("plan.json")
    command = ("bringup", "icebreaker", "--network", "network.npz", "--plan", "plan.json",
               "--random", "--port")
    with fake_board(LinkModel(identity_of(other), 113, 250, bytes)) as name:
        status, _, errors = lutloom(*command, name)
    assert status == 1
    assert errors.startswith(f"the board on {name} holds network there {other.digest[:12]}, not "
                             f"wanted {network.digest[:12]}; program it with ")
    found = [Check("right", "1", "1"), Check("wrong", "2", "3")]
    monkeypatch.setattr("scripts.bringup.check_board", lambda *_: {
        "checks": {"Some": found}, "rates": {}, "identity": {}, "retried": 0})
    with fake_board(LinkModel(identity_of(network), 113, 250, bytes)) as name:
        status, output, errors = lutloom(*command, name, "--json", "bringup.json")
    assert (status, errors) == (
        1, "1 of 2 checks passed; the first that did not: wrong: wanted 2, got 3\n")
    assert re.search(r"wrong +2 +3 +WRONG", output)
    assert results(tmp_path / "bringup.json", "bringup")["passed"] is False
    assert "<td>WRONG</td>" in (tmp_path / "bringup.html").read_text()


def test_a_check_that_fails_is_shown(tmp_path: Path) -> None:
    outcome = {"checks": {"Link": [Check("echo", "5 right", "5 right"),
                                   Check("other", "a < b", "c")]},
               "rates": {"line": 1234.5}, "identity": {"name": "some"}, "retried": 3}
    text = page("some on a board", "/dev/ttyUSB1", outcome)
    assert "1 of 2 checks passed; port /dev/ttyUSB1, 3 requests repeated" in text
    assert "<td>a &lt; b</td><td>c</td><td>WRONG</td>" in text
    assert "<td>line</td><td>1,234</td>" in text


def test_disturbances_differ_from_the_sound_packet() -> None:
    kinds = disturbances()
    assert len({data for _, data, _ in kinds}) == len(kinds) == 17
    assert encode(1, b"abcdefgh") not in [data for _, data, _ in kinds]
    assert {fault for _, _, fault in kinds} == {
        Fault.START, Fault.LENGTH, Fault.TRUNCATED, Fault.CHECKSUM, Fault.COMMAND, Fault.ARGUMENT}


def test_rejects(rng: np.random.Generator, tmp_path: Path,
                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network = draw_network(rng, "n" * 600)
    core = Accelerator(network, Plan({"first": LayerPlan(), "second": LayerPlan()}))
    size = len(identity_of(draw_network(rng, "n"))) + 599
    message = (f"network {network.name}: what the board says of itself takes {size} bytes, a "
               f"packet has {MAX_PAYLOAD}; give it a shorter name")
    with pytest.raises(ValueError, match=f"^{message}$"):
        LinkedCore(core, CLOCK, BAUD)
    for name in ("queue", "results"):
        with pytest.raises(ValueError, match=f"^CorePort {name} must be from 2 to 65535, not 1$"):
            CorePort(core, **{name: 1})
    Path("plan.json").touch()
    status, _, errors = lutloom("bringup", "arty", "--port", "sim", "--network", "network.npz",
                                "--plan", "plan.json")
    assert (status, errors) == (2, f"board must be one of {', '.join(BOARDS)}, not 'arty'\n")


def identity_of(network: Network) -> bytes:
    core = Accelerator(network, Plan({"first": LayerPlan(), "second": LayerPlan()}))
    return identity(CorePort(core), CLOCK, BAUD, 1000)


def test_top_has_nothing_but_the_two_wires(rng: np.random.Generator) -> None:
    core = Accelerator(draw_network(rng, "tiny"), Plan({"first": LayerPlan(),
                                                         "second": LayerPlan()}))
    platform = BOARDS["icebreaker"].platform()
    files = platform.prepare(BoardLink(LinkedCore(core, CLOCK, 1_000_000)), name="top",
                             emit_src=False).files
    pins = re.findall(r"^set_io (\S+) ", files["top.pcf"], re.MULTILINE)
    assert sorted(pin.split("__")[0] for pin in pins if not pin.startswith("clk")) == [
        "uart_0", "uart_0"]
