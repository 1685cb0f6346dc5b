"""The GeoSPARQL functions that are registered, against figures known from elsewhere."""

import math

import numpy as np
import pytest

from kg import geometry, vocab
from kg.errors import SourceError
from kg.geof import NAMES
from kg.spatial import parse_wkt
from kg.store import KnowledgeGraph

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


def ask(call: str) -> str | None:
    [(found,)] = KnowledgeGraph().query(f"SELECT ({call} AS ?x) {{}}")
    return None if found is None else str(found)


def wkt(text: str, crs: str = "") -> str:
    front = f"<{EPSG}{crs}> " if crs else ""
    return f'"{front}{text}"^^geo:wktLiteral'


CELL = wkt("POLYGON((24 60, 25 60, 25 61, 24 61, 24 60))")
LINE = wkt("LINESTRING(0 0, 1 0)")


def test_areas_are_those_of_the_ellipsoid():
    """One degree cell at 60 N: 6,143 km2 by the authalic formula; the Earth: 510,065,622 km2."""
    square_km = float(ask(f"geof:area({CELL}, <http://qudt.org/vocab/unit/KiloM2>)"))
    e2 = 0.00669437999014
    lat = np.linspace(math.radians(60), math.radians(61), 20_001)
    strips = (1 - e2) * np.cos(lat) / (1 - e2 * np.sin(lat) ** 2) ** 2
    expected = (
        6378.137**2 * math.radians(1) * np.trapezoid(strips, lat)
        if hasattr(np, "trapezoid")
        else None
    )
    assert expected is None or square_km == pytest.approx(expected, rel=1e-6)
    assert 6100 < square_km < 6200
    world = geometry.parse_wkt(["POLYGON((-180 -90, 180 -90, 180 90, -180 90, -180 -90))"])[0]
    assert geometry.area(world) / 1e6 == pytest.approx(510_065_622, rel=1e-6)
    assert float(ask(f"geof:metricArea({CELL})")) == pytest.approx(square_km * 1e6)


def test_lengths_and_distances():
    """A degree on the equator is 111,319.49 m; of the meridian at the equator 110,574.4 m (WGS 84)."""
    assert float(ask(f"geof:metricLength({LINE})")) == pytest.approx(111_319.491, abs=0.01)
    north = wkt("LINESTRING(0 0, 0 1)")
    assert float(ask(f"geof:length({north}, uom:kilometre)")) == pytest.approx(110.5744, abs=0.0005)
    a, b = wkt("POINT(24.94 60.17)"), wkt("POINT(24.95 60.17)")
    assert float(ask(f"geof:distance({a}, {b}, uom:metre)")) == pytest.approx(555.3, abs=0.3)
    assert float(ask(f"geof:metricDistance({a}, {a})")) == 0
    touching = wkt("POLYGON((24.95 60.1, 25 60.1, 25 60.2, 24.95 60.2, 24.95 60.1))")
    assert float(ask(f"geof:metricDistance({a}, {touching})")) == pytest.approx(555.3, abs=0.3)


def test_buffers_are_round_on_the_ground():
    point = wkt("POINT(24.94 60.17)")
    around = f"geof:buffer({point}, 100, uom:metre)"
    assert float(ask(f"geof:metricArea({around})")) == pytest.approx(math.pi * 1e4, rel=0.01)
    inside, outside = wkt("POINT(24.9417 60.17)"), wkt("POINT(24.9419 60.17)")
    assert ask(f"geof:sfContains({around}, {inside})") == "true"
    assert ask(f"geof:sfContains({around}, {outside})") == "false"


def test_other_reference_systems_in_and_out():
    """EPSG:4326 has latitude first, EPSG:3067 easting first; the point is Helsinki's Senate Square."""
    moved = ask(f"geof:transform({wkt('POINT(24.9522 60.1696)')}, <{EPSG}3067>)")
    x, y = (float(v) for v in moved.partition("(")[2].rstrip(")").split())
    assert moved.startswith(f"<{EPSG}3067> ") and (x, y) == pytest.approx(
        (386_360, 6_672_000), abs=200
    )
    back = ask(f"geof:asWKT({wkt(moved)})")
    assert back.startswith(f"<{vocab.CRS84}> POINT (24.95")
    swapped = ask(f"geof:transform({wkt('POINT(24.9522 60.1696)')}, <{EPSG}4326>)")
    assert swapped == f"<{EPSG}4326> POINT (60.1696 24.9522)"
    [one, two] = parse_wkt([f"<{EPSG}4326> POINT(60.1696 24.9522)", "POINT(24.9522 60.1696)"])
    assert one.equals_exact(two, 1e-9)
    with pytest.raises(SourceError, match="not the IRI of a coordinate reference system"):
        parse_wkt(["<ex:crs> POINT(1 2)"])
    with pytest.raises(SourceError, match="no such coordinate reference system"):
        parse_wkt([f"<{EPSG}99999999> POINT(1 2)"])


