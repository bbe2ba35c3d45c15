"""The integer layers and the Network: what they state, save, load and refuse."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np
import pytest

from golden.archive import write_archive
from golden.layer import ArgMax, Dense, Layer
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Number, Ternary
from golden.reference import run

ROW = np.array([[1, -1, 1]])
untyped_dense: Any = Dense
untyped_argmax: Any = ArgMax
untyped_network: Any = Network


def small(rng: np.random.Generator) -> Network:
    weights = rng.choice([-1, 1], (5, 7))
    weights[:, :2] = [1, -1]  # so that small thresholds of either sign are within reach
    first = Dense("first", Integer(8, False), weights, np.arange(5))
    last = Dense("last", Bipolar(), rng.choice([-1, 1], (3, 5)))
    return Network("small", (first, last, ArgMax("best", last.output, 3)),
                   {"classes": "a b c", "accuracy": 0.5, "seed": 3})


def test_dense_states_its_ranges() -> None:
    layer = Dense("d", Integer(8, False), np.array([[1, -1, 1], [-1, -1, -1]]))
    assert layer.accumulator_minimum.tolist() == [-255, -765]
    assert layer.accumulator_maximum.tolist() == [510, 0]
    assert layer.output == layer.accumulator == Integer(11, True)
    assert (layer.n_in, layer.n_out, layer.operations, layer.weight_bits) == (3, 2, 12, 6)
    assert Dense("d", Bipolar(), ROW).output == Integer(3, True)
    assert Dense("d", Bipolar(), ROW, np.array([4])).output == Bipolar()
    assert Dense("d", Integer(3, True), ROW).accumulator_minimum.tolist() == [-4 - 3 - 4]
    assert Dense("d", Integer(3, True), ROW).accumulator_maximum.tolist() == [3 + 4 + 3]


def test_argmax_states_its_output() -> None:
    widths = [ArgMax("a", Integer(4, True), n).output.width for n in (1, 2, 3, 4, 5, 10)]
    assert widths == [1, 1, 2, 2, 3, 4]
    layer = ArgMax("a", Integer(4, True), 10)
    assert (layer.n_out, layer.operations, layer.weight_bits) == (1, 9, 0)


def test_layers_are_read_only_copies() -> None:
    weights = ROW.copy()
    layer = Dense("d", Bipolar(), weights, np.array([0]))
    weights[0, 0] = -1
    assert layer.weights.tolist() == ROW.tolist() and layer.weights.dtype == np.int8
    assert layer.thresholds is not None
    for array in (layer.weights, layer.thresholds):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1


def test_saved_network_comes_back(rng: np.random.Generator, tmp_path: Path) -> None:
    network, path = small(rng), tmp_path / "small.npz"
    network.save(path)
    loaded = Network.load(path)
    assert (loaded.name, loaded.metadata) == (network.name, network.metadata)
    assert (loaded.n_in, str(loaded.input), loaded.n_out, str(loaded.output)) == (7, "uint8", 1,
                                                                                 "uint2")
    assert loaded.digest == network.digest
    x = rng.integers(0, 256, (20, 7))
    for ours, theirs in zip(run(network, x), run(loaded, x), strict=True):
        assert ours.tolist() == theirs.tolist()
    assert [file.name for file in tmp_path.iterdir()] == ["small.npz"]


@pytest.mark.parametrize("kind", [Ternary(), Integer(9, True), Codebook((-3, 0, 1, 200))], ids=str)
def test_every_weight_kind_comes_back(kind: Number, tmp_path: Path) -> None:
    weights = np.array([[kind.minimum, 0], [1, kind.maximum]])
    network = Network("n", (Dense("d", Ternary(), weights, None, kind, np.array([5, -9])),))
    network.save(tmp_path / "n.npz")
    loaded = Network.load(tmp_path / "n.npz")
    assert loaded.digest == network.digest
    layer = loaded.layers[0]
    assert isinstance(layer, Dense) and layer.weight_kind == kind and layer.bias is not None
    assert layer.weights.tolist() == weights.tolist() and layer.bias.tolist() == [5, -9]


def test_saving_is_repeatable(rng: np.random.Generator, tmp_path: Path) -> None:
    network = small(rng)
    for name in "ab":
        network.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_digest_depends_on_what_is_computed_only(rng: np.random.Generator) -> None:
    network = small(rng)
    first, last, best = network.layers
    assert isinstance(first, Dense) and first.thresholds is not None
    assert Network("small", network.layers).digest == network.digest
    for changed in (Dense("first", first.input, first.weights[:, ::-1], first.thresholds),
                    Dense("first", first.input, first.weights, first.thresholds + 1),
                    Dense("other", first.input, first.weights, first.thresholds)):
        assert Network("small", (changed, last, best)).digest != network.digest
    assert Network("other", network.layers).digest != network.digest


def test_any_damaged_byte_is_refused_or_harmless(rng: np.random.Generator,
                                                 tmp_path: Path) -> None:
    network, path = small(rng), tmp_path / "small.npz"
    network.save(path)
    good, refused = path.read_bytes(), 0
    for position in range(len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            loaded = Network.load(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: "), position
            refused += 1
        else:  # dates and the like in the archive's directory
            assert (loaded.digest, loaded.metadata) == (network.digest, network.metadata), position
    assert refused > len(good) // 2
    for length in (0, 1, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: damaged, or no "
                                             r"lutloom-network file \(.*\); write it again or "
                                             "restore a copy$"):
            Network.load(path)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"

    def reason() -> str:
        with pytest.raises((ValueError, OSError)) as caught:
            Network.load(path)
        return str(caught.value).removeprefix(f"{path}: ")

    assert reason() == "no such file; expected a lutloom-network file"
    write_archive(path, "lutloom-plan", 1, {}, {})
    assert reason() == "this is a lutloom-plan file, not a lutloom-network file"
    write_archive(path, "lutloom-network", 4, {}, {})
    assert reason() == ("lutloom-network version 4 is newer than the 3 this program reads; "
                        "update lutloom")
    write_archive(path, "lutloom-network", 2, {}, {})
    assert reason() == ("lutloom-network version 2 is older than the 3 this program reads; "
                        "make the file again")
    write_archive(path, "lutloom-network", 3, {"layers": []}, {})
    assert reason() == "describes no valid network: 'name'"
    for entry, message in [
            ({"kind": "Fold", "name": "c"}, 'layer c is of unknown kind "Fold"'),
            ({"kind": "ArgMax", "name": "c", "input": {"number": "float"}, "n_in": 3},
             ('number kind must be "bipolar", "ternary", "intN", "uintN" or "codebook(A,B,...)", '
             'not "float"')),
            ({"kind": "Dense", "name": "c", "input": {"number": "bipolar"},
              "weights": {"array": "c.weights"}}, "'c.weights'")]:
        write_archive(path, "lutloom-network", 3,
                      {"name": "n", "metadata": {}, "layers": [entry]}, {})
        assert reason() == f"describes no valid network: {message}"
    small(np.random.default_rng(0)).save(path)
    with np.load(path) as members:  # every part is sound, but one is of another network
        changed = dict(members) | {"last.weights": -members["last.weights"]}
    np.savez(path, **changed)
    assert reason() == ("damaged, its checksum does not agree with its contents; write it again "
                        "or restore a copy")
    np.savez(path, header=np.array([{}], object), allow_pickle=True)
    assert reason().startswith("damaged, or no lutloom-network file (Object arrays cannot be "
                               "loaded when allow_pickle=False); ")


def test_a_failed_write_keeps_the_old_file(rng: np.random.Generator, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: BinaryIO, **_arrays: Any) -> None:
        file.write(b"half of it")
        raise OSError("no space left on device")

    path = tmp_path / "small.npz"
    small(rng).save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        Network("small", small(rng).layers, {"accuracy": float("nan")}).save(path)
    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="^no space left on device$"):
        small(rng).save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("call, error, message", [
    (lambda: Dense("Dense", Bipolar(), ROW), ValueError,
     'layer name must be a lower-case identifier such as "dense_0", not "Dense"'),
    (lambda: untyped_dense(1, Bipolar(), ROW), TypeError, "layer name must be a string, not 1"),
    (lambda: untyped_dense("d", "bipolar", ROW), TypeError,
     "layer d: input must be a Number, not 'bipolar'"),
    (lambda: Dense("d", Codebook((0, 5)), ROW), ValueError,
     ("layer d: input must be bipolar, ternary or an integer, not codebook(0,5); only weights have "
      "a codebook")),
    (lambda: Dense("d", Bipolar(), ROW[0]), ValueError,
     "layer d: weights must have shape (n_out, n_in), not (3,)"),
    (lambda: Dense("d", Bipolar(), np.array([[1, 0]])), ValueError,
     "layer d: weights must be -1 or +1, not 0 at row 0, column 1"),
    (lambda: Dense("d", Bipolar(), 2 * ROW, None, Ternary()), ValueError,
     "layer d: weights must be -1, 0 or +1, not 2 at row 0, column 0"),
    (lambda: Dense("d", Bipolar(), 7 * ROW, None, Integer(3, True)), ValueError,
     "layer d: weights must be of int3, not 7 at row 0, column 0"),
    (lambda: Dense("d", Bipolar(), ROW, None, Codebook((1, 2))), ValueError,
     "layer d: weights must be of codebook(1,2), not -1 at row 0, column 1"),
    (lambda: Dense("d", Bipolar(), ROW, None, Integer(17, True)), ValueError,
     ("layer d: weight_kind must be bipolar, ternary, an integer of 2 to 16 bits or a codebook, "
     "not int17")),
    (lambda: Dense("d", Bipolar(), ROW, None, Bipolar(), np.array([1, 2])), ValueError,
     "layer d: bias must have shape (1,), one a row of weights, not (2,)"),
    (lambda: Dense("d", Bipolar(), ROW, None, Bipolar(), np.array([2**31])), ValueError,
     "layer d: bias must have at most 32 bits, not 2147483648 at row 0"),
    (lambda: Dense("d", Integer(63, True), ROW), ValueError,
     "layer d: accumulators of 3 inputs of kind int63 can exceed 64 bits; use narrower inputs"),
    (lambda: Dense("d", Bipolar(), ROW, np.array([0.5])), TypeError,
     "layer d: thresholds must be integers, not float64"),
    (lambda: Dense("d", Bipolar(), ROW, np.array([0, 0])), ValueError,
     "layer d: thresholds must have shape (1,), one a row of weights, not (2,)"),
    (lambda: Dense("d", Bipolar(), ROW, np.array([5])), ValueError,
     "layer d: the threshold of row 0 must be from -3 (always +1) to 4 (always -1), not 5"),
    (lambda: Dense("d", Bipolar(), ROW, np.array([-4])), ValueError,
     "layer d: the threshold of row 0 must be from -3 (always +1) to 4 (always -1), not -4"),
    (lambda: ArgMax("a", Bipolar(), 0), ValueError,
     "layer a: n_in must be from 1 to 1048576, not 0"),
    (lambda: untyped_argmax("a", Bipolar(), 2.0), TypeError,
     "layer a: n_in must be an integer, not 2.0"),
    (lambda: Network("n", ()), ValueError, "network n: layers must not be empty"),
    (lambda: Network("n n", (ArgMax("a", Bipolar(), 2),)), ValueError,
     'network name must be a lower-case identifier such as "dense_0", not "n n"'),
    (lambda: untyped_network("n", ("a",)), TypeError,
     f"network n: layers must be of {', '.join(k.__name__ for k in get_args(Layer))}, not 'a'"),
    (lambda: Network("n", (Dense("d", Bipolar(), ROW, np.array([0])),
                           Dense("d", Bipolar(), ROW[:, :1]))), ValueError,
     'network n: layer names must differ, but "d" stands 2 times; rename one'),
    (lambda: Network("n", (Dense("d", Bipolar(), ROW), ArgMax("a", Integer(3, True), 2))),
     ValueError, ("network n: layer a takes 2 values of kind int3, but layer d before it gives 1 "
     "of kind int3; change one of the two")),
    (lambda: Network("n", (Dense("d", Bipolar(), ROW), ArgMax("a", Bipolar(), 1))), ValueError,
     ("network n: layer a takes 1 values of kind bipolar, but layer d before it gives 1 of kind "
     "int3; change one of the two")),
    (lambda: untyped_network("n", (ArgMax("a", Bipolar(), 2),), {"shape": (2, 2)}), TypeError,
     "network n: metadata must map strings to strings or plain numbers, not 'shape' to (2, 2)"),
])
def test_rejects(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()
