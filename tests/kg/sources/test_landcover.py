import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from kg import vocab
from kg.cog import write_raster
from kg.errors import GridError, LegendError, RasterError
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster, read_grid, read_raster
from kg.sources.landcover import LandCoverSource, product_layer
from kg.store import KnowledgeGraph

GEO = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "geo"
ROOT = Path(__file__).resolve().parents[3]
TILE = GEO / "sao_tome" / "ESA_WorldCover_10m_2021_v200_N00E006_Map.tif"
UTM = "EPSG:32633"
PLACE = Affine(30, 0, 500_000, 0, -30, 5_000_000)
TREE, GRASS, WATER = (f"{vocab.LEGEND}worldcover/{code}" for code in (10, 30, 80))
CODES = np.array([[10, 10, 80, 80], [10, 30, 80, 80], [0, 0, 10, 0]], np.uint8)

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul")
needs_data = pytest.mark.skipif(not GEO.is_dir(), reason="../shared/data is not here")


def write(path: Path, codes=CODES, crs: str = UTM, place: Affine = PLACE) -> Path:
    grid = Grid(crs, place, *codes.shape)
    return write_raster(path, Raster(codes[None], grid, nodata=0))


@pytest.fixture
def product(tmp_path):
    return write(tmp_path / "product.tif")


def filled(source: LandCoverSource) -> KnowledgeGraph:
    graph = KnowledgeGraph()
    graph.replace_graph(source.iri, source.ntriples())
    return graph


def shares(graph: KnowledgeGraph, subject: str) -> dict[str, float]:
    found = graph.query(
        f"SELECT ?c ?w {{ <{subject}> ll:hasCover [ ll:value ?c ; ll:weight ?w ] }}"
    )
    return {str(c): float(w) for c, w in found}


def test_shares_of_the_whole_and_of_cells(product):
    source = LandCoverSource(product, "worldcover", cell=2)
    graph = filled(source)
    expected = {TREE: 4 / 9, GRASS: 1 / 9, WATER: 4 / 9}
    assert shares(graph, source.iri) == pytest.approx(expected, abs=1e-6)
    cell = f"{vocab.ID}worldcover/cell2"
    assert shares(graph, f"{cell}/0/0") == pytest.approx({TREE: 0.75, GRASS: 0.25})
    assert shares(graph, f"{cell}/0/1") == {WATER: 1.0}
    assert shares(graph, f"{cell}/1/1") == {TREE: 1.0}
    cells = graph.query(
        "SELECT ?r ?c { ?s a ll:ProductCell ; ll:row ?r ; ll:column ?c } ORDER BY ?r ?c"
    )
    assert [(int(r), int(c)) for r, c in cells] == [
        (0, 0),
        (0, 1),
        (1, 1),
    ]  # the empty one is left out


def test_boundaries_in_metres(product):
    graph = filled(LandCoverSource(product, "worldcover"))
    found = graph.query(
        "SELECT ?a ?b ?m ?w { ?a ll:adjacentTo [ ll:value ?b ; ll:boundaryLength ?m ; ll:weight ?w ] }"
    )
    metres = {(str(a), str(b)): (float(m), float(w)) for a, b, m, w in found}
    assert metres == {
        (TREE, GRASS): (60, 0.5),
        (GRASS, TREE): (60, pytest.approx(2 / 3, abs=1e-6)),
        (TREE, WATER): (60, 0.5),
        (WATER, TREE): (60, pytest.approx(2 / 3, abs=1e-6)),
        (GRASS, WATER): (30, pytest.approx(1 / 3, abs=1e-6)),
        (WATER, GRASS): (30, pytest.approx(1 / 3, abs=1e-6)),
    }


def test_boundaries_shrink_with_latitude(tmp_path):
    codes = np.array([[10, 10], [80, 80], [80, 10]], np.uint8)
    place = Affine(1 / 3600, 0, 20, 0, -1 / 3600, 60)
    source = LandCoverSource(write(tmp_path / "p.tif", codes, "EPSG:4326", place), "worldcover")
    boundary = source.count().boundary
    side = 111_319.49 / 3600  # metres of a second of latitude
    at = load_legend("worldcover").index
    assert boundary[at(TREE), at(WATER)] == pytest.approx(3 * side * 0.5 + side, rel=1e-4)
    assert np.array_equal(boundary, boundary.T)


