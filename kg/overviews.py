"""Strips of class codes come in, the same map at half, a quarter, an eighth ... of its size goes out, by majority."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST = 512
"""Pixels; a map no larger than this each way, one tile of a cloud-optimised GeoTIFF, needs no overview."""
Put = Callable[[int, int, NDArray[Any]], None]


def overview_shapes(height: int, width: int) -> list[tuple[int, int]]:
    """(rows, columns) of each overview, each half of the one before (rounded up), the last one at most one tile."""
    shapes = []
    while max(height, width) > SMALLEST:
        height, width = -(-height // 2), -(-width // 2)
        shapes.append((height, width))
    return shapes


def halved(codes: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    """The most frequent of each two by two pixels, `nodata` not counted unless all four are.

    Of values as frequent as each other the first one to reach that number wins, read row by row; so do GDAL's
    overviews of this kind. A last row or column alone is taken as two.

    Args:
        codes: (y, x) integers.
        nodata: Value that means "no class", or None.

    Returns:
        (ceil(y / 2), ceil(x / 2)) of the same type.
    """
    height, width = codes.shape
    if height % 2 or width % 2:
        codes = np.pad(codes, ((0, height % 2), (0, width % 2)), mode="edge")
    codes = np.ascontiguousarray(codes)
    corners = codes[::2, ::2], codes[::2, 1::2], codes[1::2, ::2], codes[1::2, 1::2]
    out, mixed = corners[0].copy(), np.nonzero(_mixed(codes))
    out[mixed] = _majority([corner[mixed] for corner in corners], nodata)
    return out


def _mixed(codes: NDArray[Any]) -> NDArray[np.bool_]:
    """Where two by two pixels are not all equal; two side by side are compared as one number of twice the size."""
    bits = 8 * codes.dtype.itemsize
    pairs = codes.view(f"u{2 * codes.dtype.itemsize}")
    differ: NDArray[np.bool_] = pairs[::2] != pairs[1::2]
    differ |= (pairs[::2] >> bits) != (pairs[::2] & (2**bits - 1))
    return differ


def _majority(values: list[NDArray[Any]], nodata: float | None) -> NDArray[Any]:
    """The first value of four to be met twice, else the first one that is met."""
    won = values[3].copy()
    met = [np.ones(won.shape, bool) if nodata is None else value != nodata for value in values]
    for i in (2, 1, 0):
        np.copyto(won, values[i], where=met[i])
    for i, j in ((2, 3), (1, 3), (0, 3), (1, 2), (0, 2), (0, 1)):  # the last to be met comes first
        np.copyto(won, values[i], where=met[i] & (values[i] == values[j]))
    return won


class Overviews:
    """The overviews of a map that comes strip by strip; they do not depend on how it is cut.

    Args:
        levels: How many.
        nodata: Value that means "no class", or None.
        put: Given (level, first row, (y, x) codes) of each piece of an overview, level 0 being the largest.
    """

    def __init__(self, levels: int, nodata: float | None, put: Put) -> None:
        self._nodata, self._put = nodata, put
        self._odd: list[NDArray[Any] | None] = [None] * levels
        self._row = [0] * levels

    def add(self, strip: NDArray[Any], level: int = 0) -> None:
        """Take the next full-width rows of the map, or of the overview before `level`."""
        if level == len(self._odd) or not len(strip):
            return
        left = self._odd[level]
        rows = strip if left is None else np.concatenate([left, strip])
        even = len(rows) // 2 * 2
        self._odd[level] = rows[even:].copy() if even < len(rows) else None
        self._emit(rows[:even], level)

    def finish(self) -> None:
        """Take the last row of each overview alone, where there is one left."""
        for level, left in enumerate(self._odd):
            if left is not None:
                self._emit(left, level)

    def _emit(self, rows: NDArray[Any], level: int) -> None:
        if not len(rows):
            return
        half = halved(rows, self._nodata)
        self._put(level, self._row[level], half)
        self._row[level] += len(half)
        self.add(half, level + 1)
