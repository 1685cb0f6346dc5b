"""Minimum widths: rows of classes with a margin come in, the widest circle of each component goes out. Compiled.

Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.kernels import compiled
from reasoning.streaming.runs import Runs

REACH = 255
"""Pixels; no circle is taken as larger than this in radius, so that a margin of `REACH` + 1 rows is enough."""


@compiled
def _corners(row: NDArray[Any], least: NDArray[Any], most: NDArray[Any]) -> None:
    """Least and greatest class at the corners of one row of pixels; the greatest number and -1 where there is none.

    `least` is unsigned, so that -1 is the greatest number of its type.
    """
    width = len(row)
    plain = row.view(least.dtype)
    least[0], most[0], least[width], most[width] = (
        plain[0],
        row[0],
        plain[width - 1],
        row[width - 1],
    )
    for x in range(1, width):
        least[x] = min(plain[x - 1], plain[x])
        most[x] = max(row[x - 1], row[x])


@compiled
def _advance(
    far: NDArray[np.uint8],
    one: tuple[NDArray[Any], NDArray[Any]],
    two: tuple[NDArray[Any], NDArray[Any]],
) -> None:
    """Go on by one line of corners, between two rows of pixels: 0 where two classes meet, else one more."""
    least, most = one
    low, high = two
    for x in range(len(far)):
        greatest = max(most[x], high[x])
        apart = np.int64(min(least[x], low[x])) < np.int64(greatest)
        far[x] = 0 if apart else far[x] + (far[x] < REACH)


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
    least = np.empty((2, width + 1), unsigned.dtype)
    most = np.empty((2, width + 1), classes.dtype)
    far = np.full(width + 1, REACH, np.uint8)
    for line in range(high + 1):
        now, before = line % 2, (line + 1) % 2
        _corners(classes[min(line, height - 1)], least[now], most[now])
        last = now if line == 0 else before
        _advance(far, (least[now], most[now]), (least[last], most[last]))
        if line >= low:
            out[line - low] = far
    far[:] = REACH
    for line in range(height, low - 1, -1):
        now, below = line % 2, (line + 1) % 2
        _corners(classes[max(line - 1, 0)], least[now], most[now])
        last = now if line == height else below
        _advance(far, (least[now], most[now]), (least[last], most[last]))
        if line <= high:
            here = out[line - low]
            for x in range(width + 1):
                here[x] = min(here[x], far[x])
    return out


@compiled
def _euclid(
    line: NDArray[np.uint8],
    size: tuple[float, float],
    work: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
    out: NDArray[np.float64],
) -> None:
    """Squared distances in metres from column distances, by the lower envelope of parabolas; `REACH` pixels at most.

    Source: P. Felzenszwalb, D. Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8, 2012.
    """
    dx, dy = size
    place, edge, height = work
    top = (REACH * min(dx, dy)) ** 2
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
    out[:] = top
    if k < 0:
        return
    edge[k + 1] = np.inf
    j = 0
    for x in range(len(line)):
        while edge[j + 1] < x:
            j += 1
        out[x] = min(top, height[j] + (dx * (x - place[j])) ** 2)


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
    columns = corner.shape[1]
    work = np.empty(columns, np.int64), np.empty(columns + 1), np.empty(columns)
    above, below = np.empty(columns), np.empty(columns)
    least, most = np.empty(columns), np.empty(columns)
    _euclid(corner[0], size, work, below)
    for y in range(len(row) - 1):
        above, below = below, above
        _euclid(corner[y + 1], size, work, below)
        for x in range(columns):
            least[x], most[x] = min(above[x], below[x]), max(above[x], below[x])
        for i in range(row[y], row[y + 1]):
            if part[i] < 0:
                continue
            near, far = 0.0, most[start[i]]
            for x in range(start[i], stop[i]):
                near = max(near, min(least[x], least[x + 1]))
                far = max(far, most[x + 1])
            found = max(2 * np.sqrt(far), 2 * np.sqrt(near) + step)
            width[part[i]] = max(width[part[i]], min(found, 2 * REACH * step))
