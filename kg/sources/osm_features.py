"""Nodes, ways and relations of an extract come in as columns, N-Triples of its features go out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.geometry import are_simple
from kg.globe import texts_on_globe
from kg.sources.assembly import assembled_rings
from kg.sources.cases import PAGE, TagCases
from kg.sources.columns import Nodes, Relations, Ways
from kg.sources.geosparql import Frame, name_lines
from kg.sources.leaps import from_behind, leaping, points_of
from kg.sources.multipolygons import Multipolygon, Multipolygons
from kg.sources.nodetable import NodeTable, on_earth
from kg.sources.pbf import PbfFile
from kg.sources.shapes import UNIT, Shapes
from kg.sources.tags import TagTable
from kg.sources.varints import Numbers, spans

_NAMES = frozenset({"name", "name:en", "name:zh"})
_AREAS = ("multipolygon", "boundary")
_PIECES = 2000  # strings that are put together at once, four a feature
_POINTS, _WAYS, _RINGS = ("node",), ("area", "line"), ("area",)

Bounds = tuple[float, float, float, float]
Mask = NDArray[np.bool_]


class _Features(NamedTuple):
    """Some features without their geometries."""

    ids: list[str]
    frames: list[Frame]
    names: list[str]

    def texts(self, wkts: Sequence[str]) -> Iterator[str]:
        """The lines of all, some features at once; those without a geometry are left out."""
        lines = list[str]()
        for osm_id, (before, after), names, wkt in zip(*self, wkts, strict=True):
            if wkt:
                lines += (osm_id.join(before), wkt, osm_id.join(after), names)
            if len(lines) > _PIECES:
                yield "".join(lines)
                lines.clear()
        yield "".join(lines)


class FeatureReader:
    """Reads the features of an extract.

    Args:
        table: Which objects matter, and what they are.
        bounds: Keep only features whose bounding box meets (west, south, east, north), degrees.
        nodes: Empty; holds where the nodes lie while the reader is at work.
    """

    def __init__(self, table: TagTable, bounds: Bounds | None, nodes: NodeTable) -> None:
        self._bounds, self._nodes = bounds, nodes
        self._cases = TagCases(table)
        self._keys = {of: frozenset(table.keys_of(*of)) for of in (_POINTS, _WAYS, _RINGS)}

    def features(self, file: PbfFile) -> Iterator[str]:
        """The lines of all features: nodes and ways in the order of the file, then relations."""
        relations, members = self._relations(file.relations())
        multipolygons = Multipolygons(members)
        for block in file.blocks():
            if isinstance(block, Nodes):
                self._nodes.add(block)
                yield from self._points(block)
            elif isinstance(block, Ways):
                self._keep(block, multipolygons)
                yield from self._ways(block)
        polygons = multipolygons.polygons()
        yield from relations.texts(
            [wkt if self._meets(box[None])[0] else "" for wkt, box in polygons]
        )

    def _points(self, nodes: Nodes) -> Iterator[str]:
        rows = np.flatnonzero(nodes.tags.having(self._keys[_POINTS]))
        rows = rows[on_earth(nodes.xy[rows])]
        if self._bounds:
            rows = rows[self._meets(np.tile(nodes.xy[rows] / UNIT, 2))]
        founds = [case.node for case in self._cases.of_rows(nodes.tags, rows)]
        rows, features = _features("node", nodes, rows, founds)
        places = Shapes(nodes.xy[rows], np.arange(len(rows) + 1)).texts(all_digits=True)
        return features.texts([f"POINT({place})" for place in places])

    def _ways(self, ways: Ways) -> Iterator[str]:
        wanted = ways.tags.having(self._keys[_WAYS]) & (np.diff(ways.starts) > 0)
        rows = np.flatnonzero(wanted)
        closed = ways.refs[ways.starts[rows]] == ways.refs[ways.starts[rows + 1] - 1]
        cases = self._cases.of_rows(ways.tags, rows)
        filled = [ring and case.is_area for ring, case in zip(closed.tolist(), cases, strict=True)]
        founds = [
            case.area if area else case.line for case, area in zip(cases, filled, strict=True)
        ]
        areas = np.array(filled, bool)[[found is not None for found in founds]]
        rows, features = _features("way", ways, rows, founds)
        if not len(rows):
            return iter(())
        shapes, known = self._placed(ways, rows)
        inside = self._meets(shapes.boxes(known)) if self._bounds else np.ones(len(rows), bool)
        return features.texts(_on_globe(shapes, known, areas & inside, ~areas & inside))

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

    def _relations(self, groups: Sequence[Relations]) -> tuple[_Features, list[Multipolygon]]:
        """Multipolygons that have a class, and their members."""
        features, members = _Features([], [], []), list[Multipolygon]()
        for group in groups:
            rows, frames, names = self._areas(group)
            held = group.members(rows)
            for i, number in enumerate(group.ids[rows].tolist()):
                some = slice(held.starts[i], held.starts[i + 1])
                ways = held.are_ways[some]
                if ways.any():
                    features.ids.append(f"relation/{number}")
                    features.frames.append(frames[i])
                    features.names.append(names[i])
                    roles = group.tags.strings.of(held.roles[some][ways])
                    members.append((held.refs[some][ways], roles))
        return features, members

    def _areas(self, relations: Relations) -> tuple[Numbers, list[Frame], list[str]]:
        """Rows of the multipolygons that have a class, what they are, and the lines of their names."""
        told = list[tuple[int, Frame, str]]()
        rows = np.flatnonzero(relations.tags.having(self._keys[_RINGS]))
        for row, tags in zip(rows.tolist(), relations.tags.of(rows), strict=True):
            frame = self._cases.of(tags).area if tags.get("type") in _AREAS else None
            if frame is not None:
                subject = f"<{PAGE}relation/{relations.ids[row]}>"
                told.append((row, frame, name_lines(subject, tags)))
        kept = np.array([row for row, _, _ in told], np.int64)
        return kept, [frame for _, frame, _ in told], [lines for _, _, lines in told]

    def _meets(self, boxes: NDArray[np.float64]) -> Mask:
        if self._bounds is None:
            return np.ones(len(boxes), bool)
        west, south, east, north = self._bounds
        across = (boxes[:, 0] <= east) & (boxes[:, 2] >= west)
        return across & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)


def _features(
    kind: str, objects: Nodes | Ways, rows: Numbers, frames: Sequence[Frame | None]
) -> tuple[Numbers, _Features]:
    """Rows of the objects that have a class, and what they are."""
    rows = rows[[frame is not None for frame in frames]]
    ids = [f"{kind}/{number}" for number in objects.ids[rows].tolist()]
    names = [""] * len(rows)
    named = np.flatnonzero(objects.tags.having({"name"})[rows])
    for i, tags in zip(named.tolist(), objects.tags.of(rows[named], _NAMES), strict=True):
        names[i] = name_lines(f"<{PAGE}{ids[i]}>", tags)
    return rows, _Features(ids, [frame for frame in frames if frame is not None], names)


def _on_globe(shapes: Shapes, known: Mask, areas: Mask, lines: Mask) -> list[str]:
    """WKT of ways, "" where there is nothing to show; what leads across 180 degrees or around a pole as it lies."""
    texts = _wkt(shapes, known, areas, lines)
    rows = np.flatnonzero(leaping(shapes, known))
    if len(rows):
        there, seen = from_behind(shapes.only(rows)), known[points_of(shapes, rows)]
        turned = ~leaping(there, seen)
        told = _wkt(there, seen, areas[rows], lines[rows])
        kept = [
            one if turn else texts[row] for one, turn, row in zip(told, turned, rows, strict=True)
        ]
        for row, text in zip(rows, texts_on_globe(kept, turned), strict=True):
            texts[row] = text
    return texts


def _wkt(shapes: Shapes, known: Mask, areas: Mask, lines: Mask) -> list[str]:
    """WKT of ways, "" where there is nothing to show."""
    texts: NDArray[Any] = np.full(len(shapes), "", object)
    areas = areas & np.logical_and.reduceat(known, shapes.starts[:-1]) & (shapes.sizes > 3)
    shapes, known = shapes.since(known)
    short = shapes.without_repeats()
    plain = areas & (short.sizes > 3)
    rings = short.only(plain)
    simple = _are_simple(rings)
    plain[plain] = simple
    texts[plain] = [f"POLYGON(({text}))" for text in rings.only(simple).counterclockwise().texts()]
    texts[areas & ~plain] = assembled_rings(shapes.only(areas & ~plain))
    drawn = lines & np.logical_and.reduceat(known, shapes.starts[:-1]) & (short.sizes > 1)
    texts[drawn] = [f"LINESTRING({text})" for text in short.only(drawn).texts()]
    for row in np.flatnonzero(lines & ~drawn):
        some = slice(shapes.starts[row], shapes.starts[row + 1])
        texts[row] = _pieces(shapes.xy[some], known[some])
    return list(texts)


def _are_simple(rings: Shapes) -> Mask:
    if not len(rings):
        return np.zeros(0, bool)
    simple = rings.are_stars()
    others = rings.only(~simple)
    simple[~simple] = are_simple(others.xy, others.numbers)
    return simple


def _pieces(xy: Numbers, known: Mask) -> str:
    """WKT of the pieces that are left of a line where an extract has lost some of its nodes."""
    runs = groupby(zip(known.tolist(), xy.tolist(), strict=True), itemgetter(0))
    pieces = [
        ", ".join(f"{x / UNIT:.7f} {y / UNIT:.7f}" for x, y in places)
        for valid, run in runs
        if valid and len(places := [place for _, place in run]) > 1
    ]
    return f"MULTILINESTRING({', '.join(f'({piece})' for piece in pieces)})" if pieces else ""
