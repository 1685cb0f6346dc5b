"""Geometries come in, evidence layers and relations go out. A door to shapely, with `kg.geometry`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from kg import vocab
from kg.burn import burn, trace
from kg.described import described
from kg.evidence import FEATURES_RIGHT, EvidenceLayer
from kg.features import Features, ancestors, issued, most_specific, read_features
from kg.geometry import CRS84, parse_wkt
from kg.globe import meets, project, wkt_from_wkb
from kg.grid import Grid
from kg.relations import RELATIONS, TITLES, Rows, both_ways, region_connection, simple_features
from kg.statements import ntriples

if TYPE_CHECKING:
    from kg.store import KnowledgeGraph

_SMALL = 400.0
_VISIBLE = 0.25
_ARC_SEGMENTS = 4
_OVER_LINES = frozenset({vocab.CORE + "Building", vocab.CORE + "LandObject"})
_NEAR = vocab.CORE + "near"


def features_layer(
    graph: KnowledgeGraph,
    grid: Grid,
    *,
    kind: str = vocab.OSM_FEATURE,
    graph_iri: str | None = None,
    name: str = "osm",
    tolerance: float = 5.0,
) -> EvidenceLayer:
    """Lay the features of the graph on the grid of an image.

    Painter's order: large areas first, then smaller ones, then lines (narrow over wide), then areas under 400 m2,
    buildings and other objects. A line is as wide as its `ll:width`, at least a pixel; what is narrower than a quarter
    of a pixel is left out, and so are points without a width. Of several classes the most specific counts.

    Args:
        graph: The knowledge graph.
        grid: Grid of the image.
        kind: Evidence class IRI of the features.
        graph_iri: Named graph to look in; None looks in all.
        name: Short name of the layer.
        tolerance: How far a feature may be out of place, metres.

    Returns:
        A layer with one cell per visible feature, in the order of their IRIs; none where nothing overlaps. Its
        reliability is 0.9; `dataclasses.replace` sets another.

    Raises:
        SourceError: A geometry in the graph cannot be read.
    """
    features = read_features(graph, kind=kind, graph_iri=graph_iri)
    mapped = parse_wkt(features.wkt)
    near = np.flatnonzero(meets(mapped, grid.lonlat_bounds))
    classes = [most_specific(features.classes[i]) for i in near]
    flat, frame = _to_frame(mapped[near], grid)
    shapes = _widen(flat, features.widths[near], max(grid.pixel_size))
    order = _painting_order(shapes, _thickness(flat, features.widths[near]), classes)
    cell = burn(((shapes[i], i) for i in order), frame)
    seen = np.unique(cell[cell >= 0])
    columns = tuple(sorted({classes[i] for i in seen}))
    shares = np.zeros((len(seen), len(columns)), np.float32)
    shares[np.arange(len(seen)), [columns.index(classes[i]) for i in seen]] = 1
    rows = np.full(len(near) + 1, -1, np.int32)
    rows[seen] = np.arange(len(seen))
    single = features.graphs[0] if len(features.graphs) == 1 else ""
    source = graph_iri or single or f"{vocab.GRAPH}{name}"
    entities = tuple(features.iris[near[i]] for i in seen)
    date = issued(graph, single) if single else None
    found = rows[cell], shares, columns, entities
    return EvidenceLayer(name, kind, source, grid, *found, tolerance, FEATURES_RIGHT, date)


def _to_frame(shapes: NDArray[Any], grid: Grid) -> tuple[NDArray[Any], Grid]:
    """Project to metres along columns and rows, where a width means the same in each CRS."""
    import shapely

    dx, dy = grid.pixel_size

    def project(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Degrees as metres from the corner of the frame."""
        rows, cols = grid.rowcol(*lonlat.T)
        return np.column_stack([cols * dx, rows * dy])

    flat = shapely.transform(shapes, project) if len(shapes) else shapes
    return flat, replace(grid, transform=Affine.scale(dx, dy))


def _widen(shapes: NDArray[Any], widths: NDArray[np.float64], pixel: float) -> NDArray[Any]:
    """Lines and points become areas of their width; what is too narrow, or has none, becomes None."""
    import shapely

    dimension = shapely.get_dimensions(shapes)
    width = np.where(dimension == 1, np.fmax(widths, pixel), widths)
    thin = (dimension < 2) & (np.nan_to_num(width) > 0) & ~(widths < pixel * _VISIBLE)
    out = shapes.copy()
    out[dimension < 2] = None
    out[thin] = shapely.buffer(shapes[thin], width[thin] / 2, quad_segs=_ARC_SEGMENTS)
    return np.asarray(out, dtype=object)


