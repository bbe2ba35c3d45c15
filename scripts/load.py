"""lutloom load: a bitstream into a board."""

from pathlib import Path
from typing import Annotated

import typer

from boards.loader import find_bitstream
from boards.loader import load as run_loader
from boards.platforms import BOARDS
from scripts.output import JsonOption, console, say, write_results

__all__ = ["load"]


def load(
    board: Annotated[str, typer.Argument(help=f"One of {', '.join(BOARDS)}.",
                                         show_default=False)],
    bitstream: Annotated[Path, typer.Argument(
        help="Bitstream, or the folder that `lutloom build` wrote it to.", show_default=False)],
    flash: Annotated[bool, typer.Option(
        "--flash", help="Keep it without power, too; iCE40 boards always do.")] = False,
    json: JsonOption = None,
) -> None:
    """Load a bitstream into a board at USB, with openFPGALoader."""
    file = find_bitstream(board, bitstream)
    with console.status(f"loading {BOARDS[board].title}"):
        log = run_loader(board, file, flash)
    say(f"{file} is in {BOARDS[board].title}; {log}")
    write_results(json, "load", {"board": board, "bitstream": file, "flash": flash, "log": log})
