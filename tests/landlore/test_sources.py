import numpy as np
import pytest
from affine import Affine

from kg import vocab
from kg.build import fingerprint
from kg.cog import write_raster
from kg.errors import InputError, LegendError, SourceError
from kg.grid import Grid
from kg.raster import Raster
from kg.store import KnowledgeGraph
from landlore.graph import build, known_graph
from landlore.sources import Sources, feature_layers, graph_sources, product_layers, products

GRID = Grid("EPSG:32630", Affine(30, 0, 500_000, 0, -30, 5_500_000), 20, 20)
HOUSE = """{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"building": "house"},
 "geometry": {"type": "Polygon", "coordinates": [[[-2.999, 49.649], [-2.996, 49.649], [-2.996, 49.647],
 [-2.999, 49.647], [-2.999, 49.649]]]}}]}"""


@pytest.fixture
def folder(tmp_path):
    fine = Grid(GRID.crs, Affine(10, 0, 500_000, 0, -10, 5_500_000), 60, 60)
    codes = np.full(fine.shape, 30, np.uint8)
    codes[:, 1::3] = 10
    write_raster(tmp_path / "worldcover_n49.tif", Raster(codes[None], fine, 0))
    (tmp_path / "houses.geojson").write_text(HOUSE)
    return tmp_path


def test_one_word_is_a_list_of_one():
    found = Sources(landcover="nlcd=a.tif", osm="b.osm", bands="red")
    assert (
        found.landcover == ("nlcd=a.tif",) and found.osm == ("b.osm",) and found.bands == ("red",)
    )
    assert Sources(rules=None).rules is None and Sources(rules=()).rules == ()


@pytest.mark.parametrize(
    ("text", "legend"),
    [
        ("nlcd=a/cover.tif", "nlcd"),
        ("a/ESA_WorldCover_10m_2021_v200_N00E006_Map.tif", "worldcover"),
        ("clc-aachen_clipped.tif", "corine"),
        ("corine_20m_helsinki.tif", "corine:49"),
        ("zion_nlcd2011_30m.tif", "nlcd"),
        ("from_glc10_2017.tif", "fromglc10"),
        ("MCD12Q1.A2019001.h19v10.061.2022169160720.tif", "modis_igbp"),
        ("MCD12Q1.A2001001.h19v10.005.hdf.tif", "modis_igbp:v5"),
        ("ESACCI-LC-L4-LCCS-Map-300m-P1Y-2015-v2.0.7.tif", "esa_cci"),
        ("C3S-LCCS-L4-LC10-Map-300m-P1Y-2018-v2.1.1.tif", "esa_cci"),
        ("Baywide_13Class_20132014.tif", "chesapeake13"),
        ("Baywide_7class_20132014.tif", "chesapeake7"),
        ("LoveDA_val_2523.tif", "loveda"),
        ("isprs_potsdam_2_10.tif", "isprs"),
        ("deepglobe_119_mask.tif", "deepglobe"),
        ("OpenEarthMap_aachen_1.tif", "openearthmap"),
        ("corine_level1_2018.tif", "corine:level1"),
        ("clc2018-L2.tif", "corine:level2"),
        ("clc2012_100m.tif", "corine"),
    ],
)
def test_the_legend_is_given_or_told_by_the_name(text, legend):
    (found,) = products([text])
    assert found.legend.name == legend and str(found.path) == text.removeprefix("nlcd=")


def test_two_products_of_one_legend_have_two_names():
    assert [p.name for p in products(["nlcd=2001.tif", "nlcd=2011.tif"])] == ["nlcd", "nlcd-2"]


def test_a_path_may_have_an_equals_sign(folder):
    (folder / "year=2021").mkdir()
    path = folder / "year=2021" / "worldcover.tif"
    path.write_bytes(b"")
    (found,) = products([str(path)])
    assert found.path == path and found.legend.name == "worldcover"


def test_a_name_that_tells_nothing():
    with pytest.raises(LegendError, match="does not say which legend") as error:
        products(["cover.tif"])
    assert "worldcover=cover.tif" in error.value.hint


def test_graph_sources_are_named_by_kind_and_number(folder):
    houses = str(folder / "houses.geojson")
    found = graph_sources(
        Sources(landcover=(str(folder / "worldcover_n49.tif"),), vector=(houses, houses))
    )
    assert [s.iri.removeprefix(vocab.GRAPH) for s in found] == ["worldcover", "vector", "vector-2"]
    with pytest.raises(SourceError, match=r"none\.osm: no such file"):
        graph_sources(Sources(osm="none.osm"))


def test_sources_of_a_graph_that_is_updated_keep_their_names(folder):
    one, two, new = (folder / f"{name}.geojson" for name in ("houses", "two", "new"))
    for path in (two, new):
        path.write_text((folder / "houses.geojson").read_text() + "\n" * len(path.stem))
    twins = [folder / "corine_a.tif", folder / "corine_b.tif"]
    for path in twins:
        path.write_bytes(path.name.encode())

    def names(vector, landcover, former):
        given = Sources(vector=tuple(map(str, vector)), landcover=tuple(map(str, landcover)))
        found = graph_sources(given, former=former)
        return {s.iri: fingerprint(s.describe()) for s in found}

    former = names([one, two], twins, None)
    assert names([two, one], twins[::-1], former) == former
    assert names([two], [twins[1]], former).items() <= former.items()
    third = names([new, two], [], former)
    assert {iri for iri, of in third.items() if of != former.get(iri)} == {f"{vocab.GRAPH}vector"}
    same = names([one, one], [], former)
    assert sorted(same) == [f"{vocab.GRAPH}vector", f"{vocab.GRAPH}vector-2"]


def test_pixels_of_a_finer_product_are_taken_together(folder):
    (layer,) = product_layers(Sources(landcover=str(folder / "worldcover_n49.tif")), GRID)
    assert (layer.cell >= 0).all() and len(np.unique(layer.cell)) == 400
    at = [layer.classes.index(f"{vocab.LEGEND}worldcover/{code}") for code in (10, 30)]
    assert layer.shares[:, at] == pytest.approx(np.tile([1 / 3, 2 / 3], (400, 1)), abs=1e-6)


def test_features_are_called_by_their_file(folder):
    sources = Sources(vector=str(folder / "houses.geojson"))
    (layer,) = feature_layers(known_graph(sources, GRID), GRID)
    assert layer.name == "houses.geojson" and layer.source == vocab.GRAPH + "vector"
    assert (layer.cell >= 0).sum() > 20
    assert feature_layers(KnowledgeGraph(), GRID) == ()


def test_a_given_graph_is_used_as_it_is(folder):
    houses = str(folder / "houses.geojson")
    built = build(folder / "graph", Sources(vector=houses)).path
    graph = known_graph(Sources(graph=str(built)), GRID)
    (layer,) = feature_layers(graph, GRID)
    (same,) = feature_layers(known_graph(Sources(vector=houses), GRID), GRID)
    assert np.array_equal(layer.cell, same.cell) and layer.entities == same.entities
    with pytest.raises(InputError, match="used as it is"):
        known_graph(Sources(graph=str(built), vector=houses), GRID)
