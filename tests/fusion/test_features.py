from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from fusion.features import MARGIN, pixel_features, plan_features
from kg.errors import GridError, RasterError
from kg.grid import Grid
from kg.raster import Raster

GRID = Grid("EPSG:32632", Affine(10, 0, 500_000, 0, -10, 5_000_000), 100, 40)


def _image(bands: tuple[str, ...] = ("green", "red", "nir"), **kwargs: float) -> Raster:
    values = np.random.default_rng(0).uniform(500, 4000, (len(bands), *GRID.shape))
    return Raster(values.astype(np.float32), GRID, kwargs.get("nodata"), bands)


def _dem(slope: float = 0.5) -> Raster:
    heights = 300 + slope * 10.0 * np.arange(GRID.width)[None, :] * np.ones((GRID.height, 1))
    return Raster(heights[None].astype(np.float32), GRID, None, ("elevation",), "m")


def _column(image: Raster, name: str, dem: Raster | None = None) -> np.ndarray:
    plan = plan_features(image, dem)
    return pixel_features(image, plan, dem)[:, :, plan.names.index(name)]


def test_ndvi_is_among_the_features_where_bands_are_named():
    image = _image()
    red, nir = image.band("red"), image.band("nir")
    assert _column(image, "(nir-red)/(nir+red)") == pytest.approx(
        (nir - red) / (nir + red), abs=1e-5
    )


def test_unnamed_bands_give_generic_ratios():
    names = plan_features(_image(("band1", "band2", "band3", "band4"))).names
    assert sum(name.startswith("(") for name in names) == 6


def test_box_mean_is_the_mean_of_the_box():
    image = _image()
    point, mean = _column(image, "red"), _column(image, "mean 7 of red")
    assert mean[50, 20] == pytest.approx(point[47:54, 17:24].mean(), abs=1e-5)


def test_terrain_has_metres_and_rise_over_run():
    assert _column(_image(), "elevation", _dem())[5, 7] == pytest.approx(335)
    assert _column(_image(), "slope", _dem())[5, 7] == pytest.approx(0.5)
    assert _column(_image(), "east gradient", _dem())[5, 7] == pytest.approx(0.5)


def test_undeclared_nodata_of_an_elevation_model_is_no_mountain():
    dem = _dem(0.0)
    dem.values[0, 10:12, 10:12] = 65535
    assert np.abs(_column(_image(), "height above mean 31", dem)).max() < 1e-2


def test_stripes_equal_the_whole():
    image, dem = _image(), _dem()
    plan = plan_features(image, dem)
    whole = pixel_features(image, plan, dem)
    parts = [pixel_features(image, plan, dem, rows=(r, r + 25)) for r in range(0, 100, 25)]
    assert np.allclose(np.concatenate(parts), whole, atol=1e-4)
    assert MARGIN >= 30


def test_nodata_leaks_into_no_mean():
    image = _image(nodata=-1)
    hole = Raster(image.values.copy(), GRID, -1, image.bands)
    hole.values[:, 40:60, 10:20] = -1
    plan = plan_features(hole)
    out = pixel_features(hole, plan)
    assert np.isfinite(out).all()
    point, mean = out[:, :, 1], out[:, :, plan.names.index("mean 7 of red")]
    seen = hole.valid[47:54, 17:24]
    assert mean[50, 20] == pytest.approx(point[47:54, 17:24][seen].mean(), abs=1e-4)


def test_nan_and_negative_values_stay_finite():
    image = _image(("vv", "vh"))
    image.values[:] = -image.values / 100
    image.values[0, 3, 3] = np.nan
    assert np.isfinite(pixel_features(image, plan_features(image))).all()


def test_errors_say_what_is_wrong():
    empty = Raster(np.full((1, *GRID.shape), np.nan, np.float32), GRID, None, ("red",))
    with pytest.raises(RasterError, match="no valid pixel"):
        plan_features(empty)
    other = Raster(
        np.zeros((1, 50, 20), np.float32),
        Grid(GRID.crs, GRID.transform, 50, 20),
        None,
        ("elevation",),
    )
    with pytest.raises(GridError, match="50 px"):
        plan_features(_image(), other)
