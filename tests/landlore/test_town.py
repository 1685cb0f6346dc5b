"""The demo's scene: the same seed gives the same bytes, and what is drawn is a believable town."""

import tomllib

import numpy as np
import pytest

from kg.files import shipped
from kg.raster import read_raster
from landlore.feature import BEACH, BUILDING, CROP, GRASS, ROAD, SOIL, TREE, WATER
from landlore.render import TOWN_CODES, WORLDCOVER
from landlore.showcase import make_scene
from landlore.town import build_town

RECIPE = tomllib.loads(shipped("data/demo/recipe.toml").read_text(encoding="utf-8"))
SHARES = {
    WATER: (0.12, 0.30), BEACH: (0.005, 0.04), TREE: (0.05, 0.30), GRASS: (0.08, 0.35),
    CROP: (0.20, 0.60), BUILDING: (0.015, 0.10), ROAD: (0.02, 0.12), SOIL: (0.002, 0.10),
}  # fmt: skip
"""Least and most share of each class: farmland around a small town by the sea."""


def town(seed):
    return build_town(RECIPE, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return make_scene(tmp_path_factory.mktemp("scene"), 7)


@pytest.fixture(scope="module")
def truth(scene):
    codes = read_raster(scene.truth).values[0]
    return np.searchsorted(TOWN_CODES, codes)


def test_the_same_seed_gives_the_same_features():
    one, other = town(3), town(3)
    assert len(one) == len(other) > 500
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a.ring, b.ring)
        assert (a.cls, a.tone, a.new, a.tags, a.height) == (b.cls, b.tone, b.new, b.tags, b.height)


def test_another_seed_gives_another_town():
    rings = [np.concatenate([f.ring.ravel() for f in town(seed)]) for seed in (3, 4)]
    assert rings[0].shape != rings[1].shape or not np.allclose(*rings)


def test_the_same_seed_gives_the_same_bytes(scene, tmp_path):
    again = make_scene(tmp_path, 7)
    names = sorted(p.name for p in scene.image.parent.iterdir())
    assert names == ["dem.tif", "image.tif", "product.tif", "town.osm", "truth.tif"]
    assert names == sorted(p.name for p in again.image.parent.iterdir())
    for name in names:
        assert (scene.image.parent / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_shares_of_the_classes(truth):
    found = np.bincount(truth.ravel(), minlength=8) / truth.size
    assert truth.shape == (1024, 1024)
    for cls, (least, most) in SHARES.items():
        assert least < found[cls] < most, (cls, found.round(3).tolist())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_seed_has_every_class_and_a_new_quarter(seed):
    features = town(seed)
    assert {f.cls for f in features} == set(range(8))
    houses = [f for f in features if f.tags.get("building") == "house"]
    assert len(houses) > 200
    assert 0.03 < np.mean([f.new for f in houses]) < 0.5
    sides = [np.linalg.norm(np.diff(f.ring, axis=0), axis=1) for f in houses]
    assert np.min(sides) > 5 and np.max(sides) < 25, "metres"


def test_the_spectra_are_those_of_land(scene, truth):
    image = read_raster(scene.image)
    assert image.bands == ("blue", "green", "red", "nir") and image.values.dtype == np.uint16
    red, nir = (image.values[image.bands.index(b)].astype(float) for b in ("red", "nir"))
    ndvi = (nir - red) / (nir + red)
    mean = [float(ndvi[truth == k].mean()) for k in range(8)]
    assert mean[TREE] > 0.6 and mean[GRASS] > 0.5 and mean[WATER] < 0
    assert max(mean[ROAD], mean[BEACH]) < 0.25 and mean[BUILDING] < 0.3
    assert image.values.min() >= 1 and image.values.max() < 10_000, "reflectance x 10,000"


def test_water_is_flat_and_low(scene, truth):
    height = read_raster(scene.dem).values[0]
    sea = (truth == WATER) & (np.arange(1024)[:, None] > 900)
    assert np.abs(height[sea]).max() < 1.5 and height[truth != WATER].mean() > 10


def test_the_product_is_coarse_and_out_of_date(scene, truth):
    product = read_raster(scene.product)
    assert product.grid.pixel_size == (20.0, 20.0)
    codes = np.kron(product.values[0], np.ones((10, 10), int))
    rows, cols = (min(a, b) for a, b in zip(codes.shape, truth.shape, strict=True))
    want = np.array([WORLDCOVER[k] for k in range(8)])[truth[:rows, :cols]]
    agreed = (codes[:rows, :cols] == want).mean()
    assert 0.65 < agreed < 0.92
    assert (product.values[0] == 50).mean() > 0.03


def test_the_extract_is_incomplete_and_says_so(scene):
    text = scene.osm.read_text(encoding="utf-8")
    assert 'generator="landlore demo (simulated)"' in text
    houses = sum(f.tags.get("building") == "house" for f in town(7))
    mapped = text.count('v="house"')
    assert 0.5 * houses < mapped < 0.7 * houses, (mapped, houses)
