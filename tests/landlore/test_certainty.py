"""Confidence of labels from files and from the command line, up to a corrected map."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from typer.testing import CliRunner

import landlore as ll
from fusion.learned_confidence import load_confidence
from kg.cog import write_raster
from kg.errors import InputError, LandloreError, LandloreWarning, OutputError
from kg.grid import Grid
from kg.raster import Raster
from landlore.cli import app
from landlore.inputs import read_prediction

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
    assert "--lesson" in done.output
    assert "learned from 2 tiles with bands red, green, blue" in done.output
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


def correct(folder, lesson, *more):
    return ["correct", str(folder / "said2.tif"), "--image", str(folder / "image2.tif"), "--legend", "s2korea",
            "--lesson", str(lesson), *map(str, more)]  # fmt: skip


def call(*asked):
    done = CliRunner().invoke(app, [str(word) for word in asked])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture(scope="module")
def run(folder, lesson):
    call(*correct(folder, lesson, "-o", folder / "run"))
    return folder / "run"


def test_beside_a_lesson_the_map_is_the_same_and_each_change_has_a_reason(folder, lesson, run):
    call(*words(folder, 2), "--learned", lesson, "-o", folder / "two.tif")
    call("correct", folder / "two.tif", "--image", folder / "image2.tif", "--legend", "s2korea",
         "-o", folder / "two")  # fmt: skip
    one, two = (
        ll.read_raster(place / "corrected.tif").values[0] for place in (run, folder / "two")
    )
    np.testing.assert_array_equal(one, two)
    said = ll.read_raster(folder / "said2.tif").values[0]
    assert share_right(folder, one) > share_right(folder, said) + 0.1
    reasons = ll.read_raster(run / "reasons.tif").values[0]
    np.testing.assert_array_equal(reasons >= 0, one != said)
    text = (run / "corrections.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in rows:
        parts = sum(float(value) for name, value in row.items() if name.endswith("_nats"))
        assert parts == pytest.approx(float(row["log_odds"]), abs=1e-5)
    assert rows[0]["cause"] == "run:Lesson" and float(rows[0]["lesson_nats"]) > 2
    assert "this network usually errs here" in rows[0]["sentence_en"]


def test_a_run_with_a_lesson_can_be_asked(folder, run):
    told = call("explain", run, "--top", "1")
    assert "the usual errors of this network" in told
    dropped = call("explain", run, "--what-if", "drop=lesson")
    changed = json.loads((run / "run.json").read_text())["changed_pixels"]
    assert f"{changed:,} pixels" in dropped and "comes out differently" not in dropped
    asked = call("query", run, "--name", "lesson-changes")
    assert "Forest" in asked or "orest" in asked
    page = folder / "report.html"
    call("report", run, "-o", page)
    assert "the usual errors of this network" in page.read_text()


def test_a_prediction_in_memory_keeps_its_lesson_for_later_questions(folder, lesson, tmp_path):
    legend = ll.load_legend("s2korea")
    given = read_prediction(folder / "said2.tif", legend)
    image = ll.read_raster(folder / "image2.tif")
    beside = load_confidence(lesson).beside(given, image, name="network.npz")
    done = ll.correct(beside, out=tmp_path / "run")
    dropped = ll.what_if(tmp_path / "run", {"lesson": 0})
    assert dropped.pixels == done.corrected.changed_pixels > 0
    with pytest.raises(InputError, match="probabilities already"):
        ll.correct(
            beside,
            sources=ll.Sources(image=str(folder / "image2.tif")),
            settings=ll.RunSettings(lesson=str(lesson)),
        )


def test_what_a_lesson_cannot_be_used_for(folder, lesson, tmp_path):
    out, image = tmp_path / "out", folder / "image2.tif"
    call(*words(folder, 2), "--learned", lesson, "-o", tmp_path / "p.tif")
    other = load_confidence(lesson)
    replace(other, legend_hash="0" * 16).save(tmp_path / "other.npz")
    labels = ["correct", folder / "said2.tif", "--legend", "s2korea"]
    cases = [
        ([*labels, "--lesson", lesson], "no image"),
        ([*labels, "--lesson", lesson, "--image", image, "--bands", "a,b,c"], "bands"),
        ([*labels, "--lesson", tmp_path / "other.npz", "--image", image], "hash"),
        ([*labels, "--lesson", folder / "said0.tif", "--image", image], "not a file of"),
        ([*labels, "--lesson", lesson, "--by-region"], "--by-region and --lesson"),
        (["correct", tmp_path / "p.tif", *correct(folder, lesson)[2:]], "probabilities already"),
        (["correct", folder / "said2.tif", "--legend", "s2korea", "--lesson", lesson, "--image",
          image, "-o", lesson.parent], "is read"),
    ]  # fmt: skip
    for asked, said in cases:
        more = [] if "-o" in asked else ["-o", out]
        done = CliRunner().invoke(app, [str(word) for word in (*asked, *more)])
        assert isinstance(done.exception, LandloreError), done.output
        assert said in str(done.exception)
    with pytest.raises(InputError, match="interpret"):
        ll.interpret(image, settings=ll.RunSettings(lesson=str(lesson)))


def test_a_file_of_somebody_elses_is_not_replaced_and_ones_own_is(folder, lesson, tmp_path):
    foreign, own = tmp_path / "theirs.tif", tmp_path / "p.tif"
    foreign.write_bytes((folder / "image0.tif").read_bytes())
    asked = [*words(folder, 2), "--learned", str(lesson), "-o"]
    done = CliRunner().invoke(app, [*asked, str(foreign)])
    assert isinstance(done.exception, OutputError) and "did not write it" in str(done.exception)
    assert foreign.read_bytes() == (folder / "image0.tif").read_bytes()
    first = call(*asked, own)
    assert call(*asked, own) == first
    (tmp_path / "n.npz").write_text("notes")
    teach = [
        *words(folder, 0, 1),
        "--truth",
        folder / "truth0.tif",
        "--truth",
        folder / "truth1.tif",
    ]
    done = CliRunner().invoke(app, [str(word) for word in (*teach, "-o", tmp_path / "n.npz")])
    assert isinstance(done.exception, OutputError)
    (tmp_path / "n.npz").write_bytes(lesson.read_bytes())
    call(*teach, "-o", tmp_path / "n.npz")


def test_unknown_codes_are_told_with_their_file(folder, tmp_path):
    for asked in (
        [
            "confidence",
            folder / "said2.tif",
            "--image",
            folder / "image2.tif",
            "-o",
            tmp_path / "p.tif",
        ],
        ["correct", folder / "said2.tif", "-o", tmp_path / "run"],
    ):
        done = CliRunner().invoke(app, [str(word) for word in (*asked, "--legend", "dubai6")])
        assert f"{folder / 'said2.tif'}: legend dubai6: unknown class code" in str(done.exception)


def test_labels_without_an_observation_are_counted(folder, tmp_path):
    image = ll.read_raster(folder / "image2.tif")
    values = image.values.copy()
    values[:, :4] = image.nodata
    write_raster(tmp_path / "image.tif", replace(image, values=values))
    told = call("confidence", folder / "said2.tif", "--image", tmp_path / "image.tif", "--legend",
                "s2korea", "-o", tmp_path / "p.tif")  # fmt: skip
    assert "256 labels without an observation in the image" in told


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
        ([*words(folder, 2), "--scene", "a", "-o", out], InputError, "1 scene"),
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
