"""Yosys in a child process: a fatal error of the tool must not end the process that asked.

Source: pyosys, the Python wheel of Yosys (https://yosyshq.net/yosys).
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["ToolError", "run_yosys"]

# -P keeps a pyosys.py in the working folder from shadowing the package.
_CHILD = [sys.executable, "-P", "-c", """
import sys
from pyosys import libyosys
design = libyosys.Design()
for line in sys.stdin:
    libyosys.run_pass(line.strip(), design)
"""]


class ToolError(RuntimeError):
    """An external tool failed.

    tool: its name; log_path: the file with all that it printed; last_lines: the end of that.
    """

    def __init__(self, tool: str, log_path: Path, last_lines: str) -> None:
        super().__init__(f"{tool} failed; it printed last:\n{last_lines}\nAll of it: {log_path}")
        self.tool, self.log_path, self.last_lines = tool, Path(log_path), last_lines

    @classmethod
    def from_log(cls, tool: str, log_path: Path, lines: int = 15) -> "ToolError":
        """Error whose last_lines are the last ``lines`` non-empty lines of the log."""
        text = Path(log_path).read_text(errors="replace")
        printed = [line for line in text.splitlines() if line.strip()]
        return cls(tool, log_path, "\n".join(printed[-lines:]))


def run_yosys(script: Iterable[str], log_path: Path, folder: Path | None = None) -> None:
    """Run the Yosys commands of ``script`` one after the other on one design.

    script: one command a line; log_path: file that receives what Yosys prints; folder: working
    folder, by default that of the log. Raises ToolError when a command fails.
    """
    log_path = Path(log_path).resolve()
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w") as log:
        result = subprocess.run(_CHILD, input="\n".join(script), text=True, stdout=log,
                                stderr=subprocess.STDOUT, cwd=folder or log_path.parent)
    if result.returncode:
        signal = -result.returncode
        raise ToolError.from_log(f"yosys, ended by signal {signal}," if signal > 0 else "yosys",
                                 log_path)
