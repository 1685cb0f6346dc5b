"""Real data through the real command line, cropped small; `docs/real-data.md` has the full-size runs.

No area here has image, product and OpenStreetMap all three: Zion has image and product, Helsinki product and
OpenStreetMap, Swellendam image and OpenStreetMap, the Korean tiles the labels of a real network, São Tomé a product.
"""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from scipy.ndimage import binary_dilation

from fusion.metrics import confusion, miou, overall_accuracy
from kg.cog import write_raster
from kg.geometry import parse_wkt
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster, read_raster
from kg.spatial import features_layer
from landlore import cli
from landlore.graph import open_graph

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
WAY = "https://www.openstreetmap.org/way/"


def real(name):
    """A file of the shared data, or a skip that names it."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is absent: real data is not part of the repository")
    return path


def crop(name, to, place, **options):
    """Write a window (row, column, height, width) of a real raster."""
    raster = read_raster(real(name))
    row, col, height, width = place
    values = raster.values[:, row : row + height, col : col + width]
    write_raster(to, Raster(values, raster.grid.window(*place), raster.nodata), **options)
    return to


@pytest.fixture
def landlore(monkeypatch, capsys):
    """Run a command line and give what it printed."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["landlore", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert ended.value.code in (0, None), printed.err
        return printed.out

    return run


def answer(landlore, graph, name):
    """Rows of a named query."""
    found = landlore("query", graph, "--name", name, "--format", "json")
    return json.loads(found)["results"]["bindings"]


def rules_in(run):
    """Names of the rules that were in force."""
    return {
        one["rule"]["value"].rpartition("#")[2]
        for one in rows(run, "SELECT ?rule { ?rule a run:Rule }")
    }


def rows(graph, sparql):
    """Lexical values of each row of a query."""
    found = open_graph(graph).query(sparql)
    return json.loads(found.to_json())["results"]["bindings"]


def test_zion_image_and_product_to_map_and_reasons(landlore, tmp_path):
    pytest.importorskip("torch")
    place = (330, 470, 160, 160)
    image = crop(
        "geo/zion/zion_landsat8_b2345.tif", tmp_path / "b2345.tif", place, overviews="average"
    )
    nlcd = crop("geo/zion/zion_nlcd2011_30m.tif", tmp_path / "nlcd.tif", place)
    dem = crop("geo/zion/zion_srtm_30m.tif", tmp_path / "srtm.tif", place, overviews="average")
    out = tmp_path / "zion"
    told = json.loads(
        landlore("interpret", image, "--bands", "blue,green,red,nir", "--landcover", f"nlcd={nlcd}",
                 "--dem", dem, "--steps", 60, "-o", out, "--json")
    )  # fmt: skip
    made, product = read_raster(out / "corrected.tif"), read_raster(nlcd).values[0]
    legend, codes = load_legend("nlcd"), made.values[0]
    assert made.grid.same_as(read_raster(image).grid) and set(np.unique(codes)) <= set(legend.codes)
    agreed = float((codes == product).mean())
    assert agreed > np.unique(product, return_counts=True)[1].max() / product.size + 0.1
    changed = read_raster(out / "changed.tif").values[0]
    assert told["corrections"] > 20 and changed.sum() == told["changed_pixels"] < 0.1 * codes.size
    row, col = np.argwhere(read_raster(out / "reasons.tif").values[0] == 0)[0]
    lon, lat = made.grid.lonlat(row + 0.5, col + 0.5)
    (why,) = json.loads(landlore("explain", out, f"--at={lon},{lat}", "--json"))
    assert why["labels"][1] == legend.names()[int(codes[row, col])]
    assert sum(r["value"] for r in why["reasons"]) == pytest.approx(why["log_odds"], abs=1e-6)
    assert answer(landlore, out, "unexplained") == []
    assert rules_in(out) >= {"trees-green", "wetland-flat", "water-ndwi"}, "indices, slope"


