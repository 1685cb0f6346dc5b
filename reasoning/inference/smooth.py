"""Smoothness between neighbouring pixels: an image comes in, weights of pairs and their gradient go out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.raster import Raster

Floats = NDArray[np.float64]


def neighbour_weights(
    region: NDArray[np.int32], strength: float, image: Raster | None = None
) -> tuple[Floats, Floats]:
    """Weights of the smoothness term: strong inside even surfaces, weak across edges of the image.

    A pair of 4-neighbours gets `strength * exp(-d2 / (2 * mean d2))`, d2 the squared difference of their bands, each
    scaled to unit variance (contrast-sensitive Potts; Boykov and Jolly, ICCV 2001); `strength` without an image.

    Args:
        region: (y, x) int32, -1 where there is no prediction; such pixels have no neighbours.
        strength: Nats per pair at no contrast.
        image: Bands on the same grid; pixels without observation count as no contrast.

    Returns:
        (y, x) float64 weight of the pair (pixel, pixel to the right), and of (pixel, pixel below); 0 where none.
    """
    right, down = np.zeros(region.shape), np.zeros(region.shape)
    right[:, :-1] = strength * ((region[:, :-1] >= 0) & (region[:, 1:] >= 0))
    down[:-1] = strength * ((region[:-1] >= 0) & (region[1:] >= 0))
    if image is None or strength == 0:
        return right, down
    beside, below = _contrast(image)
    seen = np.concatenate([beside.ravel(), below.ravel()])
    mean = float(seen.mean()) if seen.size else 0.0
    if mean > 0:
        right[:, :-1] *= np.exp(-beside / (2 * mean))
        down[:-1] *= np.exp(-below / (2 * mean))
    return right, down


def _contrast(image: Raster) -> tuple[Floats, Floats]:
    """Squared band differences to the right and below, 0 where a pixel has no observation."""
    valid = image.valid
    height, width = valid.shape
    beside, below = np.zeros((height, width - 1)), np.zeros((height - 1, width))
    if not valid.any():
        return beside, below
    for values in image.values:
        band = values.astype(np.float32)
        band = np.where(
            valid, band / max(float(band[valid].std(dtype=np.float64)), 1e-12), np.float32(0)
        )
        beside += np.square(band[:, 1:] - band[:, :-1])
        below += np.square(band[1:] - band[:-1])
    beside[~(valid[:, 1:] & valid[:, :-1])] = 0
    below[~(valid[1:] & valid[:-1])] = 0
    return beside, below


def smoothness_gradient(
    q: Floats, right: Floats, down: Floats, rows: NDArray[np.intp], cols: NDArray[np.intp]
) -> Floats:
    """Gradient of the smoothness term at some pixels, `sum_j w_ij (q_i - q_j)`.

    Args:
        q: (y, x, class) marginals.
        right: (y, x) weights from `neighbour_weights`.
        down: (y, x) weights from `neighbour_weights`.
        rows: (pixel,) rows of the pixels wanted.
        cols: (pixel,) their columns.

    Returns:
        (pixel, class) float64 nats.
    """
    height, width, _ = q.shape
    here, out = q[rows, cols], np.zeros((len(rows), q.shape[2]))
    left, up = np.maximum(cols - 1, 0), np.maximum(rows - 1, 0)
    out += np.where(cols > 0, right[rows, left], 0)[:, None] * (here - q[rows, left])
    out += right[rows, cols][:, None] * (here - q[rows, np.minimum(cols + 1, width - 1)])
    out += np.where(rows > 0, down[up, cols], 0)[:, None] * (here - q[up, cols])
    out += down[rows, cols][:, None] * (here - q[np.minimum(rows + 1, height - 1), cols])
    return out
