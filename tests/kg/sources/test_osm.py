import gzip
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from kg import vocab
from kg.errors import SourceError
from kg.geometry import parse_wkt
from kg.sources.osm import OsmSource
from kg.sources.tags import TagTable, load_tags
from kg.store import KnowledgeGraph

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "geo"
TAGS = """key,value,geometry,class,width_m,note
building,*,area,ll:Building,,
highway,*,line,ll:Road,4,
natural,water,area,ll:Water,,
natural,wood,area,ll:TreeCover,,
natural,tree,node,ll:TreeCover,,
leisure,park,area,ll:Park,,
"""
# A house, a road that lost a node, a roundabout, a tree, a lake with an island, a torn relation.
OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="hand">
{nodes}
 <node id="50" lat="0.0005" lon="0.0005"><tag k="natural" v="tree"/></node>
 <node id="51" lat="0.0005" lon="0.0005"><tag k="amenity" v="bench"/></node>
 <way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
  <tag k="building" v="yes"/><tag k="name" v="The &quot;Old&quot; Mill\\"/><tag k="name:zh" v="磨坊"/></way>
 <way id="2"><nd ref="1"/><nd ref="2"/><nd ref="99"/><nd ref="3"/><nd ref="4"/>
  <tag k="highway" v="track"/><tag k="width" v="3 m"/></way>
 <way id="3"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="highway" v="primary"/></way>
 <way id="4"><nd ref="5"/><nd ref="6"/><nd ref="7"/></way>
 <way id="5"><nd ref="7"/><nd ref="8"/><nd ref="5"/></way>
 <way id="6"><nd ref="9"/><nd ref="10"/><nd ref="11"/><nd ref="12"/><nd ref="9"/>
  <tag k="natural" v="wood"/></way>
 <way id="7"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/><tag k="tunnel" v="yes"/></way>
 <relation id="8"><member type="way" ref="4" role="outer"/><member type="way" ref="5" role="outer"/>
  <member type="way" ref="6" role="inner"/><tag k="type" v="multipolygon"/><tag k="natural" v="water"/></relation>
 <relation id="9"><member type="way" ref="999" role="outer"/>
  <tag k="type" v="multipolygon"/><tag k="natural" v="water"/></relation>
