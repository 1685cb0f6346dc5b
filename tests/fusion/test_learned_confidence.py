"""Confidence learned from tiles with truth: a network's habit is found, and used on tiles without truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from fusion.confidence_lesson import EXPONENTS, Example, learn_confidence, told
from fusion.learned_confidence import legend_hash, load_confidence
from fusion.metrics import confusion, miou
from kg.errors import GridError, InputError, LandloreWarning
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster

LEGEND = load_legend("s2korea")
FIELD, FOREST = 2, 3
BANDS = ("red", "green", "blue")


def tile(seed, habit=0.5, size=64):
    """Fields and woods; the network takes many a dark field for wood, which the image would tell."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(FIELD, FOREST + 1, (size // 8, size // 8)), np.ones((8, 8), int))
    dark = np.kron(rng.random((size // 8, size // 8)) < habit, np.ones((8, 8), bool))
    labels = np.where((truth == FIELD) & dark, FOREST, truth).astype(np.int16)
    bright = np.where(truth == FOREST, 60, np.where(dark, 100, 160))
    values = np.clip(bright + rng.normal(0, 10, (3, size, size)), 1, 254).astype(np.uint8)
    grid = Grid("EPSG:32652", Affine(10, 0, 340000, 0, -10, 3840000), size, size)
    return Example(labels, Raster(values, grid, None, BANDS, None), truth, f"place {seed}")


@pytest.fixture(scope="module")
def learned():
    return learn_confidence([tile(seed) for seed in range(4)], LEGEND)


def test_a_habit_of_the_network_is_undone_where_nobody_knows_the_truth(learned):
    new = tile(9)
    found = learned.apply(new.labels, new.image, LEGEND)
    right = [miou(confusion(new.truth, one, 5)) for one in (new.labels, found.labels)]
    assert right[1] > right[0] + 0.2
    assert learned.helps
    assert found.probabilities.sum(axis=0) == pytest.approx(np.ones(new.labels.shape), abs=1e-5)
    assert not found.from_labels
    assert "(kept)" in told(learned)


def test_images_of_other_places_teach_nothing(learned):
    tiles = [tile(seed) for seed in range(4)]
    others = [replace(one, image=tile(20 + i).image) for i, one in enumerate(tiles)]
    blind = learn_confidence(others, LEGEND)
    assert blind.held_out[1:].max() < learned.held_out[1:].max() - 10
    assert blind.held_out[0] == learned.held_out[0]


def test_a_lesson_that_does_not_help_says_so():
    rng = np.random.default_rng(0)
    tiles = [tile(seed, habit=0.0) for seed in range(3)]
    noise = [rng.integers(1, 254, one.image.values.shape).astype(np.uint8) for one in tiles]
    blind = [
        replace(one, image=replace(one.image, values=v))
        for one, v in zip(tiles, noise, strict=True)
    ]
    found = learn_confidence(blind, LEGEND)
    assert found.held_out[0] == pytest.approx(100)
    assert not found.helps
    assert "without this lesson" in told(found)


def test_it_comes_back_from_its_file_and_the_same_tiles_give_the_same_bytes(learned, tmp_path):
    learned.save(tmp_path / "one.npz")
    learn_confidence([tile(seed) for seed in range(4)], LEGEND).save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    back, new = load_confidence(tmp_path / "one.npz"), tile(9)
    assert back.exponent == learned.exponent in EXPONENTS
    one, two = (x.apply(new.labels, new.image, LEGEND).probabilities for x in (back, learned))
    np.testing.assert_array_equal(one, two)


def test_what_is_missing(learned):
    new = tile(9)
    labels, values = new.labels.copy(), new.image.values.astype(np.float32)
    labels[:10], values[:, 40:50] = -1, np.nan
    found = learned.apply(labels, replace(new.image, values=values, nodata=np.nan), LEGEND)
    assert (found.probabilities[:, :10] == 0).all()
    assert found.confidence[40:50] == pytest.approx(np.full((10, 64), 0.8))


def test_strips_give_the_probabilities_of_the_whole(learned, monkeypatch):
    new = tile(9)
    whole = learned.apply(new.labels, new.image, LEGEND).probabilities
    for rows in (7, 16, 64):
        monkeypatch.setattr("fusion.learned_confidence.STRIP", rows)
        strips = learned.apply(new.labels, new.image, LEGEND).probabilities
        np.testing.assert_allclose(strips, whole, atol=1e-6)


def test_bands_in_another_unit_are_told_of(learned):
    new = tile(9)
    shares = replace(new.image, values=new.image.values.astype(np.float32) / 255)
    with pytest.warns(LandloreWarning, match="band red .* give it in the same unit"):
        learned.apply(new.labels, shares, LEGEND)


def test_another_version_of_the_legend_is_refused(learned, tmp_path):
    codes = (*LEGEND.codes[:-1], 99)
    assert legend_hash(replace(LEGEND, codes=codes)) != learned.legend_hash == legend_hash(LEGEND)
    new = tile(9)
    with pytest.raises(InputError, match="hash"):
        learned.apply(new.labels, new.image, replace(LEGEND, codes=codes))
    learned.save(tmp_path / "one.npz")
    back = load_confidence(tmp_path / "one.npz")
    assert (back.tiles, back.legend_hash, back.bands) == (4, learned.legend_hash, BANDS)


def test_what_is_refused(learned, tmp_path):
    new = tile(9)
    with pytest.raises(GridError, match="different grids"):
        learned.apply(new.labels[1:], new.image, LEGEND)
    with pytest.raises(InputError, match="bands red, green, blue"):
        learned.apply(new.labels, replace(new.image, bands=("a", "b", "c")), LEGEND)
    with pytest.raises(InputError, match="legend"):
        learned.apply(new.labels, new.image, load_legend("town"))
    with pytest.raises(InputError, match="1 scene"):
        learn_confidence([replace(tile(i), scene="one") for i in range(2)], LEGEND)
    with pytest.raises(InputError, match="tile 2 has bands"):
        other = replace(tile(1), image=replace(tile(1).image, bands=("a", "b", "c")))
        learn_confidence([tile(0), other], LEGEND)
    with pytest.raises(InputError, match="0 pixels with a label"):
        blind = [replace(tile(i), truth=np.full((64, 64), -1)) for i in range(2)]
        learn_confidence(blind, LEGEND)
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", words=np.array(["other"]))
    for name in ("text.npz", "other.npz", "nowhere.npz"):
        with pytest.raises(InputError, match=r"not a file of|no such file"):
            load_confidence(tmp_path / name)
