"""openXC7: nextpnr for Xilinx 7 series and Project X-Ray, with their variables and databases.

nextpnr is nextpnr-xilinx, which reads a chip database for each part, or nextpnr-himbaechel with its
xilinx part, which brings its own. Sources: openXC7's demo-projects, toolchain-nix and
toolchain-installer; the `xilinx` folder of nextpnr.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from boards.platforms import Board
from boards.toolchain import Toolchain
from boards.tools import MissingTool, Step, Tool

__all__ = ["OPENXC7", "OPENXC7_HIMBAECHEL", "chip_database"]

_ADVICE = ("nix develop github:openXC7/toolchain-nix, or the installer of "
           "github.com/openXC7/toolchain-installer")
_HIMBAECHEL = ("build nextpnr of github.com/YosysHQ/nextpnr with -DARCH=himbaechel "
               "-DHIMBAECHEL_UARCH=xilinx -DHIMBAECHEL_PRJXRAY_DB=FOLDER, a checkout of "
               "github.com/openXC7/prjxray-db")
_FRAMES = Tool("fasm2frames", _ADVICE)
_BITS = Tool("xc7frames2bit", _ADVICE)
# A LUT of six inputs takes both of its places; of fewer inputs two may share one.
_COUNTED: Any = {"halves": {"RAMB18E1": "RAMB36E1"}, "twice": frozenset({"SLICE_LUTX"})}
_SNAP = "/snap/openxc7/current/opt/nextpnr-xilinx"
_SHARE = "/usr/share/nextpnr"


def _family(board: Board) -> str:
    return "zynq7" if board.part.startswith("xc7z") else "artix7"


def _die(board: Board) -> str:
    """Part without its speed grade: what chip databases are called after."""
    return board.part.rpartition("-")[0]


def _database_folder() -> str:
    """Folder of Project X-Ray's databases; tools run in another folder than the caller's."""
    for name in ("PRJXRAY_DB_DIR", "DB_DIR"):
        if os.environ.get(name):
            return str(Path(os.environ[name]).absolute())
    roots = os.environ.get("NEXTPNR_XILINX_DIR", _SNAP), _SNAP
    folders = [f"{root}{inner}/external/prjxray-db" for root in roots
               for inner in ("", "/share/nextpnr")]
    return next((folder for folder in folders if Path(folder).is_dir()), f"{_SHARE}/prjxray-db")


def chip_database(board: Board) -> str:
    """File of nextpnr-xilinx for a part.

    CHIPDB names it, or its folder, or ARTIX7_CHIPDB, ZYNQ7_CHIPDB or CHIPDB_DIR name the folder.
    """
    names = "CHIPDB", f"{_family(board).upper()}_CHIPDB", "CHIPDB_DIR"
    folder = Path(next((os.environ[name] for name in names if os.environ.get(name)),
                       f"{_SHARE}/xilinx-chipdb")).absolute()
    if folder.suffix == ".bin":
        return str(folder)
    # Amaranth's CHIPDB_DIR has files called after the device alone.
    device = re.sub(r"(xc7[az]\d+t?).*", r"\1", board.part)
    files = [folder / f"{name}.bin" for name in (_die(board), board.part, device)]
    return str(next((file for file in files if file.is_file()), files[0]))


def _variables(board: Board) -> Mapping[str, str]:
    return {"PRJXRAY_DB_DIR": _database_folder(), "CHIPDB": chip_database(board)}


def _check(board: Board) -> None:
    file = chip_database(board)
    if not Path(file).is_file():
        raise MissingTool(
            f"nextpnr-xilinx needs the chip database {file}, which is not there; CHIPDB may name "
            "another folder; to make it: python3 $NEXTPNR_XILINX_PYTHON_DIR/bbaexport.py --device "
            f"{board.part} --bba top.bba && bbasm -l top.bba {file}")
    _check_bits(board)


def _check_bits(board: Board) -> None:
    part = Path(_database_folder()) / _family(board) / board.part / "part.yaml"
    if not part.is_file():
        raise MissingTool(f"xc7frames2bit needs Project X-Ray's {part}, which is not there; "
                          "PRJXRAY_DB_DIR must name a checkout of github.com/openXC7/prjxray-db")


def _script(board: Board) -> Sequence[str]:
    """The same in a shell, where the project is built."""
    family = f"{_family(board).upper()}_CHIPDB"
    return (
        f': "${{CHIPDB:=${{{family}:-${{CHIPDB_DIR:-{_SHARE}/xilinx-chipdb}}}}}}"',
        f'[ "${{CHIPDB%.bin}}" != "$CHIPDB" ] || CHIPDB="$CHIPDB/{_die(board)}.bin"',
        f': "${{NEXTPNR_XILINX_DIR:={_SNAP}}}"',
        ': "${PRJXRAY_DB_DIR:=${DB_DIR:-$NEXTPNR_XILINX_DIR/external/prjxray-db}}"',
    )


def _pack(board: Board, stem: str) -> list[Step]:
    database = f"$PRJXRAY_DB_DIR/{_family(board)}"
    return [
        Step(_FRAMES, ("--part", board.part, "--db-root", database, f"{stem}.fasm",
                       f"{stem}.frames")),
        Step(_BITS, ("--part_file", f"{database}/{board.part}/part.yaml", "--part_name", board.part,
                     "--frm_file", f"{stem}.frames", "--output_file", f"{stem}.bit")),
    ]


OPENXC7 = Toolchain(
    "openxc7", "Xray", Tool("nextpnr-xilinx", _ADVICE), (_FRAMES, _BITS),
    constraints="xdc", bitstream="bit",
    arguments=lambda board: ("--chipdb", "$CHIPDB", "--xdc", "top.xdc"),
    routed=lambda stem: ("--fasm", f"{stem}.fasm"),
    pack=_pack, report=False, variables=_variables, script=_script, check=_check, **_COUNTED)

OPENXC7_HIMBAECHEL = Toolchain(
    "openxc7-himbaechel", "Xray", Tool("nextpnr-himbaechel", _HIMBAECHEL, uarch="xilinx"),
    (_FRAMES, _BITS), constraints="xdc", bitstream="bit",
    arguments=lambda board: ("--device", board.part, "-o", "xdc=top.xdc"),
    routed=lambda stem: ("-o", f"fasm={stem}.fasm"),
    pack=_pack, variables=_variables, script=_script, check=_check_bits, **_COUNTED)
