"""The harness notices what it promises to notice, and names it; builds are cached and shared."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from golden.number import Integer
from hdl.fifo import StreamFIFO
from hdl.yosys import ToolError
from tb import simulator
from tb.broken_core import BrokenCore
from tb.cache import cache_folder, cached, forget, repository
from tb.conftest import NO_TESTS
from tb.fault_list import FAULTS
from tb.harness import Frames, settings, simulate, verify

LATER = "the whole beat being that of one beat later (lost or reordered?)"
EARLIER = "the whole beat being that of one beat earlier (doubled?)"


def draw(rng: np.random.Generator, frames: int = 12, n: int = 8) -> Frames:
    """Frames in which beats that follow each other differ."""
    codes = (rng.integers(256) + 37 * np.arange(frames * n).reshape(frames, n)) % 256
    return Frames(codes, 8, 2, Integer(8, signed=True))


def like(template: str) -> str:
    """Regular expression of a text in which # stands for any number."""
    return re.escape(template).replace(r"\#", r"-?(0x)?[\da-f]+")


@pytest.mark.parametrize("fault, message", [
    ("drops", (f"output: frame 1, element 2 (beat 1, lane 0): expected #, got #, {LATER} "
              "[scenario none, cycle #]")),
    ("doubles", (f"output: frame 1, element 4 (beat 2, lane 0): expected #, got #, {EARLIER} "
                "[scenario none, cycle #]")),
    ("reorders", (f"output: frame 1, element 2 (beat 1, lane 0): expected #, got #, {LATER} "
                 "[scenario none, cycle #]")),
    ("changes", ("output # (frame #, beat #) was changed to # while stalled "
                "[scenario sink, cycle #]")),
    ("withdraws", ("output # (frame #, beat #) was withdrawn while stalled "
                  "[scenario sink, cycle #]")),
    ("wrong value", ("output: frame 1, element 3 (beat 1, lane 1): expected #, got # "
                    "[scenario none, cycle #]")),
    ("late", "latency: promised 1 cycles, measured 2 [scenario none, cycle #]"),
    ("slow", ("interval: promised 4 cycles a frame, measured 5 up to frame 1 "
             "[scenario none, cycle #]")),
    ("extra", "output: a beat too many after all 48 [scenario none, cycle #]"),
    ("wrong after reset", ("output: frame 0, element # (beat #, lane #): expected #, got 0 "
                          "[scenario reset, cycle #]")),
    ("second frame", ("output: frame 1, element 0 (beat 0, lane 0): expected #, got # "
                     "[scenario none, cycle #]")),
    ("waits for ready", ("nothing moved for # cycles after 1 of 48 input beats and 0 of 48 output "
                        "beats [scenario patient, cycle #]")),
    ("ignores valid", ("output: frame #, element # (beat #, lane #): expected #, got # "
                      "[scenario source, cycle #]")),
    ("hangs", ("nothing moved for # cycles after 5 of 48 input beats and 5 of 48 output beats "
              "[scenario none, cycle #]")),
    ("tap wrong", ("inside: frame 1, element 2 (beat 1, lane 0): expected #, got # "
                  "[scenario none, cycle #]")),
    ("tap silent", "inside: 47 of 48 beats seen [scenario none, cycle #]"),
])
def test_names_the_fault(rng: np.random.Generator, fault: str, message: str) -> None:
    x = draw(rng)
    result = verify(BrokenCore(fault), x, x, taps={"inside": x})
    assert result.fault is not None, "the fault was not noticed"
    assert re.fullmatch(like(message), result.fault), result.fault


def test_passes_the_same_core_without_a_fault(rng: np.random.Generator) -> None:
    x = draw(rng)
    result = simulate(BrokenCore("none"), x, x, taps={"inside": x})
    assert (result.fault, result.latency, result.interval, result.capacity) == (None, 1, 4, 1)
    assert result.frames == 6 * 12 + 3 * 4  # six scenarios, then four frames after each reset


def test_missing_tap_beats(rng: np.random.Generator) -> None:
    x = draw(rng, frames=2)
    fewer = Frames(x.codes[:, :6], 8, 2)  # the golden answer says three beats, four come
    result = verify(BrokenCore("none"), x, x, taps={"inside": fewer})
    assert result.fault is not None and result.layer == "inside"


def test_padding_must_be_zero(rng: np.random.Generator) -> None:
    """The input's padding is random: a core that passes it on is noticed."""
    x = draw(rng, n=7)
    result = verify(BrokenCore("none"), x, x)
    assert result.fault is not None
    assert re.match(r"output: frame \d+, padding that must be zero \(beat 3, lane 1\): expected 0,",
                    result.fault)
    assert (result.layer, result.element) == ("output", None)


def test_assertion_tells_seed(rng: np.random.Generator) -> None:
    x = draw(rng)
    with pytest.raises(AssertionError, match=r"\nseed: 77\n"):
        simulate(BrokenCore("wrong value"), x, x, seed=77)