</osm>
"""
PLACES = {
    1: (0, 0), 2: (0.001, 0), 3: (0.001, 0.001), 4: (0, 0.001),
    5: (1, 1), 6: (1.01, 1), 7: (1.01, 1.01), 8: (1, 1.01),
    9: (1.002, 1.002), 10: (1.004, 1.002), 11: (1.004, 1.004), 12: (1.002, 1.004),
}  # fmt: skip
NODES = "\n".join(f' <node id="{i}" lon="{x}" lat="{y}"/>' for i, (x, y) in PLACES.items())
PAGE = "https://www.openstreetmap.org/"


@pytest.fixture
def table(tmp_path: Path) -> TagTable:
    (tmp_path / "tags.csv").write_text(TAGS, encoding="utf-8")
    return load_tags(tmp_path / "tags.csv")


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    path = tmp_path / "town.osm"
    path.write_text(OSM.format(nodes=NODES), encoding="utf-8")
    return path


def load(source: OsmSource) -> KnowledgeGraph:
    graph = KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    return graph


def classes(graph: KnowledgeGraph) -> set[tuple[str, str]]:
    rows = graph.query("SELECT ?f ?c WHERE { GRAPH ?g { ?f a ll:OsmFeature, ?c } }")
    return {
        (str(f).removeprefix(PAGE), vocab.curie(str(c)))
        for f, c in rows
        if c not in (vocab.OSM_FEATURE, vocab.GEO + "Feature")
    }


def wkt(graph: KnowledgeGraph, osm_id: str) -> str:
    row = next(
        iter(
            graph.query(
                f"SELECT ?w WHERE {{ GRAPH ?g {{ <{PAGE}{osm_id}> geo:hasGeometry/geo:asWKT ?w }} }}"
            )
        )
    )
    return str(row[0]).removeprefix(f"<{vocab.CRS84}> ")


def test_every_kind_of_object(extract, table):
    assert classes(load(OsmSource(extract, table=table))) == {
        ("node/50", "ll:TreeCover"),
        ("way/1", "ll:Building"),
        ("way/2", "ll:Road"),
        ("way/3", "ll:Road"),
        ("way/6", "ll:TreeCover"),
        ("relation/8", "ll:Water"),
    }


def test_geometries(extract, table):
    graph = load(OsmSource(extract, table=table))
    assert wkt(graph, "node/50") == "POINT(0.0005000 0.0005000)"
    assert wkt(graph, "way/1") == "POLYGON((0 0,0.001 0,0.001 0.001,0 0.001,0 0))"
    assert wkt(graph, "way/3") == "LINESTRING(0 0,0.001 0,0.001 0.001,0 0)"
    assert wkt(graph, "relation/8") == (
        "POLYGON((1 1,1.01 1,1.01 1.01,1 1.01,1 1),"
        "(1.002 1.002,1.002 1.004,1.004 1.004,1.004 1.002,1.002 1.002))"
    )


def test_a_lost_node_breaks_the_line_and_invents_no_chord(extract, table):
    pieces = wkt(load(OsmSource(extract, table=table)), "way/2")
    assert pieces.startswith("MULTILINESTRING((0.0000000 0.0000000,")
    assert pieces.count("(") == 3


def test_facts_of_a_feature(extract, table):
    graph = load(OsmSource(extract, table=table))
    rows = graph.query(f"SELECT ?p ?o WHERE {{ GRAPH ?g {{ <{PAGE}way/1> ?p ?o }} }}")
    facts = {(vocab.curie(str(p)), str(o), o.language) for p, o in rows}
    assert ("rdfs:label", 'The "Old" Mill\\', "") in facts
    assert ("rdfs:label", "磨坊", "zh") in facts
    assert ("ll:osmId", "way/1", "") in facts
    assert ("ll:tag", "building=yes", "") in facts
    widths = graph.query("SELECT ?f ?w WHERE { GRAPH ?g { ?f ll:width ?w } }")
    assert {(str(f).removeprefix(PAGE), float(w)) for f, w in widths} == {
        ("way/2", 3.0),
        ("way/3", 4.0),
    }


def test_bounds_keep_what_meets_them(extract, table):
    source = OsmSource(extract, bounds=(0.99, 0.99, 1.001, 1.001), table=table)
    assert classes(load(source)) == {("relation/8", "ll:Water")}


def test_same_file_same_bytes_and_gz(extract, table, tmp_path):
    packed = tmp_path / "town.osm.gz"
    packed.write_bytes(gzip.compress(extract.read_bytes()))
    plain = "".join(OsmSource(extract, table=table).ntriples())
    assert plain == "".join(OsmSource(packed, table=table).ntriples())


def test_provenance(extract):
    source = OsmSource(extract, name="town")
    info = source.describe()
    assert source.iri == vocab.GRAPH + "town"
    assert info.licence == "https://opendatacommons.org/licenses/odbl/1-0/"
    assert info.attribution == "© OpenStreetMap contributors"
    assert info.date is None
    assert len(info.sha256) == 64


@pytest.mark.parametrize(
    "how", ["pbf_dense_nodes=false", "pbf_compression=none", "pbf_compression=lz4"]
)
def test_every_kind_of_pbf_gives_the_same(extract, table, tmp_path, how):
    import osmium

    path = tmp_path / "town.osm.pbf"
    kind = osmium.io.File(str(path), f"pbf,{how}")
    with osmium.io.Reader(str(extract)) as reader, osmium.SimpleWriter(kind) as writer:
        osmium.apply(reader, writer)
    told = "".join(OsmSource(path, table=table).ntriples())
    assert told == "".join(OsmSource(extract, table=table).ntriples())


def by_osmium(path: Path) -> dict[str, str]:
    """WKT of all that osmium itself draws, areas and lines."""
    import osmium

    wkt, found = osmium.geom.WKTFactory(), {}
    for item in osmium.FileProcessor(str(path)).with_areas():
        if item.is_area():
            text = wkt.create_multipolygon(item)
            name = f"{'way' if item.from_way() else 'relation'}/{item.orig_id()}"
            found[name, "area"] = text if ")),((" in text else f"POLYGON{text[13:-1]}"
        elif item.is_way():
            with suppress(RuntimeError, osmium.InvalidLocationError):
                found[f"way/{item.id}", "line"] = wkt.create_linestring(item)
    return found


def test_geometries_are_those_of_osmium():
    path = DATA / "osm" / "kotka_2019.osm.pbf"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    wanted, kinds = by_osmium(path), Counter[str]()
    for line in "".join(OsmSource(path).ntriples()).splitlines():
        subject, predicate, literal = line.split(" ", 2)
        if predicate == f"<{vocab.GEO}asWKT>":
            text = literal.split("> ", 1)[1].split('"', 1)[0]
            kind = text.partition("(")[0]
            if kind in ("LINESTRING", "POLYGON", "MULTIPOLYGON"):
                name = subject.removeprefix(f"<{PAGE}").removesuffix("#geometry>")
                assert text == wanted[name, "line" if kind == "LINESTRING" else "area"]
            kinds[kind] += 1
    assert kinds["LINESTRING"] > 300
    assert kinds["POLYGON"] > 500


EMPTY = '<?xml version="1.0"?><osm version="0.6"></osm>'


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("a.osm.pbf", b"", "is empty"),
        ("a.osm.pbf", b"hello, this is no map" * 9, "truncated or not OpenStreetMap"),
        ("a.osm", b"<html></html>", "truncated or not OpenStreetMap"),
        ("a.osm", OSM.encode()[:900], "truncated or not OpenStreetMap"),
        ("a.osm.gz", gzip.compress(OSM.encode(), mtime=0)[:300], "truncated or not OpenStreetMap"),
        ("a.osm", EMPTY.encode(), "no object has tags"),
        ("a.shp", b"x", "does not end in"),
    ],
    ids=["empty", "text", "page", "cut", "cut, packed", "no tags", "another kind"],
)
def test_bad_files_are_two_line_errors(tmp_path, table, name, content, part):
    path = tmp_path / name
    path.write_bytes(content)
    graph = KnowledgeGraph()
    with pytest.raises(SourceError) as error:
        graph.replace_graph(vocab.GRAPH + "osm", OsmSource(path, table=table).ntriples())
    assert part in error.value.message
    assert len(str(error.value).splitlines()) == 2
    assert len(graph) == 0


def test_missing_file_and_empty_bounds(extract, tmp_path, table):
    with pytest.raises(SourceError, match="no such file"):
        OsmSource(tmp_path / "none.osm.pbf").describe()
    with pytest.raises(SourceError, match="no mapped object lies in 50"):
        list(OsmSource(extract, bounds=(50, 50, 51, 51), table=table).ntriples())


@pytest.fixture(scope="module")
def liechtenstein() -> Path:
    path = DATA / "osm" / "liechtenstein_2015.osm.pbf"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return path


def test_a_truncated_country_leaves_nothing_behind(liechtenstein, tmp_path, table):
    path = tmp_path / "cut.osm.pbf"
    path.write_bytes(liechtenstein.read_bytes()[:900_000])
    graph = KnowledgeGraph()
    with pytest.raises(SourceError, match="truncated"):
        graph.replace_graph(vocab.GRAPH + "osm", OsmSource(path, table=table).ntriples())
    assert len(graph) == 0


def test_a_country_by_the_table_that_ships(liechtenstein):
    import shapely

    source = OsmSource(liechtenstein)
    assert source.describe().date == "2015-07-27"
    graph = load(source)
    count = "SELECT (COUNT(DISTINCT ?f) AS ?n) WHERE { GRAPH ?g { ?f a %s } }"
    found = {
        c: int(graph.query(count % c).rows[0][0]) for c in ("ll:Building", "ll:House", "ll:Tree")
    }
    assert found == {"ll:Building": 7470, "ll:House": 893, "ll:Tree": 3000}
    water = shapely.from_wkt(wkt(graph, "relation/2887325"))  # three islands
    assert (water.geom_type, len(water.interiors)) == ("Polygon", 3)
    hole = shapely.Polygon(water.interiors[0])
    assert not water.contains(hole.representative_point())
    assert water.area == pytest.approx(
        shapely.Polygon(water.exterior).area - sum(shapely.Polygon(r).area for r in water.interiors)
    )


def test_helsinki_has_no_date_and_its_tags_tell_classes():
    path = DATA / "helsinki" / "helsinki_centre.osm.pbf"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    source = OsmSource(path, bounds=(24.94, 60.165, 24.945, 60.17))
    assert source.describe().date is None
    graph = load(source)
    rows = graph.query(
        'SELECT ?n WHERE { GRAPH ?g { ?f a ll:Park ; rdfs:label ?n FILTER(LANG(?n) = "") } }'
    )
    assert "Esplanadinpuisto" in {str(n) for (n,) in rows}


ACROSS = """<osm version="0.6">{nodes}
 <way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="5"/><nd ref="1"/>
  <tag k="natural" v="wood"/></way>
 <way id="2"><nd ref="6"/><nd ref="2"/><tag k="highway" v="primary"/></way>
 <way id="3"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="5"/><nd ref="1"/></way>
 <way id="4"><nd ref="7"/><nd ref="8"/><nd ref="9"/><nd ref="7"/></way>
 <way id="5"><nd ref="6"/><nd ref="99"/><nd ref="2"/><tag k="highway" v="primary"/></way>
 <relation id="6"><member type="way" ref="3" role="outer"/><member type="way" ref="4" role="inner"/>
  <tag k="type" v="multipolygon"/><tag k="natural" v="water"/></relation>
