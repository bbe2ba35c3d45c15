#!/bin/sh
# Makes .venv with every package of requirements.lock and Lutloom itself; nothing global.
# A second call finds the stamp and returns at once. Works without make: sh scripts/setup.sh
set -eu
cd "$(dirname "$0")/.."

packages=
need() { # need PACKAGE COMMAND...: note the package if the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || packages="$packages $package"
}
need g++ command -v g++
need make command -v make
need perl command -v perl
need git command -v git
need python3 command -v python3
if command -v python3 >/dev/null 2>&1; then
    need python3-venv python3 -c 'import ensurepip, venv'
    # cocotb puts a Python interpreter into the simulator, from its shared library.
    version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    need "libpython$version" python3 -c '
import ctypes, os, sysconfig
name = sysconfig.get_config_var("INSTSONAME")
ctypes.CDLL(os.path.join(sysconfig.get_config_var("LIBDIR"), name))'
else
    packages="$packages python3-venv"
fi
if [ -n "$packages" ]; then
    echo "Lutloom needs some system packages first; this command installs them:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y$packages" >&2
    exit 2
fi
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Lutloom needs Python 3.11 or newer, not $version: put such a python3 first in PATH" >&2
    exit 2
fi

want=$(cat requirements.lock pyproject.toml scripts/setup.sh | cksum)
have=$(cat .venv/stamp 2>/dev/null || true)
[ "$want" != "$have" ] || exit 0

echo "Installing Lutloom and its tools into .venv (once; some minutes)"
rm -f .venv/stamp
python3 -m venv .venv
pip() {
    .venv/bin/python -m pip --disable-pip-version-check "$@"
}
pip install -qq --progress-bar off -r requirements.lock
pip install -qq --progress-bar off --no-deps --no-build-isolation -e .
echo "$want" >.venv/stamp
echo "Done. To have lutloom on your path: . .venv/bin/activate"
