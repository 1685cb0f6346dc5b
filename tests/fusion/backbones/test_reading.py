from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from fusion.backbones.reading import ReadSettings, read_pixels_of
from kg.errors import InputError

RGB, PLAIN = ("red", "green", "blue"), ReadSettings()
RNG = np.random.default_rng(0)
NAMES = ("coastal", "blue", "green", "red", "nir")


def raster(path, values, names=None, nodata=None):
    count, height, width = values.shape
    how = {
        "count": count,
        "height": height,
        "width": width,
        "dtype": values.dtype,
        "nodata": nodata,
    }
    place = {"crs": "EPSG:32632", "transform": Affine(10, 0, 5e5, 0, -10, 5e6)}
    with rasterio.open(path, "w", driver="GTiff", photometric="MINISBLACK", **how, **place) as file:
        file.write(values)
        for i, name in enumerate(names or (), start=1):
            file.set_band_description(i, name)
    return path


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "webp"])
def test_colours_of_8_bits_need_no_names(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    Image.fromarray(np.full((4, 6, 3), (10, 200, 90), np.uint8)).save(path)
    found = read_pixels_of(path, RGB, PLAIN)
    assert (found.dtype, found.shape) == (np.uint8, (4, 6, 3))
    assert np.abs(found[0, 0].astype(int) - (10, 200, 90)).max() < 12


def test_bands_are_found_by_name_and_scaled_as_declared(tmp_path):
    values = RNG.integers(1, 6000, (5, 4, 6)).astype(np.uint16)
    values[:, 0, 0] = 0
    expected = np.clip(values[[3, 2, 1]].astype(np.float32) / 3000, 0, 1).transpose(1, 2, 0)
    named = raster(tmp_path / "named.tif", values, NAMES, nodata=0)
    bare = raster(tmp_path / "bare.tif", values, nodata=0)
    other = raster(tmp_path / "other.tif", values[::-1], NAMES[::-1], nodata=0)
    for path, bands in ((named, None), (bare, NAMES), (other, None), (other, NAMES[::-1])):
        found = read_pixels_of(path, RGB, ReadSettings(bands=bands, white=3000))
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found[0, 0] == 0).all()


def test_13_bands_without_names_or_scale_are_refused_with_two_lines(tmp_path):
    values = RNG.integers(0, 6000, (13, 4, 6)).astype(np.uint16)
    path = raster(tmp_path / "s2.tif", values)
    with pytest.raises(InputError, match="13 bands of uint16 called band1, band2") as caught:
        read_pixels_of(path, RGB, PLAIN)
    assert "--bands coastal,blue" in caught.value.hint
    assert "--white" in caught.value.hint
    with pytest.raises(InputError, match="what full brightness is") as caught:
        read_pixels_of(raster(path, values[:5], NAMES), RGB, PLAIN)
    assert "--white VALUE" in caught.value.hint
    with pytest.raises(InputError, match="has 5 bands, 3 names given"):
        read_pixels_of(path, RGB, ReadSettings(bands=RGB, white=1))


def test_settings_that_mean_nothing_are_refused():
    for how, message in (({"white": 0.0}, "above 0"), ({"bands": ("red", "red")}, "red twice")):
        with pytest.raises(InputError, match=message):
            ReadSettings(**how)


def test_grey_and_16_bits_say_what_to_type(tmp_path):
    Image.fromarray(np.full((4, 4), 7, np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.full((4, 4), 40000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(InputError, match="one band without a name") as caught:
        read_pixels_of(tmp_path / "grey.png", RGB, PLAIN)
    assert "--bands grey" in caught.value.hint
    with pytest.raises(InputError, match="1 band of uint16") as caught:
        read_pixels_of(tmp_path / "deep.png", RGB, PLAIN)
    assert "--bands grey, and full brightness: --white" in caught.value.hint
    grey = ReadSettings(bands=("grey",), white=50000)
    assert (read_pixels_of(tmp_path / "grey.png", RGB, grey) == 7).all()
    deep = read_pixels_of(tmp_path / "deep.png", RGB, grey)
    np.testing.assert_allclose(deep, np.full((4, 4, 3), 0.8), atol=1e-6)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    whole, cut, text = (tmp_path / n for n in ("whole.png", "cut.png", "text.tif"))
    Image.fromarray(RNG.integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    cut.write_bytes(whole.read_bytes()[:200])
    text.write_text("hello")
    for path in (cut, text, tmp_path / "none.png"):
        with pytest.raises(InputError, match=path.name) as caught:
            read_pixels_of(path, RGB, PLAIN)
        assert len(str(caught.value).splitlines()) == 2
    empty = raster(tmp_path / "empty.tif", np.zeros((3, 4, 4), np.uint16), RGB, nodata=0)
    with pytest.raises(InputError, match="no pixel has an observation"):
        read_pixels_of(empty, RGB, ReadSettings(white=1))


def test_files_of_many_bands_are_read_without_a_word_on_the_log(tmp_path, caplog):
    path = raster(tmp_path / "s2.tif", RNG.integers(0, 3000, (13, 4, 4)).astype(np.uint16))
    with pytest.raises(InputError, match="13 bands of uint16"):
        read_pixels_of(path, RGB, PLAIN)
    assert not caplog.records
