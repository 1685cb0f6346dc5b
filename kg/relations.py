"""How two geometries meet comes in as DE-9IM matrices, named relations go out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab

RELATIONS = f"{vocab.GRAPH}relations"
"""Named graph of materialised spatial relations."""
TITLES = "Spatial relations of mapped features, found in this graph", "在本图中求得的要素空间关系"

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


def simple_features(
    matrices: NDArray[Any], one: NDArray[Any], other: NDArray[Any]
) -> Iterator[tuple[str, Mask, Mask]]:
    """Relations of pairs of geometries that intersect (OGC 06-103r4, clause 6.1.15).

    Args:
        matrices: (pair,) DE-9IM matrix of each pair, nine letters.
        one: (pair,) dimension of the first geometry: 0, 1 or 2.
        other: (pair,) dimension of the second.

    Yields:
        (name, (pair,) holds from one to other, (pair,) holds from other to one).
    """
    cells = _cells(matrices)
    ii, ib, ie, bi, bb, be, ei, eb, _ = (cells != "F").T
    alike = (one == other) & ((one != 1) | (cells[:, 0] == "1"))
    within, contains, every = ii & ~ie & ~be, ii & ~ei & ~eb, np.ones(len(cells), bool)
    touches, overlaps = ~ii & (ib | bi | bb), alike & ii & ie & ei
    yield "sfIntersects", every, every
    yield "sfWithin", within, contains
    yield "sfContains", contains, within
    yield "sfTouches", touches, touches
    yield "sfOverlaps", overlaps, overlaps


def region_connection(
    matrices: NDArray[Any], one: NDArray[Any], other: NDArray[Any]
) -> Iterator[tuple[str, Mask, Mask]]:
    """RCC-8 relations of pairs of areas that meet (OGC 22-047r1, table 4); arguments and results as `simple_features`.

    Exactly one holds for each pair of areas, none for lines and points. Areas that do not meet are `rcc8dc`, not said.
    """
    ii, _, ie, _, bb, be, ei, eb, _ = (_cells(matrices) != "F").T
    areas = (one == 2) & (other == 2)
    within, contains = areas & ii & ~ie & ~be, areas & ii & ~ei & ~eb
    equal, outside, across = within & contains, areas & ~ii, areas & ii & ~within & ~contains
    inside, around = within & ~equal, contains & ~equal
    yield "rcc8eq", equal, equal
    yield "rcc8ec", outside, outside
    yield "rcc8po", across, across
    yield "rcc8tpp", inside & bb, around & bb
    yield "rcc8tppi", around & bb, inside & bb
    yield "rcc8ntpp", inside & ~bb, around & ~bb
    yield "rcc8ntppi", around & ~bb, inside & ~bb


def _cells(matrices: NDArray[Any]) -> NDArray[Any]:
    """(pair, 9) letters."""
    return np.array(matrices, "U9").view("U1").reshape(-1, 9)


def both_ways(one: Rows, other: Rows, there: Mask, back: Mask) -> tuple[Rows, Rows]:
    """Heads and tails of a relation that holds `there` from one to other and `back`; sorted."""
    heads = np.concatenate([one[there], other[back]])
    tails = np.concatenate([other[there], one[back]])
    order = np.lexsort((tails, heads))
    return heads[order], tails[order]
