"""What was learned is kept in a file, and maps parts as it maps the whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from affine import Affine
from three_classes import LEGEND

from fusion.field import Part, field_of, whole_part
from fusion.learn import Whole, learn
from fusion.segment import segment_cells
from fusion.segmenter_file import read_segmenter, write_segmenter
from fusion.settings import SegmentSettings
from fusion.weak import CellTargets, fit_trust
from kg import vocab
from kg.errors import InputError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.raster import Raster

SIDE = 96
GRID = Grid("EPSG:32632", Affine(10, 0, 500_000, 0, -10, 5_000_000), SIDE, SIDE)
FAST = SegmentSettings(steps=25, batch=3_000, hidden=32)


def scene(size, *, majority=True):
    """An image with a hole, elevation, and a product in cells of `size` pixels."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    truth = np.digitize(np.sin(x / 5) + np.cos(y / 4 + x / 13), [-0.5, 0.6])
    level = np.array([0.2, 0.5, 0.35])[truth]
    bands = np.clip(level + 0.05 * rng.standard_normal((3, SIDE, SIDE)), 0.01, 1)
    bands[:, 20:33, 41:60] = -1
    image = Raster(bands.astype(np.float32), GRID, -1, ("green", "red", "nir"))
    across = SIDE // size
    cell = (np.arange(SIDE) // size)[:, None] * across + np.arange(SIDE) // size
    counts = np.bincount((cell * 3 + truth).ravel(), minlength=across**2 * 3).reshape(-1, 3)
    shares = np.eye(3)[counts.argmax(axis=1)] if majority else counts / counts.sum(1)[:, None]
    names = tuple(f"urn:cell/{i}" for i in range(len(shares)))
    classes = tuple(one.iri for one in LEGEND.classes)
    layer = EvidenceLayer(
        "p", vocab.PRODUCT_CELL, "urn:g", GRID, cell.astype(np.int32), shares.astype(np.float32), classes, names
    )  # fmt: skip
    dem = Raster((y[None] + x / 3).astype(np.float32), GRID, None, ("elevation",))
    return image, layer, dem


def part_of(what, inner, reach, around, weight=1.0):
    """A part with whole cells in its core and more around it."""
    image, layer, dem = what

    def grown(window, margin):
        row, col, height, width = window
        top, left = max(row - margin, 0), max(col - margin, 0)
        bottom, right = min(row + height + margin, SIDE), min(col + width + margin, SIDE)
        return top, left, bottom - top, right - left

    core = grown(inner, reach)
    outer = grown(core, around)
    rows, cols = slice(outer[0], outer[0] + outer[2]), slice(outer[1], outer[1] + outer[3])
    grid = GRID.window(*outer)

    def within(window):
        return window[0] - outer[0], window[1] - outer[1], window[2], window[3]

    seen = replace(image, values=image.values[:, rows, cols], grid=grid)
    high = replace(dem, values=dem.values[:, rows, cols], grid=grid)
    below = replace(layer, grid=grid, cell=layer.cell[rows, cols])
    return Part(seen, below, high, within(core), within(inner), weight)


def windows(side):
    """All windows of a side."""
    at = range(0, SIDE, side)
    return [(row, col, min(side, SIDE - row), min(side, SIDE - col)) for row in at for col in at]


@pytest.mark.parametrize("size", [1, 2, 8])
def test_parts_are_mapped_as_the_whole(size, tmp_path):
    """With rings (2: more than 2,000 cells), without (8), and with a product as fine as the image (1)."""
    what = image, layer, dem = scene(size)
    whole = segment_cells(image, layer, LEGEND, dem=dem, settings=FAST).prediction.probabilities
    learned, _ = learn(
        [field_of(whole_part(image, layer, dem), LEGEND)], FAST, lambda share, word: None
    )
    assert (learned.around is not None) == (size == 2) and learned.coarse == (size > 1)
    write_segmenter(learned, tmp_path / "one.npz")
    again = read_segmenter(tmp_path / "one.npz")
    write_segmenter(again, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    found = np.zeros_like(whole)
    with torch.inference_mode():
        for window in windows(40):
            row, col, height, width = window
            part = part_of(what, window, int(1.5 * size) + 2, max(32, 14 * size))
            found[:, row : row + height, col : col + width] = again.map_part(part, LEGEND)
    assert np.abs(found - whole).max() < 1e-3
    assert (found[:, 20:33, 41:60] == 0).all()


def test_a_part_without_cells_or_without_pixels():
    image, layer, dem = what = scene(2)
    fields = [field_of(whole_part(image, layer, dem), LEGEND)]
    learned, _ = learn(fields, FAST, lambda share, word: None)
    part = part_of(what, (0, 0, 40, 40), 5, 32)
    alone = learned.map_part(replace(part, layer=None), LEGEND)
    assert np.allclose(alone.sum(axis=0)[:20], 1, atol=1e-5)
    empty = replace(part.image, values=np.full_like(part.image.values, -1))
    assert not learned.map_part(replace(part, image=empty), LEGEND).any()


def test_learning_from_some_parts_stands_for_the_whole():
    """Rare cells that were drawn more often count for less, so that shares are those of the image."""
    what = image, layer, dem = scene(4)
    prior = layer.shares.mean(axis=0).astype(np.float64)
    chosen = [window for i, window in enumerate(windows(24)) if i % 3 == 0]
    fields = [
        field_of(part_of(what, window, 8, 60, 1.0 + i), LEGEND, coarse=True, prior=prior)
        for i, window in enumerate(chosen)
    ]
    below = np.where(image.valid, layer.cell, -1)
    for field, (row, col, height, width) in zip(fields, chosen, strict=True):
        here = np.unique(below[row : row + height, col : col + width])
        assert field.mine.sum() == (here >= 0).sum() > 20, "each cell lies in one window, wholly"
    learned, looks = learn(
        fields, FAST, lambda share, word: None, whole=Whole(GRID.pixel_size, prior)
    )
    assert np.allclose(learned.prior, prior) and learned.usual == 16 and len(looks) <= 1
    assert np.allclose(learned.trusted, prior, atol=0.05)
    whole = segment_cells(image, layer, LEGEND, dem=dem, settings=FAST).prediction.labels
    found = np.zeros((SIDE, SIDE), np.int64)
    for window in windows(48):
        row, col, height, width = window
        said = learned.map_part(part_of(what, window, 8, 60), LEGEND)
        found[row : row + height, col : col + width] = said.argmax(axis=0)
    assert (found == whole)[whole >= 0].mean() > 0.9


def test_cells_of_a_class_that_the_sample_lacks_can_be_doubted():
    """A class that no cell of the sample names has a chance of its own, so that nothing is divided by 0."""
    rng = np.random.default_rng(0)
    means = rng.dirichlet((5, 1, 1), 200)
    named = np.eye(3)[rng.integers(0, 2, 200)]
    fit = fit_trust(means, CellTargets(named, np.ones(200, bool), True))
    new = CellTargets(np.eye(3)[[2, 0]], np.ones(2, bool), True)
    trust = fit.trust(np.array([[0.9, 0.05, 0.05], [0.9, 0.05, 0.05]]), new)
    assert ((trust >= 0) & (trust <= 1)).all()


def test_a_file_that_holds_no_segmenter_is_told(tmp_path):
    (tmp_path / "learned.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"learned\.npz: not weights of a segmenter"):
        read_segmenter(tmp_path / "learned.npz")
