"""Superpixels: components, colours and seeds come in, the piece of each pixel goes out. Compiled.

Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled


@compiled
def grow(
    label: NDArray[np.int32],
    bands: NDArray[np.float32],
    seeds: NDArray[np.int64],
    scale: tuple[float, float],
    diagonal: bool,
) -> NDArray[np.int32]:
    """Grow pieces from their seeds, the pixel that is most like its piece first (SNIC).

    A queue holds pixels beside pieces by squared distance: of places, in sides of a piece, plus of colours. A pixel
    that leaves the queue first joins the piece, whose mean place and colour move, and its neighbours of the same
    component enter the queue. So pieces are connected and need no second pass. Equal distances: first in, first out.

    Source: R. Achanta, S. Susstrunk, "Superpixels and polygons using simple non-iterative clustering", CVPR 2017.

    Args:
        label: (y, x) int32 component of each pixel, -1 for none; pieces do not leave them.
        bands: (band, y, x) float32 colours in units of what counts as one side apart; NaN where not observed.
        seeds: (piece,) int64 `row * width + column` of the first pixel of each piece.
        scale: Height and width of a pixel in sides of a piece.
        diagonal: Whether pixels that share a corner touch.

    Returns:
        (y, x) int32 piece, -1 where no seed's component reaches.
    """
    height, width = label.shape
    out = np.full((height, width), -1, np.int32)
    means = np.zeros((len(seeds), 2 + len(bands)))
    seen = np.zeros((len(seeds), 2 + len(bands)))
    steps = [(-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]
    queue = [(0.0, np.int64(k), seeds[k], np.int64(k)) for k in range(len(seeds))]
    entered = len(seeds)
    while len(queue) > 0:
        _, _, pixel, k = heapq.heappop(queue)
        y, x = pixel // width, pixel % width
        if out[y, x] >= 0:
            continue
        out[y, x] = k
        _join(bands, y, x, means[k], seen[k])
        for w in range(8 if diagonal else 4):
            v, u = y + steps[w][0], x + steps[w][1]
            if v < 0 or u < 0 or v == height or u == width:
                continue
            if out[v, u] < 0 and label[v, u] == label[y, x]:
                far = _apart(bands, (v, u), means[k], seen[k], scale)
                heapq.heappush(queue, (far, np.int64(entered), v * width + u, k))
                entered += 1
    return out


@compiled
def _join(
    bands: NDArray[np.float32], y: int, x: int, mean: NDArray[np.float64], seen: NDArray[np.float64]
) -> None:
    """Move the mean (row, column, bands) of a piece by one pixel more."""
    for i in range(len(mean)):
        value = y if i == 0 else x if i == 1 else bands[i - 2, y, x]
        if not np.isnan(value):
            seen[i] += 1
            mean[i] += (value - mean[i]) / seen[i]


@compiled
def _apart(
    bands: NDArray[np.float32],
    at: tuple[int, int],
    mean: NDArray[np.float64],
    seen: NDArray[np.float64],
    scale: tuple[float, float],
) -> float:
    """Squared distance of a pixel from the mean of a piece; what is not observed is no distance."""
    y, x = at
    far = ((y - mean[0]) * scale[0]) ** 2 + ((x - mean[1]) * scale[1]) ** 2
    for b in range(len(bands)):
        if seen[2 + b] > 0 and not np.isnan(bands[b, y, x]):
            far += (bands[b, y, x] - mean[2 + b]) ** 2
    return float(far)
