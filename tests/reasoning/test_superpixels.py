"""Pieces of regions: same ground, own neighbours, the component's shape."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import prediction_from_labels
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.correct import CorrectSettings, correct
from reasoning.regions import build_regions, components
from reasoning.superpixels import cut_regions


def _prediction(labels):
    grid = Grid("EPSG:32652", Affine(10, 0, 340000, 0, -10, 3840000), *labels.shape)
    return prediction_from_labels(labels, load_legend("s2korea"), grid)


@pytest.mark.parametrize("seed", range(5))
def test_pieces_are_the_components_of_the_parts_in_each_cell(seed):
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(-1, 3, (6, 7)), np.ones((4, 3), int)).astype(np.int16)
    before = _prediction(labels)
    regions = build_regions(before)
    pieces = cut_regions(regions, before.grid, 50.0)
    rows, cols = np.indices(labels.shape) // 5
    cell = (rows * 100 + cols) * 10 + labels
    expected, n = components(np.where(labels >= 0, cell, -1))
    assert len(pieces) == n > len(regions)
    np.testing.assert_array_equal(pieces.label, expected)
    at = regions.label[labels >= 0]
    for name in ("cls", "area", "min_width", "mean_width", "elongation"):
        mine = getattr(pieces, name)[pieces.label[labels >= 0]]
        np.testing.assert_array_equal(mine, getattr(regions, name)[at])
    assert pieces.count.sum() == (labels >= 0).sum()
    assert np.diff(pieces.adjacency.indptr).max() >= 2


def test_a_cell_that_holds_everything_changes_nothing():
    labels = np.repeat(np.arange(3, dtype=np.int16), 4)[None].repeat(4, axis=0)
    before = _prediction(labels)
    regions = build_regions(before)
    whole = cut_regions(regions, before.grid, 1e6)
    np.testing.assert_array_equal(whole.label, regions.label)
    np.testing.assert_array_equal(whole.perimeter, regions.perimeter)


def test_corrections_in_pieces_still_sum_to_the_log_odds():
    rng = np.random.default_rng(0)
    labels = np.where(rng.random((40, 40)) < 0.05, 0, 3).astype(np.int16)
    done = correct(_prediction(labels), settings=CorrectSettings(superpixel=80.0, smoothness=1.5))
    assert len(done.corrections) > 0
    for one in done.corrections:
        assert sum(part.value for part in one.contributions) == pytest.approx(
            one.log_odds, abs=1e-6
        )
