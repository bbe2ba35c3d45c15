"""lutloom show: what a network consists of."""

from typing import Any

from scripts.output import JsonOption, NetworkArgument, say, table, write_results

__all__ = ["describe", "show"]


def describe(network: Any) -> list[dict[str, Any]]:
    """One entry a layer: shapes, number kinds, bits, operations."""
    from golden.layer import Weighted

    return [{"name": layer.name, "kind": type(layer).__name__.lower(),
             "n_in": layer.n_in, "shape_in": layer.shape_in, "input": str(layer.input),
             "n_out": layer.n_out, "shape_out": layer.shape_out, "output": str(layer.output),
             "sources": network.sources_of(layer),
             "accumulator": str(layer.accumulator) if isinstance(layer, Weighted) else "",
             "weight_bits": layer.weight_bits, "operations": layer.operations}
            for layer in network.layers]


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def show(network: NetworkArgument, json: JsonOption = None) -> None:
    """Show the layers of a network: shapes, bits, operations."""
    from golden.network import Network

    loaded = Network.load(network)
    layers = describe(loaded)
    table(f"{loaded.name} ({loaded.digest[:12]})",
          ["layer", "kind", "inputs", "outputs", "sums", "weights", "operations"],
          [(layer["name"], layer["kind"], f"{_shape(layer['shape_in'])} x {layer['input']}",
            f"{_shape(layer['shape_out'])} x {layer['output']}", layer["accumulator"],
            layer["weight_bits"], layer["operations"]) for layer in layers])
    for layer, before in zip(layers[1:], layers, strict=False):
        if layer["sources"] != (before["name"],):
            say(f"  {layer['name']} takes {' and '.join(layer['sources'])}")
    total = {name: sum(layer[name] for layer in layers) for name in ("weight_bits", "operations")}
    say(f"{total['weight_bits']:,} weight bits, {total['operations']:,} operations a frame")
    for key, value in loaded.metadata.items():
        say(f"  {key}: {value}")
    write_results(json, "show", {"network": loaded.name, "digest": loaded.digest, **total,
                                 "layers": layers, "metadata": dict(loaded.metadata)})
