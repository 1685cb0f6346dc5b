from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine

from kg import vocab
from kg.errors import SourceError
from kg.geometry import parse_wkt
from kg.grid import Grid
from kg.raster import read_grid
from kg.relations import RELATIONS
from kg.sources.geosparql import feature_lines, feature_pairs
from kg.sources.osm import OsmSource
from kg.sources.tags import TagTable, load_tags
from kg.sources.vector import VectorSource
from kg.spatial import features_layer, polygons, relate, wkt_from_wkb
from kg.store import KnowledgeGraph

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul")
GEO = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "geo"
OSM = vocab.GRAPH + "osm"
GRID = Grid("EPSG:32633", Affine(10, 0, 500_000, 0, -10, 5_300_000), 20, 30)
TAGS = """key,value,geometry,class,width_m,note
building,*,area,ll:Building,,
highway,*,line,ll:Road,4,
natural,water,area,ll:Water,,
natural,wood,area,ll:TreeCover,,
leisure,park,area,ll:Park,,
natural,tree,node,ll:TreeCover,,
landuse,grass,area,ll:Grassland,,
"""


def shared(name: str) -> Path:
    path = GEO / name
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> TagTable:
    path = tmp_path_factory.mktemp("tags") / "tags.csv"
    path.write_text(TAGS, encoding="utf-8")
    return load_tags(path)


def graph_of(*features: tuple[str, list[str], str, float | None]) -> KnowledgeGraph:
    """Features given in rows and columns of GRID: (name, classes, geometry, width)."""
    graph = KnowledgeGraph()
    lines = []
    for name, classes, shape, width in features:
        placed = shapely.transform(shape, lambda rc: np.column_stack(GRID.lonlat(*rc.T)))
        pairs = feature_pairs([vocab.CORE + cls for cls in classes])
        lines.append(feature_lines(f"<urn:{name}>", pairs, placed.wkt, width=width))
    graph.replace_graph(OSM, lines)
    return graph


def box(row: float, col: float, height: float, width: float) -> shapely.Polygon:
    return shapely.box(row, col, row + height, col + width)


def painted(layer, name: str) -> np.ndarray:
    return layer.cell == layer.entities.index(f"urn:{name}")


def test_painter_puts_small_over_large_and_buildings_over_roads():
    graph = graph_of(
        ("house", ["Building"], box(4, 4, 3, 3), None),
        ("grove", ["TreeCover"], box(2, 2, 12, 20), None),
        ("town", ["Residential"], box(0, 0, 20, 30), None),
        ("road", ["Road"], shapely.LineString([(5.5, 0), (5.5, 30)]), 10.0),
    )
    layer = features_layer(graph, GRID, graph_iri=OSM)
    assert layer.entities == ("urn:grove", "urn:house", "urn:road", "urn:town")
    assert (layer.cell >= 0).all()
    assert painted(layer, "house").sum() == 9
    assert painted(layer, "road").sum() == 30 - 3
    assert painted(layer, "grove").sum() == 12 * 20 - 9 - 20 + 3
    assert layer.cell.dtype == np.int32
    named = dict(zip(layer.entities, layer.shares.argmax(axis=1), strict=True))
    assert vocab.curie(layer.classes[named["urn:grove"]]) == "ll:TreeCover"
    assert (layer.shares.sum(axis=1) == 1).all()
    assert (layer.source, layer.kind) == (OSM, vocab.OSM_FEATURE)


def test_lines_have_their_width_at_least_a_pixel_or_are_left_out():
    graph = graph_of(
        ("river", ["River"], shapely.LineString([(10, 0), (10, 30)]), 40.0),
        ("road", ["Road"], shapely.LineString([(2.5, 0), (2.5, 30)]), 3.0),
        ("rail", ["Railway"], shapely.LineString([(5.5, 0), (5.5, 30)]), None),
        ("fence", ["Fence"], shapely.LineString([(16.5, 0), (16.5, 30)]), 0.2),
    )
    layer = features_layer(graph, GRID, graph_iri=OSM)
    assert painted(layer, "river").sum() == 4 * 30
    assert painted(layer, "road").sum() == painted(layer, "rail").sum() == 30
    assert "urn:fence" not in layer.entities


