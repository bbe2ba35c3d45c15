"""lutloom bench: measurements that the documentation quotes, made anew."""

import typer

from scripts.bench_boards import bench_boards
from scripts.bench_clusters import bench_clusters
from scripts.bench_jets import bench_jets
from scripts.bench_lut import bench_lut
from scripts.bench_results import bench_results
from scripts.bench_sparse import bench_sparse
from scripts.bench_window import bench_window
from scripts.files import checked

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Measure what the documentation quotes, anew.")


@app.callback()
def bench() -> None:
    """Measure what the documentation quotes, anew."""


app.command("boards")(checked(bench_boards))
app.command("clusters")(checked(bench_clusters))
app.command("jets")(checked(bench_jets))
app.command("lut")(checked(bench_lut))
app.command("results")(checked(bench_results))
app.command("sparse")(checked(bench_sparse))
app.command("windows")(checked(bench_window))
