"""Nodes, ways and relations of an extract come in as columns, N-Triples of its features go out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.geometry import are_simple
from kg.sources.assembly import assembled_rings
from kg.sources.cases import Found, TagCases
from kg.sources.columns import Nodes, Relations, Ways
from kg.sources.geosparql import feature_lines, name_lines
from kg.sources.multipolygons import Members, Multipolygons
from kg.sources.nodetable import NodeTable, on_earth
from kg.sources.pbf import PbfFile
from kg.sources.shapes import UNIT, Shapes
from kg.sources.tags import TagTable
from kg.sources.varints import Numbers, spans

PAGE = "https://www.openstreetmap.org/"
_NAMES = frozenset({"name", "name:en", "name:zh"})
_AREAS = ("multipolygon", "boundary")

Bounds = tuple[float, float, float, float]
Mask = NDArray[np.bool_]


class _Features(NamedTuple):
    """Some features without their geometries."""

    ids: list[str]
    founds: list[Found]
    labels: list[dict[str, str]]

    def text(self, wkts: Sequence[str]) -> str:
        """The lines of all; features without a geometry are left out."""
        lines = []
        for osm_id, (match, pairs), tags, wkt in zip(*self, wkts, strict=True):
            if wkt:
                subject = f"<{PAGE}{osm_id}>"
                lines.append(feature_lines(subject, pairs, wkt, osm_id=osm_id, width=match.width))
                if tags:
                    lines.append(name_lines(subject, tags))
        return "".join(lines)


class FeatureReader:
    """Reads the features of an extract.

    Args:
        table: Which objects matter, and what they are.
        bounds: Keep only features whose bounding box meets (west, south, east, north), degrees.
        nodes: Empty; holds where the nodes lie while the reader is at work.
    """

    def __init__(self, table: TagTable, bounds: Bounds | None, nodes: NodeTable) -> None:
        self._bounds, self._table, self._nodes = bounds, table, nodes
        self._cases = TagCases(table)

    def features(self, file: PbfFile) -> Iterator[str]:
        """The lines of all features, a text a block: nodes and ways in the order of the file, then relations."""
        relations, members = self._relations(file.relations())
        multipolygons = Multipolygons(members)
        for block in file.blocks():
            if isinstance(block, Nodes):
                self._nodes.add(block)
                yield self._points(block)
            elif isinstance(block, Ways):
                self._keep(block, multipolygons)
                yield self._ways(block)
        polygons = multipolygons.polygons()
        yield relations.text([wkt if self._meets(box[None])[0] else "" for wkt, box in polygons])

    def _points(self, nodes: Nodes) -> str:
        rows = np.flatnonzero(nodes.tags.having(self._keys("node")) & on_earth(nodes.xy))
        rows = rows[self._meets(np.tile(nodes.xy[rows] / UNIT, 2))]
        founds = [case.node for case in self._cases.of_rows(nodes.tags, rows)]
        rows, features = _features("node", nodes, rows, founds)
        places = nodes.xy[rows].tolist()
        return features.text([f"POINT({x / UNIT:.7f} {y / UNIT:.7f})" for x, y in places])

    def _ways(self, ways: Ways) -> str:
        wanted = ways.tags.having(self._keys("area", "line")) & (np.diff(ways.starts) > 0)
        rows = np.flatnonzero(wanted)
        closed = ways.refs[ways.starts[rows]] == ways.refs[ways.starts[rows + 1] - 1]
        cases = self._cases.of_rows(ways.tags, rows)
        areas = closed & np.array([case.is_area for case in cases], bool)
        founds = [
            case.area if area else case.line
            for case, area in zip(cases, areas.tolist(), strict=True)
        ]
        areas = areas[[found is not None for found in founds]]
        rows, features = _features("way", ways, rows, founds)
        if not len(rows):
            return ""
        shapes, known = self._placed(ways, rows)
        inside = self._meets(shapes.boxes(known)) if self._bounds else np.ones(len(rows), bool)
        return features.text(_wkt(shapes, known, areas & inside, ~areas & inside))

    def _keep(self, ways: Ways, multipolygons: Multipolygons) -> None:
        """Keep the members of multipolygons among some ways."""
        rows = np.flatnonzero(multipolygons.wanted(ways.ids) & (np.diff(ways.starts) > 0))
        if len(rows):
            shapes, known = self._placed(ways, rows)
            whole = np.logical_and.reduceat(known, shapes.starts[:-1])
            multipolygons.keep(ways.ids[rows[whole]], shapes.only(whole))

    def _placed(self, ways: Ways, rows: Numbers) -> tuple[Shapes, Mask]:
        """Where the nodes of some ways lie, and which of these places are known."""
        index, starts = spans(ways.starts[rows], ways.starts[rows + 1])
        xy, known = self._nodes.find(ways.refs[index])
        return Shapes(xy, starts), known

    def _relations(self, groups: Sequence[Relations]) -> tuple[_Features, list[Members]]:
        """Multipolygons that have a class, and their members."""
        features, members = _Features([], [], []), list[Members]()
        for group in groups:
            rows = np.flatnonzero(group.tags.having(self._keys("area")))
            for row, tags in zip(rows.tolist(), group.tags.of(rows), strict=True):
                some = slice(group.starts[row], group.starts[row + 1])
                ways = group.are_ways[some]
                found = self._cases.of(tags).area if tags.get("type") in _AREAS else None
                if found is not None and ways.any():
                    features.ids.append(f"relation/{group.ids[row]}")
                    features.founds.append(found)
                    features.labels.append(tags)
                    roles = group.tags.strings.of(group.roles[some][ways])
                    members.append((group.refs[some][ways], roles))
        return features, members

    def _keys(self, *geometries: str) -> frozenset[str]:
        return frozenset(self._table.keys_of(*geometries))

    def _meets(self, boxes: NDArray[np.float64]) -> Mask:
        if self._bounds is None:
            return np.ones(len(boxes), bool)
        west, south, east, north = self._bounds
        across = (boxes[:, 0] <= east) & (boxes[:, 2] >= west)
        return across & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)


def _features(
    kind: str, objects: Nodes | Ways, rows: Numbers, founds: Sequence[Found | None]
) -> tuple[Numbers, _Features]:
    """Rows of the objects that have a class, and what they are."""
    rows = rows[[found is not None for found in founds]]
    labels: list[dict[str, str]] = [{}] * len(rows)
    named = np.flatnonzero(objects.tags.having({"name"})[rows])
    for i, tags in zip(named.tolist(), objects.tags.of(rows[named], _NAMES), strict=True):
        labels[i] = tags
    ids = [f"{kind}/{number}" for number in objects.ids[rows].tolist()]
    return rows, _Features(ids, [found for found in founds if found is not None], labels)


def _wkt(shapes: Shapes, known: Mask, areas: Mask, lines: Mask) -> list[str]:
    """WKT of ways, "" where there is nothing to show."""
    texts: NDArray[Any] = np.full(len(shapes), "", object)
    short = shapes.without_repeats()
    areas = areas & np.logical_and.reduceat(known, shapes.starts[:-1]) & (shapes.sizes > 3)
    plain = areas & (short.sizes > 3)
    plain[plain] = are_simple(short.only(plain).xy, short.only(plain).numbers)
    rings = short.only(plain).counterclockwise()
    texts[plain] = [f"POLYGON(({text}))" for text in rings.texts()]
    texts[areas & ~plain] = assembled_rings(shapes.only(areas & ~plain))
    shapes, known = shapes.since(known)
    short = shapes.without_repeats()
    drawn = lines & np.logical_and.reduceat(known, shapes.starts[:-1]) & (short.sizes > 1)
    texts[drawn] = [f"LINESTRING({text})" for text in short.only(drawn).texts()]
    for row in np.flatnonzero(lines & ~drawn):
        some = slice(shapes.starts[row], shapes.starts[row + 1])
        texts[row] = _pieces(shapes.xy[some], known[some])
    return list(texts)


def _pieces(xy: Numbers, known: Mask) -> str:
    """WKT of the pieces that are left of a line where an extract has lost some of its nodes."""
    runs = groupby(zip(known.tolist(), xy.tolist(), strict=True), itemgetter(0))
    pieces = [
        ", ".join(f"{x / UNIT:.7f} {y / UNIT:.7f}" for x, y in places)
        for valid, run in runs
        if valid and len(places := [place for _, place in run]) > 1
    ]
    return f"MULTILINESTRING({', '.join(f'({piece})' for piece in pieces)})" if pieces else ""
