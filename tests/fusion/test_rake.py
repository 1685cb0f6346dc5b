from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.rake import raise_majority, rake


def _scene(
    seed: int, cells: int = 30, classes: int = 5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 60, cells)
    cell = rng.permutation(np.repeat(np.arange(cells), counts))
    p = rng.dirichlet(np.full(classes, 0.3), len(cell))
    shares = rng.dirichlet(np.full(classes, 0.5), cells)
    shares[shares < 0.05] = 0
    return p, cell, shares / shares.sum(axis=1, keepdims=True)


def _means(p: np.ndarray, cell: np.ndarray, cells: int) -> np.ndarray:
    sums = np.stack([np.bincount(cell, weights=column, minlength=cells) for column in p.T], axis=1)
    return sums / np.bincount(cell, minlength=cells)[:, None]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_means_equal_shares_and_rows_sum_to_one(seed):
    p, cell, shares = _scene(seed)
    out = rake(p, cell, shares)
    assert np.abs(_means(out.astype(np.float64), cell, len(shares)) - shares).max() < 1e-6
    assert np.abs(out.sum(axis=1) - 1).max() < 1e-5


def test_order_of_pixels_for_a_class_is_kept():
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.55, 0.45]])
    out = rake(p, np.zeros(4, int), np.array([[0.25, 0.75]]))
    assert (np.argsort(out[:, 0]) == np.argsort(p[:, 0])).all()
    assert out[:, 0].mean() == pytest.approx(0.25, abs=1e-6)


def test_cells_without_shares_and_pixels_without_cell_are_unchanged():
    p, cell, shares = _scene(1)
    cell[:7] = -1
    shares[3], shares[4] = 0, np.nan
    out = rake(p, cell, shares)
    same = (cell == -1) | (cell == 3) | (cell == 4)
    assert np.array_equal(out[same], p[same].astype(np.float32))


def test_raking_twice_changes_nothing():
    p, cell, shares = _scene(2)
    once = rake(p, cell, shares)
    assert np.allclose(rake(once, cell, shares), once, atol=1e-5)


def test_hard_predictions_can_still_be_raked():
    p = np.eye(3)[np.zeros(10, int)]
    out = rake(p, np.zeros(10, int), np.array([[0.2, 0.5, 0.3]]))
    assert out.mean(axis=0) == pytest.approx([0.2, 0.5, 0.3], abs=1e-6)


def test_majority_is_raised_just_enough():
    p, cell, shares = _scene(3)
    majority = shares.argmax(axis=1)
    before, out = _means(p, cell, len(shares)), raise_majority(p, cell, majority, margin=1e-3)
    after = _means(out.astype(np.float64), cell, len(shares))
    assert (after.argmax(axis=1) == majority).all()
    right = np.sort(before, axis=1)[:, -1] - np.sort(before, axis=1)[:, -2] > 1e-3
    right &= before.argmax(axis=1) == majority
    assert np.array_equal(out[right[cell]], p[right[cell]].astype(np.float32))
    lead = after[np.arange(len(majority)), majority] - np.sort(after, axis=1)[:, -2]
    assert lead[~right] == pytest.approx(1e-3, abs=1e-4)


def test_majority_of_a_distrusted_cell_is_left():
    p, cell, _ = _scene(4)
    assert np.array_equal(raise_majority(p, cell, np.full(30, -1)), p.astype(np.float32))


def test_a_named_class_is_raised_by_its_nats_where_it_is_the_largest_anyway():
    p = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]], np.float32)
    found = raise_majority(p, np.array([0, 0, -1]), np.array([0]), nats=0.5)
    odds = np.log(found[:2, 0] / found[:2, 1]) - np.log(p[:2, 0] / p[:2, 1])
    assert odds == pytest.approx([0.5, 0.5], abs=1e-5)
    assert found[:2, 1] / found[:2, 2] == pytest.approx(p[:2, 1] / p[:2, 2], rel=1e-5)
    assert found.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert (found[2] == p[2]).all()
