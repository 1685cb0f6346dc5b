"""Compiled loops over the pixels of regions; label images come in, sums per region go out. The one door to numba.

Import this module inside functions only: numba takes several times as long to import as numpy. The compiled code is
cached on disk beside this file (or in numba's user cache), so that only the first run of all waits for the compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile with numba; one thread and a fixed order of sums, so that results repeat to the last bit."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))


@compiled
def number_regions(components: NDArray[np.uint32], total: int) -> tuple[NDArray[np.int32], int]:
    """Renumber components (0 = nothing) in the order in which a row-major scan meets them; -1 where nothing."""
    height, width = components.shape
    seen = np.full(total + 1, -1, np.int32)
    label = np.empty((height, width), np.int32)
    count = 0
    for y in range(height):
        for x in range(width):
            c = components[y, x]
            if c == 0:
                label[y, x] = -1
                continue
            if seen[c] < 0:
                seen[c] = count
                count += 1
            label[y, x] = seen[c]
    return label, count


@compiled
def shape_sums(
    label: NDArray[np.int32],
    classes: NDArray[np.int16],
    count: NDArray[np.int64],
    bbox: NDArray[np.int32],
    moments: NDArray[np.float64],
    cls: NDArray[np.int16],
) -> None:
    """Fill pixel counts, bounding boxes, classes and moments (y, x, yy, xx, yx; pixel units), all starting at 0."""
    height, width = label.shape
    for y in range(height):
        for x in range(width):
            r = label[y, x]
            if r < 0:
                continue
            if count[r] == 0:
                bbox[r, 0], bbox[r, 1], bbox[r, 3] = y, x, x + 1
                cls[r] = classes[y, x]
            count[r] += 1
            bbox[r, 1] = min(bbox[r, 1], x)
            bbox[r, 2] = y + 1
            bbox[r, 3] = max(bbox[r, 3], x + 1)
            moments[r, 0] += y
            moments[r, 1] += x
            moments[r, 2] += float(y) * y
            moments[r, 3] += float(x) * x
            moments[r, 4] += float(y) * x


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
    for y in range(height):
        for x in range(width):
            r = label[y, x]
            value = float(band[y, x])
            if r >= 0 and not np.isnan(value) and value != nodata:
                sums[r] += value
                count[r] += 1


@compiled
def count_cracks(label: NDArray[np.int32]) -> int:
    """How many pixel edges separate two different regions (an upper bound of the pairs that `cracks` fills)."""
    height, width = label.shape
    total = 0
    for y in range(height):
        for x in range(width):
            a = label[y, x]
            if a < 0:
                continue
            if x + 1 < width and label[y, x + 1] >= 0 and label[y, x + 1] != a:
                total += 1
            if y + 1 < height and label[y + 1, x] >= 0 and label[y + 1, x] != a:
                total += 1
    return total


@compiled
def cracks_beside(
    label: NDArray[np.int32], dy: float, pairs: NDArray[np.int32], lengths: NDArray[np.float64]
) -> int:
    """Fill (region, region, length) of edges between pixels of one row; straight vertical runs become one entry."""
    height, width = label.shape
    last = np.full(width, -1, np.int64)
    n = 0
    for y in range(height):
        for x in range(width - 1):
            a, b = min(label[y, x], label[y, x + 1]), max(label[y, x], label[y, x + 1])
            if a == b or a < 0:
                last[x] = -1
                continue
            if last[x] < 0 or pairs[last[x], 0] != a or pairs[last[x], 1] != b:
                pairs[n, 0], pairs[n, 1], lengths[n] = a, b, 0.0
                last[x] = n
                n += 1
            lengths[last[x]] += dy
    return n


@compiled
def cracks_below(
    label: NDArray[np.int32],
    dx: float,
    pairs: NDArray[np.int32],
    lengths: NDArray[np.float64],
    n: int,
) -> int:
    """The same for edges between pixels of one column, going on at entry `n`; horizontal runs become one entry."""
    height, width = label.shape
    for y in range(height - 1):
        run = False
        for x in range(width):
            a, b = min(label[y, x], label[y + 1, x]), max(label[y, x], label[y + 1, x])
            if a == b or a < 0:
                run = False
                continue
            if not run or pairs[n - 1, 0] != a or pairs[n - 1, 1] != b:
                pairs[n, 0], pairs[n, 1], lengths[n] = a, b, 0.0
                n += 1
            run = True
            lengths[n - 1] += dx
    return n


@compiled
def perimeters(
    label: NDArray[np.int32], dx: float, dy: float, perimeter: NDArray[np.float64]
) -> None:
    """Add up each region's outline along pixel edges, the image edge and nodata included."""
    height, width = label.shape
    for y in range(height):
        for x in range(width):
            r = label[y, x]
            if r < 0:
                continue
            if x == 0 or label[y, x - 1] != r:
                perimeter[r] += dy
            if x + 1 == width or label[y, x + 1] != r:
                perimeter[r] += dy
            if y == 0 or label[y - 1, x] != r:
                perimeter[r] += dx
            if y + 1 == height or label[y + 1, x] != r:
                perimeter[r] += dx


@compiled
def _mixed(label: NDArray[np.int32], y: int, x: int) -> bool:
    """Whether two different regions meet in the pixel corner (y, x)."""
    height, width = label.shape
    first = -1
    for v in range(max(y - 1, 0), min(y + 1, height)):
        for u in range(max(x - 1, 0), min(x + 1, width)):
            r = label[v, u]
            if r >= 0 and first >= 0 and r != first:
                return True
            if r >= 0:
                first = r
    return False


@compiled
def corner_columns(label: NDArray[np.int32], dy: float) -> NDArray[np.float32]:
    """(y + 1, x + 1) distance along the column from each pixel corner to one where two regions meet; inf if none."""
    height, width = label.shape
    out = np.full((height + 1, width + 1), np.inf, np.float32)
    for y in range(height + 1):
        for x in range(width + 1):
            if _mixed(label, y, x):
                out[y, x] = 0.0
            elif y > 0:
                out[y, x] = out[y - 1, x] + dy
    for y in range(height - 1, -1, -1):
        for x in range(width + 1):
            out[y, x] = min(out[y, x], out[y + 1, x] + dy)
    return out


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
def widest(
    label: NDArray[np.int32], corner: NDArray[np.float32], step: float, width: NDArray[np.float64]
) -> None:
    """Per region, the diameter of the largest circle around a pixel corner, or (a bound from below) a pixel centre.

    A centre lies at least half a pixel (`step` / 2) farther from the nearest meeting corner than the nearest of its
    four corners does; so axis-parallel strips of even and of odd width both come out exactly.
    """
    rows, cols = label.shape
    for y in range(rows):
        for x in range(cols):
            r = label[y, x]
            if r < 0:
                continue
            a, b, c, d = corner[y, x], corner[y, x + 1], corner[y + 1, x], corner[y + 1, x + 1]
            low, high = min(a, b, c, d), max(a, b, c, d)
            width[r] = max(width[r], 2.0 * high, 2.0 * low + step)


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
    for y in range(height):
        for x in range(width):
            if label[y, x] >= 0:
                out[label[y, x]] = min(out[label[y, x]], values[y, x])
