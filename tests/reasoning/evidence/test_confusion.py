"""Learned errors of a source: counts with smoothing, silent where nothing was seen."""

import numpy as np
import pytest
from affine import Affine

from kg import vocab
from kg.errors import GridError, LegendError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.evidence.confusion import confused, estimate_confusion

LEGEND = load_legend("town")
K = len(LEGEND)


def source(cell, shares=None):
    cell = np.array(cell, np.int32)
    table = np.eye(2, dtype=np.float32) if shares is None else np.array(shares, np.float32)
    grid = Grid("EPSG:32633", Affine(10, 0, 0, 0, -10, 0), *cell.shape)
    classes = (vocab.CORE + "Water", vocab.CORE + "Building")
    return EvidenceLayer("osm", vocab.OSM_FEATURE, "g", grid, cell, table, classes, ("a", "b"))


def test_counts_become_probabilities_given_the_label():
    truth = np.array([[0] * 80 + [0] * 20 + [5] * 50 + [5] * 50])
    cell = np.array([[0] * 80 + [1] * 20 + [0] * 10 + [1] * 40 + [-1] * 50])
    found = estimate_confusion(source(cell), truth, LEGEND, smoothing=1e-9)
    assert found.table[:, 0] == pytest.approx([0.8, 0.2])
    assert found.table[:, 5] == pytest.approx(
        [0.2, 0.8]
    )  # where the source is silent, nothing is counted
    assert found.usual == pytest.approx([90 / 150, 60 / 150])
    said = confused(source(cell), found, LEGEND)
    assert said[0, 0] == pytest.approx(0.8 / 0.6 - 1)
    assert said[0] @ np.bincount([0, 5], [100, 50], K) == pytest.approx(
        0, abs=1e-6
    )  # a likelihood ratio


def test_smoothing_draws_towards_silence_and_unseen_labels_are_silent():
    truth, cell = np.zeros((1, 50), int), np.zeros((1, 50))
    cell[0, 40:] = 1
    truth[0, 40:] = 5
    sharp, soft = (estimate_confusion(source(cell), truth, LEGEND, smoothing=a) for a in (1, 500))
    for found in (sharp, soft):
        said = confused(source(cell), found, LEGEND)
        assert said[:, [k for k in range(K) if k not in (0, 5)]] == pytest.approx(0, abs=1e-12)
        assert found.table.sum(axis=0) == pytest.approx(1)
    assert (
        abs(confused(source(cell), sharp, LEGEND)[1, 5])
        > abs(confused(source(cell), soft, LEGEND)[1, 5])
        > 0
    )


def test_without_labels_or_evidence_everything_is_silent():
    nothing = np.full((1, 4), -1)
    for truth, cell in ((nothing, np.zeros((1, 4))), (np.zeros((1, 4), int), nothing)):
        found = estimate_confusion(source(cell), truth, LEGEND)
        assert not confused(source(cell), found, LEGEND).any()


def test_other_shapes_labels_and_legends_are_errors():
    with pytest.raises(GridError, match=r"labels are \(1, 3\)"):
        estimate_confusion(source([[0, 1]]), np.zeros((1, 3), int), LEGEND)
    with pytest.raises(LegendError, match="label 99"):
        estimate_confusion(source([[0, 1]]), np.full((1, 2), 99), LEGEND)
    found = estimate_confusion(source([[0, 1]]), np.zeros((1, 2), int), LEGEND)
    with pytest.raises(LegendError, match="the confusion of osm is about"):
        confused(source([[0, 1]]), found, load_legend("worldcover"))
