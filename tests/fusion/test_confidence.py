"""Confidence of labels from the image: doubt falls where the look and the label disagree."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from fusion.confidence import estimate_confidence
from fusion.prediction import prediction_from_labels
from kg.errors import GridError, RasterError
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster

LEGEND = load_legend("s2korea")


def _scene(wrong=0.15, size=128, seed=0):
    """Two surfaces in patches of 16 pixels, labels of which some patches of 4 are wrong."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(2, 4, (size // 16, size // 16)), np.ones((16, 16), int))
    values = np.where(truth == 2, 150, 60)[None] + rng.normal(0, 25, (3, size, size))
    flips = np.kron(rng.random((size // 4, size // 4)) < wrong, np.ones((4, 4), bool))
    labels = np.where(flips, 5 - truth, truth).astype(np.int16)
    grid = Grid("EPSG:32652", Affine(10, 0, 340000, 0, -10, 3840000), size, size)
    image = Raster(
        np.clip(values, 0, 255).astype(np.uint8), grid, None, ("red", "green", "blue"), None
    )
    return truth, labels, image


def test_wrong_labels_are_doubted_and_right_ones_believed():
    truth, labels, image = _scene()
    p = estimate_confidence(labels, image, LEGEND)
    mine = np.take_along_axis(p.probabilities, labels[None].astype(int), 0)[0]
    wrong = labels != truth
    assert mine[~wrong].mean() > mine[wrong].mean() + 0.2
    sure = estimate_confidence(labels, image, LEGEND, strength=2.0)
    assert (sure.labels != truth).mean() < 0.75 * wrong.mean()
    assert p.probabilities.sum(axis=0) == pytest.approx(np.ones(labels.shape), abs=1e-5)


def test_an_image_that_says_nothing_leaves_the_labels_in_force():
    _, labels, image = _scene()
    noise = np.random.default_rng(1).integers(0, 255, image.values.shape).astype(np.uint8)
    blind = Raster(noise, image.grid, None, image.bands, None)
    p = estimate_confidence(labels, blind, LEGEND)
    assert (p.labels == labels).mean() > 0.999


def test_labels_and_bands_that_are_missing():
    _, labels, image = _scene()
    labels[:20] = -1
    values = image.values.astype(np.float32)
    values[:, 60:80] = np.nan
    holes = Raster(values, image.grid, np.nan, image.bands, None)
    p = estimate_confidence(labels, holes, LEGEND, confidence=0.7)
    assert (p.probabilities[:, :20] == 0).all()
    plain = prediction_from_labels(labels, LEGEND, image.grid, confidence=0.7).probabilities
    np.testing.assert_array_equal(p.probabilities[:, 60:80], plain[:, 60:80])
    assert not np.isnan(p.probabilities).any()


def test_one_class_keeps_its_confidence():
    _, labels, image = _scene()
    p = estimate_confidence(np.full_like(labels, 3), image, LEGEND, confidence=0.9)
    assert p.probabilities[3] == pytest.approx(0.9)


def test_the_same_bytes_twice():
    _, labels, image = _scene()
    one, two = (estimate_confidence(labels, image, LEGEND).probabilities for _ in range(2))
    assert one.tobytes() == two.tobytes()


def test_other_sizes_and_confidences_are_refused():
    _, labels, image = _scene()
    with pytest.raises(GridError, match="different grids"):
        estimate_confidence(labels[1:], image, LEGEND)
    with pytest.raises(RasterError, match="confidence"):
        estimate_confidence(labels, image, LEGEND, confidence=1.5)
