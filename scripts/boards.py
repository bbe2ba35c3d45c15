"""lutloom boards: what can be built for, with which tools, and whether these are here."""

from pathlib import Path
from typing import Annotated, Any

import typer

from boards.loader import LOADER
from boards.platforms import BOARDS
from boards.project import TOOLCHAINS
from golden.archive import write_files
from scripts.output import JsonOption, say, table, write_results
from scripts.wiring import pictures

__all__ = ["board_rows", "boards"]


def board_rows() -> list[dict[str, Any]]:
    """One entry a board; tools: toolchain -> the tools of it that are missing here."""
    rows = []
    for name, board in BOARDS.items():
        memory, kbit = board.memory
        rows.append({
            "board": name, "title": board.title, "part": board.part, "luts": board.luts,
            "brams": board.brams, "memory": memory, "kbit": board.brams * kbit,
            "clock_hz": board.platform().default_clk_frequency, "link": board.link,
            "tools": {chain: [tool.name for tool in TOOLCHAINS[chain].tools
                              if tool.command() is None] for chain in board.toolchains}})
    return rows


def boards(
    advice: Annotated[bool, typer.Option(
        "--advice", help="Also tell how to get each tool that is missing.")] = False,
    wiring: Annotated[Path | None, typer.Option(
        help="Also draw how a host is wired to each kind of link: SVG files in this folder.",
        show_default=False)] = None,
    json: JsonOption = None,
) -> None:
    """List the boards: part, capacity, clock, link, and which of their tools are here."""
    rows = board_rows()
    table("Boards", ["board", "part", "LUTs", "RAM kbit", "MHz", "link", "tools here"], [
        (row["board"], row["part"], row["luts"], row["kbit"], f"{row['clock_hz'] / 1e6:g}",
         row["link"], ", ".join(chain for chain, missing in row["tools"].items() if not missing)
         or "none") for row in rows])
    chains = {chain: missing for row in rows for chain, missing in row["tools"].items()}
    loader = [] if LOADER.command() else [LOADER]
    table("Tools", ["tools", "made of", "missing here"], [
        *((chain, ", ".join(tool.name for tool in TOOLCHAINS[chain].tools),
           ", ".join(missing) or "none") for chain, missing in chains.items()),
        ("lutloom load", LOADER.name, LOADER.name if loader else "none")])
    needed = dict.fromkeys([*(tool for row in rows for chain in row["tools"]
                              for tool in TOOLCHAINS[chain].tools if tool.command() is None),
                            *loader])
    if advice:
        for tool in needed:
            say(f"{tool.name}: {tool.advice}")
    elif needed:
        say(f"{len(needed)} tools are missing; lutloom boards --advice tells how to get them")
    if wiring:
        for file in write_files(wiring, pictures()):
            say(str(file))
    write_results(json, "boards", {"boards": rows})
