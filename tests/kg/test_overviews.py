"""Overviews of class codes: the majority of four, however the map is cut, and as GDAL makes them."""

import warnings
from collections import Counter, namedtuple

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.shutil import copy

from kg import cog
from kg.cog import CodeBand, class_names, write_raster, write_strips
from kg.errors import OutputError
from kg.grid import Grid
from kg.overviews import Overviews, halved, overview_shapes
from kg.raster import Raster, read_raster


def counted(four, nodata):
    """The first value to reach the highest count, read one by one."""
    seen, best, won = Counter(), 0, nodata
    for value in four:
        if value != nodata:
            seen[value] += 1
            if seen[value] > best:
                best, won = seen[value], value
    return won


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32])
@pytest.mark.parametrize("nodata", [0, None])
def test_the_majority_of_four_pixels(dtype, nodata):
    codes = np.random.default_rng(0).choice([0, 10, 30, 80], (101, 63)).astype(dtype)
    found = halved(codes, nodata)
    assert found.shape == (51, 32) and found.dtype == dtype
    padded = np.pad(codes, ((0, 1), (0, 1)), mode="edge")
    for row, col in np.ndindex(found.shape):
        four = padded[2 * row : 2 * row + 2, 2 * col : 2 * col + 2].ravel().tolist()
        assert found[row, col] == counted(four, nodata)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 90), st.lists(st.integers(1, 40), min_size=1))
def test_every_way_to_cut_gives_the_same(seed, height, cuts):
    codes = np.random.default_rng(seed).choice([0, 1, 2], (height, 21)).astype(np.uint8)
    expected = [halved(codes, 0)]
    for _ in range(2):
        expected.append(halved(expected[-1], 0))
    found = [[], [], []]
    more = Overviews(3, 0, lambda level, row, part: found[level].append((row, part)))
    row = 0
    for rows in [*cuts, height]:
        more.add(codes[row : row + rows])
        row += rows
    more.finish()
    for parts, whole in zip(found, expected, strict=True):
        assert np.array_equal(np.concatenate([part for _, part in parts]), whole)
        heights = np.cumsum([0, *(len(part) for _, part in parts)])
        assert [row for row, _ in parts] == heights[:-1].tolist()


def test_sizes_are_halved_until_one_tile_holds_the_map():
    assert overview_shapes(512, 512) == []
    assert overview_shapes(600, 3001) == [(300, 1501), (150, 751), (75, 376)]


@pytest.fixture
def drawn():
    coarse = np.random.default_rng(1).choice([0, 10, 30, 80], (64, 96))
    codes = np.kron(coarse, np.ones((17, 16), int))[:1088, :1536].astype(np.uint8)
    codes[np.random.default_rng(2).random(codes.shape) < 0.2] = 50
    return Raster(
        codes[None], Grid("EPSG:32630", Affine(10, 0, 0, 0, -10, 0), *codes.shape), 0, ("class",)
    )


def levels(path):
    with rasterio.open(path) as file:
        count = len(file.overviews(1))
    out = []
    for i in range(count):
        with rasterio.open(path, overview_level=i) as file:
            out.append(file.read(1))
    return out


def test_a_map_opens_as_one_that_gdal_made(drawn, tmp_path):
    ours = write_raster(
        tmp_path / "ours.tif", drawn, colours={10: (0, 99, 0)}, names={10: "trees", 80: "water"}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        how = {"OVERVIEW_RESAMPLING": "MODE", "OVERVIEWS": "IGNORE_EXISTING"}
        copy(ours, tmp_path / "gdal.tif", driver="COG", **how)
    one, two = levels(ours), levels(tmp_path / "gdal.tif")
    assert [o.shape for o in one] == [(544, 768), (272, 384)]
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    with rasterio.open(ours) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG" and file.nodata == 0
        assert file.colormap(1)[10] == (0, 99, 0, 255) and file.descriptions == ("class",)
        assert file.transform == drawn.grid.transform and file.crs.to_epsg() == 32630
    assert class_names(ours) == {10: "trees", 80: "water"}
    assert np.array_equal(read_raster(ours).values, drawn.values)


def test_strips_give_the_bytes_of_the_whole(drawn, tmp_path):
    codes, band = drawn.values[0], CodeBand(np.dtype(np.uint8), 0)
    whole = write_raster(tmp_path / "whole.tif", drawn)
    for rows in (100, 512):
        parts = ((row, codes[row : row + rows]) for row in range(0, len(codes), rows))
        path = write_strips(tmp_path / "strips.tif", drawn.grid, parts, band)
        assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("free", "hint"), [(100, "make room there"), (2**30, "choose another place")]
)
def test_a_disk_that_fills_while_gdal_writes_is_told(tmp_path, monkeypatch, free, hint):
    """GDAL finds the file that it could not write broken, and says so in an exception of its own kind."""

    def broken(source, target, overviews):
        source.write_bytes(source.read_bytes()[:100])
        copy(source, target, driver="COG")

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(cog, "_copy_cog", broken)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(2**30, 2**30 - free, free))
    grid = Grid("EPSG:32630", Affine(10, 0, 500_000, 0, -10, 5_500_000), 64, 64)
    raster = Raster(np.ones((1, 64, 64), np.uint8), grid, 0)
    with pytest.raises(OutputError, match=r"map\.tif: cannot be written") as fault:
        write_raster(tmp_path / "map.tif", raster, overviews="nearest")
    assert fault.value.hint.startswith(hint)
    assert not list(tmp_path.iterdir())
