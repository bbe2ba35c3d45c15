"""The console command lutloom: gathers the commands and turns errors into messages.

Exit status: 0 done; 1 checked and failed, or a tool failed; 2 bad input.
"""

import sys
import warnings
from collections.abc import Sequence

import typer
from rich.markup import escape

from boards.flow import DoesNotFit
from scripts.bench import app as bench
from scripts.boards import boards
from scripts.bringup import bringup
from scripts.build import build
from scripts.compress import compress
from scripts.demo import demo
from scripts.files import checked
from scripts.generate import generate
from scripts.load import load
from scripts.lower import lower
from scripts.output import errors
from scripts.plan import plan
from scripts.report import report
from scripts.show import show
from scripts.synth import synth
from scripts.train import train
from scripts.verify import verify
from scripts.zoo import zoo

__all__ = ["app", "main", "run"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  rich_markup_mode="markdown",
                  help="Binary neural networks to bit-exact, verified FPGA accelerators.")
for command in (train, compress, zoo, lower, show, plan, generate, verify, synth, boards, build,
                load, bringup, report, demo):
    app.command()(checked(command))
app.add_typer(bench, name="bench")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. None takes the process's own arguments."""
    # Commands ask a component for its latency without building it.
    warnings.filterwarnings("ignore", ".* created but never used")
    try:
        app(arguments, prog_name="lutloom")
    except SystemExit as end:
        return int(end.code or 0)
    except (ValueError, OSError, RuntimeError) as error:
        message = "\n".join([str(error), *getattr(error, "__notes__", [])])
        errors.print(f"[bold red]{escape(message)}[/]", soft_wrap=True)
        # Tools and training fail with RuntimeError.
        return 1 if isinstance(error, DoesNotFit | RuntimeError) else 2
    return 0


def main() -> None:
    """Entry point of the console command."""
    sys.exit(run())
