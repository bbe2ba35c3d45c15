"""Convolution, pooling, joins, up-sampling, embedding: against PyTorch and against definitions."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from golden.dense import dense
from golden.geometry import Geometry
from golden.layer import Add, ArgMax, Concatenate, Conv, Dense, Embedding, Pool, Scale, UpSample
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.reference import run
from golden.resampling import transposed_conv
from golden.spatial import conv, pool, upsample

BYTE = Integer(8, True)
KINDS: tuple[Number, ...] = (Bipolar(), Ternary(), Integer(4, True), Codebook((-9, 2, 7)))


@st.composite
def geometries(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a Conv, but for its weights: any that PyTorch takes."""
    d = draw(st.integers(1, 3))

    def each(least: int, most: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(least, most)) for _ in range(d))

    size, mode = each(1, 6), draw(st.sampled_from(["zeros", "replicate", "reflect"]))
    padding = tuple(min(pad, n - 1) if mode == "reflect" else pad
                    for pad, n in zip(each(0, 3), size, strict=True))
    dilation = each(1, 3)
    kernel = tuple(min(k, (n + 2 * pad - 1) // gap + 1) for k, n, pad, gap in zip(
        each(1, 4), size, padding, dilation, strict=True))
    return {"size": size, "kernel": kernel, "stride": each(1, 3), "padding": padding,
            "dilation": dilation, "padding_mode": mode}


def windows(x: NDArray[Any], geometry: Geometry) -> NDArray[np.int64]:
    """(frames * positions, taps * channels) by the geometry's definition."""
    tensor = np.asarray(x).reshape(len(x), *geometry.size, -1)
    found = []
    for out in np.ndindex(*geometry.output):
        for tap in np.ndindex(*geometry.kernel):
            place = tuple(int(source[o, k]) for source, o, k in zip(
                geometry.sources, out, tap, strict=True))
            shown = tensor.reshape(len(x), geometry.positions_in, -1)[
                :, np.ravel_multi_index(tuple(n % size for n, size in zip(
                    place, geometry.size, strict=True)), geometry.size)]
            found.append(np.zeros_like(shown) if min(place) < 0 else shown)
    return np.stack(found, axis=1).reshape(len(x) * geometry.positions_out, -1)


def draw_weights(rng: np.random.Generator, kind: Number, shape: tuple[int, ...]) -> Any:
    if isinstance(kind, Codebook):
        return rng.choice(kind.entries, shape)
    return kind.decode(kind.encode(rng.integers(kind.minimum, kind.maximum + 1, shape) if
                                   not isinstance(kind, Bipolar) else rng.choice([-1, 1], shape)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(geometries(), st.sampled_from(KINDS), st.sampled_from([Bipolar(), Integer(3, True)]),
       st.sampled_from([(1, 1, 1), (1, 2, 3), (2, 1, 2), (3, 1, 1)]), st.booleans(),
       st.integers(0, 2**32))
def test_conv_is_pytorchs_and_a_dense_layer_on_windows(
        fields: dict[str, Any], kind: Number, number: Number, channels: tuple[int, int, int],
        bias: bool, seed: int) -> None:
    groups, share, rows = channels
    rng = np.random.default_rng(seed)
    kernel = fields.pop("kernel")
    weights = draw_weights(rng, kind, (groups * rows, share, *kernel))
    layer = Conv("conv", number, weights=weights, groups=groups, weight_kind=kind,
                 bias=rng.integers(-9, 9, groups * rows) if bias else None, **fields)
    d, frames = len(layer.size), 2
    x = rng.choice([-1, 1], (frames, layer.n_in)) if isinstance(number, Bipolar) else (
        rng.integers(-4, 4, (frames, layer.n_in)))
    kinds: Any = torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d
    module = kinds[d - 1](
        groups * share, groups * rows, kernel, layer.stride, layer.padding,
        layer.dilation, groups, bias, layer.padding_mode, dtype=torch.float64)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weights))
        if module.bias is not None:
            module.bias.copy_(torch.tensor(layer.bias))
        given_ = torch.tensor(x.reshape(frames, *layer.size, -1), dtype=torch.float64)
        wanted = module(given_.movedim(-1, 1)).movedim(1, -1)
    assert tuple(wanted.shape) == (frames, *layer.shape_out)
    y = conv(x, layer)
    assert (y == wanted.reshape(frames, -1).numpy()).all()
    seen = windows(x, layer.geometry)
    assert (dense(seen, layer.dense).reshape(frames, -1) == y).all()
    layer.window_input.encode(seen)  # holds what a window shows
    assert (layer.accumulator_minimum <= y.reshape(-1, groups * rows)).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(geometries(), st.sampled_from(["max", "sum"]), st.integers(1, 3), st.integers(0, 2**32))
