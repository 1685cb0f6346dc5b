"""Members of multipolygons and, as they pass by, the ways themselves come in; polygons go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kg.globe import texts_on_globe
from kg.sources.assembly import assembled_relations
from kg.sources.leaps import from_behind, leaping
from kg.sources.shapes import Shapes, joined
from kg.sources.varints import Numbers

_TOGETHER = 10_000
"""Multipolygons that are assembled at once."""

Multipolygon = tuple[Numbers, Sequence[str]]
"""Identifiers of the ways of a multipolygon, and their roles."""


class Multipolygons:
    """Multipolygons that wait for their ways.

    Args:
        members: Of each.
    """

    def __init__(self, members: Sequence[Multipolygon]) -> None:
        self._members = members
        self._wanted = np.unique(
            np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in members)])
        )
        self._ids: list[Numbers] = []
        self._ways: list[Shapes] = []

    def wanted(self, ids: Numbers) -> NDArray[np.bool_]:
        """Which of these ways are members."""
        return _rows(self._wanted, ids)[1]

    def keep(self, ids: Numbers, ways: Shapes) -> None:
        """Ways of which every node is known; what lacks such a member becomes no polygon."""
        self._ids.append(ids)
        self._ways.append(ways)

    def polygons(self) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """WKT of each multipolygon, "" where none comes of it, and the (west, south, east, north) of its ways."""
        ids = np.concatenate([np.zeros(0, np.int64), *self._ids])
        order = np.argsort(ids, kind="stable")
        ways = joined(self._ways).only(order)
        for start in range(0, len(self._members), _TOGETHER):
            yield from _polygons(self._members[start : start + _TOGETHER], ids[order], ways)


def _polygons(
    members: Sequence[Multipolygon], ids: Numbers, ways: Shapes
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    ends = np.cumsum([0, *(len(of) for of, _ in members)])
    rows, there = _rows(ids, np.concatenate([of for of, _ in members]))
    whole = np.flatnonzero(np.logical_and.reduceat(there, ends[:-1])).tolist()
    rows[~there] = 0
    used, place = np.unique(rows, return_inverse=True)
    shapes = ways.only(used)
    places = place.tolist()
    told = {i: list(zip(places[ends[i] : ends[i + 1]], members[i][1], strict=True)) for i in whole}
    boxes = shapes.boxes(np.ones(len(shapes.xy), bool))[place]
    found = _assembled(shapes, told)
    for i, (a, b) in enumerate(pairwise(ends.tolist())):
        least, most = boxes[a:b].min(axis=0), boxes[a:b].max(axis=0)
        yield found.get(i, ""), np.concatenate([least[:2], most[2:]])


def _assembled(shapes: Shapes, told: Mapping[int, Sequence[tuple[int, str]]]) -> dict[int, str]:
    """WKT of multipolygons; those that lead across 180 degrees are put together as seen from there."""
    leap = leaping(shapes)
    behind = {i for i, some in told.items() if leap.any() and any(leap[row] for row, _ in some)}
    rest = [i for i in told if i not in behind]
    found = dict(zip(rest, assembled_relations(shapes, [told[i] for i in rest]), strict=True))
    if behind:
        there = sorted(behind)
        texts = assembled_relations(from_behind(shapes), [told[i] for i in there])
        turned = np.ones(len(there), bool)
        found |= zip(there, texts_on_globe(texts, turned), strict=True)
    return found


def _rows(known: Numbers, ids: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Row of each identifier among sorted ones, and whether it is there."""
    if not len(known):
        return np.zeros(len(ids), np.int64), np.zeros(len(ids), bool)
    rows = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return rows, known[rows] == ids
