import json
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pyogrio
import pytest

from kg import vocab
from kg.errors import GridError, LandloreWarning, SourceError
from kg.geometry import parse_wkt
from kg.sources.tags import TagTable, load_tags
from kg.sources.vector import VectorSource
from kg.store import KnowledgeGraph

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
SQUARE = "POLYGON ((20 -34, 20.01 -34, 20.01 -33.99, 20 -33.99, 20 -34))"
HOLED = (
    "MULTIPOLYGON (((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1)),"
    " ((5 5, 6 5, 6 6, 5 6, 5 5)))"
)
TAGS = """key,value,geometry,class,width_m,note
building,*,area,ll:Building,,
highway,*,line,ll:Road,4,
highway,trunk,line,ll:Road,8,
railway,rail,line,ll:Railway,5,
landuse,forest,area,ll:TreeCover,,
amenity,school,area,ll:School,,
"""


@pytest.fixture
def table(tmp_path: Path) -> TagTable:
    (tmp_path / "tags.csv").write_text(TAGS, encoding="utf-8")
    return load_tags(tmp_path / "tags.csv")


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return path


def load(source: VectorSource) -> KnowledgeGraph:
    graph = KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    return graph


def count(graph: KnowledgeGraph, cls: str) -> int:
    sparql = f"SELECT (COUNT(?f) AS ?n) WHERE {{ GRAPH ?g {{ ?f a {cls} }} }}"
    return int(graph.query(sparql).rows[0][0])


def geojson(path: Path, rows: list[tuple[dict, dict]]) -> Path:
    features = [{"type": "Feature", "properties": p, "geometry": g} for p, g in rows]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def area(x: float, y: float) -> dict:
    ring = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_columns_named_like_tags(tmp_path, table):
    rows = [
        ({"osm_id": "7", "osm_type": "way", "building": "yes", "amenity": "school"}, area(1, 2)),
        ({"osm_id": "8", "osm_type": "way", "building": None, "name": "empty"}, area(3, 4)),
        ({"building": "no", "landuse": "forest", "name": "Grove"}, area(5, 6)),
    ]
    text = "".join(VectorSource(geojson(tmp_path / "town.geojson", rows), table=table).ntriples())
    assert "<https://www.openstreetmap.org/way/7> " in text
    assert 'core#osmId> "way/7"' in text
    assert "way/8" not in text
    assert f"<{vocab.ID}town/town/2>" in text
    assert "POLYGON ((1 2, 2 2, 2 3, 1 3, 1 2))" in text
    assert 'label> "Grove"' in text


@pytest.mark.parametrize(
    ("told", "identity"),
    [
        ({"osm_id": "7", "osm_type": "way"}, "way/7"),
        ({"@id": "way/7"}, "way/7"),
        ({"full_id": "r7"}, "relation/7"),
        ({"osm_id": "7"}, ""),
        ({"id": "7"}, None),
        ({}, None),
    ],
)
def test_only_exports_are_said_to_be_openstreetmap(tmp_path, table, told, identity):
    """A file of one's own with a column `building` was given out as OpenStreetMap's, under its licence."""
    path = geojson(tmp_path / "v.geojson", [({**told, "building": "yes"}, area(1, 2))])
    source = VectorSource(path, table=table)
    info, text = source.describe(), "".join(source.ntriples())
    is_osm = identity is not None
    assert info.title == ("OpenStreetMap, v.geojson" if is_osm else "v.geojson")
    assert ("odbl" in info.licence, "OpenStreetMap" in info.attribution, bool(info.url)) == (
        is_osm,
    ) * 3
    assert (f'core#osmId> "{identity}"' in text) == bool(identity)
    assert count(load(source), "ll:Building") == 1


