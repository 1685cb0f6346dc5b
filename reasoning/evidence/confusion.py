"""A layer and labels that are known come in, the errors of the source go out; and what these say of each label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.errors import GridError, LegendError
from kg.evidence import Confusion, EvidenceLayer
from kg.legend import Legend

Table = NDArray[np.float64]

SMOOTHING = 50.0
"""Pixels of usual evidence that each label is given beforehand (neighbouring pixels are no independent samples)."""


def estimate_confusion(
    layer: EvidenceLayer,
    truth: NDArray[np.integer],
    legend: Legend,
    *,
    smoothing: float = SMOOTHING,
) -> Confusion:
    """Count what a source says where the label is known.

    p(e | k) = (n(e, k) + a p(e)) / (n(k) + a), with n in pixels, p(e) over all labels, and a the smoothing: a label
    that was never seen under the source has p(e | k) = p(e), which says nothing.

    Args:
        layer: The source, on the grid of the labels.
        truth: (y, x) label of each pixel, -1 where unknown.
        legend: Names the labels.
        smoothing: a, in pixels, above 0.

    Raises:
        GridError: Other shapes.
        LegendError: A label that the legend does not have.
    """
    if truth.shape != layer.cell.shape:
        raise GridError(
            f"labels are {truth.shape}, evidence {layer.name} is {layer.cell.shape} pixels",
            "lay both on one grid",
        )
    if truth.max(initial=-1) >= len(legend):
        raise LegendError(
            f"label {truth.max()} in a legend of {len(legend)} classes", "encode the labels first"
        )
    both = (truth >= 0) & (layer.cell >= 0)
    pairs = layer.cell[both].astype(np.int64) * len(legend) + truth[both]
    pixels = np.bincount(pairs, minlength=len(layer.shares) * len(legend))
    counts = layer.shares.astype(np.float64).T @ pixels.reshape(-1, len(legend))
    total = counts.sum()
    usual = counts.sum(axis=1) / total if total else np.full(len(counts), 1 / max(len(counts), 1))
    table = (counts + smoothing * usual[:, None]) / (counts.sum(axis=0) + smoothing)
    return Confusion(table, usual, tuple(one.iri for one in legend.classes))


def confused(layer: EvidenceLayer, confusion: Confusion, legend: Legend) -> Table:
    """(cell, label) p(what a cell says | label) / p(what it says) - 1; classes that were never seen say nothing.

    Raises:
        LegendError: The confusion is about other labels or source classes.
    """
    labels = tuple(one.iri for one in legend.classes)
    if confusion.labels != labels or confusion.table.shape != (len(layer.classes), len(labels)):
        raise LegendError(
            f"the confusion of {layer.name} is about {len(confusion.labels)} labels and {len(confusion.table)} "
            f"source classes, found {len(labels)} labels of {legend.name} and {len(layer.classes)} classes",
            "estimate it again for this layer and this legend",
        )
    usual = confusion.usual[:, None]
    ratio = np.where(usual > 0, confusion.table / np.where(usual > 0, usual, 1), 1.0)
    said: Table = layer.shares.astype(np.float64) @ (ratio - 1)
    return said