def test_pool_is_pytorchs(fields: dict[str, Any], operation: str, channels: int,
                          seed: int) -> None:
    mode = fields.pop("padding_mode")
    fields["padding"] = tuple(min(pad, k // 2) for pad, k in zip(
        fields["padding"], fields["kernel"], strict=True)) if mode != "zeros" else 0
    try:
        layer = Pool("pool", BYTE, channels=channels, operation=operation, **fields)
    except ValueError as error:
        assert "kernel must be at most the padded input" in str(error)
        return
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (2, layer.n_in))
    seen = windows(x, layer.geometry).reshape(-1, layer.geometry.taps, channels)
    inside = windows(np.ones_like(x), layer.geometry).reshape(seen.shape)
    wanted = seen.sum(1) if operation == "sum" else np.where(inside, seen, -128).max(1)
    y = pool(x, layer)
    assert (y == wanted.reshape(2, -1)).all()
    layer.output.encode(y)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 2**32), st.data())
def test_transposed_conv_is_pytorchs(d: int, groups: int, seed: int, data: st.DataObject) -> None:
    def each(least: int, most: int) -> tuple[int, ...]:
        return tuple(data.draw(st.integers(least, most)) for _ in range(d))

    size, kernel, stride, dilation = each(1, 4), each(1, 3), each(1, 3), each(1, 2)
    padding = tuple(min(pad, gap * (k - 1)) for pad, gap, k in zip(
        each(0, 2), dilation, kernel, strict=True))
    extra = tuple(min(more, max(step, gap) - 1) for more, step, gap in zip(
        each(0, 2), stride, dilation, strict=True))
    if any(step * (n - 1) - 2 * pad + gap * (k - 1) + more + 1 < 1 for n, step, pad, gap, k, more
           in zip(size, stride, padding, dilation, kernel, extra, strict=True)):
        return
    rng = np.random.default_rng(seed)
    weights = rng.integers(-8, 8, (2 * groups, 3, *kernel))
    layers = transposed_conv("up", BYTE, size, weights, stride=stride, padding=padding,
                             output_padding=extra, dilation=dilation, groups=groups,
                             weight_kind=Integer(4, True))
    x = rng.integers(-128, 128, (2, layers[0].n_in))
    functions: Any = (torch.nn.functional.conv_transpose1d, torch.nn.functional.conv_transpose2d,
                torch.nn.functional.conv_transpose3d)
    wanted = functions[d - 1](torch.tensor(x.reshape(2, *size, -1)).double().movedim(-1, 1),
                      torch.tensor(weights).double(), None, stride, padding, extra, groups,
                      dilation).movedim(1, -1)
    assert (run(Network("n", layers), x)[-1] == wanted.reshape(2, -1).numpy()).all()


def test_up_sample_repeats() -> None:
    layer = UpSample("up", BYTE, (2, 2), 1, (1, 2))
    assert upsample(np.array([[1, 2, 3, 4]]), layer).tolist() == [[1, 1, 2, 2, 3, 3, 4, 4]]
    zeros = UpSample("up", Bipolar(), (2,), 1, 2, "zeros", 1)
    assert upsample(np.array([[1, -1]]), zeros).tolist() == [[1, 0, -1, 0]]
    assert zeros.output == Ternary() and layer.output == BYTE


def residual() -> Network:
    """A convolution beside its own input, and both beside each other."""
    first = Conv("first", Bipolar(), (3, 3), np.ones((2, 1, 1, 1), int))
    second = Conv("second", first.output, (3, 3), np.ones((2, 2, 3, 3), int), padding=1)
    add = Add("add", second.output, first.output, 2, 9)
    clip = Scale("clip", add.output, 2, np.array(1), np.array(0), 0, "floor", "saturate",
                 first.accumulator, positions=9)
    both = Concatenate("both", first.output, (2, 2), 9)
    return Network("residual", (first, second, add, clip, both),
                   sources={"add": ("second", "first"), "both": ("clip", "first")})


def test_branches_meet(tmp_path: Any) -> None:
    network = residual()
    x = np.random.default_rng(0).choice([-1, 1], (5, 9))
    first, second, add, clip, both = run(network, x)
    assert (add == second + first).all()
    assert (both.reshape(5, 9, 4) == np.concatenate([clip.reshape(5, 9, 2),
                                                     first.reshape(5, 9, 2)], axis=2)).all()
    network.save(tmp_path / "network.npz")
    loaded = Network.load(tmp_path / "network.npz")
    assert loaded.digest == network.digest and loaded.sources == network.sources
    assert (run(loaded, x)[-1] == both).all()


