"""Pieces of regions: same ground, own neighbours, the component's shape."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import prediction_from_labels
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from reasoning.correct import CorrectSettings, correct
from reasoning.regions.graph import build_regions, components
from reasoning.regions.superpixels import cut_regions, superpixels


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


def _scene(seed, side=60):
    """Two components, and an image with a bright disc that the labels do not have."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(side)[None] < side // 3, 0, 3).repeat(side, axis=0).astype(np.int16)
    labels[5:9, 5:9] = -1
    y, x = np.mgrid[:side, :side]
    disc = (y - side / 2) ** 2 + (x - 2 * side / 3) ** 2 < (side / 6) ** 2
    values = np.stack([disc * 5.0, disc * 3.0]) + rng.normal(size=(2, side, side)) * 0.2
    before = _prediction(labels)
    return before, Raster(values.astype(np.float32), before.grid, None, ("red", "nir")), disc


@pytest.mark.parametrize(("seed", "connectivity"), [(0, 4), (1, 8)])
def test_superpixels_are_connected_inside_components_and_follow_the_image(seed, connectivity):
    before, image, disc = _scene(seed)
    regions = build_regions(before, connectivity=connectivity)
    piece = superpixels(regions, before.grid, 100.0, image, connectivity=connectivity)
    assert ((piece >= 0) == (regions.label >= 0)).all()
    assert components(piece, connectivity)[1] == piece.max() + 1  # each is connected
    size = np.bincount(piece[piece >= 0])
    assert 20 <= len(size) <= 60 and size.max() < 4 * 100
    again = superpixels(regions, before.grid, 100.0, image, connectivity=connectivity)
    assert (piece == again).all()
    for k in range(len(size)):
        assert len(np.unique(regions.label[piece == k])) == 1
    share = np.bincount(piece[piece >= 0], disc[piece >= 0]) / size
    plain = cut_regions(regions, before.grid, 100.0, connectivity=connectivity).label
    cells = np.bincount(plain[piece >= 0], disc[piece >= 0]) / np.bincount(plain[piece >= 0])
    mixed = [((s > 0.1) & (s < 0.9)).sum() for s in (share, cells)]
    assert mixed[0] * 3 < mixed[1]  # the grid cuts across the disc, superpixels go around it


def test_pieces_of_an_image_have_its_means_and_the_shape_of_their_component():
    before, image, _ = _scene(2)
    regions = build_regions(before, image)
    pieces = cut_regions(regions, before.grid, 100.0, image)
    assert len(pieces) > 20 and pieces.bands == ("red", "nir")
    first = pieces.label == 0
    assert pieces.means[0] == pytest.approx(image.values[:, first].mean(axis=1), rel=1e-5)
    assert set(pieces.area) == set(regions.area)
    assert (
        pieces.cls[pieces.label[before.labels >= 0]].tolist()
        == before.labels[before.labels >= 0].tolist()
    )


def test_an_image_without_observations_and_pixels_larger_than_a_piece():
    before, image, _ = _scene(3)
    regions = build_regions(before)
    nothing = Raster(np.full_like(image.values, np.nan), image.grid, None, image.bands)
    assert superpixels(regions, before.grid, 100.0, nothing).max() > 20
    single = superpixels(regions, before.grid, 1.0, image)
    assert single.max() + 1 == regions.count.sum()
