"""The exponent of class weights is the one that held-out scenes prefer."""

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import Prediction
from kg.errors import InputError
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.learning.balance import choose_balance
from reasoning.learning.tiles import LabelledTile

LEGEND = load_legend("s2korea")
K = len(LEGEND)


def drawn(seed, rare, size=60):
    """A tile of two classes whose weak model knows a little, one of them with this share of the ground."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((size, size)) < rare).astype(np.int16)
    score = np.zeros((K, size, size))
    score[1] = rng.normal(1.6 * truth, 1.0) + np.log(rare / (1 - rare)) - 1.3
    score[2:] = -9
    p = np.exp(score) / np.exp(score).sum(axis=0)
    grid = Grid("EPSG:32652", Affine(10, 0, 500000, 0, -10, 4000000), size, size)
    return LabelledTile(Prediction(p.astype(np.float32), LEGEND, grid, "drawn"), truth)


def test_a_rare_class_that_would_be_lost_asks_for_more_weight():
    assert choose_balance([drawn(seed, 0.04) for seed in range(4)]) > 0.25


def test_even_classes_leave_the_mildest():
    tiles = [drawn(seed, 0.5) for seed in range(3)]
    assert choose_balance(tiles, balances=(0.0, 0.0)) == 0.0


def test_one_scene_cannot_choose():
    with pytest.raises(InputError, match="one scene"):
        choose_balance([drawn(0, 0.3)])
