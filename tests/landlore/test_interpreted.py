"""Images mapped and corrected by parts: the map of one run, the same bytes each time, going on, bad input."""

import json
import subprocess
import sys

import numpy as np
import pytest
from affine import Affine

import landlore as ll
from kg.cog import write_raster
from kg.errors import LandloreWarning, OutputError
from kg.grid import Grid
from kg.raster import Raster, read_raster
from landlore import interpreted, parts, sampling
from landlore.interpreted import interpret_tiles
from landlore.rerun import solve_again
from landlore.sampling import Survey, drawn

HIGH, WIDE, CELL = 129, 201, 3
GRID = Grid("EPSG:32630", Affine(10, 0, 500_000, 0, -10, 5_500_000), HIGH, WIDE)
COARSE = GRID.coarser(CELL)
BANDS = ("blue", "green", "red", "nir")
FAST = {"steps": 8, "tile": 120}


def lake_and_wood():
    """(y, x) class of each pixel: grass, a lake, woods in winding bands, one house block."""
    y, x = np.mgrid[:HIGH, :WIDE]
    codes = np.where(np.sin(x / 14) + np.cos(y / 11 + x / 40) > 0.5, 10, 30)
    codes[(y - 60) ** 2 + (x - 110) ** 2 < 35**2] = 80
    codes[105:117, 15:27] = 50
    return codes.astype(np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """An image in four bands with a hole and a corner without data, elevation, and a product of 40 m."""
    home = tmp_path_factory.mktemp("interpreted")
    codes, rng = lake_and_wood(), np.random.default_rng(1)
    look = {
        10: (30, 50, 35, 300),
        30: (50, 90, 60, 400),
        80: (80, 70, 50, 20),
        50: (200, 210, 220, 240),
    }
    bands = np.zeros((4, HIGH, WIDE))
    for code, values in look.items():
        bands[:, codes == code] = np.reshape(values, (4, 1))
    bands = np.maximum(bands + rng.normal(0, 12, bands.shape), 1).astype(np.uint16)
    bands[:, 20:50, 150:190], bands[:, -20:, -20:] = 0, 0
    write_raster(home / "image.tif", Raster(bands, GRID, 0, BANDS), overviews="average")
    y, x = np.mgrid[:HIGH, :WIDE]
    height = Raster((y[None] / 7 + x / 9).astype(np.float32), GRID, None, ("elevation",))
    write_raster(home / "dem.tif", height, overviews="average")
    cells = codes.reshape(COARSE.height, CELL, COARSE.width, CELL).transpose(0, 2, 1, 3)
    named = [np.bincount(cell.ravel()).argmax() for row in cells for cell in row]
    product = np.array(named, np.uint8).reshape(1, *COARSE.shape)
    write_raster(home / "worldcover.tif", Raster(product, COARSE, 0))
    return home


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Windows of a size that a small image has many of."""
    monkeypatch.setattr(interpreted, "WINDOW", 64)
    monkeypatch.setattr(parts, "WINDOW", 64)
    monkeypatch.setattr(sampling, "WINDOW", 64)
    monkeypatch.setattr(sampling, "LEAST", 32)


ONE_TILE = {"tile": 201, "sample": 20_000}


def how(home, **settings):
    sources = ll.Sources(landcover=str(home / "worldcover.tif"), dem=home / "dem.tif")
    return {"sources": sources, "settings": ll.RunSettings(**{**FAST, **settings})}


@pytest.fixture(scope="module")
def done(home):
    with pytest.MonkeyPatch.context() as patch:
        small.__wrapped__(patch) if hasattr(small, "__wrapped__") else None
        for module in (interpreted, parts, sampling):
            patch.setattr(module, "WINDOW", 64)
        patch.setattr(sampling, "LEAST", 32)
        lines = []
        made = interpret_tiles(
            home / "image.tif", **how(home), out=home / "run", progress=lines.append
        )
    return made, lines


def test_an_image_no_larger_than_the_sample_is_mapped_as_at_once(home, done):
    whole = ll.interpret(home / "image.tif", **how(home), out=home / "whole")
    once = read_raster(home / "whole" / "before.tif").values
    kept = read_raster(home / "run" / "before.tif")
    found = kept.values / np.float32(interpreted.ONE)
    assert kept.values.dtype == np.uint16 and kept.grid.same_as(GRID)
    assert kept.bands == tuple(one.label for one in ll.load_legend("worldcover").classes)
    assert np.abs(found - once).max() < 1e-3, "no seam: windows say what the whole says"
    seen = whole.corrected.before.valid
    assert (kept.values.sum(axis=0, dtype=int) == np.where(seen, interpreted.ONE, 0)).all()
    assert not seen[20:50, 150:190].any()
    assert len(set(found.argmax(axis=0)[seen])) >= 3
    ours, theirs = (read_raster(home / run / "corrected.tif").values for run in ("run", "whole"))
    assert (ours != theirs).mean() < 0.01


def test_stages_are_told(done):
    made, lines = done
    assert made.tiles == ("r0-c0", "r0-c120", "r120-c0", "r120-c120")
    for word in (
        "looking at the image",
        "learning a map from 1 windows",
        "mapping window 12 of 12",
        "tile 4 of 4",
    ):
        assert any(word in line for line in lines), word


def test_same_command_same_bytes_and_a_sample_of_its_own(home, done, tmp_path):
    for name in ("one", "two"):
        interpret_tiles(home / "image.tif", **how(home, **ONE_TILE), out=tmp_path / name)
    for name in ("before.tif", "corrected.tif", "learned.npz", "corrections.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), (
            name
        )
    interpret_tiles(home / "image.tif", **how(home, **ONE_TILE, seed=1), out=tmp_path / "three")
    assert (tmp_path / "one" / "before.tif").read_bytes() != (
        tmp_path / "three" / "before.tif"
    ).read_bytes()
    truth, seen = lake_and_wood(), read_raster(home / "image.tif").valid
    found = read_raster(tmp_path / "one" / "corrected.tif").values[0]
    assert (found == truth)[seen].mean() > 0.9


def test_a_sample_sees_each_class_and_stands_for_the_whole():
    rng = np.random.default_rng(0)
    counts = np.zeros((1000, 3), np.int64)
    counts[:, 0] = rng.integers(500, 1000, 1000)
    counts[rng.permutation(1000)[:100], 1] = 400
    counts[777, 2] = 20
    windows = np.array([(row * 32, col * 32, 32, 32) for row in range(25) for col in range(40)])
    found = Survey(32, windows, counts, counts.sum(axis=1), 16.0, 0)
    totals = []
    for seed in range(40):
        picked = drawn(found, np.eye(3), 50_000, seed)
        rows = [int(top // 32 * 40 + left // 32) for (top, left, _, _), _ in picked]
        assert 777 in rows and len(rows) == len(set(rows)) and 60 < len(rows) < 100
        assert picked == drawn(found, np.eye(3), 50_000, seed)
        totals.append(
            sum(weight * counts[row] for row, (_, weight) in zip(rows, picked, strict=True))
        )
    mean = np.mean(totals, axis=0)
    assert np.abs(mean / counts.sum(axis=0) - 1).max() < 0.1, (
        "each window stands for as many as it was drawn from"
    )
    assert (counts[rows, 1] > 0).mean() > 0.2, "rarer classes draw windows"


CUT_OFF = """
import os, sys
import landlore as ll
from landlore import interpreted, parts, sampling
interpreted.WINDOW = parts.WINDOW = sampling.WINDOW = 64
home, out, mark = sys.argv[1:]
def told(line):
    if mark in line:
        os.kill(os.getpid(), 9)
sources = ll.Sources(landcover=home + "/worldcover.tif", dem=home + "/dem.tif")
settings = ll.RunSettings(steps=8, tile=120)
ll.interpret_tiles(home + "/image.tif", sources=sources, settings=settings, out=out, progress=told)
"""


def test_what_was_cut_off_goes_on(home, done, tmp_path):
    """Killed while learning, while mapping and while correcting; each time what is there is kept."""
    out, times = tmp_path / "run", {}
    stages = {
        "learning": "tiles.json",
        "putting the windows": "windows/r0-c64.tif",
        "tile 2 of": "before.tif",
        "never": "run.json",
    }
    for mark, there in stages.items():
        words = [sys.executable, "-c", CUT_OFF, str(home), str(out), mark]
        ended = subprocess.run(words, check=False, capture_output=True, text=True)
        assert ended.returncode == (0 if mark == "never" else -9), ended.stderr
        assert (out / there).is_file()
        for name, time in times.items():
            assert (out / name).stat().st_mtime_ns == time, f"{name} was made again"
        made = ("learned.npz", "before.tif", "tiles/r0-c0/run.json")
        times = {name: (out / name).stat().st_mtime_ns for name in made if (out / name).exists()}
    for name in ("before.tif", "corrected.tif", "changed.tif", "corrections.csv", "learned.npz"):
        assert (out / name).read_bytes() == (home / "run" / name).read_bytes(), name
    assert not (out / "windows").exists() and not list(out.glob(".*"))


def test_several_processes_make_the_same_map(home, done, tmp_path, small):
    interpret_tiles(home / "image.tif", **how(home, jobs=2), out=tmp_path / "run")
    for name in ("before.tif", "corrected.tif", "changed.tif", "corrections.csv", "learned.npz"):
        assert (tmp_path / "run" / name).read_bytes() == (home / "run" / name).read_bytes(), name


def test_other_settings_and_files_are_refused_by_name(home, done, tmp_path):
    with pytest.raises(OutputError, match=r"begun with other files or settings \(seed 0, now 3\)"):
        interpret_tiles(home / "image.tif", **how(home, seed=3), out=home / "run")
    image = tmp_path / "image.tif"
    image.write_bytes((home / "image.tif").read_bytes())
    interpret_tiles(image, **how(home, **ONE_TILE), out=tmp_path / "run")
    changed = read_raster(image)
    changed.values[0, 0, 0] += 1
    write_raster(image, changed, overviews="average")
    with pytest.raises(OutputError, match=r"image.tif has changed"):
        interpret_tiles(image, **how(home, **ONE_TILE), out=tmp_path / "run")


def test_a_tile_can_be_asked(home, done):
    """The product that taught the map gives no evidence, in a tile either, and the tile is solved again alike."""
    tile = home / "run" / "tiles" / "r0-c120"
    told = json.loads((tile / "run.json").read_text())
    assert (
        told["inputs"]["job"] == "interpret"
        and "label proportions from worldcover" in told["model"]
    )
    lines = []
    again = solve_again(tile, lines.append).corrected
    assert lines[-1] == "solving the run again", "no word of a difference"
    assert again.layers and not any(one.evidence for one in again.corrections)


def test_a_tile_without_the_product_hears_the_other_one(home, tmp_path):
    """Where the product that taught does not reach, a second one speaks as ever."""
    left = read_raster(home / "worldcover.tif", window=(0, 0, COARSE.height, 20))
    write_raster(tmp_path / "worldcover.tif", left)
    write_raster(
        tmp_path / "nlcd.tif", Raster(np.full((1, *COARSE.shape), 11, np.uint8), COARSE, 0)
    )
    both = ll.Sources(landcover=(tmp_path / "worldcover.tif", tmp_path / "nlcd.tif"))
    settings = ll.RunSettings(**{**FAST, "tile": 100, "sample": 8_000}, smoothness=0.0)
    interpret_tiles(home / "image.tif", sources=both, settings=settings, out=tmp_path / "run")
    jobs = {}
    for path in (tmp_path / "run" / "tiles").glob("*/run.json"):
        jobs[path.parent.name] = json.loads(path.read_text())["inputs"]["job"]
    assert jobs["r0-c0"] == "interpret" and jobs["r0-c200"] == "correct"


def test_bad_input_is_told_in_two_lines(home, tmp_path, landlore):
    far = Grid("EPSG:32630", Affine(40, 0, 800_000, 0, -40, 5_500_000), 20, 20)
    write_raster(
        tmp_path / "worldcover_far.tif", Raster(np.full((1, 20, 20), 10, np.uint8), far, 0)
    )
    huge = Grid("EPSG:32630", Affine(1200, 0, 500_000, 0, -1200, 5_500_000), 2, 2)
    write_raster(
        tmp_path / "worldcover_huge.tif", Raster(np.full((1, 2, 2), 10, np.uint8), huge, 0)
    )
    write_raster(
        tmp_path / "worldcover_none.tif", Raster(np.zeros((1, *COARSE.shape), np.uint8), COARSE, 0)
    )
    write_raster(
        tmp_path / "worldcover_odd.tif",
        Raster(np.full((1, *COARSE.shape), 77, np.uint8), COARSE, 0),
    )
    snow = Raster(np.full((1, *COARSE.shape), 70, np.uint8), COARSE, 0)
    write_raster(tmp_path / "worldcover_snow.tif", snow)
    blank = Raster(np.zeros((4, HIGH, WIDE), np.uint16), GRID, 0, BANDS)
    write_raster(tmp_path / "blank.tif", blank, overviews="average")
    image, product = home / "image.tif", home / "worldcover.tif"
    cases = [
        (image, tmp_path / "worldcover_far.tif", (), "no overlap with"),
        (
            image,
            tmp_path / "worldcover_huge.tif",
            ("--tiles", 100),
            "a cell is 120 pixels of the image wide, a tile 100",
        ),
        (image, tmp_path / "worldcover_none.tif", (), "no class below a pixel"),
        (image, tmp_path / "worldcover_odd.tif", (), "77"),
        (tmp_path / "blank.tif", product, (), "all pixels are nodata"),
        (
            image,
            tmp_path / "worldcover_snow.tif",
            ("--legend", "town"),
            "means a class of legend town",
        ),
        (image, product, ("--knowledge-loss", 0.1), "--tiles and --knowledge-loss 0.1"),
        (image, product, ("--sample", 5), "sample is 5, expected at least"),
        (image, product, ("--tiles", 5), "tile is 5, expected at least"),
        (image, product, ("--dem", tmp_path / "worldcover_far.tif"), "does not reach the image"),
        (tmp_path / "none.tif", product, (), "no such file"),
        (image, product, ("--bands", "red,red,nir,blue"), "red twice"),
    ]
    for one, other, more, said in cases:
        words = ("--landcover", f"worldcover={other}", "-o", tmp_path / "out", "--tiles", 120)
        code, _, told = landlore("interpret", one, *words, *more)
        lines = [line for line in told.splitlines() if not line.startswith("·")]
        assert code == 2 and len(lines) == 2 and said in lines[0], (said, told)
    code, _, told = landlore(
        "interpret", image, "--landcover", product, "-o", tmp_path / "o", "--sample", 9999
    )
    assert code == 2 and "--sample and no --tiles" in told


def test_a_full_disk_is_told_and_nothing_is_lost(home, tmp_path, monkeypatch):
    out, real = tmp_path / "run", interpreted.write_blocks

    def full(path, *given):
        if path.name == "r0-c64.tif":
            raise OSError(28, "No space left on device")
        return real(path, *given)

    monkeypatch.setattr(interpreted, "write_blocks", full)
    with pytest.raises(OutputError, match="No space left on device") as told:
        interpret_tiles(home / "image.tif", **how(home, **ONE_TILE), out=out)
    assert "make room" in told.value.hint
    assert (out / "learned.npz").is_file() and (out / "windows" / "r0-c0.tif").is_file()


def test_half_nodata_pixels_are_told_once(home, tmp_path):
    image = read_raster(home / "image.tif")
    image.values[1, 5, 5:9] = 0
    write_raster(tmp_path / "image.tif", image, overviews="average")
    with pytest.warns(LandloreWarning, match=r"4 of 25,929 pixels count as nodata") as told:
        interpret_tiles(tmp_path / "image.tif", **how(home, **ONE_TILE), out=tmp_path / "run")
    assert sum("25,929" in str(one.message) for one in told) == 1


def test_from_the_command_line(home, tmp_path, landlore):
    words = (
        "--landcover",
        home / "worldcover.tif",
        "-o",
        tmp_path / "run",
        "--tiles",
        201,
        "--steps",
        5,
    )
    code, said, told = landlore("interpret", home / "image.tif", *words, "--sample", "8000")
    assert code == 0 and "of 1 tile changed" in said and "mapping window" in told


@pytest.mark.parametrize("kind", ["finer", "degrees"])
def test_products_finer_than_the_image_and_in_degrees(home, tmp_path, kind):
    truth, seen = lake_and_wood(), read_raster(home / "image.tif").valid
    if kind == "finer":
        grid = Grid("EPSG:32630", Affine(5, 0, 500_000, 0, -5, 5_500_000), 2 * HIGH, 2 * WIDE)
        product = np.kron(truth, np.ones((2, 2), np.uint8))
    else:
        west, south, east, north = GRID.lonlat_bounds
        size = (east - west) / 60
        height = int((north - south) / size) + 2
        grid = Grid("EPSG:4326", Affine(size, 0, west, 0, -size, north), height, 61)
        y, x = np.mgrid[:height, :61] + 0.5
        rows, cols = (
            np.floor(at).astype(int) for at in GRID.rowcol(west + x * size, north - y * size)
        )
        product = truth[np.clip(rows, 0, HIGH - 1), np.clip(cols, 0, WIDE - 1)]
    write_raster(tmp_path / "worldcover.tif", Raster(product[None], grid, 0))
    sources = ll.Sources(landcover=tmp_path / "worldcover.tif")
    settings = ll.RunSettings(**{**FAST, **ONE_TILE})
    interpret_tiles(home / "image.tif", sources=sources, settings=settings, out=tmp_path / "run")
    found = read_raster(tmp_path / "run" / "corrected.tif").values[0]
    assert (found == truth)[seen].mean() > 0.9
