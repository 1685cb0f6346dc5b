"""Minimum widths: rows of classes with a margin come in, the widest circle of each component goes out. Compiled.

Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled
from reasoning.streaming.runs import Runs

Envelope = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
REACH = 255
"""Pixels; no circle is taken as larger than this in radius, so that a margin of `REACH` + 1 rows is enough."""


@compiled
def _meet(
    one: NDArray[Any], two: NDArray[Any], unsigned: NDArray[Any], apart: NDArray[np.bool_]
) -> None:
    """Fill where two classes meet at the corners between two rows of pixels; pixels without class meet none.

    The least class is taken of unsigned numbers, so that -1 is the greatest of them, and the greatest of signed ones:
    they differ in their bits where there are two classes.
    """
    width = len(one)
    plain, also = one.view(unsigned.dtype), two.view(unsigned.dtype)
    least, most = np.empty(width, unsigned.dtype), np.empty(width, one.dtype)
    for x in range(width):
        least[x] = min(plain[x], also[x])
        most[x] = max(one[x], two[x])
    bits = most.view(unsigned.dtype)
    apart[0], apart[width] = least[0] != bits[0], least[width - 1] != bits[width - 1]
    left, right, before, after = least[:-1], least[1:], most[:-1], most[1:]
    low, high = np.empty(width - 1, unsigned.dtype), np.empty(width - 1, one.dtype)
    for x in range(width - 1):
        low[x], high[x] = min(left[x], right[x]), max(before[x], after[x])
    found, seen = apart[1:width], high.view(unsigned.dtype)
    for x in range(width - 1):
        found[x] = low[x] != seen[x]


@compiled
def _advance(far: NDArray[np.uint8], apart: NDArray[np.bool_]) -> None:
    """Go on by one line of corners, between two rows of pixels: 0 where two classes meet, else one more."""
    for x in range(len(far)):
        far[x] = np.uint8(0) if apart[x] else min(far[x], np.uint8(REACH - 1)) + np.uint8(1)


@compiled
def corner_distances(
    classes: NDArray[Any], unsigned: NDArray[Any], low: int, high: int
) -> NDArray[np.uint8]:
    """Rows from each pixel corner to the nearest one of its column where two classes meet, `REACH` at most.

    Args:
        classes: (y, x) classes of the rows `low` .. `high` and of a margin of `REACH` + 1 rows where there are any.
        unsigned: Any array of the unsigned type of the same size.
        low: First row wanted.
        high: Last row wanted + 1.

    Returns:
        (high - low + 1, x + 1) uint8.
    """
    height, width = classes.shape
    out = np.empty((high - low + 1, width + 1), np.uint8)
    apart = np.empty(width + 1, np.bool_)
    far = np.full(width + 1, REACH, np.uint8)
    for line in range(high + 1):
        above, below = classes[max(line - 1, 0)], classes[min(line, height - 1)]
        _meet(above, below, unsigned, apart)
        _advance(far, apart)
        if line >= low:
            out[line - low] = far
    far[:] = REACH
    for line in range(height, low - 1, -1):
        here = out[min(line, high) - low]
        if line <= high:
            for x in range(width + 1):
                apart[x] = here[x] == 0
        else:
            _meet(classes[line - 1], classes[min(line, height - 1)], unsigned, apart)
        _advance(far, apart)
        if line <= high:
            for x in range(width + 1):
                here[x] = min(here[x], far[x])
    return out


@compiled
def _envelope(line: NDArray[np.uint8], size: tuple[float, float], work: Envelope) -> int:
    """Lower envelope of the parabolas of column distances; how many there are.

    Source: P. Felzenszwalb, D. Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8, 2012.
    """
    dx, dy = size
    place, edge, height = work
    k = -1
    for x in range(len(line)):
        if line[x] == REACH:
            continue
        f = (line[x] * dy) ** 2
        begin = -np.inf
        while k >= 0:
            p = place[k]
            begin = ((f - height[k]) / (dx * dx) + float(x * x - p * p)) / (2.0 * (x - p))
            if begin > edge[k]:
                break
            k -= 1
            begin = -np.inf
        k += 1
        place[k], edge[k], height[k] = x, begin, f
    edge[k + 1] = np.inf
    return k + 1


@compiled
def _euclid(
    line: NDArray[np.uint8],
    size: tuple[float, float],
    work: Envelope,
    wanted: tuple[int, int],
    out: NDArray[np.float64],
) -> None:
    """Squared distances in metres from column distances, for the wanted columns; `REACH` pixels at most."""
    first, last = wanted
    if first >= last:
        return
    dx, dy = size
    place, edge, height = work
    top = (REACH * min(dx, dy)) ** 2
    out[first:last] = top
    if _envelope(line, size, work) == 0:
        return
    j = 0
    for x in range(first, last):
        while edge[j + 1] < x:
            j += 1
        out[x] = min(top, height[j] + (dx * (x - place[j])) ** 2)


@compiled
def _wanted(
    runs: Runs, part: NDArray[np.int32], y: int, width: NDArray[np.float64], most: float
) -> tuple[int, int]:
    """First and last + 1 of the corners of row `y` around components that may still be found wider."""
    first, last = 1 << 40, -1
    if 0 <= y < len(runs.row) - 1:
        for i in range(runs.row[y], runs.row[y + 1]):
            if part[i] >= 0 and width[part[i]] < most:
                first, last = min(first, runs.start[i]), max(last, runs.stop[i] + 1)
    return first, last


@compiled
def widest(
    corner: NDArray[np.uint8],
    runs: Runs,
    part: NDArray[np.int32],
    size: tuple[float, float],
    width: NDArray[np.float64],
) -> None:
    """Raise `width` to the diameter of the largest circle around a corner or centre of a component's pixels.

    A centre lies at least half a pixel farther from the nearest meeting corner than the nearest of its four corners
    does; so strips of even and of odd width both come out exactly.

    Args:
        corner: From `corner_distances`.
        runs: Runs of the same rows.
        part: (run,) int32 component, -1 for none.
        size: Pixel width and height, metres.
        width: (component,) float64 metres.
    """
    step = min(size[0], size[1])
    start, stop, _, row = runs
    columns, most = corner.shape[1], 2 * REACH * step
    work = np.empty(columns, np.int64), np.empty(columns + 1), np.empty(columns)
    above, below = np.empty(columns), np.empty(columns)
    here = _wanted(runs, part, 0, width, most)
    _euclid(corner[0], size, work, here, below)
    for y in range(len(row) - 1):
        above, below = below, above
        after = _wanted(runs, part, y + 1, width, most)
        both = min(here[0], after[0]), max(here[1], after[1])
        _euclid(corner[y + 1], size, work, both, below)
        here = after
        for i in range(row[y], row[y + 1]):
            if part[i] < 0 or width[part[i]] >= most:
                continue
            near, far = 0.0, max(above[start[i]], below[start[i]])
            left = min(above[start[i]], below[start[i]])
            for x in range(start[i] + 1, stop[i] + 1):
                right = min(above[x], below[x])
                near, left = max(near, min(left, right)), right
                far = max(far, above[x], below[x])
            found = max(2 * np.sqrt(far), 2 * np.sqrt(near) + step)
            width[part[i]] = max(width[part[i]], min(found, most))
