"""Compiled loops around regions: a label image comes in, how far regions are apart and what lies around them goes out.

The gap of two regions is the least distance between the edges of their pixels: 0 where they touch, at a corner too.
It is exact up to a stated radius: each region is cut into pieces by blocks of the image, and a Euclidean distance
transform is run in the small window around each piece, so the cost grows with the regions' outlines and not with
the number of pairs. Import inside functions only (numba).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled
from reasoning.kernels import corner_rows


@compiled
def _is_rim(label: NDArray[np.int32], y: int, x: int) -> bool:
    """Whether a pixel has a neighbour, corners included, of another region."""
    height, width = label.shape
    for v in range(max(y - 1, 0), min(y + 2, height)):
        for u in range(max(x - 1, 0), min(x + 2, width)):
            if label[v, u] != label[y, x]:
                return True
    return False


@compiled
def pieces_of(label: NDArray[np.int32], n: int, block: int) -> NDArray[np.int32]:
    """(piece, 5) region, first row and column, last row + 1, last column + 1 of the rims of regions in each block."""
    height, width = label.shape
    slot, stamp = np.empty(n, np.int64), np.full(n, -1, np.int64)
    out, used, turn = np.empty((max(n, 16), 5), np.int32), 0, 0
    for top in range(0, height, block):
        for left in range(0, width, block):
            for y in range(top, min(top + block, height)):
                for x in range(left, min(left + block, width)):
                    r = label[y, x]
                    if r < 0 or not _is_rim(label, y, x):
                        continue
                    if stamp[r] != turn:
                        if used == len(out):
                            more = np.empty((2 * used, 5), np.int32)
                            more[:used] = out
                            out = more
                        stamp[r], slot[r] = turn, used
                        out[used, 0], out[used, 1], out[used, 2] = r, y, x
                        out[used, 3], out[used, 4] = y + 1, x + 1
                        used += 1
                    p = slot[r]
                    out[p, 2] = min(out[p, 2], x)
                    out[p, 3] = y + 1
                    out[p, 4] = max(out[p, 4], x + 1)
            turn += 1
    return out[:used]


@compiled
def _columns(
    label: NDArray[np.int32],
    piece: NDArray[np.int32],
    corner: tuple[int, int],
    dy: float,
    out: NDArray[np.float64],
) -> None:
    """Lower `out`, a window from `corner` on, to the gap along the column from each pixel to a pixel of the piece.

    Pixels beside an own pixel touch it: its column counts for the columns next to it as well.
    """
    top, left = corner
    rows, cols = out.shape
    for x in range(piece[2], piece[4]):
        near, end = max(x - 1 - left, 0), min(x + 2 - left, cols)
        for step in (1, -1):
            last = -1
            for y in range(
                top if step > 0 else top + rows - 1, top + rows if step > 0 else top - 1, step
            ):
                if piece[1] <= y < piece[3] and label[y, x] == piece[0]:
                    last = y
                if last >= 0:
                    gap = max(abs(y - last) - 1, 0) * dy
                    for u in range(near, end):
                        out[y - top, u] = min(out[y - top, u], gap)


@compiled
def _window(
    label: NDArray[np.int32],
    piece: NDArray[np.int32],
    reach: tuple[int, int],
    size: tuple[float, float],
) -> tuple[int, int, NDArray[np.float64]]:
    """First row and column of the window around a piece, and (y, x) metres from each of its pixels to the piece."""
    top, left = max(piece[1] - reach[0], 0), max(piece[2] - reach[1], 0)
    bottom = min(piece[3] + reach[0], label.shape[0])
    right = min(piece[4] + reach[1], label.shape[1])
    out = np.full((bottom - top, right - left), np.inf)
    _columns(label, piece, (top, left), size[0], out)
    corner_rows(out, size[1])
    return top, left, out


@compiled
def _worth_it(
    label: NDArray[np.int32],
    piece: NDArray[np.int32],
    reach: tuple[int, int],
    rank: NDArray[np.int64],
) -> bool:
    """Whether a region that counts, by its rank, lies in the window around a piece."""
    r = piece[0]
    for y in range(max(piece[1] - reach[0], 0), min(piece[3] + reach[0], label.shape[0])):
        for x in range(max(piece[2] - reach[1], 0), min(piece[4] + reach[1], label.shape[1])):
            s = label[y, x]
            if s >= 0 and s != r and rank[s] >= rank[r]:
                return True
    return False


@compiled
def around(  # one pass, for speed
    label: NDArray[np.int32],
    pieces: NDArray[np.int32],
    rank: NDArray[np.int64],
    how: tuple[int, int, float, float, float],
    pairs: NDArray[np.int32],
    gaps: NDArray[np.float64],
) -> tuple[int, int]:
    """What lies around each region: other regions of its rank or a higher one.

    Args:
        label: (y, x) region of each pixel, -1 for none.
        pieces: As `pieces_of` gives them, sorted by region.
        rank: (region,) an order, to measure each pair once; all equal to measure it from both sides.
        how: Rows and columns to look at around a piece; height and width of a pixel and largest gap, metres.
        pairs: (pair, 3) filled: first region, second region, pixels of the second within reach of the first.
        gaps: (pair,) filled: metres.

    Returns:
        How many pieces were done before there was no more room, whole regions only, and how many pairs they have.
    """
    n, reach, size, far = len(rank), (how[0], how[1]), (how[2], how[3]), how[4]
    seen = np.full(label.shape, -1, np.int32)
    best, count, found = np.full(n, np.inf), np.zeros(n, np.int64), np.empty(n, np.int64)
    used, k, done = 0, 0, 0
    for p in range(len(pieces)):
        r = pieces[p, 0]
        if _worth_it(label, pieces[p], reach, rank):
            top, left, away = _window(label, pieces[p], reach, size)
            for y in range(away.shape[0]):
                for x in range(away.shape[1]):
                    s = label[top + y, left + x]
                    if s < 0 or s == r or rank[s] < rank[r] or away[y, x] > far:
                        continue
                    if best[s] == np.inf:
                        found[k] = s
                        k += 1
                    best[s] = min(best[s], away[y, x])
                    count[s] += seen[top + y, left + x] != r
                    seen[top + y, left + x] = r
        if p + 1 < len(pieces) and pieces[p + 1, 0] == r:
            continue
        if used + k > len(gaps):
            break
        for i in range(k):
            s = found[i]
            pairs[used, 0], pairs[used, 1], pairs[used, 2], gaps[used] = r, s, count[s], best[s]
            best[s], count[s] = np.inf, 0
            used += 1
        k, done = 0, p + 1
    return done, used
