"""Where corrections lie: the index raster comes in, bounds and outlines in degrees go out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.grid import Grid

_EDGE = np.array([(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]) / 2


def bounds(index: NDArray[np.int32], count: int, grid: Grid) -> NDArray[np.float64]:
    """Bounds of each correction.

    Args:
        index: (y, x) int32 correction of each pixel, -1 where none.
        count: How many corrections there are.
        grid: Grid of `index`.

    Returns:
        (count, 4) float64 west, south, east, north, degrees CRS84, of the outer pixel edges
        (corners and middles of the sides); NaN for a number that has no pixel.
    """
    from scipy.ndimage import find_objects

    out = np.full((count, 4), np.nan)
    boxes = find_objects(index + 1, max_label=count)
    have = [i for i, box in enumerate(boxes) if box is not None]
    if not have:
        return out
    pixels = np.array(
        [(b[0].start, b[1].start, b[0].stop, b[1].stop) for b in map(boxes.__getitem__, have)]
    )
    low, size = pixels[:, None, :2], pixels[:, None, 2:] - pixels[:, None, :2]
    points = low + size * _EDGE
    lon, lat = grid.lonlat(points[..., 0], points[..., 1])
    out[have] = np.column_stack([lon.min(1), lat.min(1), lon.max(1), lat.max(1)])
    return out


def polygons(index: NDArray[np.int32], count: int, grid: Grid) -> Mapping[int, str]:
    """Outline of each correction as the lexical form of a geo:wktLiteral (CRS84, lon lat).

    Args:
        index: (y, x) int32 correction of each pixel, -1 where none.
        count: How many corrections there are.
        grid: Grid of `index`.
    """
    from kg import spatial

    found = spatial.polygons(index, grid, range(count))
    head = f"<{vocab.CRS84}> "
    return {i: wkt if wkt.startswith("<") else head + wkt for i, wkt in found.items()}