def _thickness(flat: NDArray[Any], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width of lines and points, 0 where unknown; NaN for areas."""
    import shapely

    return np.where(shapely.get_dimensions(flat) < 2, np.nan_to_num(widths), np.nan)


def _painting_order(
    shapes: NDArray[Any], widths: NDArray[np.float64], classes: Sequence[str]
) -> list[int]:
    import shapely

    thin, area = ~np.isnan(widths), shapely.area(shapes)
    over = np.array([bool(ancestors(cls) & _OVER_LINES) for cls in classes], bool)
    turn = np.where(thin, 1, np.where(over | (area < _SMALL), 2, 0))
    order = np.lexsort((np.arange(len(area)), -np.where(thin, widths, area), turn))
    return [int(i) for i in order if shapes[i] is not None and not shapes[i].is_empty]


def relate(
    graph: KnowledgeGraph,
    *,
    graph_iri: str | None = None,
    near: float | None = None,
    rcc8: bool = False,
) -> dict[str, int]:
    """Find how features lie to each other; the named graph `RELATIONS` is replaced by it.

    Simple features relations (GeoSPARQL 1.1, table 2): `geo:sfIntersects`, `sfWithin`, `sfContains`, `sfTouches`,
    `sfOverlaps`, each in the directions in which it holds; no feature is related to itself. `ll:near` holds between
    features that do not meet and are at most `near` metres apart.

    Args:
        graph: The knowledge graph; features of OpenStreetMap in it are related.
        graph_iri: Named graph to look in; None relates the features of all.
        near: Distance in metres, or None for no `ll:near`.
        rcc8: Say of areas that meet how in RCC-8, too: `geo:rcc8ec`, `rcc8po`, `rcc8tpp`, `rcc8ntpp` ...

    Returns:
        Predicate IRI -> number of triples.

    Raises:
        SourceError: A geometry in the graph cannot be read.
    """
    features = read_features(graph, kind="", graph_iri=graph_iri)
    counts: Counter[str] = Counter()
    found = _related(parse_wkt(features.wkt), near, rcc8)
    graph.replace_graph(RELATIONS, _relation_lines(features, found, counts))
    return dict(counts)


def _relation_lines(
    features: Features, found: Iterable[tuple[str, Rows, Rows]], counts: Counter[str]
) -> Iterator[str]:
    yield from ntriples([described(RELATIONS, TITLES, sources=features.graphs)])
    for predicate, heads, tails in found:
        counts[predicate] = len(heads)
        yield from features.statements(predicate, heads, tails)


def _related(
    shapes: NDArray[Any], near: float | None, rcc8: bool
) -> Iterator[tuple[str, Rows, Rows]]:
    """(predicate IRI, heads, tails) for each relation, pairs sorted."""
    import shapely

    if not len(shapes):
        return
    sound = np.where(shapely.is_valid(shapes), shapes, shapely.make_valid(shapes))
    one, other = shapely.STRtree(sound).query(sound, predicate="intersects")
    one, other = one[one < other], other[one < other]
    first, second = sound[one], sound[other]
    pairs = (
        shapely.relate(first, second),
        shapely.get_dimensions(first),
        shapely.get_dimensions(second),
    )
    for family in (simple_features, region_connection)[: 1 + rcc8]:
        for name, there, back in family(*pairs):
            yield vocab.GEO + name, *both_ways(one, other, there, back)
    if near is not None:
        flat = _to_metres(sound)
        heads, tails = shapely.STRtree(flat).query(flat, predicate="dwithin", distance=near)
        apart = shapely.disjoint(sound[heads], sound[tails]) & (heads < tails)
        yield _NEAR, *both_ways(heads, tails, apart, apart)


def _to_metres(shapes: NDArray[Any]) -> NDArray[Any]:
    """Project to the UTM zone of the middle."""
    import shapely

    west, south, east, north = shapely.total_bounds(shapes)
    zone = min(int(((west + east) / 2 + 180) // 6) + 1, 60)
    crs = f"EPSG:{326 if south + north >= 0 else 327}{zone:02d}"
    return project(shapes, CRS84, crs)


def polygons(labels: NDArray[np.int32], grid: Grid, ids: Iterable[int]) -> dict[int, str]:
    """Outlines of some regions of a label array.

    Args:
        labels: (y, x) int32 region of each pixel.
        grid: Where the pixels lie.
        ids: Labels to outline.

    Returns:
        Label -> POLYGON or MULTIPOLYGON in WKT, CRS84, longitude first; labels without pixels are absent.
    """
    import shapely
    from shapely.geometry import shape

    parts: dict[int, list[Any]] = {}
    mask = np.isin(labels, np.fromiter(ids, np.int32))
    for outline, label in trace(labels, mask, grid):
        parts.setdefault(label, []).append(shape(outline))
    whole = [p[0] if len(p) == 1 else shapely.MultiPolygon(p) for _, p in sorted(parts.items())]
    texts = wkt_from_wkb(np.asarray(shapely.to_wkb(whole), dtype=object), grid.crs) if whole else []
    return dict(zip(sorted(parts), texts, strict=True))
