"""`landlore.maps` on a small drawn image: kept probabilities, knowledge loss, and asking the run again."""

import shutil

import numpy as np
import pytest
from affine import Affine

import landlore as ll
from kg.cog import write_raster
from kg.errors import InputError
from kg.grid import Grid
from kg.raster import Raster, read_raster
from landlore.rerun import solve_again

GRID = Grid("EPSG:32630", Affine(10, 0, 500_000, 0, -10, 5_500_000), 48, 48)
COARSE = Grid("EPSG:32630", Affine(80, 0, 500_000, 0, -80, 5_500_000), 6, 6)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A lake on grass: an image in four bands, and a product of 80 m."""
    home = tmp_path_factory.mktemp("interpret")
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:48, :48]
    lake = (y - 20) ** 2 + (x - 26) ** 2 < 14**2
    bands = np.where(lake, np.reshape([0.08, 0.07, 0.05, 0.02], (4, 1, 1)), 0.0)
    bands += np.where(lake, 0, np.reshape([0.05, 0.09, 0.06, 0.4], (4, 1, 1)))
    bands += rng.normal(0, 0.02, bands.shape)
    image = Raster(
        bands.astype(np.float32), GRID, None, ("blue", "green", "red", "nir"), "reflectance"
    )
    write_raster(home / "image.tif", image, overviews="average")
    cells = np.where(lake.reshape(6, 8, 6, 8).mean(axis=(1, 3)) > 0.5, 80, 30).astype(np.uint8)
    write_raster(home / "worldcover.tif", Raster(cells[None], COARSE, 0))
    return home


def interpret(home, name, **settings):
    return ll.interpret(
        home / "image.tif", sources=ll.Sources(landcover=str(home / "worldcover.tif")), out=home / name,
        settings=ll.RunSettings(steps=10, **settings),
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(home):
    return interpret(home, "run", smoothness=2.0).corrected


def test_a_run_that_was_moved_with_its_inputs_can_be_asked(home, done, tmp_path):
    moved = tmp_path / "elsewhere" / "run"
    shutil.copytree(home / "run", moved)
    (moved / "inputs").mkdir()
    for name in ("image.tif", "worldcover.tif"):
        shutil.copy(home / name, moved / "inputs" / name)
    kept = read_raster(moved / "before.tif").values
    assert np.array_equal(kept, done.before.probabilities)
    told = []
    again = solve_again(moved, told.append).corrected
    assert told[-1] == "solving the run again", "no word of a difference"
    assert again.corrections == done.corrections
    assert np.array_equal(again.after.probabilities, done.after.probabilities)


def test_a_silent_product_is_no_evidence(done):
    """The product taught the map and does not speak twice, so no correction names its cells."""
    assert done.corrections and not any(one.evidence for one in done.corrections)


def test_rules_teach_the_map_when_asked(home, done):
    taught = interpret(home, "taught", smoothness=2.0, knowledge_loss=20.0).corrected.before
    assert not np.array_equal(done.before.probabilities, taught.probabilities)
    assert np.allclose(taught.probabilities.sum(axis=0), 1, atol=1e-5)
    with pytest.raises(InputError, match="knowledge_loss is -1"):
        ll.RunSettings(knowledge_loss=-1)
