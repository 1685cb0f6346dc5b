"""A graph with products and map features comes in; what their classes are made of and lie beside goes out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from kg import vocab
from kg.burn import burn
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
_TITLES = (
    "Shares and surroundings of classes, measured in this graph",
    "在本图中实测的类别份额与周边",
)
"""Named graph of what was measured."""

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
    found: dict[str, list[Statements]] = {"hasCover": [], "within": [], "touches": []}
    sources: set[str] = set()
    for cells in _products(graph):
        layer = features_layer(graph, _grid(cells.wkt))
        if layer.classes:
            joint = _joint(cells, layer)
            found["hasCover"] += _covers(cells.classes, list(layer.classes), joint)
            found["hasCover"] += _seen(layer, cells, joint, matches)
            sources.update((cells.graph, layer.source))
    for name, role in _ROLES:
        found[name] += list(_around(graph, name, role))
        sources.update((RELATIONS,) if found[name] else ())
    if needed and not any(found.values()):
        raise SourceError(
            "nothing can be measured: no product with map features on its ground, nor a class of five features that "
            "lie within or touch others",
            "landlore build GRAPH --landcover LEGEND=FILE --osm FILE, both of the same ground",
        )
    lines = [
        described(MEASURED, _TITLES, sources=sources),
        *(one for part in found.values() for one in part),
    ]
    graph.replace_graph(MEASURED, list(ntriples(lines)))
    return {name: len(part) // 2 for name, part in found.items()}


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
    return [tuple(str(term) for term in row) for row in graph.query(sparql)]


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


def _covers(heads: list[str], tails: list[str], joint: NDArray[np.float64]) -> Iterator[Statements]:
    """What each row is made of, as weighted statements."""
    for i, head in enumerate(heads):
        total = joint[i].sum()
        for j in np.argsort(-joint[i], kind="stable"):
            if total and joint[i, j] / total >= _LEAST:
                support = decimal(joint[i, j])
                yield from _weighted(head, "hasCover", tails[j], joint[i, j] / total, support)


def _seen(
    layer: EvidenceLayer, cells: _Cells, joint: NDArray[np.float64], matches: dict[str, str]
) -> Iterator[Statements]:
    """What the product sees under each mapped class, by core class."""
    kinds = [matches.get(cls, cls) for cls in cells.classes]
    names = sorted(set(kinds))
    merged = np.zeros((len(names), joint.shape[1]))
    np.add.at(merged, [names.index(kind) for kind in kinds], joint)
    yield from _covers(list(layer.classes), names, merged.T)


def _around(graph: KnowledgeGraph, name: str, role: str) -> Iterator[Statements]:
    counts = {cls: int(n) for cls, n in _rows(graph, _COUNTS)}
    asked = _AROUND.replace("RELATIONS", RELATIONS).replace("ROLE", role)
    for one, other, number in sorted(_rows(graph, asked)):
        share = int(number) / counts[one]
        if counts[one] >= _FEW and share >= _LEAST:
            yield from _weighted(one, name, other, share, integer(int(number)))


def _weighted(head: str, name: str, tail: str, weight: float, support: str) -> Iterator[Statements]:
    node = f"{vocab.ID}measured/{name}/{_short(head)}/{_short(tail)}"
    yield head, [(vocab.CORE + name, iri(node))]
    share = typed(f"{min(weight, 1.0):.6f}", vocab.XSD + "decimal")
    yield node, [(vocab.VALUE, iri(tail)), (vocab.WEIGHT, share), (vocab.SUPPORT, support)]


def _short(name: str) -> str:
    return name.removeprefix(vocab.BASE).replace("#", "-")
