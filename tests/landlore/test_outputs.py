"""A drawn village through `correct`: every file of the run folder is whole, valid, and agrees with the others."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

import landlore as ll
from kg.cog import write_raster
from kg.errors import OutputError
from kg.grid import Grid
from kg.raster import Raster, read_raster
from kg.store import KnowledgeGraph
from landlore.outputs import whole_folder

SHAPES = Path(__file__).resolve().parents[2] / "ontologies" / "shapes.ttl"
GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 400, 520)
HOUSES = [(40 + 60 * i, 60 + 70 * j, 12, 9) for i in range(5) for j in range(4)]
"""Row, column, height and width of each house."""
WATER, TREES, GRASS, BUILDING, ROAD = 10, 30, 40, 60, 70
TAGS = {BUILDING: ("building", "house"), ROAD: ("highway", "residential")}


def draw():
    """Town codes that a network might give: half of the houses missed, salt in the meadow, a corner without data."""
    truth = np.full(GRID.shape, GRASS, np.uint8)
    truth[:, 400:], truth[350:, :400], truth[300:306, :400] = TREES, WATER, ROAD
    rng = np.random.default_rng(3)
    seen = truth.copy()
    for i, (row, col, height, width) in enumerate(HOUSES):
        truth[row : row + height, col : col + width] = BUILDING
        if i % 2:
            seen[row : row + height, col : col + width] = BUILDING
    salt = (rng.random(GRID.shape) < 0.005) & (seen == GRASS)
    seen[salt] = TREES
    seen[200:202, 100:102] = WATER
    seen[:30, -50:] = 0
    return seen


def write_osm(path):
    """Every house and the street as OpenStreetMap XML."""
    corners = [
        (BUILDING, [(r, c), (r, c + w), (r + h, c + w), (r + h, c)]) for r, c, h, w in HOUSES
    ]
    nodes, ways = [], []
    for way, (code, points) in enumerate([*corners, (ROAD, [(303, 0), (303, 400)])], 1):
        lon, lat = GRID.lonlat(*np.array(points, float).T)
        refs = [10 * way + i for i in range(len(points))]
        nodes += [
            f'<node id="{n}" version="1" lon="{x:.7f}" lat="{y:.7f}"/>'
            for n, x, y in zip(refs, lon, lat, strict=True)
        ]
        key, value = TAGS[code]
        ring = refs + refs[:1] * (code == BUILDING)
        line = "".join(f'<nd ref="{n}"/>' for n in ring)
        ways.append(f'<way id="{way}" version="1">{line}<tag k="{key}" v="{value}"/></way>')
    path.write_text("\n".join(['<osm version="0.6">', *nodes, *ways, "</osm>"]), encoding="utf-8")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    home = tmp_path_factory.mktemp("village")
    write_raster(home / "labels.tif", Raster(draw()[None], GRID, 0))
    corner = GRID.window(290, 120, 70, 90)
    write_raster(home / "corner.tif", Raster(draw()[None, 290:360, 120:210], corner, 0))
    write_osm(home / "village.osm")
    coarse = GRID.coarser(10)
    cover = np.full(coarse.shape, 30, np.uint8)
    cover[:, 40:], cover[35:, :40], cover[2:30, 4:30] = 10, 80, 50
    write_raster(home / "cover.tif", Raster(cover[None], coarse, 0))
    return home


def run(inputs, out, *, labels="labels.tif", **options):
    sources = ll.Sources(
        landcover=(f"worldcover={inputs / 'cover.tif'}",), osm=(str(inputs / "village.osm"),)
    )
    settings = ll.RunSettings(confidence=0.5, **options)
    return ll.correct(inputs / labels, legend="town", sources=sources, settings=settings, out=out)


@pytest.fixture(scope="module")
def done(inputs):
    return run(inputs, inputs / "run")


@pytest.fixture(scope="module")
def maps(done):
    names = ("corrected", "changed", "confidence", "reasons")
    return {name: read_raster(done.folder / f"{name}.tif").values[0] for name in names}


@pytest.fixture(scope="module")
def table(done):
    with (done.folder / "corrections.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["corrected", "changed", "confidence", "reasons"])
def test_rasters_are_cloud_optimised(done, name):
    with rasterio.open(done.folder / f"{name}.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.profile["tiled"] and file.crs.to_epsg() == 32630
        assert file.transform == GRID.transform and file.shape == GRID.shape
        assert file.overviews(1) == [2]


def test_corrected_map_says_what_its_codes_are(done, maps):
    legend = ll.load_legend("town")
    with rasterio.open(done.folder / "corrected.tif") as file:
        assert file.nodata == 0
        table = file.colormap(1)
        told = dict(pair.split("=") for pair in file.tags(1)["CLASS_NAMES"].split(";"))
    assert {code: table[code][:3] for code in legend.codes} == legend.colour_table()
    assert told == {str(code): name for code, name in legend.names().items()}
    assert set(np.unique(maps["corrected"])) <= {0, *legend.codes}
    assert np.array_equal(maps["corrected"] == 0, draw() == 0)


def test_overviews_of_codes_are_the_mode(done, maps):
    with rasterio.open(done.folder / "corrected.tif", overview_level=0) as file:
        small = file.read(1)
    blocks = maps["corrected"].reshape(200, 2, 260, 2).swapaxes(1, 2).reshape(200, 260, 4)
    most = np.sort(blocks, axis=2)
    clear = (most[..., 0] == most[..., 2]) | (most[..., 1] == most[..., 3])
    assert clear.mean() > 0.9
    assert np.array_equal(small[clear], most[..., 1][clear])
    assert (blocks == small[..., None]).any(axis=2).all(), "no value that is not there"


def test_maps_and_table_agree_pixel_by_pixel(maps, table):
    before, after, reasons = draw(), maps["corrected"], maps["reasons"]
    changed = before != after
    assert changed.sum() > 1000
    assert np.array_equal(maps["changed"], np.where(before == 0, 255, changed))
    assert np.array_equal(reasons >= 0, changed) and reasons.max() == len(table) - 1
    assert np.array_equal(np.isnan(maps["confidence"]), before == 0)
    for i, row in enumerate(table):
        here = reasons == i
        assert int(row["index"]) == i and int(row["pixels"]) == here.sum()
        assert set(before[here]) == {int(row["before_code"])}
        assert set(after[here]) == {int(row["after_code"])}
        assert maps["confidence"][here].mean() == pytest.approx(float(row["confidence"]), abs=1e-5)
        assert float(row["area_m2"]) == pytest.approx(4 * here.sum(), abs=0.01)


def test_what_was_mapped_is_found_and_what_was_noise_is_gone(maps):
    after = maps["corrected"]
    houses = np.zeros(GRID.shape, bool)
    for row, col, height, width in HOUSES:
        houses[row + 1 : row + height - 1, col + 1 : col + width - 1] = True
    assert (after[houses] == BUILDING).mean() > 0.95
    meadow = draw()[310:350, :400] == TREES
    assert (after[310:350, :400][meadow] == GRASS).mean() > 0.95
    assert (after[200:202, 100:102] != WATER).all(), "a pond of two pixels"


def test_contributions_sum_to_the_log_odds_of_every_correction(done):
    assert len(done.corrected.corrections) > 20
    for one in done.corrected.corrections:
        assert sum(c.value for c in one.contributions) == pytest.approx(one.log_odds, abs=1e-6)
        assert one.log_odds > 0 or one.excluded_by
    stored = KnowledgeGraph.open(done.folder / "explanations.trig").query(
        "SELECT ?odds (SUM(?v) AS ?sum) { ?c run:logOdds ?odds ; run:contribution/run:value ?v } GROUP BY ?c ?odds"
    )
    pairs = np.array([[float(value.value) for value in row] for row in stored])
    assert len(pairs) == len(done.corrected.corrections)
    assert pairs[:, 0] == pytest.approx(pairs[:, 1], abs=1e-6)


def test_explanations_satisfy_the_shapes(inputs):
    import pyshacl
    import rdflib

    small = run(inputs, inputs / "corner", labels="corner.tif")
    assert len(small.corrected.corrections) > 5
    graph = KnowledgeGraph.open(small.folder / "explanations.trig")
    graph.load(small.folder / "graph.trig")
    union = graph.query("CONSTRUCT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }")
    data = rdflib.Graph().parse(data=union.to_turtle(), format="turtle")
    shapes = rdflib.Graph().parse(SHAPES)
    conforms, _, text = pyshacl.validate(data, shacl_graph=shapes, allow_warnings=True)
    assert conforms, text


def test_the_same_command_twice_gives_the_same_bytes(done, inputs):
    again = run(inputs, inputs / "again").folder
    names = sorted(p.name for p in done.folder.iterdir())
    assert names == sorted(p.name for p in again.iterdir())
    differ = [n for n in names if (done.folder / n).read_bytes() != (again / n).read_bytes()]
    assert differ == []


def test_overwrite_replaces_and_nothing_else_does(inputs):
    out = inputs / "replaced"
    run(inputs, out, labels="corner.tif")
    (out / "notes.txt").write_text("of the former run")
    with pytest.raises(OutputError, match="exists already"):
        run(inputs, out, labels="corner.tif")
    assert (out / "notes.txt").exists()
    first = json.loads((out / "run.json").read_text())
    run(inputs, out, labels="corner.tif", overwrite=True, smoothness=0.0)
    second = json.loads((out / "run.json").read_text())
    assert not (out / "notes.txt").exists() and first["run"] != second["run"]
    assert [p.name for p in inputs.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("former", [False, True])
def test_killed_while_writing_leaves_nothing_under_the_final_name(inputs, tmp_path, former):
    out = tmp_path / "out"
    if former:
        out.mkdir()
        (out / "run.json").write_text('{"former": true}')
    words = ["correct", inputs / "labels.tif", "--legend", "town", "--osm", inputs / "village.osm",
             "--confidence", "0.5", "--overwrite", "-o", out]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "landlore", *map(str, words)], stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        while not list(tmp_path.glob(".out-*/corrected.tif")):
            assert process.poll() is None, "ended before it was killed"
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert list(tmp_path.glob(".out-*/corrected.tif")), "the half-written folder is hidden"
    if former:
        assert (out / "run.json").read_text() == '{"former": true}'
        assert [p.name for p in out.iterdir()] == ["run.json"]
    else:
        assert not out.exists()


def test_whole_folder_disappears_with_an_error(tmp_path):
    def fail():
        with whole_folder(tmp_path / "out") as folder:
            (folder / "half").write_text("half")
            raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_whole_folder_takes_an_empty_folder_but_no_strange_one(tmp_path):
    (tmp_path / "empty").mkdir()
    with whole_folder(tmp_path / "empty") as folder:
        (folder / "run.json").write_text("{}")
    assert [p.name for p in (tmp_path / "empty").iterdir()] == ["run.json"]
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "photo.jpg").write_text("mine")
    with (
        pytest.raises(OutputError, match="not written by Landlore"),
        whole_folder(strange, overwrite=True),
    ):
        pass
    assert (strange / "photo.jpg").read_text() == "mine"