def test_points_count_only_with_a_width():
    graph = graph_of(
        ("tree", ["TreeCover"], shapely.Point(5, 5), 20.0),
        ("shop", ["Commercial"], shapely.Point(9, 9), None),
    )
    layer = features_layer(graph, GRID, graph_iri=OSM)
    assert layer.entities == ("urn:tree",)
    assert painted(layer, "tree").sum() == 4


def test_most_specific_class_wins_and_covers_beat_uses():
    graph = graph_of(
        ("a", ["Water", "Lake", "Recreation"], box(0, 0, 5, 5), None),
        ("b", ["School", "Building"], box(10, 10, 5, 5), None),
    )
    layer = features_layer(graph, GRID, graph_iri=OSM)
    assert [vocab.curie(c) for c in layer.classes] == ["ll:Building", "ll:Lake"]


def test_holes_stay_open():
    ring = box(2, 2, 10, 10).difference(box(4, 4, 4, 4))
    layer = features_layer(graph_of(("lake", ["Lake"], ring, None)), GRID, graph_iri=OSM)
    assert (layer.cell == 0).sum() == 100 - 16
    assert (layer.cell[4:8, 4:8] == -1).all()


def test_nothing_near_gives_an_empty_layer():
    graph = graph_of(("far", ["Lake"], box(500, 500, 5, 5), None))
    layer = features_layer(graph, GRID, graph_iri=OSM)
    assert (layer.cell == -1).all()
    assert layer.shares.shape == (0, 0)
    empty = features_layer(KnowledgeGraph(), GRID)
    assert (empty.entities, empty.source) == ((), OSM)


def test_date_and_source_come_from_the_graph():
    graph = graph_of(("lake", ["Lake"], box(2, 2, 4, 4), None))
    graph.load_text(f'<{OSM}> dct:issued "2021-04-21" .', "ttl", OSM)
    layer = features_layer(graph, GRID)
    assert (layer.date, layer.source) == ("2021-04-21", OSM)


def test_geographic_grid():
    grid = Grid("EPSG:4326", Affine(0.0001, 0, 15.0, 0, -0.0001, 47.8), 100, 100)
    graph = KnowledgeGraph()
    road = f"LINESTRING (15 {47.8 - 0.00505}, 15.01 {47.8 - 0.00505})"
    pairs = feature_pairs([vocab.CORE + "Road"])
    graph.replace_graph(OSM, [feature_lines("<urn:road>", pairs, road, width=33.0)])
    layer = features_layer(graph, grid)
    # 11.13 m north-south per pixel: 33 m are 3 rows.
    assert sorted(np.unique(np.nonzero(layer.cell >= 0)[0])) == [49, 50, 51]


def related(graph: KnowledgeGraph, predicate: str) -> set[tuple[str, str]]:
    rows = graph.query(f"SELECT ?a ?b WHERE {{ GRAPH <{RELATIONS}> {{ ?a {predicate} ?b }} }}")
    return {(str(a).removeprefix("urn:"), str(b).removeprefix("urn:")) for a, b in rows}


def test_relations():
    graph = graph_of(
        ("park", ["Park"], box(0, 0, 10, 10), None),
        ("pond", ["Pond"], box(2, 2, 2, 2), None),
        ("wood", ["TreeCover"], box(5, 5, 10, 4), None),
        ("next", ["Lake"], box(0, 10, 10, 4), None),
        ("away", ["Lake"], box(0, 16, 4, 4), None),
    )
    counts = relate(graph, near=25.0)
    assert related(graph, "geo:sfWithin") == {("pond", "park")}
    assert related(graph, "geo:sfContains") == {("park", "pond")}
    assert related(graph, "geo:sfOverlaps") == {("park", "wood"), ("wood", "park")}
    assert ("park", "next") in related(graph, "geo:sfTouches")
    assert related(graph, "geo:sfIntersects") >= related(graph, "geo:sfTouches")
    near = related(graph, "ll:near")
    assert ("next", "away") in near
    assert ("park", "pond") not in near
    assert ("wood", "away") not in near
    assert counts[vocab.GEO + "sfWithin"] == 1
    again = relate(graph)
    assert vocab.CORE + "near" not in again
    assert related(graph, "ll:near") == set()
    assert not any("rcc8" in relation for relation in again)
    relate(graph, rcc8=True)
    assert related(graph, "geo:rcc8ntpp") == {("pond", "park")}
    assert ("park", "wood") in related(graph, "geo:rcc8po")
    assert related(graph, "geo:sfWithin") == {("pond", "park")}


