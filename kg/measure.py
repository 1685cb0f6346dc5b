"""A graph with products and map features comes in; what their classes are made of and lie beside goes out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from kg import vocab
from kg.burn import burn
from kg.compared import pairs, stated_shares
from kg.described import described
from kg.errors import SourceError
from kg.evidence import EvidenceLayer
from kg.geometry import parse_wkt
from kg.grid import Grid
from kg.relations import RELATIONS
from kg.spatial import features_layer
from kg.statements import Statements, decimal, integer, iri, ntriples, typed
from kg.store import KnowledgeGraph

MEASURED = f"{vocab.GRAPH}measured"
"""Named graph of what was measured."""
_TITLES = (
    "Shares and surroundings of classes, measured in this graph",
    "在本图中实测的类别份额与周边",
)

_METRES = 4.0  # pixel side, unless the place is so large that it has to be coarser
_PIXELS = 16_000_000
_DEGREE = 111_320.0  # metres of latitude
_FEW = 5  # features of a class, below which nothing is said of its neighbours
_LEAST = 0.005  # share below which nothing is written
_ROLES = (("within", "geo:sfWithin"), ("touches", "geo:sfTouches"))


@dataclass(frozen=True)
class _Cells:
    """The cells of one product.

    Attributes:
        graph: IRI of its named graph.
        wkt: (cell,) outlines.
        classes: Class IRI per column.
        shares: (cell, class) float64.
    """

    graph: str
    wkt: list[str]
    classes: list[str]
    shares: NDArray[np.float64]


class _Row(NamedTuple):
    """One measured weight: a class, a relation, what it is made of or lies beside, and what the weight rests on."""

    head: str
    name: str
    tail: str
    weight: float
    support: str


_Areas = dict[str, dict[str, float]]
"""Class -> what it is made of -> square metres."""


def measure(graph: KnowledgeGraph, *, needed: bool = False) -> dict[str, int]:
    """Measure composition and co-occurrence of classes; the named graph `MEASURED` is replaced by the result.

    - Product classes by what the map shows in their cells: `LEGENDCLASS ll:hasCover [ ll:value ll:Building ; ... ]`.
    - Mapped classes by what the product sees under them: `ll:Park ll:hasCover [ ll:value ll:Grassland ; ... ]`, by the
      core class that each legend class matches.
    - Mapped classes by the features around them: the share of features of a class that lie within, or touch, at least
      one of another class: `ll:House ll:within [ ll:value ll:ResidentialArea ; ... ]`.

    Each weight stands beside its support, square metres or features. Inside a cell, product and map are taken as
    independent, so cells should be small beside what is mapped; places that the map leaves blank do not count.

    Args:
        graph: With `ll:ProductCell`s, features and (for the last) the relations that `kg.spatial.relate` finds.
        needed: Refuse a graph in which nothing can be measured, instead of writing that nothing was.

    Returns:
        Kind of statement -> how many were written.

    Raises:
        SourceError: A geometry in the graph cannot be read; or nothing can be measured, and `needed`.
        OutputError: The graph cannot be written.
    """
    matches = {cls: core for cls, core in _rows(graph, _MATCHES)}
    areas: _Areas = defaultdict(lambda: defaultdict(float))
    sources: set[str] = set()
    for cells in _products(graph):
        layer = features_layer(graph, _grid(cells.wkt))
        if layer.classes:
            joint = _joint(cells, layer)
            _add(areas, cells.classes, layer.classes, joint)
            _add(areas, layer.classes, [matches.get(cls, cls) for cls in cells.classes], joint.T)
            sources.update((cells.graph, layer.source))
    found = {"hasCover": list(_covers(areas))}
    for name, role in _ROLES:
        found[name] = list(_around(graph, name, role))
        sources.update((RELATIONS,) if found[name] else ())
    if needed and not any(found.values()):
        raise SourceError(
            "nothing can be measured: no product with map features on its ground, nor a class of five features that "
            "lie within or touch others",
            "landlore build GRAPH --landcover LEGEND=FILE --osm FILE, both of the same ground",
        )
    lines = [described(MEASURED, _TITLES, sources=sources)]
    lines += [one for rows in found.values() for row in rows for one in _weighted(row)]
    lines += _compared(found["hasCover"], stated_shares(graph, MEASURED))
    graph.replace_graph(MEASURED, list(ntriples(lines)))
    return {name: len(rows) for name, rows in found.items()}


_MATCHES = """SELECT ?class (MIN(?kind) AS ?core) { GRAPH ?g { ?class skos:inScheme ?scheme ; ?match ?kind
  FILTER(?match IN (skos:exactMatch, skos:closeMatch, skos:broadMatch) && STRSTARTS(STR(?kind), STR(ll:))) } }