def test_helsinki_product_and_osm_by_class_and_place(landlore, tmp_path):
    graph = tmp_path / "helsinki"
    told = json.loads(
        landlore("build", graph, "--landcover", f"corine:49={real('geo/helsinki/corine_20m_helsinki.tif')}",
                 "--osm", real("geo/helsinki/helsinki_centre.osm.pbf"), "--bounds", "24.93,60.165,24.96,60.18",
                 "--json")
    )  # fmt: skip
    assert told["triples"] > 40_000 and told["statements"]["geo:sfWithin"] > 500
    cathedral = rows(graph, f"SELECT ?c {{ <{WAY}419479428> a/rdfs:subClassOf* ?c }}")
    assert "https://w3id.org/landlore/core#ReligiousBuilding" in {
        r["c"]["value"] for r in cathedral
    }
    counts = {
        one["class"]["value"].rpartition("#")[2]: int(one["features"]["value"])
        for one in answer(landlore, graph, "osm-features-by-class")
    }
    assert counts["Building"] > 200 and counts["Park"] >= 5 and counts["LocalRoad"] > 100
    shares = [float(s["meanShare"]["value"]) for s in answer(landlore, graph, "product-shares")]
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    within = rows(graph, """SELECT DISTINCT ?tree ?inner ?park ?outer {
        ?tree a ll:Tree ; geo:sfWithin ?park ; geo:hasGeometry/geo:asWKT ?inner .
        ?park a ll:Park ; geo:hasGeometry/geo:asWKT ?outer }""")  # fmt: skip
    assert len(within) > 50
    inner, outer = (parse_wkt([r[k]["value"] for r in within]) for k in ("inner", "outer"))
    assert all(park.contains(tree) for park, tree in zip(outer, inner, strict=True))


def test_swellendam_image_and_osm_correct_a_colour_map(landlore, tmp_path):
    place = (1300, 780, 360, 318)
    photo = crop(
        "geo/swellendam/3420B_2010_328_RGB_LATLNG.tif",
        tmp_path / "rgb.tif",
        place,
        overviews="average",
    )
    osm = real("geo/swellendam/training_data.gpkg")
    raster = read_raster(photo)
    brightness = raster.values[:3].mean(axis=0)
    codes = np.select([brightness < 66, brightness > 98], [30, 50], 40).astype(np.uint8)
    labels = tmp_path / "labels.tif"
    write_raster(labels, Raster(codes[None], raster.grid, 0))
    out = tmp_path / "out"
    dem = real("geo/swellendam/srtm_41_19_4326.tif")
    landlore("correct", labels, "--legend", "town", "--confidence", 0.6, "--vector", osm, "-o", out,
             "--image", photo, "--bands", "red,green,blue,alpha", "--dem", dem)  # fmt: skip
    after = read_raster(out / "corrected.tif").values[0]
    layer = features_layer(open_graph(out), raster.grid)
    mapped = layer.cell >= 0
    kinds = np.array([c.rpartition("#")[2] for c in layer.classes])[layer.shares.argmax(axis=1)][
        layer.cell
    ]
    houses = mapped & (kinds == "Building")
    roads = mapped & np.isin(kinds, ["MainRoad", "LocalRoad"])
    assert houses.sum() > 300 and (after[houses] == 60).mean() > 0.7
    assert roads.sum() > 1000 and (after[roads] == 70).mean() > 0.5
    changed = after != codes
    near = binary_dilation(mapped, iterations=4)
    assert near[changed].mean() > 0.97, "nothing changes where nothing is mapped within 10 m"
    ways = rows(
        out,
        "SELECT DISTINCT ?e { ?c a run:Correction ; run:evidence ?e . GRAPH ?g { ?e a ll:Building } }",
    )
    assert len(ways) >= 5 and all(r["e"]["value"].startswith(WAY) for r in ways)
    assert rules_in(out) >= {"osm-building", "osm-road", "water-flat"}