def test_relations_of_nothing():
    assert relate(KnowledgeGraph()) == {}


def test_self_crossing_polygons_do_not_stop_relations():
    bow = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    graph = graph_of(("bow", ["Lake"], bow, None), ("pond", ["Pond"], box(-1, -1, 9, 9), None))
    relate(graph)
    assert related(graph, "geo:sfWithin") == {("bow", "pond")}


def test_outlines_of_regions_cover_the_same_ground():
    labels = np.zeros(GRID.shape, np.int32)
    labels[2:8, 3:9], labels[4:6, 5:7] = 7, 0
    labels[10:12, 1:3] = labels[15:16, 20:29] = 9
    found = polygons(labels, GRID, [7, 9, 4])
    assert list(found) == [7, 9]
    assert found[7].startswith("POLYGON ((")
    assert found[9].startswith("MULTIPOLYGON (((")
    back = shapely.transform(
        parse_wkt([found[7], found[9]]), lambda p: np.column_stack(GRID.rowcol(*p.T))
    )
    assert shapely.area(back) == pytest.approx([32, 13], abs=0.01)
    assert shapely.bounds(back[0]) == pytest.approx([2, 3, 8, 9], abs=0.01)
    assert polygons(labels, GRID, []) == {}


def test_unknown_crs_and_broken_geometry_are_refused():
    with pytest.raises(SourceError, match="EPSG/0/99999999"):
        parse_wkt(["<http://www.opengis.net/def/crs/EPSG/0/99999999> POINT (1 2)"])
    with pytest.raises(SourceError, match="not WKT"):
        parse_wkt(["POLYGONE ((1 2))"])


def test_missing_geometries_become_empty_text():
    wkb = np.array([None, shapely.to_wkb(shapely.Point(1, 2)), shapely.to_wkb(shapely.Polygon())])
    assert wkt_from_wkb(wkb, "EPSG:4326") == ["", "POINT (1 2)", ""]


def test_helsinki_by_class_and_by_within():
    source = OsmSource(shared("helsinki/helsinki_centre.osm.pbf"))
    graph = KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    counts = relate(graph)
    assert counts[vocab.GEO + "sfWithin"] == counts[vocab.GEO + "sfContains"] > 2000
    rows = graph.query(
        "SELECT ?tree ?w ?park ?p WHERE { ?tree a ll:Tree ; geo:sfWithin ?park ; geo:hasGeometry/geo:asWKT ?w ."
        " ?park a ll:Park ; geo:hasGeometry/geo:asWKT ?p }"
    )
    assert len(rows) > 100
    trees, parks = (parse_wkt([str(v) for v in rows.column(name)]) for name in "wp")
    assert shapely.contains(parks, trees).all()


def test_swellendam_buildings_on_the_image(table):
    raster = shared("swellendam/3420B_2010_328_RGB_LATLNG.tif")
    path = shared("swellendam/training_data.gpkg")
    source = VectorSource(path, name="osm", table=table)
    graph = KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    grid = read_grid(raster)
    layer = features_layer(graph, grid)
    assert [vocab.curie(c) for c in layer.classes] == ["ll:Building", "ll:Road"]
    text = "".join(VectorSource(path, layer="buildings", table=table).ntriples())
    shapes = parse_wkt([part.partition('"')[0] for part in text.split('asWKT> "')[1:]])
    rows, cols = grid.rowcol(*shapely.get_coordinates(shapely.centroid(shapes)).T)
    inside = (rows > 0) & (rows < grid.height) & (cols > 0) & (cols < grid.width)
    hit = layer.cell[rows[inside].astype(int), cols[inside].astype(int)]
    assert inside.sum() > 15
    share = layer.shares[hit[hit >= 0], 0].sum() / inside.sum()
    assert share > 0.95
    area = (layer.shares[layer.cell[layer.cell >= 0], 0].sum()) * grid.pixel_area
    utm = shapely.transform(shapes[inside], _metres)
    assert area == pytest.approx(shapely.area(utm).sum(), rel=0.1)


def _metres(lonlat: np.ndarray) -> np.ndarray:
    from kg.grid import transform_points

    return np.column_stack(transform_points(lonlat[:, 0], lonlat[:, 1], "OGC:CRS84", "EPSG:32734"))