def test_layer_name_and_value_column_tell_the_tag(tmp_path, table):
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    path = geojson(tmp_path / "gis_osm_roads_free_1.geojson", [({"fclass": "trunk"}, line)])
    graph = load(VectorSource(path, table=table))
    assert count(graph, "ll:Road") == 1
    assert float(graph.query("SELECT ?w { GRAPH ?g { ?f ll:width ?w } }").rows[0][0]) == 8.0


def test_value_alone_when_the_layer_tells_nothing(tmp_path, table):
    path = geojson(tmp_path / "everything.geojson", [({"fclass": "forest"}, area(0, 0))])
    assert count(load(VectorSource(path, table=table)), "ll:TreeCover") == 1


def test_mapping_of_other_files(tmp_path):
    rows = [({"use": "W"}, area(0, 0)), ({"use": "F"}, area(2, 0)), ({"use": "X"}, area(4, 0))]
    path = geojson(tmp_path / "cadastre.geojson", rows)
    mapping = {"use=W": "ll:Water", "use=F": "ll:TreeCover"}
    source = VectorSource(path, mapping=mapping, kind=vocab.EXPERT_FACT, licence="urn:mine")
    graph = load(source)
    assert (count(graph, "ll:Water"), count(graph, "ll:TreeCover")) == (1, 1)
    assert count(graph, "ll:ExpertFact") == 2
    assert (source.describe().licence, source.describe().attribution) == ("urn:mine", "")
    assert count(load(VectorSource(path, mapping={"*": "ll:Park"})), "ll:Park") == 3


def test_bounds_keep_what_meets_them(tmp_path):
    rows = [({"a": 1}, area(0, 0)), ({"a": 2}, area(3, 0))]
    path = geojson(tmp_path / "x.geojson", rows)
    text = "".join(VectorSource(path, mapping={"*": "ll:Park"}, bounds=(2.5, 0.5, 3, 2)).ntriples())
    assert (f"{vocab.ID}x/x/1>" in text, f"{vocab.ID}x/x/0>" in text) == (True, False)
    with pytest.raises(SourceError, match="no row with a class lies in 50"):
        list(VectorSource(path, mapping={"*": "ll:Park"}, bounds=(50, 50, 51, 51)).ntriples())


def test_any_crs_becomes_longitude_latitude(tmp_path):
    import numpy as np
    import pyogrio
    import shapely

    path = tmp_path / "utm.gpkg"
    wkb = shapely.to_wkb(np.array([shapely.box(500_000, 5_300_000, 500_100, 5_300_100)]))
    pyogrio.raw.write(
        path, wkb, [], [], geometry_type="Polygon", crs="EPSG:32633", driver="GPKG", layer="a"
    )
    text = "".join(VectorSource(path, mapping={"*": "ll:Park"}).ntriples())
    assert "15 47.8542417" in text  # the central meridian of zone 33


def test_missing_crs_is_refused(tmp_path):
    import numpy as np
    import pyogrio
    import shapely

    path = tmp_path / "plain.shp"
    with pytest.warns(UserWarning, match="crs"):
        pyogrio.raw.write(
            path, shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1)])), [np.array([1])], ["a"],
            geometry_type="Polygon", driver="ESRI Shapefile",
        )  # fmt: skip
    with pytest.raises(GridError, match="no coordinate reference system"):
        list(VectorSource(path, mapping={"*": "ll:Park"}).ntriples())


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("a.gpkg", b"", "not a readable vector file"),
        ("a.gpkg", b"SQLite format 3\x00 and then nothing", "not a readable vector file"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [', "not a readable vector"),
        ("a.shp", b"nonsense", "not a readable vector file"),
        ("none.gpkg", None, "no such file"),
    ],
)
def test_bad_files_are_two_line_errors(tmp_path, table, name, content, part):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as error:
        list(VectorSource(path, table=table).ntriples())
    assert part in error.value.message
    assert len(str(error.value).splitlines()) == 2


