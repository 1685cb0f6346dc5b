"""Components that turned out to be one region come in, with their sums; sums per region go out, in place. Compiled.

Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled
from reasoning.streaming.runs import root

Columns = tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.int64],
]


@compiled
def number_roots(parent: NDArray[np.int32]) -> tuple[NDArray[np.int32], int]:
    """Number the sets of a union-find forest by their smallest elements; return each element's set and how many."""
    out = np.empty(len(parent), np.int32)
    n = 0
    for i in range(len(parent)):
        if parent[i] == i:
            out[i] = n
            n += 1
        else:
            out[i] = out[root(parent, i)]
    return out, n


@compiled
def fold(region: NDArray[np.int32], columns: Columns) -> None:
    """Add up the rows of each region, in place: row r of the result is region r.

    Args:
        region: (component,) int32 region of each, numbered by their smallest components.
        columns: Sums (component, 9), boxes (component, 5), widths (component,), bands and missing pixels
            (band, component).
    """
    sums, box, width, bands, missing = columns
    n = 0
    for i in range(len(region)):
        r = region[i]
        if r == n:  # its first component: rows before i are free
            sums[r], box[r], width[r] = sums[i], box[i], width[i]
            bands[:, r], missing[:, r] = bands[:, i], missing[:, i]
            n += 1
            continue
        sums[r] += sums[i]
        box[r, 1], box[r, 2] = min(box[r, 1], box[i, 1]), max(box[r, 2], box[i, 2])
        box[r, 3], width[r] = max(box[r, 3], box[i, 3]), max(width[r], width[i])
        bands[:, r] += bands[:, i]
        missing[:, r] += missing[:, i]
