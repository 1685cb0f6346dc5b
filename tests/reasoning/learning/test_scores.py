"""Polishing of biases: the mean IoU of the pixels rises, and a perfect map stays as it is."""

import numpy as np
import pytest

from reasoning.learning.scores import counts_of, mean_iou, polish


def score(scores, truth):
    return mean_iou(counts_of(truth, scores.argmax(axis=1), scores.shape[1]))


def test_a_missing_class_comes_back():
    rng = np.random.default_rng(0)
    truth = rng.choice(3, 3000, p=[0.7, 0.25, 0.05])
    scores = 2.0 * np.eye(3)[truth] + rng.normal(size=(3000, 3)) - np.array([0, 0, 1.7])
    shift = polish(scores, truth, np.ones(3000))
    assert score(scores + shift, truth) > score(scores, truth) + 0.02
    assert shift.sum() == pytest.approx(0)
    assert shift[2] > 0.5


def test_what_is_perfect_stays():
    truth = np.arange(90) % 3
    assert not polish(5.0 * np.eye(3)[truth], truth, np.ones(90)).any()


def test_a_class_that_is_never_true_is_left_alone():
    rng = np.random.default_rng(1)
    truth = rng.choice(2, 500)
    scores = np.eye(3)[truth] + rng.normal(size=(500, 3))
    assert polish(scores, truth, np.ones(500))[2] == 0
