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


def wkt(text: str) -> str:
    return f'"{text}"^^geo:wktLiteral'


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
