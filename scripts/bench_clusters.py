"""lutloom bench clusters: accuracy against the number of weights that a layer's weights share."""

from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.output import DataOption, JsonOption, bar, percent, say, write_results
from scripts.plots import plot_curve
from scripts.train import train_model

__all__ = ["bench_clusters"]

CLUSTERS = 2, 4, 8, 16, 32, 64, 128, 256


def bench_clusters(
    data: DataOption = None,
    recipe: Annotated[str, typer.Option(
        help="Recipe whose first step shares weights; its number of clusters is varied.")
    ] = "cifar_clusters",
    out: Annotated[Path, typer.Option(
        dir_okay=False, help="Page to write; the plot lies beside it.")] = Path("docs/clusters.md"),
    json: JsonOption = None,
) -> None:
    """Share the weights of one trained network by 2 to 256 clusters, and train each again."""
    from golden.compress import compress
    from golden.prediction import accuracy
    from golden.recipe_file import find_recipe
    from golden.recipe_steps import RecipeStep

    found = find_recipe(recipe)
    folder = Path("build") / found.name
    model, dataset, _ = train_model(found, data, seed=found.seed, state=folder / "float.training")
    start = accuracy(model, dataset.test_x, dataset.test_y)
    first = found.steps[0]
    sharing: Any = first.step
    rows: list[dict[str, Any]] = []
    with bar("clusters", len(CLUSTERS)) as show:
        for k, clusters in enumerate(CLUSTERS, 1):
            reached = [next(compress(
                replace(found, steps=(RecipeStep(
                    replace(sharing, clusters=clusters), again, first.distil),)),
                model, dataset, folder=folder / f"clusters_{clusters}")).accuracy
                for again in (None, first.training)]
            rows.append({"clusters": clusters, "shared": reached[0], "trained": reached[1]})
            show(k)
    plot_curve(out.with_suffix(".svg"), "clusters a layer", "accuracy, % of test images",
               CLUSTERS, {"shared": [100 * row["shared"] for row in rows],
                          "trained again": [100 * row["trained"] for row in rows]},
               {"float": 100 * start})
    lines = [f"| {row['clusters']} | {percent(row['shared'])} | {percent(row['trained'])} |"
             for row in rows]
    out.write_text(_PAGE.format(
        model=found.spec.name, start=percent(start), rows="\n".join(lines),
        svg=out.with_suffix(".svg").name, recipe=recipe, data=dataset.name,
        images=len(dataset.test_y), date=date.today().isoformat(), torch=version("torch")))
    say(f"{out}: {len(rows)} rows")
    write_results(json, "bench clusters", {"recipe": recipe, "float": start, "rows": rows})


_PAGE = """# Clusters against accuracy

The weights of a trained float network ({model}, data set {data}) are shared by 2 to 256 clusters a
layer: as k-means leaves them, and after one more training, of the centroids. The float network
answers {start} of the {images:,} test images right.

![Accuracy against clusters]({svg})

| clusters a layer | shared | trained again |
| --- | --- | --- |
{rows}

`lutloom bench clusters --data FOLDER --recipe {recipe}` wrote this page ({date}, torch {torch}).
"""
