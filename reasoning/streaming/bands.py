"""Bands of an image and runs of its components come in; sums per component, in whole steps, go out. Compiled.

Import this module inside functions only: it loads numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.compiled import compiled
from reasoning.streaming.runs import Runs


@compiled
def add_bands(
    bands: NDArray[Any],
    runs: Runs,
    part: NDArray[np.int32],
    how: tuple[int, NDArray[np.float64], float],
    sums: NDArray[np.int64],
    missing: NDArray[np.int64],
) -> None:
    """Add up to four bands up per component, each run's sum rounded to a fixed point.

    Four at a time, because a running sum waits for itself, and because runs are found in memory once for all four.

    Args:
        bands: (band, y, x) values of four bands or fewer.
        runs: Runs.
        part: (run,) int32 component, -1 for none.
        how: Row of `bands` that the first row of the runs is, (4,) steps of the fixed point per unit, and the value
            that means "no observation" besides NaN and infinity (NaN: there is none).
        sums: (component, 4) int64, steps.
        missing: (component, 4) int64 pixels without observation.
    """
    start, stop, _, row = runs
    first, scale, nodata = how
    last = len(bands) - 1
    one, two, three, four = scale[0], scale[1], scale[2], scale[3]
    total = np.zeros((bands.shape[2] + 1, 4))
    lost = np.zeros(total.shape, np.int32)
    for line in range(len(row) - 1):
        y = first + line
        rows = bands[0, y], bands[min(1, last), y], bands[min(2, last), y], bands[min(3, last), y]
        gaps = not (np.isnan(nodata) and _running(rows, total)) and _seen(rows, nodata, total, lost)
        for i in range(row[line], row[line + 1]):
            if part[i] < 0:
                continue
            begin, end, to = total[start[i]], total[stop[i]], sums[part[i]]
            to[0] += np.int64(np.rint((end[0] - begin[0]) * one))
            to[1] += np.int64(np.rint((end[1] - begin[1]) * two))
            to[2] += np.int64(np.rint((end[2] - begin[2]) * three))
            to[3] += np.int64(np.rint((end[3] - begin[3]) * four))
            if gaps:
                missing[part[i]] += lost[stop[i]] - lost[start[i]]


@compiled
def _running(rows: tuple[NDArray[Any], ...], total: NDArray[np.float64]) -> bool:
    """Fill (x + 1, 4) running sums of four rows; return whether all are finite, else they are of no use."""
    one, two, three, four = rows
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for x in range(len(one)):
        a += one[x]
        b += two[x]
        c += three[x]
        d += four[x]
        to = total[x + 1]
        to[0], to[1], to[2], to[3] = a, b, c, d
    return abs(a) + abs(b) + abs(c) + abs(d) < np.inf


@compiled
def _seen(
    rows: tuple[NDArray[Any], ...],
    nodata: float,
    total: NDArray[np.float64],
    lost: NDArray[np.int32],
) -> bool:
    """As `_running`, of observations alone, with running counts of the rest; return whether there is any rest."""
    gaps = False
    for k in range(4):
        added, gone = 0.0, 0
        for x in range(len(rows[k])):
            value = np.float64(rows[k][x])
            if abs(value) < np.inf and value != nodata:
                added += value
            else:
                gone += 1
            total[x + 1, k], lost[x + 1, k] = added, gone
        gaps |= gone > 0
    return gaps


@compiled
def largest(bits: NDArray[Any], low: int, high: int, limits: NDArray[Any]) -> Any:
    """Largest finite magnitude in the rows `low` .. `high` of floats, in their bit patterns; 0 where there is none.

    Args:
        bits: (y, x) floats seen as unsigned integers.
        low: First row.
        high: Last row + 1.
        limits: Mask without the sign, pattern of infinity, and pattern of "no observation"; type of `bits`.
    """
    mask, infinite, nodata = limits[0], limits[1], limits[2]
    top = np.zeros(
        bits.shape[1], bits.dtype
    )  # by column: the processor then takes several at a time
    for y in range(low, high):
        for x in range(bits.shape[1]):
            size = bits[y, x] & mask
            seen = size if (size < infinite) & (bits[y, x] != nodata) else mask & 0
            top[x] = max(top[x], seen)
    return top.max()
