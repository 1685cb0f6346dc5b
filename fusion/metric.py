"""Labelled image vectors come in; a view of them goes out in which what varies within a class counts for less."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_F64 = NDArray[np.float64]
Ints = NDArray[np.int64]

SHRINK = 0.95
"""Share of a sphere in the covariance: the directions of a few hundred images are little to go by. Between 0.8 and 0.98
all is much alike on WHU-RS19; with features of a MobileNet on NWPU-12 and EuroSAT no view is better than none
(benchmarks/zeroshot_metric.py)."""
BETWEEN = 0.3
"""Weight of the scatter of class means beside that of images around their mean."""


@dataclass(frozen=True)
class Metric:
    """A linear view of image vectors: lengths along a few axes are changed, all others are left alone.

    Attributes:
        axes: (dimension, axis) float64, orthonormal columns; None leaves vectors as they are.
        gains: (axis,) float64 by how much the length along each axis differs from that along all others, as a share.
    """

    axes: _F64 | None = None
    gains: _F64 | None = None

    def view(self, images: NDArray[np.float32] | _F64) -> _F64:
        """(image, dimension) vectors of unit length in this view."""
        rows = np.asarray(images, np.float64)
        if self.axes is None or self.gains is None:
            return unit(rows)
        width, count = self.axes.shape
        if len(rows) * (2 * count - width) < width * count:  # which way has fewer products
            return unit(rows + ((rows @ self.axes) * self.gains) @ self.axes.T)
        return unit(rows @ (np.eye(width) + (self.axes * self.gains) @ self.axes.T))


def learn_metric(images: NDArray[np.float32], labels: Ints) -> Metric:
    """The view in which images vary alike in each direction: linear discriminant analysis, heavily shrunk.

    A predicted prototype errs as classes differ, so directions in which classes differ count for less as well.

    Args:
        images: (image, dimension) unit vectors.
        labels: (image,) row of the class, -1 unknown.

    Returns:
        The view; that of the images as they are where no class has two different images.
    """
    known = labels >= 0
    kept = np.ascontiguousarray(images[known], np.float32)
    return _learned(kept.tobytes(), labels[known].tobytes(), kept.shape[1])


@lru_cache(maxsize=8)
def _learned(images: bytes, labels: bytes, width: int) -> Metric:
    """Kept between calls: class vectors of several kinds are compared on the same images."""
    rows = np.frombuffer(images, np.float32).reshape(-1, width).astype(np.float64)
    classes, place = np.unique(np.frombuffer(labels, np.int64), return_inverse=True)
    means = np.stack([rows[place == c].mean(axis=0) for c in range(len(classes))])
    apart = rows - means[place]
    within = apart.T @ apart / max(len(rows) - len(classes), 1)
    if np.trace(within) < 1e-9:
        return Metric()
    spread = unit(means) - unit(means).mean(axis=0)
    share = np.sqrt(BETWEEN / len(classes))
    scatter = np.vstack([apart / np.sqrt(max(len(rows) - len(classes), 1)), share * spread])
    variance, axes = _principal(scatter)
    variance /= variance.sum() / width
    return Metric(axes, np.sqrt(SHRINK / ((1 - SHRINK) * variance + SHRINK)) - 1)


def _principal(rows: _F64) -> tuple[_F64, _F64]:
    """Variances above 0 and their axes (dimension, variance) of rows' scatter, from the smaller of its two products."""
    few = len(rows) < rows.shape[1]
    variance, found = np.linalg.eigh(rows @ rows.T if few else rows.T @ rows)
    kept = variance > 1e-12 * variance[-1]
    variance, found = variance[kept], found[:, kept]
    return variance, rows.T @ found / np.sqrt(variance) if few else found


def unit(rows: _F64) -> _F64:
    """Rows brought to unit length; rows of zeros stay."""
    scaled: _F64 = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled
