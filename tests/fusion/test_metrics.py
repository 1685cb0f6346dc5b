from __future__ import annotations

import numpy as np
import pytest

from fusion.metrics import confusion, f1, iou, mean_f1, miou, overall_accuracy
from kg.errors import RasterError

TRUTH = np.array([[0, 0, 1], [1, 1, -1]])
LABELS = np.array([[0, 1, 1], [1, 2, 0]])


def test_confusion_counts_pixels_known_in_both():
    counts = confusion(TRUTH, LABELS, 3)
    assert counts.tolist() == [[1, 1, 0], [0, 2, 1], [0, 0, 0]]


def test_scores_follow_their_definitions():
    counts = confusion(TRUTH, LABELS, 3)
    assert overall_accuracy(counts) == pytest.approx(3 / 5)
    assert iou(counts) == pytest.approx([1 / 2, 2 / 4, 0.0])
    assert f1(counts) == pytest.approx([2 / 3, 4 / 6, 0.0])


def test_means_are_over_classes_present_in_truth():
    counts = confusion(TRUTH, LABELS, 4)
    assert miou(counts) == pytest.approx(0.5)
    assert mean_f1(counts) == pytest.approx(2 / 3)
    assert np.isnan(iou(counts)[3])


def test_nothing_known_scores_nan():
    counts = confusion(np.array([-1]), np.array([0]), 2)
    assert np.isnan(overall_accuracy(counts))
    assert np.isnan(miou(counts))


@pytest.mark.parametrize(("labels", "classes"), [(LABELS[:1], 3), (LABELS, 2)])
def test_shapes_and_indices_are_checked(labels, classes):
    with pytest.raises(RasterError):
        confusion(TRUTH, labels, classes)