@pytest.mark.parametrize("block", [1, 2, 3, 5, 64])
def test_the_result_does_not_depend_on_the_blocks(tmp_path, monkeypatch, block):
    codes = np.random.default_rng(0).choice([0, 10, 30, 80], (13, 11)).astype(np.uint8)
    codes[4:9, 2:9] = 80
    path = write(tmp_path / "p.tif", codes)
    whole = LandCoverSource(path, "worldcover", cell=3).count()
    monkeypatch.setattr("kg.sources.counts._BLOCK", block)
    split = LandCoverSource(path, "worldcover", cell=3).count()
    assert np.array_equal(whole.counts, split.counts)
    assert whole.boundary == pytest.approx(split.boundary)
    assert whole.counts.sum() == (codes > 0).sum()
    index = load_legend("worldcover").encode(codes)
    sides = [(index[:, 1:], index[:, :-1]), (index[1:], index[:-1])]
    pairs = sum(int(((a != b) & (a >= 0) & (b >= 0)).sum()) for a, b in sides)
    assert whole.boundary.sum() == pytest.approx(2 * 30 * pairs)


def test_outlines_are_longitude_first_and_keep_row_and_column(product):
    source = LandCoverSource(product, "worldcover", cell=2, name="tile")
    west, _, east, north = read_grid(product).lonlat_bounds
    [(wkt,)] = filled(source).query(
        f"SELECT ?w {{ <{vocab.ID}tile/cell2/0/1> geo:hasGeometry/geo:asWKT ?w }}"
    )
    assert wkt.datatype == vocab.GEO + "wktLiteral" and wkt.startswith(f"<{vocab.CRS84}> POLYGON((")
    numbers = np.array(re.findall(r"-?\d+\.\d+", wkt.partition("POLYGON")[2]), float).reshape(-1, 2)
    assert numbers[0] == pytest.approx(numbers[-1]) and len(numbers) == 5
    assert numbers[:, 0].min() == pytest.approx((west + east) / 2, abs=1e-6)
    assert numbers[:, 1].max() == pytest.approx(north, abs=1e-6)
    x, y = numbers[:-1].T
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0  # counter-clockwise


def test_bounds_keep_the_names_of_cells(product):
    grid = read_grid(product)
    lon, lat = grid.lonlat([2.2, 2.8], [2.2, 2.8])
    source = LandCoverSource(
        product, "worldcover", cell=1, bounds=(lon.min(), lat.min(), lon.max(), lat.max())
    )
    assert shares(filled(source), f"{vocab.ID}worldcover/cell/2/2") == {TREE: 1.0}
    assert source.count().counts.shape[:2] == (1, 1)
    with pytest.raises(GridError, match="expected overlap"):
        LandCoverSource(product, "worldcover", bounds=(100, 0, 101, 1)).count()


def test_provenance_and_text_are_stable(product):
    source = LandCoverSource(product, load_legend("worldcover"), date="2021")
    info = source.describe()
    assert info.licence == "https://creativecommons.org/licenses/by/4.0/" and info.date == "2021"
    assert "ESA WorldCover" in info.attribution and len(info.sha256) == 64
    text = "".join(source.ntriples())
    assert text == "".join(source.ntriples()) and "_:" not in text


def test_a_product_is_as_sure_in_another_list_of_codes(product):
    sure = {
        name: LandCoverSource(product, name).describe().confidence
        for name in ("esri", "esri:2020", "worldcover", "corine:49")
    }
    assert sure == {"esri": 0.75, "esri:2020": 0.75, "worldcover": 0.65, "corine:49": None}


def test_a_legend_of_ones_own_is_named_in_the_graph(tmp_path, product):
    shipped = (ROOT / "ontologies" / "legends" / "worldcover.ttl").read_text(encoding="utf-8")
    own = tmp_path / "mine.ttl"
    own.write_text(shipped.replace("Tree cover", "Trees of mine"), encoding="utf-8")
    source = LandCoverSource(product, load_legend(own))
    assert source.iri == vocab.GRAPH + "mine"
    assert filled(source).query(
        'ASK { ?c skos:prefLabel "Trees of mine"@en ; skos:broadMatch ll:TreeCover }'
    )


