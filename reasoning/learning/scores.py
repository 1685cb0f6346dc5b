"""Scores of maps against truth: labels come in; mean IoU and accuracy, and class biases that raise the first, go out.

IoU of c = n[c, c] / (row c + column c - n[c, c]) with n[t, p] the pixels of true class t that were labelled p; the mean
is taken over the classes present in truth, as in `fusion.metrics` (which reasoning does not import).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.learning.tiles import LabelledTile

Floats = NDArray[np.float64]

STEPS = (0.5, 0.5, 0.25, 0.25, 0.125)
"""Nats by which a bias is moved up or down, in turn."""
GAIN = 1e-4
"""Least rise of the mean IoU that a move must bring."""


def counts_of(
    truth: NDArray[np.integer],
    labels: NDArray[np.integer],
    classes: int,
    weight: Floats | None = None,
) -> Floats:
    """(classes, classes) pixels by true class (row) and label (column); pixels unknown in either are left out."""
    known = (truth >= 0) & (labels >= 0)
    pair = truth[known].astype(np.intp) * classes + labels[known]
    each = None if weight is None else weight[known]
    counts = np.bincount(pair, weights=each, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.float64)


def tile_counts(tile: LabelledTile, labels: NDArray[np.integer]) -> Floats:
    """Confusion counts of a map of a labelled tile."""
    return counts_of(tile.truth, labels, len(tile.prediction.legend))


def mean_iou(counts: Floats) -> float:
    """Mean IoU over the classes present in truth; NaN when there is none."""
    right, present = np.diag(counts), counts.sum(axis=1) > 0
    union = counts.sum(axis=1) + counts.sum(axis=0) - right
    return float((right[present] / union[present]).mean()) if present.any() else float("nan")


def accuracy(counts: Floats) -> float:
    """Share of pixels whose label is right; NaN when there is none."""
    total = counts.sum()
    return float(np.trace(counts) / total) if total else float("nan")


def polish(scores: Floats, truth: NDArray[np.intp], stands_for: Floats) -> Floats:
    """Shifts of class biases for the score that people look at.

    The likelihood does not ask for the mean IoU, and no convex fit does. From its answer on, biases are moved in fixed
    steps, one class at a time, as long as the mean IoU of the sampled pixels rises: a local search, no global optimum.

    Args:
        scores: (pixel, class) nats.
        truth: (pixel,) true class.
        stands_for: (pixel,) how many pixels each stands for.

    Returns:
        (class,) float64 nats; they sum to 0, and are 0 for classes that no pixel truly is.
    """
    k = scores.shape[1]
    seen = np.unique(truth)
    shift = np.zeros(k)

    def value(trial: Floats) -> float:
        """Mean IoU under a shift of the scores."""
        return mean_iou(counts_of(truth, (scores + trial).argmax(axis=1), k, stands_for))

    best = value(shift)
    for step in STEPS:
        for label in seen:
            for move in (step, -step):
                trial = shift.copy()
                trial[label] += move
                found = value(trial)
                if found > best + GAIN:
                    best, shift = found, trial
    shift[seen] -= shift[seen].mean() if len(seen) else 0.0
    return shift