def test_rows_without_a_class_name_the_columns(tmp_path, table):
    path = geojson(tmp_path / "x.geojson", [({"colour": "red"}, area(0, 0))])
    with pytest.raises(SourceError, match="columns found: colour") as error:
        list(VectorSource(path, table=table).ntriples())
    *words, sql = shlex.split(error.value.hint.partition(": ")[2])
    assert words == ["ogr2ogr", "named.gpkg", str(path), "-sql"]
    assert "building" in pyogrio.raw.read(path, sql=sql)[0]["fields"]
    with pytest.raises(SourceError, match="no layer 'y' with geometry, found x"):
        list(VectorSource(path, layer="y", table=table).ntriples())


TOGETHER = """
import sys
import numpy as np
from pathlib import Path
def vectors():
    import shapely
    from kg.sources.vector import VectorSource
    from kg.vector_file import write_vector
    wkt = "MULTIPOLYGON (((15 47, 16 47, 16 48, 15 47)))"
    batch = np.array([shapely.to_wkb(shapely.from_wkt(wkt))], object), {"a": np.array([1])}
    write_vector(Path(sys.argv[1]), [batch], crs="EPSG:4326")
    return "".join(VectorSource(sys.argv[1], mapping={"*": "ll:Park"}).ntriples())
def rasters():
    from affine import Affine
    from kg.cog import write_raster
    from kg.grid import Grid, transform_points
    from kg.raster import Raster, read_raster
    grid = Grid("EPSG:32633", Affine(10, 0, 5e5, 0, -10, 5.3e6), 8, 8)
    path = write_raster(sys.argv[2], Raster(np.ones((1, 8, 8), np.uint8), grid))
    lon, _ = transform_points([5e5], [5.3e6], read_raster(path).grid.crs, "OGC:CRS84")
    return round(float(lon[0]), 6)
order = [vectors, rasters] if sys.argv[3] == "vectors" else [rasters, vectors]
answers = {f.__name__: f() for f in order}
answers = {f.__name__: f() for f in order}
assert answers["rasters"] == 15.0, answers
assert "> POLYGON ((15 47, 16 47, 16 48, 15 47))" in answers["vectors"], answers
"""