def test_seed_decides_stalls(rng: np.random.Generator) -> None:
    """Equal seeds give equal runs; another seed stalls at other times."""
    x, texts = draw(rng), []
    for seed in (1, 1, 2):
        texts.append(verify(BrokenCore("changes"), x, x, seed=seed).fault)
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("change, message", [
    ({"scenarios": ("some",)},
     "scenarios must be of none, source, sink, both, patient, full, reset, not 'some'"),
    ({"outputs": 3}, "output must hold as many frames as the input, at least one: 3 and 12"),
    ({"lanes": 4}, "frames of 4 lanes of 8 bits do not fit the port o of 16 bits"),
])
def test_rejects(rng: np.random.Generator, change: dict, message: str) -> None:
    x = draw(rng)
    y = Frames(x.codes[:change.get("outputs", 12)], 8, change.get("lanes", 2))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        verify(BrokenCore("none"), x, y, scenarios=change.get("scenarios", ("none",)))


def test_build_is_cached_by_content(rng: np.random.Generator, tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run builds nothing; other data neither; another design does."""
    fresh = tmp_path / "cache"
    fresh.mkdir()
    simulate(StreamFIFO(8, 2), x := Frames(rng.integers(0, 256, (5, 1)), 8, 1), x)
    for objects in cache_folder().glob("objects-*"):  # only what takes long to compile
        if objects.is_dir():
            shutil.copytree(objects, fresh / objects.name)
    monkeypatch.setenv("LUTLOOM_CACHE", str(fresh))
    other = Frames(rng.integers(0, 256, (9, 1)), 8, 1)
    hits = [simulate(StreamFIFO(8, depth), frames, frames).cached
            for depth, frames in ((2, x), (2, x), (2, other), (1, x))]
    assert hits == [False, True, True, False]


def test_cache_forgets_what_nobody_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                            ) -> None:
    monkeypatch.setenv("LUTLOOM_CACHE", str(tmp_path / "absent"))
    forget()
    monkeypatch.setenv("LUTLOOM_CACHE", str(tmp_path))
    made = [cached("test", name, lambda folder: None) for name in ("old", "used", "new")]
    for folder in made[:2]:
        for path in (folder, folder.with_suffix(".lock")):
            os.utime(path, (0, 0))
    cached("test", "used", lambda folder: None)
    forget()
    assert [folder.exists() for folder in made] == [False, True, True]
    assert not made[0].with_suffix(".lock").exists()


def test_cache_is_made_once_by_many(tmp_path: Path) -> None:
    """Four processes want the same at once: one makes it, all get the whole of it."""
    program = """
import sys, time
from pathlib import Path
from tb.cache import cached

def make(folder):
    with open(sys.argv[1], "a") as log:
        log.write("made ")
    (folder / "a").write_text("1")
    time.sleep(0.5)
    (folder / "b").write_text("2")

folder = cached("test", "key", make)
print((folder / "a").read_text() + (folder / "b").read_text())
"""
    environment = {"LUTLOOM_CACHE": str(tmp_path), "PYTHONPATH": str(repository())}
    log = tmp_path / "log"
    processes = [subprocess.Popen([sys.executable, "-c", program, str(log)], env=environment,
                                  stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in processes] == ["12\n"] * 4
    assert log.read_text() == "made "


def test_cache_keeps_nothing_of_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUTLOOM_CACHE", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise OSError("disk full")

    with pytest.raises(OSError, match=r"^disk full$"):
        cached("test", "key", fail)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    assert list(cached("test", "key", lambda folder: None).iterdir()) == []


def test_missing_compiler_is_one_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    simulator.tools.cache_clear()
    with pytest.raises(RuntimeError, match=r"^simulating needs g\+\+ and make: "
                                           r"sudo apt-get install -y g\+\+ make$"):
        simulator.tools(False)


def test_waves_are_written_or_the_package_named(rng: np.random.Generator) -> None:
    x = draw(rng, frames=2)
    headers = subprocess.run(["g++", "-fsyntax-only", "-include", "lz4.h", "-include", "zlib.h",
                              "-x", "c++", "/dev/null"], capture_output=True)
    if headers.returncode == 0:
        result = verify(BrokenCore("none"), x, x, waves=True, scenarios=("none",))
        assert result.waves is not None and result.waves.stat().st_size > 300
        assert result.waves.read_bytes()[0] == 0  # header block of the FST format
    else:
        with pytest.raises(RuntimeError, match=r"^waves need the headers of lz4 and zlib: sudo "
                                               r"apt-get install -y liblz4-dev zlib1g-dev$"):
            verify(BrokenCore("none"), x, x, waves=True, scenarios=("none",))


def test_tool_error_shows_its_last_lines(tmp_path: Path) -> None:
    source = tmp_path / "top.v"
    source.write_text("module top(a);\n  input a;\n  nonsense\nendmodule\n")
    with pytest.raises(ToolError, match=r"(?s)^verilator_bin failed.*syntax error.*build\.log$"):
        simulator.PortsOnlyVerilator([source], "tb.stream_bench", tmp_path).build()
    assert settings.folder == tmp_path


def test_faults_can_be_made(pytestconfig: pytest.Config) -> None:
    """What a fault changes stands once in its file, and the test that it names exists."""
    assert pytestconfig.stash[NO_TESTS] == []
    for fault in FAULTS:
        text = (repository() / fault.file).read_text()
        assert text.count(fault.old) == 1, (fault.file, fault.old)
        assert fault.new != fault.old, (fault.file, fault.old)
