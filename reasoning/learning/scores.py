"""Scores of maps against truth: confusion counts come in, mean IoU and accuracy go out.

IoU of c = n[c, c] / (row c + column c - n[c, c]) with n[t, p] the pixels of true class t that were labelled p; the mean
is taken over the classes present in truth, as in `fusion.metrics` (which reasoning does not import).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.learning.tiles import LabelledTile

Floats = NDArray[np.float64]


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
