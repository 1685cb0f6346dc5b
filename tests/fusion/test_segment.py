from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from affine import Affine
from three_classes import LEGEND

from fusion.metrics import confusion, miou, overall_accuracy
from fusion.segment import segment, segment_cells
from fusion.settings import SegmentSettings
from kg import vocab
from kg.errors import GridError, RasterError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.raster import Raster

GRID = Grid("EPSG:32632", Affine(10, 0, 500_000, 0, -10, 5_000_000), 96, 96)
FAST = SegmentSettings(steps=120, batch=3_000, hidden=32)


@dataclass(frozen=True)
class Scene:
    image: Raster
    truth: np.ndarray
    layer: EvidenceLayer


def _scene(size: int = 8, *, majority: bool = False) -> Scene:
    """Three covers in winding bands: dark and smooth, bright and smooth, dark and rough."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:96, 0:96]
    height = np.sin(x / 5) + np.cos(y / 4 + x / 13)
    truth = np.digitize(height, [-0.5, 0.6])
    level, rough = np.array([0.2, 0.5, 0.2]), np.array([0.01, 0.02, 0.15])
    bands = [level[truth] + rough[truth] * rng.standard_normal(truth.shape) for _ in range(3)]
    image = Raster(np.clip(bands, 0.01, 1).astype(np.float32), GRID, -1, ("green", "red", "nir"))
    return Scene(image, truth, _layer(truth, size, majority))


def _layer(truth: np.ndarray, size: int, majority: bool) -> EvidenceLayer:
    columns = -(-96 // size)
    cell = ((np.arange(96) // size)[:, None] * columns + (np.arange(96) // size)).astype(np.int32)
    shares = np.bincount((cell * 3 + truth).ravel(), minlength=columns**2 * 3).reshape(-1, 3)
    shares = shares / shares.sum(axis=1, keepdims=True)
    if majority:
        shares = np.eye(3)[shares.argmax(axis=1)]
    names = tuple(f"urn:cell/{i}" for i in range(len(shares)))
    iris = tuple(c.iri for c in LEGEND.classes)
    rows = shares.astype(np.float32)
    return EvidenceLayer("p", vocab.PRODUCT_CELL, "urn:g", GRID, cell, rows, iris, names)


def _accuracy(scene: Scene, labels: np.ndarray) -> float:
    return overall_accuracy(confusion(scene.truth, labels, 3))


@pytest.mark.parametrize(("majority", "least"), [(False, 0.9), (True, 0.85)])
def test_the_map_is_finer_than_its_product(majority, least):
    scene = _scene(majority=majority)
    nearest = scene.layer.shares.argmax(axis=1)[scene.layer.cell]
    found = segment(scene.image, scene.layer, LEGEND, settings=FAST)
    assert _accuracy(scene, nearest) < 0.78
    assert _accuracy(scene, found.labels) > least
    assert miou(confusion(scene.truth, found.labels, 3)) > least - 0.1


def test_raked_cells_add_up_to_their_shares():
    scene = _scene()
    found = segment_cells(scene.image, scene.layer, LEGEND, settings=FAST)
    p, cell = found.prediction.probabilities.astype(np.float64), scene.layer.cell.ravel()
    means = np.stack([np.bincount(cell, weights=layer.ravel()) for layer in p], axis=1) / 64
    assert found.raked.mean() > 0.9
    assert np.abs(means - scene.layer.shares)[found.raked].max() < 1e-6
    assert np.abs(p.sum(axis=0) - 1).max() < 1e-5


def test_same_seed_same_bytes_and_other_seed_other_bytes():
    scene, quick = _scene(), replace(FAST, steps=15)
    one, two = (segment(scene.image, scene.layer, LEGEND, settings=quick) for _ in range(2))
    other = segment(scene.image, scene.layer, LEGEND, settings=replace(quick, seed=1))
    assert one.probabilities.tobytes() == two.probabilities.tobytes()
    assert one.probabilities.tobytes() != other.probabilities.tobytes()


def test_nodata_has_no_probability_and_teaches_nothing():
    scene = _scene()
    values = scene.image.values.copy()
    values[:, 20:40, 30:60] = -1
    values[1, 70, 70] = np.nan
    found = segment(replace(scene.image, values=values), scene.layer, LEGEND, settings=FAST)
    assert (found.probabilities[:, 20:40, 30:60] == 0).all()
    assert (found.labels[20:40, 30:60] == -1).all()
    assert not found.valid[70, 70]
    assert np.isfinite(found.probabilities).all()
    assert _accuracy(scene, found.labels) > 0.88


def test_false_cells_are_found_and_not_raked():
    scene, rng = _scene(4), np.random.default_rng(0)
    false = rng.random(len(scene.layer.shares)) < 0.15
    shares = scene.layer.shares.copy()
    shares[false] = shares[rng.integers(0, len(shares), false.sum())]
    false = np.abs(shares - scene.layer.shares).sum(axis=1) > 0.8
    layer = replace(scene.layer, shares=shares)
    found = segment_cells(scene.image, layer, LEGEND, settings=FAST)
    suspect = found.trust.trust < 0.5
    assert (suspect & false).sum() / suspect.sum() > 0.8
    assert (suspect & false).sum() / false.sum() > 0.6
    assert not (found.raked & suspect).any()
    blind = segment(scene.image, layer, LEGEND, settings=replace(FAST, trust=False))
    assert _accuracy(scene, found.prediction.labels) > _accuracy(scene, blind.labels)


def test_a_product_as_fine_as_the_image_is_not_raked():
    scene = _scene(1)
    found = segment_cells(scene.image, scene.layer, LEGEND, settings=FAST)
    assert not found.raked.any()
    assert _accuracy(scene, found.prediction.labels) > 0.9


def test_progress_rises_to_one():
    scene, seen = _scene(), []
    segment(
        scene.image,
        scene.layer,
        LEGEND,
        settings=replace(FAST, steps=20),
        progress=lambda share, what: seen.append(share),
    )
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 1


def test_a_loss_of_ones_own_is_felt():
    class NoThird:
        """Every pixel of label 2 costs."""

        def forward(self, probabilities, pixels):
            assert probabilities.shape == (len(pixels), 3)
            assert pixels.max() < 96 * 96
            self.gradient = np.zeros_like(probabilities)
            self.gradient[:, 2] = 20 / len(pixels)
            return 20 * float(probabilities[:, 2].mean())

        def backward(self):
            return self.gradient

    scene, options = _scene(), replace(FAST, steps=60, rake=False)
    plain = segment(scene.image, scene.layer, LEGEND, settings=options)
    told = segment(scene.image, scene.layer, LEGEND, settings=replace(options, losses=(NoThird(),)))
    assert told.probabilities[2].mean() < 0.3 * plain.probabilities[2].mean()


def test_errors_name_what_is_wrong():
    scene = _scene()
    elsewhere = replace(scene.layer, cell=np.full(GRID.shape, -1, np.int32))
    with pytest.raises(GridError, match="no overlap"):
        segment(scene.image, elsewhere, LEGEND, settings=FAST)
    other = replace(scene.layer, grid=replace(GRID, width=95))
    with pytest.raises(GridError, match="95 x 96"):
        segment(scene.image, other, LEGEND, settings=FAST)
    empty = replace(scene.image, values=np.full_like(scene.image.values, np.nan))
    with pytest.raises(RasterError, match="no valid pixel"):
        segment(empty, scene.layer, LEGEND, settings=FAST)