def test_parts_bounds_and_kinds():
    many = wkt("MULTIPOINT((1 2), (3 4))")
    assert ask(f"geof:numGeometries({many})") == "2"
    assert ask(f"geof:geometryN({many}, 2)") == f"<{vocab.CRS84}> POINT (3 4)"
    assert ask(f"geof:geometryN({many}, 3)") is None
    assert ask(f"geof:geometryType({many})") == vocab.SF + "MultiPoint"
    assert [float(ask(f"geof:{name}({many})")) for name in ("minX", "minY", "maxX", "maxY")] == [
        1,
        2,
        3,
        4,
    ]
    assert ask(f"geof:relate({CELL}, {CELL}, 'T*F**FFF*')") == "true"
    assert ask(f"geof:is3D({many})") == "false"
    assert ask(f"geof:boundary({CELL})").startswith(f"<{vocab.CRS84}> LINESTRING")
    assert "POLYGON" in ask(f"geof:boundingCircle({many})")


@pytest.mark.parametrize(
    "call",
    [
        f"geof:area({CELL}, uom:unknown)",
        "geof:metricArea('POINT(1 2)')",
        "geof:metricArea(<ex:a>)",
        f"geof:metricArea({wkt('no geometry')})",
        f"geof:transform({LINE}, <ex:crs>)",
        f"geof:metricBuffer({LINE}, 'wide')",
    ],
)
def test_what_cannot_be_answered_is_unbound(call):
    assert ask(call) is None


def test_functions_work_over_a_graph():
    graph = KnowledgeGraph()
    graph.load_text(
        f"<ex:a> geo:asWKT {CELL} . <ex:b> geo:asWKT {wkt('POLYGON((0 0, 1e-3 0, 1e-3 1e-3, 0 1e-3, 0 0))')} .",
        graph="ex:g",
    )
    asked = "SELECT ?s { GRAPH ?g { ?s geo:asWKT ?w } FILTER(geof:area(?w, uom:hectare) > 100) }"
    assert [str(s) for (s,) in graph.query(asked)] == ["ex:a"]
    assert len(NAMES) >= 20 and all(f"geof:{name}" for name in NAMES)


def test_measures_across_180_degrees_and_around_poles():
    """The shorter way is meant; what no polygon of longitudes can show has no answer."""
    apart = ask(f"geof:metricDistance({wkt('POINT(179.9995 0)')}, {wkt('POINT(-179.9995 0)')})")
    assert float(apart) == pytest.approx(111.3195, abs=1e-3)
    north = ask(f"geof:metricDistance({wkt('POINT(179.99 60)')}, {wkt('POINT(-179.99 60)')})")
    assert float(north) == pytest.approx(1116.0, abs=0.2)
    here, there = (
        f"POLYGON(({a} 10, {b} 10, {b} 10.001, {a} 10.001, {a} 10))"
        for a, b in (("50", "50.002"), ("179.999", "-179.999"))
    )
    assert float(ask(f"geof:metricArea({wkt(there)})")) == pytest.approx(
        float(ask(f"geof:metricArea({wkt(here)})"))
    )
    assert float(ask(f"geof:metricLength({wkt(there)})")) == pytest.approx(
        float(ask(f"geof:metricLength({wkt(here)})"))
    )
    circle = f"geof:metricBuffer({wkt('POINT(180 0)')}, 1000)"
    assert float(ask(f"geof:metricArea({circle})")) == pytest.approx(3.14e6, rel=0.01)
    assert (
        -180
        <= float(ask(f"geof:minX({circle})"))
        < -179.9
        < 179.9
        < float(ask(f"geof:maxX({circle})"))
        <= 180
    )
    assert float(
        ask(f"geof:metricArea(geof:metricBuffer({wkt('POINT(10 89.9)')}, 1000))")
    ) == pytest.approx(3.14e6, rel=0.01)
    for far in (
        wkt("POINT(10 90)") + ", 1000",
        wkt("POINT(10 50)") + ", 1e9",
        wkt("POINT(10 50)") + ', "NaN"^^xsd:double',
    ):
        assert ask(f"geof:metricBuffer({far})") is None, far
    hole = "POLYGON((179 0,-179 0,-179 2,179 2,179 0),(-179.5 0.5,-179.4 0.5,-179.4 0.6,-179.5 0.6,-179.5 0.5))"
    whole = float(ask(f"geof:metricArea({wkt(hole.partition(',(')[0] + ')')})"))
    assert float(ask(f"geof:metricArea({wkt(hole)})")) == pytest.approx(
        whole - 111_319.5 * 0.1 * 11_057.4, rel=1e-3
    )


