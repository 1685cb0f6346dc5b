"""Lines and rings come in; those that lead across 180 degrees, and the same seen from there, go out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kg.sources.shapes import UNIT, Shapes
from kg.sources.varints import spans

_HALF = 180 * UNIT


def leaping(shapes: Shapes, known: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Which shapes have a straight piece of more than 180 degrees: the shorter way leads across 180 degrees.

    Args:
        shapes: Lines or rings.
        known: (point,) points whose place is known; None: all are.
    """
    east = shapes.xy[:, 0]
    found = np.zeros(len(shapes), bool)
    if not len(east) or not _is_wide(east, known):
        return found
    leap = np.abs(np.diff(east)) > _HALF
    if known is not None:
        leap &= known[1:] & known[:-1]
    leap[shapes.starts[1:-1] - 1] = False  # from shape to shape nothing
    found[shapes.numbers[:-1][leap]] = True
    return found


def _is_wide(east: NDArray[np.int64], known: NDArray[np.bool_] | None) -> bool:
    there = east if known is None or known.all() else east[known]
    return len(there) > 0 and bool(there.max() - there.min() > _HALF)


def from_behind(shapes: Shapes) -> Shapes:
    """The same with longitudes counted from 180 degrees: what leads across 180 degrees leads across 0."""
    east = shapes.xy[:, 0]
    turned = np.where(east >= 0, east - _HALF, east + _HALF)
    return replace(shapes, xy=np.column_stack([turned, shapes.xy[:, 1]]))


def points_of(shapes: Shapes, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of every point of some shapes, shape after shape."""
    return spans(shapes.starts[rows], shapes.starts[rows + 1])[0]
