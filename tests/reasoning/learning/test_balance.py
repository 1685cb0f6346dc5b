"""The exponent of class weights is the one that held-out scenes prefer."""

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import Prediction
from kg.errors import InputError
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.learning.balance import arrays_of, chosen, trials_of, try_balances
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
    tiles = [drawn(seed, 0.04, size=48) for seed in range(3)]
    assert chosen(try_balances(tiles)).balance > 0.25


def test_of_equal_ones_the_first_is_taken():
    tiles = [drawn(seed, 0.5) for seed in range(3)]
    trials = try_balances(tiles, balances=(0.0, 0.0))
    assert chosen(trials) is trials[0]


def test_trials_are_the_same_after_they_were_saved():
    tiles = [drawn(seed, 0.2, size=20) for seed in range(2)]
    trials = try_balances(tiles, balances=(0.5, 1.0))
    again = trials_of(arrays_of(trials), K)
    assert [one.balance for one in again] == [0.5, 1.0]
    for one, other in zip(trials, again, strict=True):
        assert one.mapped.array.tolist() == other.mapped.array.tolist()


def test_one_scene_cannot_choose():
    with pytest.raises(InputError, match="one scene"):
        try_balances([drawn(0, 0.3)])
