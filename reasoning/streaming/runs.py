"""Runs: rows of classes come in; runs of one class, their components and sums per component go out. Compiled.

A run is a longest stretch of one row with one class. Everything that regions are measured by (pixels, moments, boxes,
outlines, neighbours, sums of bands) is added up run by run in integers, so that the order of adding, and with it how
a raster is cut into strips, does not matter. Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled
from reasoning.streaming.sums import COUNT, LEVEL, UPRIGHT, XX, YX, YY, X, Y


class Runs(NamedTuple):
    """Runs of some rows, row by row; runs without class (kind below 0) are kept, so that rows have no gaps.

    Attributes:
        start: (run,) int32 first column.
        stop: (run,) int32 last column + 1.
        kind: (run,) int32 class, -1 for none.
        row: (row + 1,) int64 first run of each row, and how many runs there are.
    """

    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    kind: NDArray[np.int32]
    row: NDArray[np.int64]


@compiled
def count_runs(classes: NDArray[Any], low: int, high: int) -> int:
    """How many runs the rows `low` .. `high` of (y, x) classes have."""
    total = high - low
    for y in range(low, high):
        for x in range(1, classes.shape[1]):
            total += classes[y, x] != classes[y, x - 1]
    return total


@compiled
def fill_runs(classes: NDArray[Any], low: int, high: int, runs: Runs) -> None:
    """Fill runs of the size that `count_runs` found; stretches where nothing changes are passed over at once."""
    start, stop, kind, row = runs
    width = classes.shape[1]
    n = 0
    for y in range(low, high):
        line = classes[y]
        row[y - low], left = n, 0
        for x in range(1, width, 256):
            end = min(x + 256, width)
            here, last = line[x:end], line[x - 1 : end - 1]
            if _equal(here, last):
                continue
            for i in range(len(here)):
                if here[i] != last[i]:
                    start[n], stop[n], kind[n] = left, x + i, last[i]
                    left = x + i
                    n += 1
        start[n], stop[n], kind[n] = left, width, line[left]
        n += 1
    row[high - low] = n


@compiled
def _equal(one: NDArray[Any], two: NDArray[Any]) -> bool:
    """Whether two short rows are equal; no early end, so that the processor compares many at a time."""
    same = True
    for x in range(len(one)):
        same &= one[x] == two[x]
    return same


@compiled
def root(parent: NDArray[np.int32], i: int) -> int:
    """The smallest member of a set, paths halved on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def _unite(parent: NDArray[np.int32], a: int, b: int) -> None:
    a, b = root(parent, a), root(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@compiled
def unite(runs: Runs, member: NDArray[np.int32], parent: NDArray[np.int32], diagonal: bool) -> None:
    """Join what runs of one class that touch between rows belong to.

    Args:
        runs: Two rows or more.
        member: (run,) int32 element of `parent` that each run belongs to; any value for runs without class.
        parent: (element,) int32 union-find forest, the root of a set being its smallest element.
        diagonal: Whether a corner is enough.
    """
    _, stop, kind, row = runs
    for y in range(1, len(row) - 1):
        i, j = row[y - 1], row[y]
        while i < row[y] and j < row[y + 1]:
            if kind[i] == kind[j] and kind[i] >= 0:
                _unite(parent, member[i], member[j])
            if stop[i] < stop[j]:
                i += 1
                continue
            if stop[j] < stop[i]:
                j += 1
                continue
            i, j = i + 1, j + 1
            if diagonal and i < row[y] and j < row[y + 1]:
                if kind[i - 1] == kind[j] and kind[j] >= 0:
                    _unite(parent, member[i - 1], member[j])
                if kind[i] == kind[j - 1] and kind[i] >= 0:
                    _unite(parent, member[i], member[j - 1])


@compiled
def number(parent: NDArray[np.int32], kind: NDArray[Any], out: NDArray[np.int32]) -> int:
    """Number the sets of runs in the order of their first runs, -1 for runs without class; return how many."""
    n = 0
    for i in range(len(parent)):
        if kind[i] < 0:
            out[i] = -1
        elif parent[i] == i:
            out[i] = n
            n += 1
        else:
            out[i] = out[root(parent, i)]
    return n


@compiled
def add_shapes(
    runs: Runs, part: NDArray[np.int32], first: int, sums: NDArray[np.int64], box: NDArray[np.int32]
) -> None:
    """Add runs up per component.

    Args:
        runs: Runs.
        part: (run,) int32 component, -1 for none.
        first: Row of the raster that their first row is.
        sums: (component, 9) int64, zeros before; every run counts as free of neighbours above and below, which
            `reasoning.streaming.pairs` takes back.
        box: (component, 5) int32 first row, first column, last row + 1, last column + 1, column of the first pixel.
    """
    start, stop, _, row = runs
    for line in range(len(row) - 1):
        y = first + line
        for i in range(row[line], row[line + 1]):
            r = part[i]
            if r < 0:
                continue
            a, b = np.int64(start[i]), np.int64(stop[i])
            n = b - a
            if sums[r, COUNT] == 0:
                box[r, 0], box[r, 1], box[r, 3], box[r, 4] = y, a, b, a
            box[r, 1], box[r, 2], box[r, 3] = min(box[r, 1], a), y + 1, max(box[r, 3], b)
            across = (a + b - 1) * n // 2
            sums[r, COUNT] += n
            sums[r, Y] += n * y
            sums[r, X] += across
            sums[r, YY] += n * y * y
            sums[r, XX] += _squares(b) - _squares(a)
            sums[r, YX] += across * y
            sums[r, LEVEL] += 2 * n
            sums[r, UPRIGHT] += 2


@compiled
def _squares(n: np.int64) -> np.int64:
    """0 + 1 + 4 + ... + (n - 1)^2."""
    half, odd = (n - 1) * n // 2, 2 * n - 1
    return half // 3 * odd if half % 3 == 0 else half * (odd // 3)


@compiled
def paint(
    runs: Runs, part: NDArray[np.int32], value: NDArray[Any], first: int, out: NDArray[Any]
) -> None:
    """Write `value` of each run's component into (y, x) `out` from row `first` on; runs without one are left."""
    start, stop, _, row = runs
    for line in range(len(row) - 1):
        for i in range(row[line], row[line + 1]):
            if part[i] >= 0:
                out[first + line, start[i] : stop[i]] = value[part[i]]


@compiled
def look_up(codes: NDArray[Any], table: NDArray[Any], out: NDArray[Any]) -> int:
    """Fill (y, x) `out` with the table's entries of small codes of 0 and more; return the least of them, or 0."""
    least = 0
    for y in range(codes.shape[0]):
        row, found = codes[y], out[y]
        for x in range(len(row)):
            found[x] = table[row[x]]
        least = min(least, found.min())
    return int(least)