def test_bad_products(tmp_path, product):
    other = write(tmp_path / "other.tif", np.array([[11, 42]], np.uint8))
    empty = write(tmp_path / "empty.tif", np.zeros((3, 3), np.uint8))
    bare = tmp_path / "bare.tif"
    profile = {"driver": "GTiff", "height": 1, "width": 1, "count": 1, "dtype": "uint8"}
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(bare, "w", **profile) as file,
    ):
        file.write(np.full((1, 1, 1), 10, np.uint8))
    cut = tmp_path / "cut.tif"
    noise = write(cut, np.random.default_rng(0).choice([10, 30, 80], (300, 300)).astype(np.uint8))
    cut.write_bytes(noise.read_bytes()[: noise.stat().st_size * 4 // 5])
    grid = read_grid(product)
    for path, error, message in (
        (other, LegendError, "other.tif: legend worldcover: unknown class code 11, 42"),
        (empty, RasterError, "empty.tif: only nodata"),
        (bare, GridError, "bare.tif: has no coordinate reference system"),
        (cut, RasterError, "cut.tif"),
        (tmp_path / "none.tif", RasterError, "no such file"),
    ):
        for ask in (
            lambda path=path: list(LandCoverSource(path, "worldcover").ntriples()),
            lambda path=path: product_layer(path, "worldcover", grid, name="p"),
        ):
            with pytest.raises(error, match=re.escape(message)) as caught:
                ask()
            assert str(caught.value).count("\n") == 1
    with pytest.raises(LegendError):
        LandCoverSource(product, "nonsense")
    with pytest.raises(RasterError, match="at least 1 expected"):
        LandCoverSource(product, "worldcover", cell=0)


def test_too_many_cells_are_refused(product, monkeypatch):
    monkeypatch.setattr("kg.sources.landcover._MOST", 5)
    with pytest.raises(RasterError, match="3 x 4 cells of 1 pixels, at most 5") as caught:
        LandCoverSource(product, "worldcover", cell=1).count()
    assert "cells of 2 pixels" in caught.value.hint


def test_a_layer_on_the_same_grid(product):
    layer = product_layer(product, "worldcover", read_grid(product), name="wc", date="2021")
    legend = load_legend("worldcover")
    assert layer.kind == vocab.PRODUCT_CELL and layer.source == vocab.GRAPH + "wc"
    assert np.array_equal(layer.cell >= 0, CODES > 0)
    labels = np.where(layer.cell >= 0, layer.shares.argmax(1)[layer.cell], -1)
    assert np.array_equal(legend.decode(labels), CODES)
    assert layer.shares.shape == (9, len(legend)) and layer.shares.sum(1) == pytest.approx(1)
    assert layer.entities[layer.cell[1, 1]] == f"{vocab.ID}wc/cell/1/1"
    assert (layer.tolerance, layer.date) == (15.0, "2021")


def test_a_layer_of_coarse_cells_has_shares(product):
    layer = product_layer(product, "worldcover", read_grid(product), name="wc", cell=2)
    at = load_legend("worldcover").index
    assert layer.cell.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [-1, -1, 2, 2]]
    assert layer.shares[0, [at(TREE), at(GRASS)]].tolist() == [0.75, 0.25]
    assert layer.entities[2] == f"{vocab.ID}wc/cell2/1/1"


def test_a_layer_on_another_crs_takes_the_cell_below_the_centre(tmp_path):
    rng = np.random.default_rng(1)
    codes = rng.choice([10, 30, 80], (60, 60)).astype(np.uint8)
    place = Affine(0.001, 0, 14.97, 0, -0.001, 45.18)
    path = write(tmp_path / "p.tif", codes, "EPSG:4326", place)
    image = Grid(UTM, Affine(10, 0, 500_000, 0, -10, 5_000_000), 150, 200)
    layer = product_layer(path, "worldcover", image, name="wc")
    rows, cols = np.meshgrid(np.arange(150) + 0.5, np.arange(200) + 0.5, indexing="ij")
    r, c = read_grid(path).rowcol(*image.lonlat(rows, cols))
    expected = codes[np.floor(r).astype(int), np.floor(c).astype(int)]
    found = load_legend("worldcover").decode(layer.shares.argmax(1)[layer.cell])
    near_edge = (np.abs(r - np.round(r)) < 0.02) | (np.abs(c - np.round(c)) < 0.02)
    assert (found == expected)[~near_edge].all() and (found == expected).mean() > 0.99


def test_a_layer_beyond_the_product_is_silent_there(product):
    grid = read_grid(product)
    larger = Grid(UTM, PLACE * Affine.translation(-3, -2), 8, 10)
    layer = product_layer(product, "worldcover", larger, name="wc")
    assert np.array_equal(layer.cell[2:5, 3:7] >= 0, CODES > 0) and (layer.cell >= 0).sum() == 9
    far = Grid(UTM, PLACE * Affine.translation(5000, 0), *grid.shape)
    with pytest.raises(GridError, match="expected overlap"):
        product_layer(product, "worldcover", far, name="wc")
    below = grid.window(2, 0, 1, 2)
    with pytest.raises(RasterError, match="only nodata"):
        product_layer(product, "worldcover", below, name="wc", cell=1)


@needs_data
@pytest.mark.parametrize(
    ("file", "legend", "largest"),
    [
        ("zion/zion_nlcd2011_30m.tif", "nlcd", "nlcd/42"),
        ("helsinki/corine_20m_helsinki.tif", "corine:49", "corine/3121"),
        ("aachen/clc-aachen_clipped.tif", "corine:44", "corine/211"),
    ],
)
def test_real_products(file, legend, largest):
    source = LandCoverSource(GEO / file, legend, cell=100)
    found = source.count()
    with rasterio.open(GEO / file) as data:
        codes = data.read(1)
    straight = np.array([(codes == code).sum() for code in source.legend.codes])
    assert np.array_equal(found.counts.sum((0, 1)), straight)
    whole = shares(filled(source), source.iri)
    assert max(whole, key=lambda iri: whole[iri]) == vocab.LEGEND + largest
    assert sum(whole.values()) == pytest.approx(1, abs=1e-4)


WHOLE = """
import json, resource, sys
import numpy as np
from kg.raster import read_blocks
from kg.sources.landcover import LandCoverSource
source = LandCoverSource(sys.argv[1], "worldcover")
found = source.count()
source.count = lambda: found
lines = sum(chunk.count("\\n") for chunk in source.ntriples())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
straight = np.zeros(256, np.int64)
for _, _, block in read_blocks(sys.argv[1], 4096):
    straight += np.bincount(block.values.ravel(), minlength=256)
ours = found.counts.sum((0, 1), dtype=np.int64)
print(json.dumps({"lines": lines, "mebibytes": peak, "ours": ours.tolist(),
                  "straight": straight[list(source.legend.codes)].tolist()}))
"""


@needs_data
@pytest.mark.parametrize(
    "place", [(31_000, 5_000, 4500, 4500), pytest.param(None, marks=pytest.mark.slow)]
)
def test_worldcover_stays_small_and_counts_right(tmp_path, place):
    """An island of it (20 million pixels), and the whole tile (1,296 million)."""
    path = (
        TILE
        if place is None
        else write_raster(tmp_path / "cut.tif", read_raster(TILE, window=place))
    )
    ran = subprocess.run(
        [sys.executable, "-c", WHOLE, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(ran.stdout)
    assert found["mebibytes"] < 2048
    assert found["ours"] == found["straight"] and sum(found["ours"]) > 10**7
    assert found["lines"] > (10_000 if place is None else 1000)


def test_a_product_as_fine_as_a_tile_can_be_laid(tmp_path):
    """A tile of 2048 pixels with its margins has more than five million cells of a product as fine as the image."""
    grid = Grid("EPSG:32630", Affine(10, 0, 500_000, 0, -10, 5_500_000), 2304, 2304)
    codes = np.full((1, *grid.shape), 10, np.uint8)
    codes[0, 7, 9] = 80
    write_raster(tmp_path / "fine.tif", Raster(codes, grid, 0))
    layer = product_layer(tmp_path / "fine.tif", "worldcover", grid, name="worldcover")
    assert len(layer.entities) == len(layer.shares) == 2304**2
    at = int(layer.cell[7, 9])
    assert layer.entities[at] == layer.entities[at : at + 1][0] == f"{vocab.ID}worldcover/cell/7/9"
    assert layer.shares[at].argmax() == load_legend("worldcover").codes.index(80)


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_product_that_is_stored_turned_has_the_same_boundaries(tmp_path, crs):
    place = PLACE if crs == UTM else Affine(0.001, 0, 10, 0, -0.001, 0.002)
    upright = write(tmp_path / "upright.tif", crs=crs, place=place)
    lying = place @ Affine(
        0, -1, CODES.shape[1], 1, 0, 0
    )  # its rows are the columns, from the last one
    turned = write(tmp_path / "turned.tif", np.rot90(CODES), crs, lying)
    counts = [LandCoverSource(path, "worldcover", cell=1).count() for path in (upright, turned)]
    assert counts[0].boundary.sum() > 0
    assert counts[1].boundary == pytest.approx(counts[0].boundary, rel=1e-6)
    assert read_grid(turned).lonlat_bounds == pytest.approx(read_grid(upright).lonlat_bounds)
