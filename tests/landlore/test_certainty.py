"""Confidence of labels from files and from the command line, up to a corrected map."""

import json
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from typer.testing import CliRunner

import landlore as ll
from fusion.learned_confidence import load_confidence
from kg.cog import write_raster
from kg.errors import InputError, LandloreWarning, OutputError
from kg.grid import Grid
from kg.raster import Raster
from landlore.cli import app

FIELD, FOREST = 50, 70


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three tiles of fields and woods; the network takes every other field, a dark one, for wood."""
    folder = tmp_path_factory.mktemp("tiles")
    for i in range(3):
        rng = np.random.default_rng(i)
        grid = Grid("EPSG:32652", Affine(10, 0, 500000 + 1000 * i, 0, -10, 4000000), 64, 64)
        truth = np.kron(rng.choice([FIELD, FOREST], (8, 8)), np.ones((8, 8), int))
        dark = np.kron(rng.random((8, 8)) < 0.5, np.ones((8, 8), bool))
        said = np.where((truth == FIELD) & dark, FOREST, truth)
        light = np.where(truth == FOREST, 60, np.where(dark, 100, 160)) + rng.normal(
            0, 8, (3, 64, 64)
        )
        for name, values in (("said", said[None]), ("truth", truth[None]), ("image", light)):
            bands = ("codes",) if len(values) == 1 else ("red", "green", "blue")
            kept = np.clip(values, 1, 254).astype(np.uint8)
            write_raster(folder / f"{name}{i}.tif", Raster(kept, grid, 0, bands, None))
    return folder


def words(folder, *tiles):
    out = ["confidence"]
    for i in tiles:
        out += [str(folder / f"said{i}.tif"), "--image", str(folder / f"image{i}.tif")]
    return [*out, "--legend", "s2korea", "--quiet"]


@pytest.fixture(scope="module")
def lesson(folder):
    asked = words(folder, 0, 1)
    for i in (0, 1):
        asked += ["--truth", str(folder / f"truth{i}.tif")]
    done = CliRunner().invoke(app, [*asked, "-o", str(folder / "network.npz")])
    assert done.exit_code == 0, done.output
    assert "(kept)" in done.output
    assert "--learned" in done.output
    return folder / "network.npz"


def share_right(folder, codes):
    return float((codes == ll.read_raster(folder / "truth2.tif").values[0]).mean())


def test_labels_become_probabilities_and_a_better_corrected_map(folder, lesson, tmp_path):
    out = tmp_path / "p.tif"
    asked = [*words(folder, 2), "--learned", str(lesson), "-o", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "of 4,096 pixels it is another than the label" in done.output
    run = CliRunner().invoke(
        app, ["correct", str(out), "--legend", "s2korea", "-o", str(tmp_path / "run"), "--json"]
    )
    assert run.exit_code == 0, run.output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["inputs"]["prediction"]
    before = share_right(folder, ll.read_raster(folder / "said2.tif").values[0])
    after = share_right(folder, ll.read_raster(tmp_path / "run" / "corrected.tif").values[0])
    assert after > before + 0.1


def test_a_lesson_that_does_not_help_warns_where_it_is_used(folder, lesson, tmp_path):
    poor = load_confidence(lesson)
    replace(poor, held_out=np.array([90.0, 80.0])).save(tmp_path / "poor.npz")
    with pytest.warns(LandloreWarning, match="no better"):
        ll.estimate_confidence(
            folder / "said2.tif", folder / "image2.tif", tmp_path / "p.tif", legend="s2korea",
            learned=tmp_path / "poor.npz",
        )  # fmt: skip


def test_without_a_lesson_the_image_alone_is_asked(folder, tmp_path):
    found = ll.estimate_confidence(
        folder / "said2.tif", folder / "image2.tif", tmp_path / "p.tif", legend="s2korea"
    )
    kept = ll.read_raster(tmp_path / "p.tif")
    assert kept.values.shape == (5, 64, 64)
    assert kept.bands[0] == found.legend.classes[0].label
    np.testing.assert_allclose(kept.values, found.probabilities, atol=1e-6)


def test_what_is_refused(folder, lesson, tmp_path):
    out = str(tmp_path / "p.tif")
    cases = [
        ([*words(folder, 0, 1), "-o", out], InputError, "2 files of labels"),
        ([*words(folder, 2), "--scene", "a", "-o", out], InputError, "1 scenes"),
        (
            [*words(folder, 2), "--truth", str(folder / "truth2.tif"), "--learned", str(lesson), "-o", out],
            InputError, "--truth and --learned",
        ),
        ([*words(folder, 2), "-o", str(tmp_path / "p.npz")], OutputError, "ends in .tif"),
        ([*words(folder, 2), "--learned", str(folder / "said0.tif"), "-o", out], InputError, "not a file of"),
        ([*words(folder, 2), "-o", str(folder / "said2.tif")], OutputError, "is read"),
        ([*words(folder, 2), "--bands", "a,b,c", "--learned", str(lesson), "-o", out], InputError, "bands"),
    ]  # fmt: skip
    for asked, error, said in cases:
        done = CliRunner().invoke(app, asked)
        assert isinstance(done.exception, error), done.output
        assert said in str(done.exception)
    p = ll.estimate_confidence(
        folder / "said2.tif", folder / "image2.tif", tmp_path / "q.tif", legend="s2korea"
    )
    assert p.valid.all()
    with pytest.raises(InputError, match="probabilities already"):
        ll.estimate_confidence(
            tmp_path / "q.tif", folder / "image2.tif", tmp_path / "r.tif", legend="s2korea"
        )
    both = ll.TileFiles(
        [folder / "said0.tif", tmp_path / "q.tif"], [folder / f"truth{i}.tif" for i in (0, 2)],
        "s2korea", [folder / f"image{i}.tif" for i in (0, 2)],
    )  # fmt: skip
    with pytest.raises(InputError, match="q: holds probabilities already"):
        ll.learn_confidence(both, tmp_path / "n.npz")
    with pytest.raises(InputError, match="no images"):
        files = ll.TileFiles([folder / "said0.tif"], [folder / "truth0.tif"], "s2korea")
        ll.learn_confidence(files, tmp_path / "n.npz")
