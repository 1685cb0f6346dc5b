"""How two geometries meet comes in as DE-9IM matrices, named relations go out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab

RELATIONS = f"{vocab.GRAPH}relations"
"""Named graph of materialised spatial relations."""

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
    cells = np.array(matrices, "U9").view("U1").reshape(-1, 9)
    ii, ib, ie, bi, bb, be, ei, eb, _ = (cells != "F").T
    alike = (one == other) & ((one != 1) | (cells[:, 0] == "1"))
    within, contains, every = ii & ~ie & ~be, ii & ~ei & ~eb, np.ones(len(cells), bool)
    touches, overlaps = ~ii & (ib | bi | bb), alike & ii & ie & ei
    yield "sfIntersects", every, every
    yield "sfWithin", within, contains
    yield "sfContains", contains, within
    yield "sfTouches", touches, touches
    yield "sfOverlaps", overlaps, overlaps


def both_ways(one: Rows, other: Rows, there: Mask, back: Mask) -> tuple[Rows, Rows]:
    """Heads and tails of a relation that holds `there` from one to other and `back`; sorted."""
    heads = np.concatenate([one[there], other[back]])
    tails = np.concatenate([other[there], one[back]])
    order = np.lexsort((tails, heads))
    return heads[order], tails[order]
