"""Calibration: planted temperatures and biases are found again; nothing to learn from changes nothing."""

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import Prediction
from kg.errors import GridError, InputError, LegendError, RasterError
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.learning.calibration import Calibration, fit_calibration, identity
from reasoning.learning.tiles import LabelledTile, folds, spread

LEGEND = load_legend("s2korea")
K = len(LEGEND)
BIAS = np.array([0.6, -0.2, 0.3, -0.5, -0.2])


def drawn(seed, temperature=1.0, bias=0.0, size=100):
    """A tile whose truth is drawn from softmax(log p / temperature + bias)."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(K, 0.7), size * size).astype(np.float32)
    scores = np.log(np.maximum(p, 1e-4)) / temperature + bias
    truth = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    grid = Grid("EPSG:32652", Affine(10, 0, 500000, 0, -10, 4000000), size, size)
    prediction = Prediction(p.T.reshape(K, size, size).copy(), LEGEND, grid, "drawn")
    return LabelledTile(prediction, truth.reshape(size, size).astype(np.int16))


def test_planted_temperature_and_bias_are_found():
    tiles = [drawn(seed, 2.0, BIAS) for seed in range(3)]
    found = fit_calibration(tiles, balance=0.0)
    assert found.temperature == pytest.approx(2.0, abs=0.08)
    assert found.bias == pytest.approx(BIAS, abs=0.06)
    assert found == fit_calibration(tiles, balance=0.0)


def test_balance_raises_rare_classes():
    rare = np.array([-2.0, 0.5, 0.5, 0.5, 0.5])
    tiles = [drawn(seed, 1.0, rare) for seed in range(2)]
    plain, fair = (fit_calibration(tiles, balance=b).bias[0] for b in (0.0, 1.0))
    assert fair > plain + 1


def test_a_class_that_is_never_true_gets_next_to_no_bias():
    tiles = [drawn(seed, 1.5, np.array([0.0, 0.0, 0.0, 0.0, -50.0])) for seed in range(2)]
    found = fit_calibration(tiles, balance=0.0)
    assert -0.1 < found.bias[4] <= 0  # not ahead of what the network calls otherwise
    assert found.temperature == pytest.approx(1.5, abs=0.1)


def test_no_information_changes_nothing():
    tile = drawn(0, 2.0, BIAS, size=20)
    assert fit_calibration([tile], shrinkage=1e9) == identity(LEGEND)


def test_applied_probabilities_are_the_softmax_of_the_scores():
    tile = drawn(1, size=12)
    tile.prediction.probabilities[:, :2] = 0
    one = Calibration(2.0, tuple(BIAS), tuple(c.iri for c in LEGEND.classes))
    after = one.apply(tile.prediction)
    p = np.maximum(tile.prediction.probabilities[:, 5, 5].astype(float), 1e-4) ** 0.5 * np.exp(BIAS)
    assert after.probabilities[:, 5, 5] == pytest.approx(p / p.sum(), abs=1e-6)
    assert not after.probabilities[:, :2].any()
    assert (identity(LEGEND).apply(tile.prediction).labels == tile.prediction.labels).all()


def test_bad_input_is_two_lines():
    tile = drawn(0, size=8)
    with pytest.raises(GridError, match=r"different grids\n.*rio warp"):
        LabelledTile(tile.prediction, tile.truth[:4], name="a.tif")
    with pytest.raises(RasterError, match="expected integers"):
        LabelledTile(tile.prediction, tile.truth.astype(float))
    with pytest.raises(LegendError, match=r"Legend\.encode"):
        LabelledTile(tile.prediction, tile.truth + 3)
    with pytest.raises(InputError, match="no pixel whose truth"):
        fit_calibration([LabelledTile(tile.prediction, np.full_like(tile.truth, -1))])
    with pytest.raises(InputError, match="at least one"):
        fit_calibration([])
    with pytest.raises(InputError, match=r"of one scene.*\n.*more tiles"):
        folds([tile])
    with pytest.raises(InputError, match="temperature 0"):
        Calibration(0.0, (), ())
    other = Calibration(1.0, (0.0,), ("https://example.org/a",))
    with pytest.raises(LegendError, match="no bias for"):
        other.apply(tile.prediction)


def test_tiles_of_a_scene_stay_together():
    tile = drawn(0, size=8)
    tiles = [LabelledTile(tile.prediction, tile.truth, scene=s) for s in "abab"]
    tiles.append(tile)
    assert [fold.tolist() for fold in folds(tiles)] == [[0, 2], [1, 3], [4]]


def test_pixels_are_spread_evenly():
    mask = np.ones((10, 10), bool)
    mask[0] = False
    rows, cols = spread(mask, 9)
    assert len(rows) == 9
    assert (np.diff(rows * 10 + cols) == 10).all()
    assert len(spread(mask, 1000)[0]) == 90
