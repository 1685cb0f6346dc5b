"""Compiled loops over pixels of regions and features; label images come in, counts per pair go out. Import inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled

Ints = NDArray[np.int32]


def steps_within(dy: float, dx: float, distance: float) -> NDArray[np.int64]:
    """(step, 2) rows and columns from a pixel to those whose centre is at most `distance` metres away, not itself."""
    high, wide = int(distance / dy), int(distance / dx)
    y, x = np.mgrid[-high : high + 1, -wide : wide + 1]
    near = (np.hypot(y * dy, x * dx) <= distance * (1 + 1e-9)) & ((y != 0) | (x != 0))
    return np.stack([y[near], x[near]], axis=1)


@compiled
def _deep(plane: Ints, label: Ints, y: int, x: int, steps: NDArray[np.int64]) -> bool:
    """Whether no neighbour within the steps has another value; outside and nodata are more of the same."""
    for i in range(len(steps)):
        v, u = y + steps[i, 0], x + steps[i, 1]
        inside = 0 <= v < plane.shape[0] and 0 <= u < plane.shape[1]
        if inside and label[v, u] >= 0 and plane[v, u] != plane[y, x]:
            return False
    return True


@compiled
def _others(
    plane: Ints, label: Ints, y: int, x: int, steps: NDArray[np.int64], found: NDArray[np.int64]
) -> int:
    """Fill `found` with the other values, not -1, within the steps, each once; how many."""
    k = 0
    for i in range(len(steps)):
        v, u = y + steps[i, 0], x + steps[i, 1]
        if not (0 <= v < plane.shape[0] and 0 <= u < plane.shape[1]) or label[v, u] < 0:
            continue
        value = plane[v, u]
        if value < 0 or value == plane[y, x]:
            continue
        known = False
        for j in range(k):
            known = known or found[j] == value
        if not known:
            found[k] = value
            k += 1
    return k


@compiled
def meet(
    label: Ints,
    cell: Ints,
    steps: NDArray[np.int64],
    cells: int,
    rows: tuple[int, int],
    events: NDArray[np.int64],
) -> int:
    """Say for each pixel what it tells of its region and its feature, and of those within the steps.

    Args:
        label: (y, x) region, -1 for nodata.
        cell: (y, x) feature, -1 for none.
        steps: As `steps_within` gives them.
        cells: Number of features.
        rows: First row and last row + 1 to look at.
        events: (event, 2) filled: region * cells + feature, and what is counted: 0 the pixel is in both, 1 and off the
            rest of the region's outside, 2 off the feature's, 3 off either, 4 in the region and near the feature, 5 in
            the feature and near the region.

    Returns:
        How many events there are.
    """
    found, used = np.empty(len(steps) + 1, np.int64), 0
    for y in range(rows[0], rows[1]):
        for x in range(label.shape[1]):
            r, c = label[y, x], cell[y, x]
            if r < 0:
                continue
            for i in range(_others(cell, label, y, x, steps, found)):
                events[used, 0], events[used, 1] = np.int64(r) * cells + found[i], 4
                used += 1
            if c < 0:
                continue
            key = np.int64(r) * cells + c
            a, b = _deep(label, label, y, x, steps), _deep(cell, label, y, x, steps)
            for what, holds in ((0, True), (1, a), (2, b), (3, a or b)):
                if holds:
                    events[used, 0], events[used, 1] = key, what
                    used += 1
            for i in range(_others(label, label, y, x, steps, found)):
                events[used, 0], events[used, 1] = found[i] * cells + c, 5
                used += 1
    return used
