"""lutloom lower: a trained checkpoint to the integer network that equals it exactly."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from scripts.files import check_outputs, is_name, load_data
from scripts.output import DataOption, JsonOption, fail, say, write_results

if TYPE_CHECKING:  # torch takes two seconds to import
    from golden.data import Dataset, Values
    from golden.network import Network

__all__ = ["difference", "lower", "lower_model"]

_AT_ONCE = 500  # images: the outputs of all layers are kept of so many


def lower_model(model: Any, dataset: "Dataset | None",
                facts: dict[str, str | int | float]) -> "Network":
    """The Network of a trained model; its metadata tell data set, image shape and accuracy."""
    from golden.lower import lower as run

    if dataset is not None:
        shape = dataset.shape if dataset.channels == 1 else (*dataset.shape, dataset.channels)
        facts = {"data": dataset.name, "input_shape": "x".join(map(str, shape)),
                 "classes": " ".join(dataset.classes), **facts}
    return run(model, metadata=facts)


def difference(model: Any, network: "Network", images: "Values") -> str | None:
    """The first image and class for which model and network give other scores, or None."""
    from golden.data import encode_pixels
    from golden.network import Dense
    from golden.prediction import predict
    from golden.reference import run

    for start in range(0, len(images), _AT_ONCE):
        some = images[start:start + _AT_ONCE]
        scores = predict(model, some).astype(np.int64)
        outputs = zip(network.layers, run(network, encode_pixels(some, network.input)), strict=True)
        layer, got = [pair for pair in outputs if isinstance(pair[0], Dense)][-1]
        wrong = np.argwhere(got != scores)
        if len(wrong):
            image, score = map(int, wrong[0])
            return (f"image {start + image}, layer {layer.name}, element {score}: the model gives "
                    f"{scores[image, score]}, the network {got[image, score]}")
    return None


def lower(
    checkpoint: Annotated[Path, typer.Argument(
        help="Checkpoint file (.npz), as `lutloom train` writes it, or the name of a model that "
        "comes trained, such as digits.", show_default=False)],
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option(
        dir_okay=False, help="Network file to write (default: network.npz beside the checkpoint; "
        "build/NAME/network.npz for a name).",
        show_default=False)] = None,
    check: Annotated[bool, typer.Option(
        help="Compare with the trained model on every test image.")] = True,
    json: JsonOption = None,
) -> None:
    """Fold batch norm into integer thresholds and write the integer network."""
    from golden.checkpoint import load_checkpoint, zoo_path
    from golden.float_net import FloatNet
    from golden.recipe_file import ZOO

    named = is_name(checkpoint, ZOO)
    out = out or (Path("build") / checkpoint / "network.npz" if named else
                  checkpoint.with_name("network.npz"))
    if not named:
        check_outputs({"out": out, "json": json}, [checkpoint])
    model, facts = load_checkpoint(zoo_path(str(checkpoint)) if named else checkpoint)
    dataset = load_data(model.spec.data, data, "--no-check lowers without its test images"
                        ) if check else None
    try:
        network = lower_model(model, dataset, {"data": model.spec.data, **facts})
    except ValueError as error:
        if isinstance(model, FloatNet):
            error.add_note("This is a float network; `lutloom compress` quantises one by a recipe "
                           "and writes its network.npz")
        raise
    wrong = difference(model, network, dataset.test_x) if dataset is not None else None
    results = {"network": network.name, "digest": network.digest, "difference": wrong,
               "test_images": 0 if dataset is None else len(dataset.test_x)}
    if wrong is None:
        out.parent.mkdir(parents=True, exist_ok=True)
        network.save(out)
        results["out"] = str(out)
        equal = (f"equal to the model on all {results['test_images']:,} test images; " if check
                 else "")
        say(f"{network.name}: {equal}{out}")
    write_results(json, "lower", results)
    if wrong is not None:
        fail(f"{network.name} differs from its model: {wrong}")
