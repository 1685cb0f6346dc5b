"""Sums of regions in whole numbers come in; their shapes and means go out, one value per region."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.streaming.merge import Table
from reasoning.streaming.sums import COUNT, OPEN, XX, YX, YY, X, Y


def elongation(table: Table, dx: float, dy: float) -> NDArray[np.float64]:
    """Square root of the ratio of the eigenvalues of the covariance, each pixel being a rectangle and not a point.

    Args:
        table: Sums.
        dx: Pixel width, metres.
        dy: Pixel height, metres.

    Returns:
        (region,) float64, >= 1.
    """
    sums = table.sums
    n, up, left = sums[:, COUNT], table.box[:, 0].astype(np.int64), table.box[:, 1].astype(np.int64)
    # About the corner of the box: whole numbers until the last step, so that nothing is lost far from the origin.
    y, x = sums[:, Y] - n * up, sums[:, X] - n * left
    yy = sums[:, YY] - 2 * up * sums[:, Y] + n * up * up
    xx = sums[:, XX] - 2 * left * sums[:, X] + n * left * left
    yx = sums[:, YX] - up * sums[:, X] - left * sums[:, Y] + n * up * left
    my, mx = y / n, x / n
    vy, vx = (yy / n - my * my + 1 / 12) * dy * dy, (xx / n - mx * mx + 1 / 12) * dx * dx
    half, spread = (vy + vx) / 2, np.hypot((vy - vx) / 2, (yx / n - my * mx) * dx * dy)
    ratio: NDArray[np.float64] = np.sqrt((half + spread) / np.maximum(half - spread, 1e-12 * half))
    return ratio


def band_means(table: Table, scales: tuple[float, ...]) -> NDArray[np.float64]:
    """Means of the bands.

    Args:
        table: Sums.
        scales: Steps per unit that each band was added up in.

    Returns:
        (region, band) float64; NaN where a region has no observed pixel.
    """
    means = np.empty((len(table.sums), len(scales)))
    for i, scale in enumerate(scales):
        seen = table.sums[:, COUNT] - table.missing[i]
        mean = table.bands[i] / scale / np.maximum(seen, 1)
        means[:, i] = np.where(seen > 0, mean, np.nan)
    return means


def cut(table: Table, height: int, width: int) -> NDArray[np.bool_]:
    """(region,) bool: touches the edge of a raster of this size, or a pixel without class (a corner is enough)."""
    top, left, bottom, right = table.box[:, :4].T
    edge = (top == 0) | (left == 0) | (bottom == height) | (right == width)
    out: NDArray[np.bool_] = edge | (table.sums[:, OPEN] > 0)
    return out
