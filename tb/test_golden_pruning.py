"""Pruning and what whole channels of zeros leave out: the network computes the same."""

import numpy as np
import pytest

from golden.layer import Conv, Dense, MultiThreshold, Pool, Scale
from golden.network import Network
from golden.number import Bipolar, Codebook, Integer, Ternary
from golden.pruning import compact, prune
from golden.reference import run

PIXEL, BYTE = Integer(8, False), Integer(8, True)


def draw(rng: np.random.Generator) -> Network:
    """Filters 1 and 4 of the first and all but two of the second meet zeros alone."""
    weights = rng.integers(-9, 10, (6, 2, 3, 3))
    first = Conv("first", PIXEL, (6, 5), weights, weight_kind=BYTE, bias=rng.integers(-9, 9, 6))
    levels = np.sort(rng.integers(-3000, 3000, (6, 3)), axis=1)
    steps = MultiThreshold("steps", first.accumulator, levels, Integer(2, False), positions=12)
    pool = Pool("pool", steps.output, (4, 3), 6, (2, 1))
    kernels = rng.integers(-1, 2, (8, 6, 2, 2))
    kernels[:, [1, 4]] = 0
    second = Conv("second", pool.output, (2, 3), kernels, weight_kind=Ternary(), padding=1)
    scale = Scale("scale", second.accumulator, 8, rng.integers(1, 9, 8), rng.integers(-9, 9, 8), 2,
                  "half_up", "saturate", Integer(6, True), positions=second.positions_out)
    rows = rng.integers(-1, 2, (3, second.positions_out, 8))
    rows[:, :, 2:] = 0
    dense = Dense("dense", scale.output, rows.reshape(3, -1), weight_kind=Ternary())
    return Network("network", (first, steps, pool, second, scale, dense))


def test_compact_leaves_out_what_nothing_uses(rng: np.random.Generator) -> None:
    network = draw(rng)
    small = compact(network)
    x = rng.integers(0, 256, (50, network.n_in))
    assert (run(small, x)[-1] == run(network, x)[-1]).all()
    first, steps, pool, second, scale, dense = small.layers
    assert isinstance(second, Conv) and 2 <= second.weights.shape[0] <= 4  # kinds stay
    assert isinstance(first, Conv) and first.weights.shape[0] == second.weights.shape[1] <= 6
    assert steps.channels_in == pool.channels_in == first.channels_out
    assert scale.channels_in == second.channels_out
    assert dense.n_in == second.n_out
    assert compact(small).digest == small.digest


def test_compact_goes_on_to_the_front() -> None:
    """A filter that only a removed filter used goes, too; one always stays."""
    ones = np.ones((4, 4), int)
    zero = np.zeros(4, int)
    first = Dense("a", Bipolar(), np.where(np.eye(4, 3) > 0, 1, -1), zero)
    second = Dense("b", Bipolar(), np.diag([1, 1, 1, 1]), zero, Ternary())
    third = Dense("c", Bipolar(), np.array([[0, 0, 1, 0]]), weight_kind=Ternary())
    small = compact(Network("n", (first, second, third)))
    assert [layer.channels_out for layer in small.layers] == [1, 1, 1]
    assert first.weights[2].tolist() == small.layers[0].weights[0].tolist()  # type: ignore
    none = compact(Network("n", (first, Dense("b", Bipolar(), 0 * ones, weight_kind=Ternary()))))
    assert [layer.channels_out for layer in none.layers] == [1, 4]


def test_prune(rng: np.random.Generator) -> None:
    weights = rng.integers(-128, 128, (4, 3, 5))
    layer = Conv("c", BYTE, (9,), weights, weight_kind=BYTE,
                 thresholds=rng.integers(-40000, 40000, 4))
    pruned = prune(layer, 100)
    assert (pruned.weights == np.where(np.abs(weights) >= 100, weights, 0)).all()
    x = rng.integers(-128, 128, (20, layer.n_in))
    golden = run(Network("n", (Conv("c", BYTE, (9,), pruned.weights, weight_kind=BYTE),)), x)[0]
    assert (run(Network("n", (pruned,)), x)[0].reshape(20, -1, 4)
            == np.where(golden.reshape(20, -1, 4) >= np.array(layer.thresholds), 1, -1)).all()


@pytest.mark.parametrize("layer, threshold, message", [
    (Dense("d", BYTE, np.ones((2, 2), int)), 1,
     ("layer d: weight_kind must have a 0 to be pruned, not bipolar; take ternary weights or put "
      "a 0 into the codebook")),
    (Dense("d", BYTE, np.ones((2, 2), int), weight_kind=Codebook((1, 2))), 1,
     ("layer d: weight_kind must have a 0 to be pruned, not codebook(1,2); take ternary weights "
      "or put a 0 into the codebook")),
    (Dense("d", BYTE, np.ones((2, 2), int), weight_kind=BYTE), 0,
     "layer d: threshold must be from 1 to 2147483648, not 0"),
])
def test_rejects(layer: Dense, threshold: int, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        prune(layer, threshold)
    assert str(caught.value) == message