def test_embedding_shows_rows() -> None:
    layer = Embedding("words", np.array([[1, 2], [3, 4], [5, 6]]), Integer(4, True), 3)
    assert layer.input == Integer(2, False)
    assert run(Network("n", (layer,)), np.array([[2, 0, 3]]))[-1].tolist() == [[5, 6, 1, 2, 5, 6]]


W = np.ones((2, 3, 3, 3), int)


@pytest.mark.parametrize("make, message", [
    (lambda: Conv("c", BYTE, (2, 5), W),
     ("layer c: kernel must be at most the padded input, 2 in dimension 0, not 3 (kernel 3, "
     "dilation 1); use a smaller kernel or more padding")),
    (lambda: Conv("c", BYTE, (5,), W),
     ("layer c: weights must have shape (channels_out, channels_in // groups, *kernel) with a "
     "kernel of 1 dimensions as size (5,) has, not (2, 3, 3, 3)")),
    (lambda: Conv("c", BYTE, (5, 5), W, stride=0),
     "layer c: stride must be from 1 to 65536, not 0"),
    (lambda: Conv("c", BYTE, (5, 5), W, padding=(1, 2, 3)),
     "layer c: padding must be one number or 2, one a dimension, not (1, 2, 3)"),
    (lambda: Conv("c", BYTE, (5, 5), W, groups=3),
     "layer c: groups must be from 1 to 2, not 3"),
    (lambda: Conv("c", BYTE, (5, 5), np.ones((3, 1, 1, 1), int), groups=2),
     "layer c: groups must divide the 3 output channels, not 2"),
    (lambda: Conv("c", BYTE, (3, 5), W, padding=3, padding_mode="reflect"),
     ('layer c: padding must be below the size 3 in dimension 0 to reflect, not 3; use '
     'padding_mode "zeros"')),
    (lambda: Conv("c", BYTE, (3, 5), W, padding_mode="circular"),
     "layer c: padding_mode must be one of zeros, replicate, reflect, not 'circular'"),
    (lambda: Conv("c", BYTE, (3, 5), 2 * W),
     "layer c: weights must be -1 or +1, not 2 at row 0, column 0"),
    (lambda: Pool("p", BYTE, (5, 5), 2, 3, padding=2),
     "layer p: padding must be at most half the kernel, 1, not 2"),
    (lambda: Pool("p", BYTE, (5, 5), 2, 3, "mean"),
     "layer p: operation must be one of max, sum, not 'mean'"),
    (lambda: UpSample("u", BYTE, (5, 5, 5, 5), 2, 3),
     "layer u: size must be (L,), (H, W) or (D, H, W), not (5, 5, 5, 5)"),
    (lambda: UpSample("u", BYTE, (5,), 2, 3, extra=1),
     'layer u: extra must be 0 with mode "nearest", not (1,)'),
    (lambda: transposed_conv("t", BYTE, (5, 5), W, padding=3),
     ("layer t: padding must be at most dilation * (kernel - 1), [2, 2], not (3, 3); crop the "
     "output")),
    (lambda: Concatenate("c", BYTE, (2,)),
     "layer c: channels must be at least two numbers, one a source, not (2,)"),
    (lambda: Embedding("e", np.array([[1, 2], [3, 9]]), Integer(4, True)),
     "layer e: table: int4 values must be from -8 to 7, not 9 at index (1, 1)"),
])
def test_rejects(make: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == message


def chain(*layers: Any, **sources: tuple[str, ...]) -> Network:
    return Network("n", layers, sources=sources)


DENSE = Dense("a", Bipolar(), np.ones((4, 3), int), np.zeros(4, int))
SECOND = Dense("b", Bipolar(), np.ones((4, 4), int))


@pytest.mark.parametrize("make, message", [
    (lambda: chain(DENSE, Add("add", Bipolar(), Bipolar(), 4)),
     "network n: layer add takes 2 sources, not 1 (a); name them in sources"),
    (lambda: chain(DENSE, Add("add", Bipolar(), Bipolar(), 4), add=("a", "input")),
     ("network n: layer add takes 4 values of kind bipolar, but the input gives 3 of kind bipolar; "
     "change one of the two")),
    (lambda: chain(DENSE, SECOND, b=("c",)),
     "network n: the sources of layer b must be layers before it, not c"),
    (lambda: chain(DENSE, c=("a",)), "network n: sources must be of its layers, not of c"),
    (lambda: chain(DENSE, SECOND, Dense("c", Bipolar(), np.ones((1, 4), int)), c=("a",)),
     "network n: nothing takes the output of layer b; name it in sources or leave it out"),
    (lambda: chain(ArgMax("input", Bipolar(), 3)),
     'network n: no layer may be called "input", which names the network\'s input; rename it'),
])
def test_rejects_branches(make: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == message