GROUP BY ?class"""
_CELLS = """SELECT ?g ?cell ?wkt { GRAPH ?g {
  ?cell a ll:ProductCell ; geo:hasGeometry ?shape . ?shape geo:asWKT ?wkt } } ORDER BY ?g ?cell"""
_SHARES = """SELECT ?cell ?class ?share { GRAPH <PLACE> {
  ?cell a ll:ProductCell ; ll:hasCover ?cover . ?cover ll:value ?class ; ll:weight ?share } }"""
_AROUND = """SELECT ?one ?other (COUNT(DISTINCT ?f) AS ?n) {
  GRAPH <RELATIONS> { ?f ROLE ?h } GRAPH ?a { ?f a ?one } GRAPH ?b { ?h a ?other }
  FILTER(STRSTARTS(STR(?one), STR(ll:)) && STRSTARTS(STR(?other), STR(ll:)))
  FILTER(?one != ll:OsmFeature && ?other != ll:OsmFeature)
} GROUP BY ?one ?other"""
_COUNTS = "SELECT ?one (COUNT(DISTINCT ?f) AS ?n) { GRAPH ?g { ?f a ll:OsmFeature , ?one } } GROUP BY ?one"


def _rows(graph: KnowledgeGraph, sparql: str) -> list[tuple[str, ...]]:
    rows = graph.query(sparql)
    if any(term is None for row in rows for term in row):
        raise SourceError(
            "an answer lacks a value that every row must have", "is it a SPARQL 1.1 server?"
        )
    return [tuple(str(term) for term in row) for row in rows]


def _products(graph: KnowledgeGraph) -> Iterator[_Cells]:
    places: dict[str, dict[str, str]] = {}
    for source, cell, wkt in _rows(graph, _CELLS):
        places.setdefault(source, {})[cell] = wkt
    for source, wkts in places.items():
        rows = _rows(graph, _SHARES.replace("PLACE", source))
        classes = sorted({cls for _, cls, _ in rows})
        row = {cell: i for i, cell in enumerate(wkts)}
        shares = np.zeros((len(wkts), len(classes)))
        for cell, cls, share in rows:
            shares[row[cell], classes.index(cls)] = float(share)
        yield _Cells(source, list(wkts.values()), classes, shares)


def _grid(wkt: list[str]) -> Grid:
    """Pixels that are square on the ground in the middle of the place."""
    corners = np.array([shape.bounds for shape in parse_wkt(wkt)])
    (west, south), (east, north) = corners[:, :2].min(0), corners[:, 2:].max(0)
    lat = _DEGREE
    lon = lat * math.cos(math.radians((south + north) / 2))
    side = max(_METRES, math.sqrt((east - west) * lon * (north - south) * lat / _PIXELS))
    width, height = (east - west) * lon / side, (north - south) * lat / side
    transform = Affine(side / lon, 0, west, 0, -side / lat, north)
    return Grid("OGC:CRS84", transform, math.ceil(height), math.ceil(width))


def _joint(cells: _Cells, layer: EvidenceLayer) -> NDArray[np.float64]:
    """(product class, mapped class) square metres."""
    shapes = parse_wkt(cells.wkt)
    cell = burn(((shape, i) for i, shape in enumerate(shapes)), layer.grid)
    rows, cols = np.nonzero((cell >= 0) & (layer.cell >= 0))
    kind = layer.shares.argmax(1)[layer.cell[rows, cols]]
    _, lat = layer.grid.lonlat(rows + 0.5, cols + 0.5)
    dlat = abs(layer.grid.transform.e) * _DEGREE
    area = abs(layer.grid.transform.a) * _DEGREE * np.cos(np.radians(lat)) * dlat
    k = len(layer.classes)
    place = cell[rows, cols].astype(np.int64) * k + kind
    per_cell = np.bincount(place, area, minlength=len(shapes) * k).reshape(len(shapes), k)
    joint: NDArray[np.float64] = cells.shares.T @ per_cell
    return joint


def _add(
    areas: _Areas, heads: Sequence[str], tails: Sequence[str], joint: NDArray[np.float64]
) -> None:
    """Add (head, tail) square metres; several products of the same ground count together."""
    for i, j in np.argwhere(joint > 0):
        areas[heads[i]][tails[j]] += float(joint[i, j])


def _covers(areas: _Areas) -> Iterator[_Row]:
    """What each class is made of, the largest share first."""
    for head, parts in areas.items():
        total = sum(parts.values())
        for tail, area in sorted(parts.items(), key=lambda item: -item[1]):
            if area / total >= _LEAST:
                yield _Row(head, "hasCover", tail, area / total, decimal(area))


def _around(graph: KnowledgeGraph, name: str, role: str) -> Iterator[_Row]:
    counts = {cls: int(n) for cls, n in _rows(graph, _COUNTS)}
    asked = _AROUND.replace("RELATIONS", RELATIONS).replace("ROLE", role)
    for one, other, number in sorted(_rows(graph, asked)):
        share = int(number) / counts[one]
        if counts[one] >= _FEW and share >= _LEAST:
            yield _Row(one, name, other, share, integer(int(number)))


def _compared(rows: list[_Row], stated: dict[str, dict[str, float]]) -> Iterator[Statements]:
    """Measured shares beside those that experts state, on one level of classes."""
    measured: dict[str, dict[str, _Row]] = defaultdict(dict)
    for row in rows:
        measured[row.head][row.tail] = row
    for head, parts in measured.items():
        shares = {tail: row.weight for tail, row in parts.items()}
        for tail, ours, theirs in pairs(shares, stated.get(head, {})):
            node = f"{vocab.ID}measured/comparison/{_short(head)}/{_short(tail)}"
            said = [(vocab.CORE + "comparedClass", iri(tail))]
            for name, share in (("measuredShare", ours), ("expertShare", theirs)):
                said += [] if share is None else [(vocab.CORE + name, _share(share))]
            said += [(vocab.SUPPORT, parts[tail].support)] if tail in parts else []
            yield head, [(vocab.CORE + "comparison", iri(node))]
            yield node, said


def _weighted(row: _Row) -> Iterator[Statements]:
    node = f"{vocab.ID}measured/{row.name}/{_short(row.head)}/{_short(row.tail)}"
    yield row.head, [(vocab.CORE + row.name, iri(node))]
    pairs = [(vocab.VALUE, iri(row.tail)), (vocab.WEIGHT, _share(row.weight))]
    yield node, [*pairs, (vocab.SUPPORT, row.support)]


def _share(value: float) -> str:
    return typed(f"{min(value, 1.0):.6f}", vocab.XSD + "decimal")


def _short(name: str) -> str:
    return name.removeprefix(vocab.BASE).replace("#", "-")