def korean_tiles():
    """(name, labels of the network, truth, grid) of each tile."""
    from PIL import Image

    with zipfile.ZipFile(real("segmentation/s2_korea_10m.zip")) as archive:
        for name, meta in sorted(json.loads(archive.read("meta.json")).items()):
            if name.startswith("_"):
                continue
            pred, truth = (
                np.array(Image.open(io.BytesIO(archive.read(f"{kind}/{name}.png"))))
                for kind in ("pred", "masks")
            )
            yield (
                name,
                pred,
                truth,
                Grid(f"EPSG:{meta['epsg']}", Affine(*meta["transform"]), *pred.shape),
            )


def korea(landlore, folder, most, side=512):
    """Accuracy and mean IoU of a real network's labels before and after, over the first tiles (their corners)."""
    legend, network = load_legend("s2korea"), load_legend("s2korea:pred")
    tables = np.zeros((2, len(legend), len(legend)))
    for name, whole, masks, place in list(korean_tiles())[:most]:
        pred, truth = whole[:side, :side], masks[:side, :side]
        grid = place.window(0, 0, side, side)
        path, out = folder / f"{name}.tif", folder / name
        write_raster(path, Raster(pred[None], grid, 255))
        landlore("correct", path, "--legend", "s2korea:pred", "-o", out, "--json")
        after = read_raster(out / "corrected.tif").values[0]
        want = legend.encode(truth)
        for i, found in enumerate((pred, after)):
            tables[i] += confusion(want, network.encode(found), len(legend))
    return [(overall_accuracy(t), miou(t)) for t in tables]


def test_korean_labels_of_a_real_network_are_not_harmed(landlore, tmp_path):
    before, after = korea(landlore, tmp_path, 3, 256)
    assert after[1] >= before[1] - 0.002 and after[0] >= before[0] - 0.002


@pytest.mark.slow
def test_all_korean_tiles(landlore, tmp_path):
    before, after = korea(landlore, tmp_path, 18)
    assert before == pytest.approx((0.866, 0.494), abs=1e-3)
    assert after[1] >= before[1] - 0.002 and after[0] >= before[0] - 0.002


def fresh(code, *words):
    """Run Python code in a fresh process; its standard output, or a failure with its errors."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_correct_needs_no_torch(tmp_path):
    name, pred, _, grid = next(korean_tiles())
    path = tmp_path / f"{name}.tif"
    write_raster(path, Raster(pred[None, :128, :128], grid.window(0, 0, 128, 128), 255))
    code = """
import sys
import landlore as ll
ll.correct(sys.argv[1], legend="s2korea:pred", out=sys.argv[2])
print(sorted({"torch", "pykeen", "transformers"} & set(sys.modules)))
"""
    assert fresh(code, path, tmp_path / "out").strip() == "[]"


@pytest.mark.parametrize("bounds", ["6.4,0.0,6.8,0.45", pytest.param("", marks=pytest.mark.slow)])
def test_worldcover_under_two_gigabytes(tmp_path, bounds):
    """An island of it, and the whole tile."""
    tile = real("geo/sao_tome/ESA_WorldCover_10m_2021_v200_N00E006_Map.tif")
    code = """
import json, resource, sys
from landlore import cli
try:
    cli.app(sys.argv[1:], standalone_mode=False)
finally:
    print(json.dumps({"kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""
    words = ["--bounds", bounds] if bounds else []
    lines = fresh(
        code, "build", tmp_path / "graph", "--landcover", f"worldcover={tile}", *words, "--json"
    ).splitlines()
    told, used = map(json.loads, lines)
    assert used["kib"] < 2 * 1024**2
    assert told["triples"] > (1000 if bounds else 10_000)
    shares = rows(
        tmp_path / "graph",
        "SELECT ?k ?w { ?product a dcat:Dataset ; ll:hasCover [ ll:value ?k ; ll:weight ?w ] }",
    )
    share = {r["k"]["value"].rpartition("/")[2]: float(r["w"]["value"]) for r in shares}
    assert sum(share.values()) == pytest.approx(1, abs=1e-5) and share["80"] + share["10"] > 0.9
