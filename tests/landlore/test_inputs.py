from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from kg.cog import write_raster
from kg.errors import GridError, LandloreWarning, LegendError, RasterError
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from landlore.inputs import read_image, read_prediction, read_terrain

GRID = Grid("EPSG:32652", Affine(10, 0, 340_000, 0, -10, 3_840_000), 6, 8)
TOWN = load_legend("town")


def put(path, values, *, nodata=None, bands=(), grid=GRID):
    values = np.asarray(values)
    write_raster(path, Raster(values, grid, nodata, bands), overviews="nearest")
    return path


def codes(fill=40):
    return np.full((1, *GRID.shape), fill, np.uint8)


def test_codes_become_probabilities(tmp_path):
    values = codes()
    values[0, 0, 0], values[0, 5, 7] = 10, 0
    found = read_prediction(put(tmp_path / "map.tif", values, nodata=0), TOWN, confidence=0.72)
    assert found.labels[0, 0] == 0 and found.labels[1, 1] == 3 and found.labels[5, 7] == -1
    assert found.probabilities[0, 0, 0] == pytest.approx(0.72)
    assert found.probabilities[1:, 0, 0] == pytest.approx(0.04)
    assert found.probabilities[:, 5, 7].sum() == 0
    assert found.model == "map.tif" and found.grid.same_as(GRID)


def test_nan_is_never_a_class(tmp_path):
    """Code 0 is "building" in this list of codes."""
    legend = load_legend("s2korea:pred")
    values = np.full((1, *GRID.shape), 2, np.float32)
    values[0, 0] = np.nan
    values[0, 1] = 0
    found = read_prediction(put(tmp_path / "map.tif", values, nodata=np.nan), legend)
    assert (found.labels[0] == -1).all() and (found.labels[1] == 0).all()
    assert (found.labels[2:] == 2).all()


def test_nodata_of_the_file_counts_where_the_legend_has_another(tmp_path):
    values = codes().astype(np.int16)
    values[0, 2] = -9999
    found = read_prediction(put(tmp_path / "map.tif", values, nodata=-9999), TOWN)
    assert (found.labels[2] == -1).all() and (found.labels[3] == 3).all()


@pytest.mark.parametrize(
    ("dtype", "scale", "close"),
    [("float32", 1, 1e-6), ("uint8", 255, 0.01), ("uint16", 65535, 1e-4)],
)
def test_probabilities_in_any_type(tmp_path, dtype, scale, close):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(len(TOWN)), GRID.shape).transpose(2, 0, 1)
    p[:, 0, 0] = 0
    stored = np.rint(p * scale) if scale > 1 else p
    found = read_prediction(put(tmp_path / "p.tif", stored.astype(dtype)), TOWN)
    assert found.probabilities == pytest.approx(p, abs=close)
    assert found.probabilities.sum(axis=0)[1:] == pytest.approx(1, abs=1e-6)
    assert found.labels[0, 0] == -1


def test_scores_are_not_probabilities(tmp_path):
    scores = np.zeros((len(TOWN), *GRID.shape), np.float32)
    scores[:, 2, 3] = 4
    scores[0] += 1
    with pytest.raises(RasterError, match=r"row 2, column 3 sum to 33"):
        read_prediction(put(tmp_path / "p.tif", scores), TOWN)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (codes(99), LegendError, "99"),
        (codes(0), RasterError, "all pixels are nodata"),
        (np.full((1, *GRID.shape), 0.5, np.float32), RasterError, "fractions"),
        (np.zeros((3, *GRID.shape), np.uint8), RasterError, "has 3 bands; expected 1"),
    ],
)
def test_what_is_no_prediction(tmp_path, values, error, message):
    with pytest.raises(error, match=message):
        read_prediction(put(tmp_path / "map.tif", values), TOWN)


def test_image_must_lie_on_the_grid(tmp_path):
    path = put(tmp_path / "image.tif", np.ones((3, *GRID.shape), np.uint8))
    assert read_image(path, bands=("red", "green", "blue"), grid=GRID).bands == (
        "red",
        "green",
        "blue",
    )
    with pytest.raises(GridError, match=r"6 x 8 .* differs from the prediction's 6 x 9"):
        read_image(path, grid=replace(GRID, width=9))


def test_alpha_becomes_nodata_and_brightness_keeps_its_scale(tmp_path):
    values = np.full((4, *GRID.shape), 51, np.uint8)
    values[3] = 255
    values[3, 0] = 0
    path = put(tmp_path / "rgba.tif", values)
    found = read_image(path, bands=("red", "green", "blue", "alpha"))
    assert found.bands == ("red", "green", "blue")
    assert not found.valid[0].any() and found.valid[1:].all()
    assert found.units == "reflectance" and found.values[:, 1:] == pytest.approx(0.2)


def test_an_image_without_a_visible_pixel(tmp_path):
    values = np.zeros((2, *GRID.shape), np.uint8)
    with pytest.raises(RasterError, match="all pixels are nodata"):
        read_image(put(tmp_path / "gone.tif", values), bands=("red", "alpha"))


def test_terrain_is_put_onto_the_grid(tmp_path):
    coarse = Grid(GRID.crs, Affine(30, 0, 339_940, 0, -30, 3_840_060), 8, 9)
    rows = np.arange(8, dtype=np.float32)[:, None] * np.ones(9, np.float32) * 3
    rows[:, 8] = -32768
    dem = put(tmp_path / "dem.tif", rows[None], nodata=-32768, grid=coarse)
    found = read_terrain(dem, GRID)
    assert found.grid.same_as(GRID) and found.bands == ("elevation",) and found.units == "m"
    steps = np.diff(found.values[0], axis=0)
    assert steps == pytest.approx(1, abs=1e-3), "3 m per 30 m is 1 m per 10 m"


def test_terrain_elsewhere(tmp_path):
    far = replace(GRID, transform=Affine(10, 0, 600_000, 0, -10, 3_000_000))
    with pytest.raises(GridError, match="overlap"):
        read_terrain(
            put(tmp_path / "dem.tif", np.ones((1, *GRID.shape), np.float32), grid=far), GRID
        )


def test_easting_and_northing_swapped_is_refused(tmp_path):
    swapped = replace(GRID, transform=Affine(10, 0, 3_840_000, 0, -10, 340_000))
    path = put(tmp_path / "map.tif", codes(), grid=swapped)
    with pytest.raises(GridError, match="middle of UTM zone 52: easting and northing swapped"):
        read_prediction(path, TOWN)


def test_a_picture_of_a_map_is_told_from_codes(tmp_path):
    path = put(tmp_path / "map.tif", np.full((3, *GRID.shape), 40, np.uint8))
    with pytest.raises(RasterError, match="has 3 bands") as caught:
        read_prediction(path, TOWN)
    assert "not their colours" in caught.value.hint


def test_a_misspelt_band_is_told(tmp_path):
    path = put(tmp_path / "image.tif", np.ones((3, *GRID.shape), np.uint8))
    with pytest.warns(LandloreWarning, match="no rule knows a band 'rd'; did you mean red"):
        read_image(path, bands=["blue", "rd", "thermal"])