def test_a_ring_that_crosses_itself_has_the_ground_of_both_its_parts():
    bow = wkt("POLYGON((0 0,.001 .001,.001 0,0 .001,0 0))")
    assert float(ask(f"geof:metricArea({bow})")) == pytest.approx(6155, abs=2)
    assert ask(f"geof:boundary({wkt('GEOMETRYCOLLECTION(POINT(1 1))')})") is None


def test_relations_hold_in_any_crs():
    """Of literals in another CRS than CRS84 the store's own functions say nothing, and a FILTER drops the row."""
    square = wkt("POLYGON((10 50,10.001 50,10.001 50.001,10 50.001,10 50))")
    for point in (
        wkt("POINT(10.0005 50.0005)"),
        wkt("POINT(50.0005 10.0005)", "4326"),
        wkt("POINT(571691.5 5539124)", "32632"),
    ):
        assert ask(f"geof:sfWithin({point}, {square})") == "true", point
        assert ask(f"geof:sfDisjoint({point}, {square})") == "false"
        assert ask(f"geof:ehInside({point}, {square})") == "true"
    assert (
        ask(f"geof:rcc8eq({square}, {square})") == "true"
        and ask(f"geof:rcc8dc({square}, {square})") == "false"
    )
    written = """'{"type":"Point","coordinates":[10.0005,50.0005]}'^^geo:geoJSONLiteral"""
    assert ask(f"geof:sfWithin({written}, {square})") == "true"
    assert ask(f"geof:sfWithin('<gml:Point/>'^^geo:gmlLiteral, {square})") is None
    assert "POLYGON" in ask(f"geof:intersection({square}, geof:envelope({square}))")


def test_relations_are_those_of_the_store():
    """Ours by DE-9IM beside pyoxigraph's own, over shapes that meet in all ways."""
    import pyoxigraph as ox

    boxes = [
        (0, 0, 2, 2),
        (1, 1, 3, 3),
        (2, 0, 4, 2),
        (0, 0, 1, 1),
        (0.5, 0.5, 1.5, 1.5),
        (5, 5, 6, 6),
        (0, 0, 2, 2),
    ]
    shapes = [wkt(f"POLYGON(({a} {b},{c} {b},{c} {d},{a} {d},{a} {b}))") for a, b, c, d in boxes]
    shapes += [
        wkt("LINESTRING(0 0,2 2)"),
        wkt("LINESTRING(-1 1,3 1)"),
        wkt("POINT(1 1)"),
        wkt("POINT(0 0)"),
    ]
    store, names = ox.Store(), [n for n in NAMES if n.startswith(("sf", "rcc8"))]
    assert len(names) == 16
    for name in names:
        areas = shapes[:7] if name.startswith("rcc8") else shapes
        for one in areas:
            for other in areas:
                asked = f"geof:{name}({one}, {other})"
                [row] = store.query(
                    f"PREFIX geof: <{vocab.GEOF}> PREFIX geo: <{vocab.GEO}> SELECT ({asked} AS ?x) {{}}"
                )
                assert ask(asked) == row["x"].value, asked


@pytest.mark.parametrize(
    ("ring", "share"),
    [
        ("-180 -90, 180 -90, 180 90, -180 90, -180 -90", 1),
        ("-180 -90, 0 -90, 180 -90, 180 90, 0 90, -180 90, -180 -90", 1),
        ("-170 -90, 0 -90, 170 -90, 170 90, 0 90, -170 90, -170 -90", 34 / 36),
        ("-170 -90, 170 -90, 170 90, -170 90, -170 -90", 2 / 36),
    ],
)
def test_a_piece_of_more_than_half_a_turn_leads_the_shorter_way(ring, share):
    """A box around the world, and one whose pieces are shorter than half a turn, are as wide as they say."""
    earth = 510_065_622e6
    assert float(ask(f"geof:metricArea({wkt(f'POLYGON(({ring}))')})")) == pytest.approx(
        earth * share, rel=1e-6
    )


def test_a_ring_around_a_pole_stays_as_it_is_written():
    ring = "POLYGON((0 80, 120 80, -120 80, 0 80))"
    shape = geometry.parse_wkt([ring])[0]
    assert geometry.unwrapped(shape).equals_exact(shape, 0)
