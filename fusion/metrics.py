"""Scores of a map against truth: label arrays come in, numbers go out. Numpy only.

Definitions, with n[t, p] the pixels of true class t that were labelled p, counted where both are known:
overall accuracy = sum of n[c, c] / sum of n; IoU of c = n[c, c] / (row c + column c - n[c, c]);
F1 of c = 2 n[c, c] / (row c + column c); means are taken over the classes present in truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.errors import RasterError

Counts = NDArray[np.int64]


def confusion(truth: NDArray[np.integer], labels: NDArray[np.integer], classes: int) -> Counts:
    """Count pixels by true class (row) and label (column).

    Args:
        truth: Class index per pixel, any shape; negative where unknown.
        labels: Class index per pixel, same shape; negative where there is no prediction.
        classes: How many classes there are.

    Returns:
        (classes, classes) int64; pixels unknown in either are left out.

    Raises:
        RasterError: The shapes differ, or a class index is not below `classes`.
    """
    if truth.shape != labels.shape:
        raise RasterError(
            f"truth has shape {truth.shape}, labels {labels.shape}", "put both on one grid first"
        )
    known = (truth >= 0) & (labels >= 0)
    t, p = truth[known].astype(np.int64), labels[known].astype(np.int64)
    worst = max(int(t.max(initial=0)), int(p.max(initial=0)))
    if worst >= classes:
        raise RasterError(
            f"class index {worst} found, expected below {classes}",
            "encode codes with Legend.encode",
        )
    counts: Counts = np.bincount(t * classes + p, minlength=classes * classes).reshape(
        classes, classes
    )
    return counts


def overall_accuracy(counts: Counts) -> float:
    """Share of pixels whose label is right; NaN when there is none."""
    total = counts.sum()
    return float(np.trace(counts) / total) if total else float("nan")


def iou(counts: Counts) -> NDArray[np.float64]:
    """(class,) intersection over union; NaN for a class in neither truth nor labels."""
    right = np.diag(counts).astype(np.float64)
    union = counts.sum(axis=1) + counts.sum(axis=0) - right
    return _ratio(right, union)


def f1(counts: Counts) -> NDArray[np.float64]:
    """(class,) harmonic mean of precision and recall; NaN for a class in neither truth nor labels."""
    right = np.diag(counts).astype(np.float64)
    return _ratio(2 * right, (counts.sum(axis=1) + counts.sum(axis=0)).astype(np.float64))


def miou(counts: Counts) -> float:
    """Mean IoU over the classes present in truth; NaN when there is none."""
    return _mean_present(iou(counts), counts)


def mean_f1(counts: Counts) -> float:
    """Mean F1 over the classes present in truth; NaN when there is none."""
    return _mean_present(f1(counts), counts)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)


def _mean_present(values: NDArray[np.float64], counts: Counts) -> float:
    present = counts.sum(axis=1) > 0
    return float(values[present].mean()) if present.any() else float("nan")
