"""scripts/setup.sh: what it says when a tool is missing, and what it does not do twice."""

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
TOOLS = ("cat", "cksum", "dirname", "echo", "env", "rm", "g++", "make", "perl", "git", "mkdir")
# Stands for python3: answers what the script asks, and notes every installation.
PYTHON = """#!{sh}
case "$*" in
    *'print("%d.%d"'*) echo {version} ;;
    *'< (3, 11)'*) [ {version} != 3.10 ] ;;
    *ensurepip*) {venv} ;;
    *ctypes*) {library} ;;
    '-m venv .venv') mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *) echo "$@" >>calls ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the script reads."""
    for name in ("scripts/setup.sh", "requirements.lock", "pyproject.toml"):
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, target)
    return tmp_path / "checkout"


def setup(checkout: Path, missing: tuple[str, ...] = (), version: str = "3.12",
          venv: str = "true", library: str = "true") -> subprocess.CompletedProcess[str]:
    """Run the script where only TOOLS less the missing ones, and that Python, are found."""
    path = checkout.parent / "bin"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    for tool in {*TOOLS, "cp"} - set(missing):
        where = shutil.which(tool)
        assert where is not None
        (path / tool).symlink_to(where)
    if "python3" not in missing:
        python = path / "python3"
        python.write_text(PYTHON.format(sh=shutil.which("sh"), version=version, venv=venv,
                                        library=library))
        python.chmod(0o755)
    return subprocess.run([str(shutil.which("sh")), "scripts/setup.sh"], cwd=checkout, text=True,
                          env={"PATH": str(path)}, capture_output=True)


@pytest.mark.parametrize("missing, packages", [
    (("g++",), "g++"), (("make",), "make"), (("perl",), "perl"), (("git",), "git"),
    (("python3",), "python3 python3-venv"), (("g++", "make", "perl"), "g++ make perl"),
])
def test_missing_tools_are_named_in_one_command(checkout, missing, packages):
    done = setup(checkout, missing)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "Lutloom needs some system packages first; this command installs them:\n"
        f"    sudo apt-get update && sudo apt-get install -y {packages}\n")
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("lacks, package", [
    ({"venv": "false"}, "python3-venv"), ({"library": "false"}, "libpython3.12")])
def test_missing_parts_of_python(checkout, lacks, package):
    done = setup(checkout, **lacks)
    assert done.returncode == 2
    assert done.stderr.endswith(f"install -y {package}\n")


def test_an_old_python_is_refused(checkout):
    done = setup(checkout, version="3.10")
    assert done.returncode == 2
    assert done.stderr == ("Lutloom needs Python 3.11 or newer, not 3.10: put such a python3 first "
                           "in PATH\n")
    assert not (checkout / ".venv").exists()


def test_installs_once_and_again_after_a_change(checkout):
    assert setup(checkout).returncode == 0
    pip = "-m pip --disable-pip-version-check install -qq --progress-bar off"
    installed = [f"{pip} -r requirements.lock", f"{pip} --no-deps --no-build-isolation -e ."]
    assert (checkout / "calls").read_text().splitlines() == installed
    done = setup(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (checkout / "calls").read_text().splitlines() == installed
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert setup(checkout).returncode == 0
    assert (checkout / "calls").read_text().splitlines() == 2 * installed


def test_a_failed_installation_is_tried_again(checkout):
    assert setup(checkout).returncode == 0
    with (checkout / "scripts/setup.sh").open("a") as script:
        script.write("# changed\n")
    # The stand-in for venv writes a new python; a file in its way makes it fail.
    shutil.rmtree(checkout / ".venv/bin")
    (checkout / ".venv/bin").write_text("")
    assert setup(checkout).returncode != 0
    assert not (checkout / ".venv/stamp").exists()


def test_the_lock_pins_every_package_and_names_no_host():
    lines = [line for line in (REPOSITORY / "requirements.lock").read_text().splitlines()
             if not line.startswith("#")]
    names = [line.split("==")[0] for line in lines]
    assert all(line.count("==") == 1 and " " not in line for line in lines)
    assert names == sorted(set(names))
    assert "torch==2.13.0" in lines
