"""Compiled loops over the pixels of regions; label images come in, sums per region go out.

Import this module inside functions only: it loads numba through `kg.compiled`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

LARGE = 64
"""Pixels per region from which runs along a row are so long that it pays to keep a sum out of memory."""


@compiled
def band_sums(
    label: NDArray[np.int32],
    band: NDArray[Any],
    nodata: float,
    sums: NDArray[np.float64],
    count: NDArray[np.int64],
) -> None:
    """Add a band up per region, without NaN and `nodata` (NaN: there is none)."""
    height, width = label.shape
    if len(sums) * LARGE < label.size:
        _run_sums(label, band, nodata, sums, count)
        return
    for y in range(height):
        for x in range(width):
            r = label[y, x]
            value = float(band[y, x])
            if r >= 0 and not np.isnan(value) and value != nodata:
                sums[r] += value
                count[r] += 1


@compiled
def _run_sums(
    label: NDArray[np.int32],
    band: NDArray[Any],
    nodata: float,
    sums: NDArray[np.float64],
    count: NDArray[np.int64],
) -> None:
    """The same sums, to the last bit, run by run."""
    height, width = label.shape
    for y in range(height):
        x = 0
        while x < width:
            r, total, seen = label[y, x], 0.0, 0
            if r >= 0:
                total = sums[r]
            while x < width and label[y, x] == r:
                value = float(band[y, x])
                if not np.isnan(value) and value != nodata:
                    total += value
                    seen += 1
                x += 1
            if r >= 0:
                sums[r] = total
                count[r] += seen


@compiled
def corner_rows(distance: NDArray[np.float32], dx: float) -> None:
    """Turn column distances into Euclidean ones, row by row, by the lower envelope of parabolas.

    Source: P. Felzenszwalb, D. Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8, 2012.
    """
    width = distance.shape[1]
    place, edge, height = np.empty(width, np.int64), np.empty(width + 1), np.empty(width)
    for row in distance:
        k = -1
        for x in range(width):
            if row[x] == np.inf:
                continue
            f = float(row[x]) ** 2
            start = -np.inf
            while k >= 0:
                p = place[k]
                start = ((f - height[k]) / (dx * dx) + float(x * x - p * p)) / (2.0 * (x - p))
                if start > edge[k]:
                    break
                k -= 1
                start = -np.inf
            k += 1
            place[k], edge[k], height[k] = x, start, f
        if k < 0:
            continue
        edge[k + 1] = np.inf
        j = 0
        for x in range(width):
            while edge[j + 1] < x:
                j += 1
            row[x] = np.sqrt(height[j] + (dx * (x - place[j])) ** 2)


@compiled
def mask_columns(mask: NDArray[np.bool_], dy: float) -> NDArray[np.float32]:
    """(y, x) distance along the column to the nearest True; inf if none. `corner_rows` makes it Euclidean."""
    height, width = mask.shape
    out = np.full((height, width), np.inf, np.float32)
    for y in range(height):
        for x in range(width):
            if mask[y, x]:
                out[y, x] = 0.0
            elif y > 0:
                out[y, x] = out[y - 1, x] + dy
    for y in range(height - 2, -1, -1):
        for x in range(width):
            out[y, x] = min(out[y, x], out[y + 1, x] + dy)
    return out


@compiled
def least(label: NDArray[np.int32], values: NDArray[np.float32], out: NDArray[np.float64]) -> None:
    """Lower `out` to the smallest value in each region."""
    height, width = label.shape
    if len(out) * LARGE < label.size:
        _run_least(label, values, out)
        return
    for y in range(height):
        for x in range(width):
            if label[y, x] >= 0:
                out[label[y, x]] = min(out[label[y, x]], values[y, x])


@compiled
def _run_least(
    label: NDArray[np.int32], values: NDArray[np.float32], out: NDArray[np.float64]
) -> None:
    """The same, run by run."""
    height, width = label.shape
    for y in range(height):
        x = 0
        while x < width:
            r, low = label[y, x], np.inf
            while x < width and label[y, x] == r:
                low = min(low, values[y, x])
                x += 1
            if r >= 0:
                out[r] = min(out[r], low)


@compiled
def most_probable(
    probabilities: NDArray[np.float32], low: int, high: int, out: NDArray[np.int16]
) -> None:
    """Fill the rows `low` .. `high` of (y, x) `out` with the first most probable class, -1 where the sum is below half.

    `probabilities` are (class, y, x), added up in class order as numpy does.
    """
    classes, _, width = probabilities.shape
    best, total = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(low, high):
        best[:], total[:], out[y] = probabilities[0, y], probabilities[0, y], 0
        for k in range(1, classes):
            for x in range(width):
                p = probabilities[k, y, x]
                total[x] += p
                out[y, x] = k if p > best[x] else out[y, x]
                best[x] = max(best[x], p)
        for x in range(width):
            out[y, x] = out[y, x] if total[x] > np.float32(0.5) else np.int16(-1)
