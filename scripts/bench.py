"""lutloom bench: measurements that the documentation quotes, made anew."""

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Measure what the documentation quotes, anew.")
