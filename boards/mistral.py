"""Project Mistral: nextpnr-mistral, for Intel Cyclone V."""

from boards.toolchain import Toolchain
from boards.tools import Tool

__all__ = ["MISTRAL"]

_ADVICE = ("build nextpnr of github.com/YosysHQ/nextpnr with -DARCH=mistral and "
           "-DMISTRAL_ROOT=FOLDER, a checkout of github.com/Ravenslofty/mistral, or take an "
           "oss-cad-suite that has it")

# nextpnr writes the bitstream itself.
MISTRAL = Toolchain(
    "mistral", "Mistral", Tool("nextpnr-mistral", _ADVICE), (),
    constraints="qsf", bitstream="rbf",
    arguments=lambda board: ("--device", board.part, "--qsf", "top.qsf"),
    routed=lambda stem: ("--rbf", f"{stem}.rbf"),
    pack=lambda board, stem: [])
