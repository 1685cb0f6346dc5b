"""A land-cover raster comes in by windows, class counts per cell and boundary lengths go out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import EmptyError, GridError, RasterError
from kg.grid import Grid
from kg.legend import Legend
from kg.raster import read_grid, read_raster

Window = tuple[int, int, int, int]
"""(row, col, height, width) in pixels."""

Bounds = tuple[float, float, float, float]
"""(west, south, east, north) in degrees, CRS84."""

_BLOCK = 2048  # pixels; two COG tiles a side
_READERS = 2  # threads that read windows ahead
_POINTS = 33  # points along the side of a place that are projected
_KNOTS = 9  # rows of a block where the pixel size is worked out; between them it is interpolated


@dataclass(frozen=True)
class CellCounts:
    """How many pixels of each class lie in each cell of a window.

    Attributes:
        grid: Grid of the whole file.
        cell: Pixels along a side of a cell.
        row, col: Row and column, in cells of the file, of `counts[0, 0]`.
        counts: (cell row, cell column, class) int32 pixels.
        boundary: (class, class) float64 metres of shared boundary, symmetric, 0 on the diagonal.
    """

    grid: Grid
    cell: int
    row: int
    col: int
    counts: NDArray[np.int32]
    boundary: NDArray[np.float64]


def cell_iri(name: str, cell: int, row: int, col: int) -> str:
    """IRI of a product cell: `<vocab.ID>NAME/cell/ROW/COL`, cells of more than one pixel `cellSIZE`.

    Args:
        name: Name of the source.
        cell: Pixels along a side.
        row: Row of the cell in the file.
        col: Column of the cell in the file.
    """
    size = "" if cell == 1 else str(cell)
    return f"{vocab.ID}{name}/cell{size}/{row}/{col}"


def window_of(path: str | Path, grid: Grid, bounds: Bounds, margin: int = 0) -> Window:
    """The pixels of a file that cover a place.

    Args:
        path: The file, for the message.
        grid: Its grid.
        bounds: The place, degrees; the part beyond the file is cut off first, because projections
            fail far from home.
        margin: Pixels to add on each side.

    Raises:
        GridError: File and place share no ground.
    """
    found = grid.lonlat_bounds
    west, south = max(found[0], bounds[0]), max(found[1], bounds[1])
    east, north = min(found[2], bounds[2]), min(found[3], bounds[3])
    if west < east and south < north:
        lon = np.linspace(west, east, _POINTS)
        lat = np.linspace(south, north, _POINTS)
        window = _covering(grid, *grid.rowcol(*np.meshgrid(lon, lat)), margin)
        if window is not None:
            return window
    raise GridError(
        f"{path}: covers {_degrees(found)} (lon lat), expected overlap with {_degrees(bounds)}",
        "give a product of the same area",
    )


def _degrees(bounds: Bounds) -> str:
    return "{:.4f} {:.4f} .. {:.4f} {:.4f}".format(*bounds)


def _covering(
    grid: Grid, rows: NDArray[np.float64], cols: NDArray[np.float64], margin: int
) -> Window | None:
    """The pixels around points given as row and column fractions; None when all lie outside."""
    top, left = int(np.floor(rows.min())) - margin, int(np.floor(cols.min())) - margin
    bottom, right = int(np.ceil(rows.max())) + margin, int(np.ceil(cols.max())) + margin
    top, left = max(0, top), max(0, left)
    height, width = min(grid.height, bottom) - top, min(grid.width, right) - left
    return (top, left, height, width) if height > 0 and width > 0 else None


def aligned(window: Window, cell: int, grid: Grid) -> Window:
    """The window grown to whole cells of the file; the last cells of a file may be cut."""
    row, col, height, width = window
    top, left = row // cell * cell, col // cell * cell
    bottom = min(grid.height, -(-(row + height) // cell) * cell)
    right = min(grid.width, -(-(col + width) // cell) * cell)
    return top, left, bottom - top, right - left


def read_codes(path: str | Path, legend: Legend, window: Window) -> NDArray[np.int16]:
    """Class indices of a window of the first band: (height, width), -1 for nodata.

    Raises:
        LegendError: A code is not in the legend.
        RasterError: The file cannot be read.
    """
    raster = read_raster(path, window=window)
    values = raster.values[0]
    if values.min() == values.max():  # most of a tile is often sea or nodata
        one = legend.encode(values[:1, :1], nodata=raster.nodata, path=path)
        return np.full(values.shape, one[0, 0], np.int16)
    return legend.encode(values, nodata=raster.nodata, path=path)


def count_classes(
    path: str | Path, legend: Legend, cell: int, window: Window | None = None, *, most: int
) -> CellCounts:
    """Count classes per cell and measure class boundaries, block by block.

    Args:
        path: Raster of class codes; the first band is read.
        legend: What the codes mean.
        cell: Pixels along a side of a cell, 1 or more.
        window: Part of the file, grown to whole cells; default all of it.
        most: Largest number of cells.

    Returns:
        Counts and boundaries. Boundary lengths follow the pixel size at their latitude (sphere:
        within 0.5 % of the ellipsoid).

    Raises:
        RasterError: No valid pixel (EmptyError), too many cells, or an unreadable file.
        GridError: The file has no CRS.
        LegendError: A code is not in the legend.
    """
    grid = read_grid(path)
    row, col, height, width = aligned(window or (0, 0, grid.height, grid.width), cell, grid)
    shape = -(-height // cell), -(-width // cell)
    if shape[0] * shape[1] > most:
        least = int(np.ceil(cell * np.sqrt(shape[0] * shape[1] / most)))
        raise RasterError(
            f"{path}: {shape[0]} x {shape[1]} cells of {cell} pixels, at most {most} expected",
            f"use cells of {least} pixels or more, or name a part of the file",
        )
    counts = np.zeros((*shape, len(legend)), np.int32)
    boundary = np.zeros((len(legend), len(legend)))
    above = np.full(width, -1, np.int16)
    left = np.full(0, -1, np.int16)
    windows = [(row + r, col + c, h, w) for r, c, h, w in _blocks(height, width)]
    for (top, begin, h, w), codes in _read_ahead(path, legend, windows):
        r, c = top - row, begin - col
        left = left if c else np.full(h, -1, np.int16)
        _count(codes, (r, c), cell, counts)
        strip = grid.window(row + r, 0, h, grid.width)
        boundary += _boundary(codes, above[c : c + w], left, strip, len(legend))
        above[c : c + w], left = codes[-1], codes[:, -1]
    if not counts.any():
        raise EmptyError(
            f"{path}: only nodata in {height} x {width} pixels, expected land-cover codes",
            "choose another file, or another part of it",
        )
    return CellCounts(grid, cell, row // cell, col // cell, counts, boundary + boundary.T)


def _read_ahead(
    path: str | Path, legend: Legend, windows: list[Window]
) -> Iterator[tuple[Window, NDArray[np.int16]]]:
    """Windows with their class indices, in order; the next ones are read and decoded while one is counted."""
    with ThreadPoolExecutor(_READERS) as pool:
        waiting: deque[Future[NDArray[np.int16]]] = deque()
        ahead = iter(windows)
        try:
            for window in windows:
                for following in islice(ahead, _READERS + 1 - len(waiting)):
                    waiting.append(pool.submit(read_codes, path, legend, following))
                yield window, waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def _blocks(height: int, width: int) -> Iterator[Window]:
    for row in range(0, height, _BLOCK):
        for col in range(0, width, _BLOCK):
            yield row, col, min(_BLOCK, height - row), min(_BLOCK, width - col)


def _count(
    codes: NDArray[np.int16], place: tuple[int, int], cell: int, counts: NDArray[np.int32]
) -> None:
    """Add a block of class indices to the counts of its cells."""
    if codes.max() < 0:
        return
    rows = (place[0] + np.arange(codes.shape[0])) // cell
    cols = (place[1] + np.arange(codes.shape[1])) // cell
    part = counts[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    if codes.min() == codes.max():
        part[:, :, codes[0, 0]] += np.outer(
            np.bincount(rows - rows[0]), np.bincount(cols - cols[0])
        )
        return
    if cell == 1:
        at = np.nonzero(codes >= 0)
        part[at[0], at[1], codes[at]] = 1
        return
    size = counts.shape[2] + 1  # one more for nodata, dropped below
    cells = (rows - rows[0])[:, None] * part.shape[1] + (cols - cols[0])
    found = np.bincount(
        (cells * size + codes + 1).ravel(), minlength=part.shape[0] * part.shape[1] * size
    )
    part += found.reshape(*part.shape[:2], size)[:, :, 1:].astype(np.int32)


def _boundary(
    codes: NDArray[np.int16], above: NDArray[np.int16], left: NDArray[np.int16], strip: Grid, k: int
) -> NDArray[np.float64]:
    """Metres of boundary inside a block and with its upper and left neighbours: (k, k)."""
    total = np.zeros(k * k)
    framed = np.full((codes.shape[0] + 1, codes.shape[1] + 1), -1, np.int16)
    framed[1:, 1:], framed[0, 1:], framed[1:, 0] = codes, above, left
    if framed.max() < 0 or (framed[1:, 1:].min() == codes.max() == above.min() == left.max()):
        return total.reshape(k, k)
    for other, metres in zip((framed[:-1, 1:], framed[1:, :-1]), _pixel_sizes(strip), strict=True):
        rows, cols = np.nonzero(other != codes)
        one, two = other[rows, cols].astype(np.intp), codes[rows, cols]
        real = (one >= 0) & (two >= 0)
        total += np.bincount((one * k + two)[real], metres[rows[real]], minlength=k * k)
    return total.reshape(k, k)


def _pixel_sizes(strip: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres of the upper edge and of the side of a pixel, for each row of the strip."""
    knots = np.unique(np.linspace(0, strip.height - 1, _KNOTS).astype(int))
    sizes = np.array([strip.window(int(row), 0, 1, strip.width).pixel_size for row in knots])
    rows = np.arange(strip.height)
    return np.interp(rows - 0.5, knots, sizes[:, 0]), np.interp(rows, knots, sizes[:, 1])
