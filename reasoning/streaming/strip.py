"""A strip: some rows of a raster come in, their components with sums in integers go out, ready to be merged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import frexp
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from reasoning.streaming.runs import Runs

Ints = NDArray[np.int64]

NO_BANDS = np.empty((0, 0, 0), np.float32)


@dataclass(frozen=True)
class Source:
    """Rows of a raster, read when they are needed.

    Attributes:
        height: Rows.
        width: Columns.
        classes: (first row, last row + 1) -> (y, x) integers, -1 where there is none; pixels of one value that touch
            are one region.
        bands: (first row, last row + 1) -> (band, y, x) array, and which of its rows the first row is.
        scales: Steps of the fixed point per unit of each band, from `fixed_point`.
        nodata: Value that means "no observation" in every band; NaN: there is none.
        size: Width and height of a pixel, metres.
        diagonal: Whether pixels that share a corner touch (connectivity 8).
        widths: Whether minimum widths are wanted; they cost as much as everything else, and a margin around each strip.
    """

    height: int
    width: int
    classes: Callable[[int, int], NDArray[Any]]
    bands: Callable[[int, int], tuple[NDArray[Any], int]]
    scales: tuple[float, ...]
    nodata: float
    size: tuple[float, float]
    diagonal: bool = False
    widths: bool = True


@dataclass(frozen=True)
class Strip:
    """Components of some rows; two strips are put together by `reasoning.streaming.merge`.

    Attributes:
        first: First row.
        runs: Runs of the rows (or of the first and the last one alone, see `ends`).
        part: (run,) int32 component, -1 for none.
        sums: (component, 9) int64, columns of `reasoning.streaming.sums`.
        box: (component, 5) int32 first row, first column, last row + 1, last column + 1, column of the first pixel.
        kind: (component,) int32 class.
        min_width: (component,) float64 metres; NaN where not wanted.
        bands: (band, component) int64 sums in steps of the fixed point.
        missing: (band, component) int64 pixels without observation.
        pairs: (pair,) int64 `smaller << 32 | larger` of components that border each other.
        edges: (pair, 2) int64 edges between rows and between columns that they share.
    """

    first: int
    runs: Runs
    part: NDArray[np.int32]
    sums: Ints
    box: NDArray[np.int32]
    kind: NDArray[np.int32]
    min_width: NDArray[np.float64]
    bands: Ints
    missing: Ints
    pairs: Ints
    edges: Ints


def find_components(
    classes: NDArray[Any], low: int, high: int, *, diagonal: bool
) -> tuple[Runs, NDArray[np.int32], int]:
    """Connected components of some rows.

    Args:
        classes: (y, x) integers, -1 for none.
        low: First row.
        high: Last row + 1.
        diagonal: Whether a corner is enough.

    Returns:
        Runs, (run,) int32 component of each in row-major order of first pixels (-1 for none), and how many there are.
    """
    from reasoning.streaming.runs import Runs, count_runs, fill_runs, number, unite

    total = count_runs(classes, low, high)
    start, stop, part = (np.empty(total, np.int32) for _ in range(3))
    runs = Runs(start, stop, np.empty(total, np.int32), np.empty(high - low + 1, np.int64))
    fill_runs(classes, low, high, runs)
    each = np.arange(total, dtype=np.int32)
    parent = each.copy()
    unite(runs, each, parent, diagonal)
    return runs, part, number(parent, runs.kind, part)


def measure(source: Source, low: int, high: int) -> Strip:
    """Find the components of the rows `low` .. `high` and measure them.

    Args:
        source: The raster.
        low: First row.
        high: Last row + 1.
    """
    from reasoning.streaming.pairs import find_pairs
    from reasoning.streaming.runs import add_shapes
    from reasoning.streaming.widths import REACH

    margin = REACH + 1 if source.widths else 0
    top, bottom = max(low - margin, 0), min(high + margin, source.height)
    classes = source.classes(top, bottom)
    runs, part, n = find_components(classes, low - top, high - top, diagonal=source.diagonal)
    sums, box = np.zeros((n, 9), np.int64), np.zeros((n, 5), np.int32)
    add_shapes(runs, part, low, sums, box)
    pairs, edges = find_pairs(runs, part, sums, True)
    width = np.full(n, np.nan)
    if source.widths:
        width = _widths(classes, low - top, (runs, part, n), source.size)
    bands, row = source.bands(low, high)
    how = (row, np.array(source.scales), source.nodata)
    added, missing = band_sums(bands, (runs, part, n), how)
    kind = np.zeros(n, np.int32)
    kind[part[part >= 0]] = runs.kind[part >= 0]
    return Strip(low, runs, part, sums, box, kind, width, added, missing, pairs, edges)


def band_sums(
    bands: NDArray[Any],
    found: tuple[Runs, NDArray[np.int32], int],
    how: tuple[int, NDArray[np.float64], float],
) -> tuple[Ints, Ints]:
    """Sums of bands per component.

    Args:
        bands: (band, y, x) values.
        found: From `find_components`.
        how: Row of `bands` that the first row of the runs is, (band,) steps of the fixed point per unit, and the value
            that means "no observation" (NaN: there is none).

    Returns:
        (band, component) int64 sums in steps, and pixels without observation.
    """
    from reasoning.streaming.bands import add_bands

    runs, part, n = found
    row, scales, nodata = how
    out = np.zeros((2, len(scales), n), np.int64)
    for i in range(0, len(scales), 4):
        few = len(scales[i : i + 4])
        steps, (sums, missing) = np.zeros(4), np.zeros((2, n, 4), np.int64)
        steps[:few] = scales[i : i + few]
        add_bands(bands[i : i + few], runs, part, (row, steps, nodata), sums, missing)
        out[0, i : i + few], out[1, i : i + few] = sums.T[:few], missing.T[:few]
    return out[0], out[1]


def _widths(
    classes: NDArray[Any],
    first: int,
    found: tuple[Runs, NDArray[np.int32], int],
    size: tuple[float, float],
) -> NDArray[np.float64]:
    """(component,) minimum width, of the runs that begin at row `first` of classes with their margins."""
    from reasoning.streaming.widths import corner_distances, widest

    runs, part, n = found
    width, unsigned = np.zeros(n), np.empty(0, f"u{classes.dtype.itemsize}")
    corner = corner_distances(classes, unsigned, first, first + len(runs.row) - 1)
    widest(corner, runs, part, size, width)
    return width


def ends(strip: Strip) -> tuple[Runs, NDArray[np.int32]]:
    """The runs of the first and of the last row of a strip as two rows, and their components."""
    from reasoning.streaming.runs import Runs

    start, stop, kind, row = strip.runs
    first, last = slice(0, row[1]), slice(row[-2], row[-1])
    both = [np.concatenate([one[first], one[last]]) for one in (start, stop, kind, strip.part)]
    rows = np.array([0, row[1], row[1] + row[-1] - row[-2]], np.int64)
    return Runs(both[0], both[1], both[2], rows), both[3]


def fixed_point(top: float, dtype: np.dtype[Any], pixels: int) -> float:
    """Steps per unit in which a band is added up: 2^k so that no sum over the raster leaves 63 bits.

    Integers of up to 32 bits are added up exactly; of other values, each run's sum is rounded to 1 / steps, which is
    at most 2^-30 of `top` for rasters of up to 2^31 pixels.

    Args:
        top: Largest magnitude in the band; not looked at where the type alone is enough.
        dtype: Type of the values.
        pixels: Pixels of the raster.
    """
    bits = (pixels - 1).bit_length()
    if dtype.kind in "iub" and 8 * dtype.itemsize + bits <= 62:
        return 1.0
    exponent = 61 - frexp(top)[1] - bits
    return float(2.0 ** max(-1000, min(1000, exponent)))


def magnitude(band: NDArray[Any], nodata: float = np.nan) -> float:
    """Largest finite magnitude among the observations of a band; for integers, what their type can hold.

    Args:
        band: (y, x) values.
        nodata: Value that means "no observation"; NaN: there is none.
    """
    from reasoning.streaming.bands import largest

    if band.dtype.kind != "f":
        return 2.0 ** (8 * band.dtype.itemsize)
    bits = np.dtype(f"u{band.dtype.itemsize}")
    limits = np.array([0, np.inf, nodata], band.dtype).view(bits)
    limits[0] = np.iinfo(bits).max >> 1
    top = largest(band.view(bits), 0, len(band), limits)
    return float(np.array([top], bits).view(band.dtype)[0])