@pytest.mark.parametrize("first", ["vectors", "rasters"])
def test_two_gdals_in_one_process(tmp_path, first):
    program = [sys.executable, "-W", "error", "-c", TOGETHER]
    done = subprocess.run(
        [*program, str(tmp_path / "a.gpkg"), str(tmp_path / "a.tif"), first],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_swellendam_geopackage(table):
    source = VectorSource(shared("geo/swellendam/training_data.gpkg"), name="osm", table=table)
    graph = load(source)
    assert source.iri == vocab.GRAPH + "osm"
    assert source.describe().attribution == "© OpenStreetMap contributors"
    assert count(graph, "ll:Building") == 4708  # the eleven restaurants are among them
    assert count(graph, "ll:Road") == 716  # of 717, one is a tunnel


def test_aachen_shapefiles(table):
    buildings = VectorSource(shared("geo/aachen/aachen_buildings.shp"), table=table)
    assert count(load(buildings), "ll:Building") == 4472
    rails = VectorSource(shared("geo/aachen/aachen_rails.shp"), table=table)
    assert count(load(rails), "ll:Railway") == 934


def test_kampala_geojson_inside_a_zip(table):
    path = shared("segmentation/oam_kampala_z21_osm_buildings.zip")
    with zipfile.ZipFile(path) as archive:
        rows = json.loads(archive.read("osm_buildings.geojson"))["features"]
    inside = VectorSource(f"/vsizip/{path}/osm_buildings.geojson", table=table)
    assert count(load(inside), "ll:Building") == len(rows) == 206


def wkts(source: VectorSource) -> list[str]:
    text = "".join(source.ntriples())
    return [part.partition('"')[0].partition("> ")[2] for part in text.split('asWKT> "')[1:]]


def test_rows_without_a_usable_geometry_are_counted(tmp_path):
    unclosed = area(5, 6)
    unclosed["coordinates"][0].pop()
    two = {"type": "GeometryCollection", "geometries": [area(1, 1), area(7, 7)]}
    yes = {"building": "yes"}
    rows = [
        (yes, None),
        (yes, unclosed),
        (yes, {"type": "Point", "coordinates": [1, 2]}),
        (yes, two),
    ]
    path = geojson(
        tmp_path / "town.geojson", [*rows, (yes, area(3, 4)), ({"name": "x"}, area(8, 8))]
    )
    with pytest.warns(LandloreWarning) as told:
        assert wkts(VectorSource(path)) == ["POLYGON ((3 4, 4 4, 4 5, 3 5, 3 4))"]
    message = str(told[0].message)
    assert "town.geojson: 4 rows left out: " in message
    for reason in (
        "1 without a geometry",
        "1 with a ring",
        "1 with a point",
        "1 with a geometry collection",
    ):
        assert reason in message


def test_file_without_any_usable_geometry(tmp_path):
    path = geojson(tmp_path / "town.geojson", [({"building": "yes"}, None)] * 2)
    with pytest.raises(
        SourceError, match="no row can be used, 2 rows left out: 2 without a geometry"
    ):
        list(VectorSource(path).ntriples())


def ring_around(lat: float, *places: float) -> dict:
    return {"type": "Polygon", "coordinates": [[[x, lat] for x in (*places, places[0])]]}


@pytest.mark.parametrize(
    ("lat", "places", "share"),
    [
        (80, (-170, -90, 0, 90, 170), 1),
        (80, (170, 90, 0, -90, -170), 1),
        (80, (-180, -90, 0, 90, 180), 1),  # closed by a piece of a whole turn
        (-60, (0, 90, 180, -90), 1),
    ],
)
def test_ring_around_a_pole_bounds_the_ground_up_to_it(tmp_path, lat, places, share):
    path = geojson(tmp_path / "ice.geojson", [({"natural": "glacier"}, ring_around(lat, *places))])
    (shape,) = parse_wkt(wkts(VectorSource(path)))
    west, south, east, north = shape.bounds
    assert (west, east) == (-180, 180)
    assert {south, north} == {lat, 90 if lat > 0 else -90}
    assert shape.area == pytest.approx(360 * (90 - abs(lat)))


def test_ring_of_ice_around_a_pole_keeps_its_hole(tmp_path):
    rings = [ring_around(lat, -170, -90, 0, 90, 170)["coordinates"][0] for lat in (70, 80)]
    shape = {"type": "Polygon", "coordinates": rings}
    path = geojson(tmp_path / "ice.geojson", [({"natural": "glacier"}, shape)])
    (found,) = parse_wkt(wkts(VectorSource(path)))
    assert found.area == pytest.approx(360 * 10)


def test_polygon_across_180_degrees_comes_in_two_parts(tmp_path):
    lake = {
        "type": "Polygon",
        "coordinates": [[[179.9, 0], [-179.9, 0], [-179.9, 1], [179.9, 1], [179.9, 0]]],
    }
    line = {"type": "LineString", "coordinates": [[179.9, 0], [-179.9, 0]]}
    world = {
        "type": "Polygon",
        "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
    }
    path = geojson(
        tmp_path / "lake.geojson",
        [
            ({"natural": "water"}, lake),
            ({"highway": "primary"}, line),
            ({"natural": "water"}, world),
        ],
    )
    found = parse_wkt(wkts(VectorSource(path)))
    assert [one.geom_type for one in found] == ["MultiPolygon", "MultiLineString", "Polygon"]
    assert [one.area for one in found] == pytest.approx([0.2, 0, 360 * 180])
    assert found[1].length == pytest.approx(0.2)
    near = VectorSource(path, bounds=(10, -1, 11, 1))
    assert len(wkts(near)) == 1, "parts at 180 degrees do not lie at 10"
