"""Correction tile by tile: the map of one run, runs that can be asked, and going on where it was cut off."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from drawn import write_house
from servers import Unavailable, oxigraph

import landlore as ll
from kg import vocab
from kg.cog import write_raster
from kg.errors import (
    GridError,
    InputError,
    LandloreWarning,
    LegendError,
    OutputError,
    RasterError,
)
from kg.grid import Grid
from kg.raster import Raster, read_raster
from landlore import maps, tiles_graph
from landlore.inputs import natural_colours
from landlore.page import page_html
from landlore.page_record import read_page
from landlore.publish import publish
from landlore.tile import tiles_of
from landlore.tiled import correct_tiles, tile_at

GRID = Grid("EPSG:32630", Affine(10, 0, 500_000, 0, -10, 5_500_000), 100, 110)
SIZE = 64
CALLED = "r64-c0"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Grass with a house that is missed across two tiles, a lone pixel of water, and a tile without data."""
    home = tmp_path_factory.mktemp("tiled")
    write_house(home / "house.osm", GRID, slice(50, 80), slice(30, 60))
    codes = np.full((1, *GRID.shape), 40, np.uint8)
    codes[0, 20, 90], codes[0, 64:, 64:] = 10, 0
    write_raster(home / "labels.tif", Raster(codes, GRID, 0))
    y, x = np.mgrid[: GRID.height, : GRID.width]
    image = np.stack([y + x, 80 - y // 2, 110 - x, np.full_like(x, 90)]).astype(np.uint8)
    names = ("blue", "green", "red", "nir")
    write_raster(home / "image.tif", Raster(image, GRID, None, names), overviews="average")
    height = Raster((y[None] / 7).astype(np.float32), GRID, None, ("elevation",))
    write_raster(home / "dem.tif", height, overviews="average")
    return home


def how(home, **changed):
    sources = {"osm": home / "house.osm", "image": home / "image.tif", "dem": home / "dem.tif"}
    return {
        "legend": "town",
        "sources": ll.Sources(**sources),
        "settings": ll.RunSettings(confidence=0.6, tile=SIZE),
        **changed,
    }


@pytest.fixture(scope="module")
def done(home):
    lines = []
    made = correct_tiles(home / "labels.tif", **how(home), out=home / "run", progress=lines.append)
    assert any(line.startswith("tile 2 of 4 (r0-c64): ") for line in lines)
    return made


def test_several_processes_make_the_same_files(home, done, tmp_path):
    lines, knobs = [], ll.RunSettings(confidence=0.6, tile=SIZE, jobs=2)
    again = correct_tiles(
        home / "labels.tif",
        **how(home, settings=knobs),
        out=tmp_path / "run",
        progress=lines.append,
    )
    assert again.tiles == done.tiles and again.corrections == done.corrections > 0
    assert any(line.startswith("tile 2 of 4 (r0-c64): ") for line in lines)
    assert "tiles done: 4 of 4" in lines
    assert files_of(tmp_path / "run") == files_of(home / "run")
    correct_tiles(home / "labels.tif", **how(home), out=tmp_path / "run")  # no other settings


def files_of(run):
    """Name -> content of all files of a run but those of its graph on disk."""
    every = (one for one in run.rglob("*") if one.is_file())
    named = {one.relative_to(run).as_posix(): one.read_bytes() for one in every}
    return {name: found for name, found in named.items() if not name.startswith("graph/")}


def test_tiles_cover_the_grid_once_and_see_a_margin():
    tiles = tiles_of(GRID, 64, margin=20)
    seen = np.zeros(GRID.shape, int)
    for tile in tiles:
        row, col, height, width = tile.inner
        seen[row : row + height, col : col + width] += 1
        top, left, tall, wide = tile.outer
        assert (top, left) == (max(row - 20, 0), max(col - 20, 0))
        assert top + tall == min(row + height + 20, 100)
        assert left + wide == min(col + width + 20, 110)
    assert (seen == 1).all() and len({tile.name for tile in tiles}) == len(tiles) == 4
    with pytest.raises(InputError, match="tile is 10, expected at least 64"):
        ll.RunSettings(tile=10)


def test_the_map_is_that_of_one_run(home, done):
    ll.correct(home / "labels.tif", **how(home), out=home / "whole")
    for name in ("corrected.tif", "changed.tif"):
        whole, tiled = (read_raster(home / run / name) for run in ("whole", "run"))
        assert tiled.grid.same_as(whole.grid) and tiled.nodata == whole.nodata
        assert np.array_equal(tiled.values, whole.values), name
    assert (read_raster(home / "run" / "corrected.tif").values[0, 50:80, 30:60] == 60).all()
    assert done.changed_pixels == int((whole.values == 1).sum()) > 900
    assert done.tiles == ("r0-c0", "r0-c64", "r64-c0")  # the fourth holds nothing
    assert not (home / "run" / "tiles" / "r64-c64").exists()
    assert (home / "run" / "corrected.qml").read_bytes() == (
        home / "whole" / "corrected.qml"
    ).read_bytes()


def test_each_correction_is_listed_with_its_tile_once(home, done):
    with (home / "run" / "corrections.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == done.corrections > 0
    inner = {tile.name: tile.inner for tile in tiles_of(GRID, SIZE)}
    for row in rows:
        y, x = (float(v) for v in GRID.rowcol(float(row["lon"]), float(row["lat"])))
        top, left, height, width = inner[row["tile"]]
        assert top <= y < top + height and left <= x < left + width
    assert (
        sum(int(row["pixels"]) == 1 for row in rows) == 1
    )  # the lone pixel, though tiles see it twice


def test_a_place_is_explained_by_its_tile(home, done, landlore):
    place = tuple(float(v) for v in GRID.lonlat(70.5, 40.5))
    assert tile_at(home / "run", *place).name == CALLED
    (account,) = ll.explain(home / "run", place=place)
    assert account.labels[1] == "Building"
    assert account.sentence == ll.explain(home / "run" / "tiles" / CALLED, place=place)[0].sentence
    again = ll.what_if(home / "run" / "tiles" / CALLED, {"osm": 0.0})
    assert again.flips
    with pytest.raises(InputError, match="outside of the map") as fault:
        ll.explain(home / "run", place=(0.0, 0.0))
    west, _, east, north = GRID.lonlat_bounds
    assert f"{west:.5f} to {east:.5f}" in fault.value.hint
    assert fault.value.hint.endswith(f"to {north:.5f}")
    with pytest.raises(InputError, match=r"in a tile of .* without pixels"):
        ll.explain(home / "run", place=tuple(float(v) for v in GRID.lonlat(80.5, 80.5)))
    near = ll.what_if(home / "run", {"osm": 0.0}, place=place)
    assert near.flips and ll.why_not(home / "run", place, "Water")
    for words in (("explain", "--region", "3"), ("explain", "--what-if", "drop=osm")):
        code, _, told = landlore(words[0], home / "run", *words[1:])
        assert code == 2 and "holds 3 tiles, each a run of its own" in told, words
        assert f"{home / 'run' / 'tiles' / 'r0-c0'};" in told.splitlines()[1]


def test_one_report_shows_all_tiles(home, done, landlore):
    run = home / "run"
    shown, town = read_page(run, home / "labels.tif"), ll.load_legend("town")
    facts = shown.facts
    with (run / "corrections.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    codes = np.array([*town.codes, *[0] * (256 - len(town.codes))])
    corrected = read_raster(run / "corrected.tif").values[0]
    assert np.array_equal(codes[shown.after], corrected)
    changed = read_raster(run / "changed.tif").values[0] == 1
    assert np.array_equal(shown.reason > 0, changed) and changed.any()
    before = np.array([0, *(row[0] for row in facts["corrections"])])[shown.reason]
    given = read_raster(home / "labels.tif").values[0]
    assert np.array_equal(np.where(changed, codes[before], corrected), given)
    assert np.bincount(shown.reason[changed] - 1).tolist() == [
        row[2] for row in facts["corrections"]
    ]
    pixels = [row[2] for row in facts["corrections"]]
    assert sorted(pixels, reverse=True) == pixels and len(pixels) == len(rows) == done.corrections
    assert sorted(pixels) == sorted(int(row["pixels"]) for row in rows)
    assert (
        sum(term["pixels"] for term in facts["terms"]) == facts["run"]["changed"] == changed.sum()
    )
    assert sum(area for _, _, area in facts["flows"]) == pytest.approx(100.0 * changed.sum())
    assert facts["truth"]["broken"] == changed.sum() and facts["truth"]["fixed"] == 0
    assert [one["file"] for one in facts["sources"]] == ["house.osm"]
    assert shown.photo.shape == (*GRID.shape, 3)
    image = read_raster(home / "image.tif")
    values = np.where(corrected == 0, np.nan, image.values)  # the tile without data saw no image
    assert np.array_equal(shown.photo, natural_colours(replace(image, values=values)))
    code, said, _ = landlore("report", run, "-o", home / "all.html")
    assert code == 0 and "all.html" in said


def test_all_tiles_are_published_as_one_run(home, done, tmp_path):
    try:
        with oxigraph(tmp_path) as server:
            sent = publish(home / "run", server.url)
            asked = "SELECT (SUM(?n) AS ?sum) { GRAPH ?g { ?c a run:Correction ; run:pixels ?n } }"
            [(here,)], [(there,)] = ll.query(home / "run", asked), ll.query(server.url, asked)
            assert int(here) == int(there) == done.changed_pixels
            [account] = ll.explain(server.url, top=1)
            assert account.sentence == ll.explain(home / "run", top=1)[0].sentence
    except Unavailable as why:
        pytest.skip(str(why))
    reasons = [iri for iri in sent.graphs if iri.startswith(f"{vocab.GRAPH}run/")]
    assert (
        len(reasons) == 1 and f"{vocab.GRAPH}osm" in sent.graphs and min(sent.graphs.values()) > 0
    )


def test_products_beside_a_graph_on_disk_keep_their_licence(home, tmp_path):
    """A run that was given a graph keeps none of it, but says of the products beside it whose they are."""
    product = np.full((1, 10, 11), 30, np.uint8)
    write_raster(tmp_path / "worldcover.tif", Raster(product, GRID.coarser(10), 0))
    ll.build(tmp_path / "known", ll.Sources(osm=(str(home / "house.osm"),)))
    known = ll.Sources(
        graph=tmp_path / "known", landcover="worldcover=" + str(tmp_path / "worldcover.tif")
    )
    ll.correct(home / "labels.tif", legend="town", sources=known, out=tmp_path / "run")
    asked = "SELECT ?s ?licence { GRAPH ?s { ?s a dcat:Dataset ; dct:license ?licence } }"
    found = {str(s): str(licence) for s, licence in ll.query(tmp_path / "run", asked)}
    assert found == {f"{vocab.GRAPH}worldcover": "https://creativecommons.org/licenses/by/4.0/"}
    files = [one["file"] for one in read_page(tmp_path / "run").facts["sources"]]
    assert files == ["house.osm", "worldcover.tif"]
    correct_tiles(
        home / "labels.tif",
        legend="town",
        sources=known,
        out=tmp_path / "all",
        settings=ll.RunSettings(tile=SIZE),
    )
    assert {str(s): str(licence) for s, licence in ll.query(tmp_path / "all", asked)} == found
    assert [one["file"] for one in read_page(tmp_path / "all").facts["sources"]] == files


def test_of_many_corrections_the_report_lists_the_largest_and_those_that_it_shows(
    home, done, monkeypatch
):
    every = read_page(home / "run")
    monkeypatch.setattr("landlore.page_record.WIDEST", 10)
    monkeypatch.setattr("landlore.page_record.TOLD", 1)
    few = read_page(home / "run")
    listed, total = len(few.facts["corrections"]), len(every.facts["corrections"])
    assert (
        0 < listed < total == few.facts["run"]["corrections"] == every.facts["run"]["corrections"]
    )
    assert few.facts["corrections"][0][2:5] == every.facts["corrections"][0][2:5]
    assert few.facts["terms"] == every.facts["terms"] and few.facts["flows"] == every.facts["flows"]
    step = few.facts["run"]["step"]
    thin = np.s_[step // 2 :: step, step // 2 :: step]
    assert np.array_equal(few.reason > 0, every.reason[thin] > 0)
    assert few.photo.shape[:2] == few.reason.shape == few.after.shape
    shown = few.reason > 0
    for name in (0, 1, 2):  # class before and after, pixels
        mine, theirs = (
            np.array([row[name] for row in one.facts["corrections"]]) for one in (few, every)
        )
        assert np.array_equal(mine[few.reason[shown] - 1], theirs[every.reason[thin][shown] - 1])
    assert f"One by one: {listed} of {total} corrections" in page_html(few)
    assert "One by one" not in page_html(every)


def test_what_was_cut_off_goes_on(home, done, monkeypatch):
    calls, real = [], maps.correct

    def cut_off(path, **given):
        calls.append(path.parent.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(path, **given)

    monkeypatch.setattr(maps, "correct", cut_off)
    out = home / "again"
    with pytest.raises(KeyboardInterrupt):
        correct_tiles(home / "labels.tif", **how(home), out=out)
    assert not (out / "run.json").exists()
    correct_tiles(home / "labels.tif", **how(home), out=out)
    assert len(calls) == 3 + 1 and len(set(calls)) == 3
    correct_tiles(home / "labels.tif", **how(home), out=out)
    assert len(calls) == 4
    for name in ("corrected.tif", "changed.tif", "corrections.csv", "run.json", "tiles.json"):
        assert (out / name).read_bytes() == (home / "run" / name).read_bytes(), name
    with pytest.raises(OutputError, match="begun with other files or settings"):
        other = how(home, settings=ll.RunSettings(confidence=0.6, tile=105))
        correct_tiles(home / "labels.tif", **other, out=out)
    other = how(home, settings=ll.RunSettings(confidence=0.6, tile=105, overwrite=True))
    correct_tiles(home / "labels.tif", **other, out=out)
    assert json.loads((out / "run.json").read_text())["settings"]["tile"] == 105
    assert len(list((out / "tiles").iterdir())) == 2


def test_the_same_files_on_another_path_go_on(home, tmp_path, monkeypatch):
    """Relative paths, then a link to their folder; a file that changed is named, and only that."""
    mine, out = tmp_path / "mine", tmp_path / "run"
    mine.mkdir()
    for name in ("labels.tif", "image.tif", "house.osm", "dem.tif"):
        (mine / name).write_bytes((home / name).read_bytes())
    monkeypatch.chdir(mine)
    correct_tiles("labels.tif", **how(Path()), out=out)
    calls, real = [], maps.correct
    monkeypatch.setattr(maps, "correct", lambda *a, **b: calls.append(a) or real(*a, **b))
    (tmp_path / "link").symlink_to(mine)
    monkeypatch.chdir(tmp_path)
    for place in (mine, tmp_path / "link", Path("link")):
        correct_tiles(place / "labels.tif", **how(place), out=out)
    assert not calls
    with (mine / "house.osm").open("a") as file:
        file.write("\n")
    with pytest.raises(OutputError, match=r"settings \(house\.osm has changed\)"):
        correct_tiles(mine / "labels.tif", **how(mine), out=out)
    sources = ll.Sources(osm=mine / "house.osm", image=mine / "image.tif")
    with pytest.raises(OutputError, match=r"dem dem\.tif, now None"):
        correct_tiles(mine / "labels.tif", **how(mine, sources=sources), out=out)


def test_bad_input_is_told_before_any_tile_is_made(home, tmp_path, landlore):
    blank = np.zeros((1, *GRID.shape), np.uint8)
    write_raster(tmp_path / "blank.tif", Raster(blank, GRID, 0))
    with pytest.raises(RasterError, match="all pixels are nodata"):
        correct_tiles(tmp_path / "blank.tif", legend="town", out=tmp_path / "a")
    far = Grid("EPSG:32630", Affine(10, 0, 900_000, 0, -10, 5_500_000), 40, 40)
    write_raster(tmp_path / "far.tif", Raster(np.zeros((1, 40, 40), np.float32), far, None))
    for name in ("dem", "image"):
        sources = ll.Sources(**{name: tmp_path / "far.tif"})
        with pytest.raises(GridError, match=r"does not reach the map|lies on another grid"):
            correct_tiles(home / "labels.tif", **how(home, sources=sources), out=tmp_path / "b")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists and holds no tiles"):
        correct_tiles(home / "labels.tif", **how(home), out=tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
    with pytest.raises(
        LegendError, match=r"labels\.tif: .*code"
    ):  # the file that was given is named
        correct_tiles(home / "labels.tif", **how(home, legend="nlcd"), out=tmp_path / "d")
    correct_tiles(
        home / "labels.tif", legend="town", out=tmp_path / "d"
    )  # nothing was lost: no refusal
    words = (home / "labels.tif", "--legend", "town", "-o", tmp_path / "c", "--tiles", "64")
    code, _, told = landlore("correct", *words, "--by-region")
    assert code == 2 and "--tiles and --by-region" in told
    assert not any((tmp_path / name).exists() for name in "bc")


def test_probabilities_under_a_name_that_is_also_used_inside(home, tmp_path):
    """Doubles of all classes, in a file that is called like an image."""
    legend = ll.load_legend("town")
    codes = read_raster(home / "labels.tif")
    labels = legend.encode(codes.values[0], nodata=0)
    sure = np.full((len(legend), *GRID.shape), 0.3 / (len(legend) - 1))
    np.put_along_axis(sure, np.maximum(labels, 0)[None], 0.7, axis=0)
    sure[:, labels < 0] = np.nan
    write_raster(tmp_path / "image.tif", Raster(sure, GRID, None), overviews="average")
    correct_tiles(tmp_path / "image.tif", **how(home), out=tmp_path / "run")
    ll.correct(tmp_path / "image.tif", **how(home), out=tmp_path / "whole")
    one, other = (read_raster(tmp_path / run / "corrected.tif") for run in ("run", "whole"))
    assert np.array_equal(one.values, other.values)
    assert (one.values[0, 50:80, 30:60] == 60).all()


def test_a_patch_across_edges_counts_each_pixel_once(home, tmp_path):
    """A house over the corner of four tiles and a ditch over two: rows add up to the map of what changed."""
    write_house(tmp_path / "house.osm", GRID, slice(50, 80), slice(40, 90))
    codes = np.full((1, *GRID.shape), 40, np.uint8)
    codes[0, 10, 55:75] = 10
    write_raster(tmp_path / "labels.tif", Raster(codes, GRID, 0))
    sources = ll.Sources(osm=tmp_path / "house.osm")
    correct_tiles(tmp_path / "labels.tif", **how(home, sources=sources), out=tmp_path / "run")
    changed = read_raster(tmp_path / "run" / "changed.tif").values[0] == 1
    with (tmp_path / "run" / "corrections.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["pixels"]) for row in rows) == changed.sum() > 1000
    ground = sum(float(row["area_m2"]) for row in rows)
    assert ground == pytest.approx(changed.sum() * GRID.pixel_area, rel=1e-6)
    for row in rows:
        assert tile_at(tmp_path / "run", float(row["lon"]), float(row["lat"])).name == row["tile"]
        y, x = GRID.rowcol(float(row["lon"]), float(row["lat"]))
        assert changed[int(y), int(x)]
    houses = {row["tile"] for row in rows if row["after"] == "Building"}
    assert houses == {"r0-c0", "r0-c64", "r64-c0", "r64-c64"}


def test_tiles_are_exported_as_one_layer_and_one_project(home, done, tmp_path):
    made = ll.export_project(home / "run", tmp_path / "town.qgs")
    assert made.count == done.corrections
    meta, _, shapes, data = pyogrio.raw.read(tmp_path / "town-corrections.gpkg")
    columns = dict(zip(meta["fields"], data, strict=True))
    assert columns["pixels"].sum() == done.changed_pixels
    grounds = shapely.area(shapely.from_wkb(shapes)) / GRID.pixel_area
    assert (grounds == columns["pixels"]).all() and set(columns["tile"]) <= set(done.tiles)
    given = read_raster(home / "labels.tif").values
    assert (read_raster(tmp_path / "town-before.tif").values == given).all()
    project = (tmp_path / "town.qgs").read_text(encoding="utf-8")
    assert "landlore_image_layer" in project and "odbl" in project


def test_a_graph_that_changed_is_noticed(home, tmp_path):
    place = tmp_path / "graph"
    ll.build(place, ll.Sources(osm=home / "house.osm"))
    sources = ll.Sources(graph=place)
    first = how(home, sources=sources)
    correct_tiles(home / "labels.tif", **first, out=tmp_path / "run")
    correct_tiles(home / "labels.tif", **first, out=tmp_path / "run")  # the same: nothing to do
    write_house(tmp_path / "house.osm", GRID, slice(50, 80), slice(20, 50))
    ll.build(place, ll.Sources(osm=tmp_path / "house.osm"), existing="replace")
    with pytest.raises(OutputError, match="graph"):
        correct_tiles(home / "labels.tif", **first, out=tmp_path / "run")


def test_a_map_called_as_what_lies_beside_it(home, tmp_path):
    shutil.copy(home / "labels.tif", tmp_path / "beside-image.tif")
    made = correct_tiles(tmp_path / "beside-image.tif", **how(home), out=tmp_path / "run")
    assert made.changed_pixels > 900


def test_all_tiles_are_asked_as_one_graph(home, done, tmp_path, landlore):
    count = "SELECT (COUNT(?c) AS ?k) (SUM(?p) AS ?n) { ?c a run:Correction ; run:pixels ?p }"
    shutil.copytree(home / "run", tmp_path / "run")
    [(k, n)] = ll.query(tmp_path / "run", count)
    # Margins reach all over this map: the patch that has a row in two tiles is one correction of one run.
    assert (int(k), int(n)) == (done.corrections - 1, done.changed_pixels)
    runs = "SELECT (SUM(?k) AS ?ks) (SUM(?n) AS ?ns) { ?r a run:Run ; run:corrections ?k ; run:pixels ?n }"
    assert [int(x) for x in ll.query(tmp_path / "run", runs).rows[0]] == [int(k), int(n)]
    labels = "SELECT ?r ?l { ?r a run:Rule ; rdfs:label ?l . FILTER(LANG(?l) = 'en') }"
    found = [str(rule) for rule, _ in ll.query(tmp_path / "run", labels)]
    assert found and len(found) == len(set(found))  # each rule once, though every tile names it
    osm = "SELECT ?f { ?c run:evidence ?f . ?f geo:hasGeometry ?g }"
    assert ll.query(tmp_path / "run", osm).rows  # what was known is there, too
    code, told, said = landlore("query", tmp_path / "run", "--name", "corrections-by-rule")
    assert code == 0 and "graph/osm" in told and "into one graph" not in said  # made once
    shutil.rmtree(tmp_path / "run" / "tiles" / "r0-c64")
    with pytest.raises(InputError, match="is gone"):
        ll.query(tmp_path / "run", count)


def test_a_graph_of_tiles_whose_making_was_cut_off_is_made_anew(home, done, tmp_path, monkeypatch):
    shutil.copytree(home / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "asked", ignore_errors=True)
    with monkeypatch.context() as cut:
        cut.setattr(tiles_graph, "explained_graph", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ll.query(tmp_path / "run", "ASK {}")
    assert not (tmp_path / "run" / "asked").exists()
    assert ll.query(tmp_path / "run", "ASK { ?c a run:Correction }")


def test_tiles_that_cannot_be_written_are_asked_all_the_same(home, done, tmp_path, monkeypatch):
    shutil.copytree(home / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "asked", ignore_errors=True)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(tiles_graph.os, "access", lambda place, how: False)
    pixels = "SELECT (SUM(?p) AS ?n) { ?c a run:Correction ; run:pixels ?p }"
    for _ in range(2):  # the second time it is there
        [(n,)] = ll.query(tmp_path / "run", pixels)
        assert int(n) == done.changed_pixels
    assert sorted(tmp_path.rglob("*")) == before
    assert (tiles_graph._ROOMS[tmp_path / "run"] / "asked").is_dir()


def test_what_a_killed_question_left_goes_with_the_next(home, done, tmp_path):
    shutil.copytree(home / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "asked", ignore_errors=True)
    (tmp_path / "run" / ".asked.abcd_123" / "new" / "graph").mkdir(parents=True)
    assert ll.query(tmp_path / "run", "ASK { ?c a run:Correction }")
    assert not list((tmp_path / "run").glob(".asked*"))


def test_the_largest_of_all_tiles_are_explained_first(home, done):
    first, second = ll.explain(home / "run", top=2)
    with (home / "run" / "corrections.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: -int(row["pixels"]))
    assert [first.sentence, second.sentence] == [row["sentence_en"] for row in rows[:2]]


def test_tiles_without_pixels_above_shorter_ones(home, tmp_path):
    """Only the last row of tiles, which is shorter than the others, holds anything."""
    codes = read_raster(home / "labels.tif").values.copy()
    codes[0, :64] = 0
    write_raster(tmp_path / "low.tif", Raster(codes, GRID, 0))
    settings = ll.RunSettings(tile=SIZE)
    done = correct_tiles(
        tmp_path / "low.tif", legend="town", settings=settings, out=tmp_path / "run"
    )
    assert done.tiles == ("r64-c0",)
    found = read_raster(tmp_path / "run" / "corrected.tif").values[0]
    assert (found[64:, :64] == 40).all()
    assert not found[:64].any() and not found[64:, 64:].any()


def test_from_the_command_line(home, tmp_path, landlore):
    words = (
        home / "labels.tif",
        "--legend",
        "town",
        "--osm",
        home / "house.osm",
        "--confidence",
        "0.6",
    )
    code, said, _ = landlore("correct", *words, "-o", tmp_path / "run", "--tiles", "100")
    assert code == 0 and "of 2 tiles changed" in said
    assert "landlore explain" in said.splitlines()[-1]


def test_half_empty_pixels_of_the_image_are_told_once_per_tile(home, tmp_path):
    image = read_raster(home / "image.tif")
    values = image.values.astype(np.float32)
    values[1, 40, 3:7] = np.nan
    write_raster(
        tmp_path / "image.tif", Raster(values, GRID, None, image.bands), overviews="average"
    )
    with pytest.warns(LandloreWarning, match="4 of .* pixels count as nodata") as told:
        correct_tiles(
            home / "labels.tif",
            legend="town",
            sources=ll.Sources(image=tmp_path / "image.tif"),
            settings=ll.RunSettings(tile=200),
            out=tmp_path / "run",
        )
    assert sum("count as nodata" in str(one.message) for one in told) == 1


def test_tiles_that_see_the_same_ground_are_one_run_of_the_graph(home, done):
    """Here margins reach all over the map: pixels of the graph add up to those that changed all the same."""
    name = "<https://w3id.org/landlore/run#pixels>"
    asked = f"SELECT (SUM(?p) AS ?all) WHERE {{ GRAPH ?g {{ ?c a ?t ; {name} ?p ; ?lon ?x }} }}"
    asked = asked.replace("?lon", "<https://w3id.org/landlore/run#lon>")
    asked = asked.replace("?t", "<https://w3id.org/landlore/run#Correction>")
    [(total,)] = ll.query(home / "run", asked)
    assert int(total) == done.changed_pixels
