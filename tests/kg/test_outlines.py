"""Outlines of numbered pixels: all of a number's ground and nothing else, whatever the height of the strips."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kg.cog import write_raster
from kg.grid import Grid
from kg.outlines import geojson_texts, outlines
from kg.raster import Raster


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("outlines")


def written(folder, values):
    grid = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -3, 5_500_000), *values.shape)
    return write_raster(folder / "numbers.tif", Raster(values[None].astype(np.int32), grid, -1))


def every(path, strip):
    found = {}
    for numbers, wkb in outlines(path, strip=strip):
        assert list(numbers) == sorted(numbers.tolist())
        for number, one in zip(numbers.tolist(), shapely.from_wkb(wkb), strict=True):
            assert number not in found
            found[number] = one
    return found


@settings(max_examples=15, deadline=None)
@given(
    arrays(np.int8, st.tuples(st.integers(1, 9), st.integers(1, 7)), elements=st.integers(-1, 4))
)
def test_outlines_are_the_pixels_for_every_height_of_strips(folder, values):
    path, width = written(folder, values), values.shape[1]
    whole = every(path, 10_000)
    assert set(whole) == set(values[values >= 0].tolist())
    for number, outline in whole.items():
        rows, cols = np.nonzero(values == number)
        boxes = shapely.box(
            500_000 + 2 * cols,
            5_500_000 - 3 * rows - 3,
            502_000 - 2_000 + 2 * cols + 2,
            5_500_000 - 3 * rows,
        )
        assert outline.geom_type == "MultiPolygon" and outline.is_valid
        assert outline.area == 6 * len(rows) and shapely.union_all(boxes).equals(outline)
    for rows in (1, 2, 3):
        parts = every(path, rows * width)
        assert parts.keys() == whole.keys()
        for number, outline in parts.items():
            assert outline.equals(whole[number]), (number, rows)
            assert shapely.get_num_coordinates(outline) == shapely.get_num_coordinates(
                whole[number]
            )


def test_a_raster_without_numbers_has_no_outlines(folder):
    assert [
        len(numbers) for numbers, _ in outlines(written(folder, np.full((4, 4), -1)), strip=8)
    ] == [0, 0]


def test_geojson_is_in_degrees_and_turns_to_the_left(folder):
    ((_, wkb),) = outlines(written(folder, np.zeros((2, 2))))
    (text,) = geojson_texts(wkb, "EPSG:32630")
    (ring,) = json.loads(text)["coordinates"][0]
    assert ring[0] == ring[-1] and shapely.LinearRing(ring).is_ccw
    assert all(abs(x + 3) < 0.001 and 49 < y < 50 for x, y in ring)
    assert geojson_texts(np.array([], object), "EPSG:32630") == []