</osm>"""
"""A wood across 180 degrees whose west side is bent, roads (one lost a node), a lake like the wood with an island."""
BESIDE = {
    1: (179.8, 0), 2: (-179.9, 0), 3: (-179.9, 0.1), 4: (179.8, 0.1), 5: (179.9, 0.05), 6: (179.9, 0.0),
    7: (179.95, 0.04), 8: (179.99, 0.04), 9: (179.99, 0.06),
}  # fmt: skip


def test_ways_and_multipolygons_across_180_degrees_lead_the_shorter_way(tmp_path):
    nodes = "".join(f'<node id="{i}" lon="{x}" lat="{y}"/>' for i, (x, y) in BESIDE.items())
    (tmp_path / "across.osm").write_text(ACROSS.format(nodes=nodes))
    text = "".join(OsmSource(tmp_path / "across.osm").ntriples())
    found = {
        part.partition("#")[0]: part.partition('asWKT> "')[2].partition('"')[0]
        for part in text.split("<" + PAGE)[1:]
        if "asWKT" in part
    }
    assert sorted(found) == ["relation/6", "way/1", "way/2"]
    wood, road, lake = parse_wkt([found[name] for name in ("way/1", "way/2", "relation/6")])
    assert wood.area == pytest.approx(0.3 * 0.1 - 0.1 * 0.1 / 2)
    assert road.length == pytest.approx(0.2)
    assert lake.area == pytest.approx(wood.area - 0.04 * 0.02 / 2)
    assert {one.geom_type for one in (wood, lake)} == {"MultiPolygon"}
    assert all(abs(abs(x) - 180) <= 0.21 for x in (*wood.bounds[::2], *lake.bounds[::2]))
