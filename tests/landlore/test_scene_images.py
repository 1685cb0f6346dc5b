"""Images to ranked classes with a backbone of a few numbers: batches, faults, seen folders, outputs, a second run."""

import csv
import functools
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import fusion.backbones.choice
import kg.scenes
from fusion.backbones.preprocessing import clip_preprocessing
from fusion.backbones.reading import ReadSettings
from kg.errors import InputError, OutputError
from landlore.classified import ClassifySettings
from landlore.cli import scenes
from landlore.scenes import classify

COLOURS = {
    "forest": (20, 90, 30),
    "river": (30, 60, 160),
    "desert": (210, 180, 120),
    "beach": (240, 230, 200),
}
GRADED = ClassifySettings(blocks=("graded",), model="a-model")


class Colours:
    """Mean colours; the text of a class is its colour."""

    name, reads_text, preprocessing, calls = "colours", True, clip_preprocessing(8), 0

    def facts(self):
        return {"weights": "1"}

    def images(self, images):
        type(self).calls += len(images)
        return np.stack([np.append(i.mean(axis=(0, 1)) / 255 - 0.5, 0.1) for i in images])

    def prompts(self, texts):
        colour = [next(v for k, v in COLOURS.items() if k in text) for text in texts]
        return np.array([np.append(np.array(c) / 255 - 0.5, 0.1) for c in colour])


KNOWLEDGE = functools.cache(kg.scenes.load_scenes)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(kg.scenes, "load_scenes", KNOWLEDGE)
    monkeypatch.setattr(fusion.backbones.choice, "open_backbone", lambda *_: Colours())
    for name, colour in COLOURS.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(3):
            noise = np.random.default_rng(i).normal(0, 9, (9, 12, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    (tmp_path / "photos" / "river" / "1.png").write_text("hello")
    return tmp_path


def test_a_folder_is_classified_and_what_cannot_be_used_is_listed(folder):
    told = []
    done = classify(
        folder / "photos", list(COLOURS), settings=GRADED, out=folder / "out", progress=told.append
    )
    best = done.scores.scores.argmax(axis=1)
    right = [item.split("/")[-2] for item in done.scores.items]
    assert [done.scores.classes[k] for k in best] == right
    assert "images 12 of 12, 1 left out" in told
    with (folder / "out" / "left_out.csv").open() as file:
        assert [row["item"].endswith("river/1.png") for row in csv.DictReader(file)] == [True]
    facts = json.loads((folder / "out" / "run.json").read_text())
    assert facts["left_out"] == 1
    assert facts["made_by"]["preprocessing"]["crop"] == 8
    assert not (folder / "out.part").exists()
    idle = ClassifySettings(reading=ReadSettings(white=3000.0))
    with pytest.raises(InputError, match="holds vectors, so --white would do nothing"):
        classify(folder / "out" / "features.npz", settings=idle)
    again = classify(folder / "out" / "features.npz", settings=ClassifySettings(blocks=("graded",)))
    np.testing.assert_allclose(again.scores.scores, done.scores.scores, atol=1e-6)
    with pytest.raises(OutputError, match="exists already"):
        before = Colours.calls
        classify(folder / "photos", list(COLOURS), settings=GRADED, out=folder / "out")
    assert Colours.calls == before  # refused before any image was read


def test_a_folder_without_images_is_named_and_what_is_left_out_is_counted(folder, capsys):
    (folder / "nothing").mkdir()
    with pytest.raises(InputError, match=r"nothing: no image to classify"):
        classify(folder / "nothing", list(COLOURS), settings=GRADED)
    done = classify(folder / "photos", list(COLOURS), settings=GRADED)
    scenes._report(done, 1)
    assert "1 image left out, listed in left_out.csv with --out; " in capsys.readouterr().out
    twice = replace(done.vectors, left_out=2 * done.vectors.left_out)
    scenes._report(replace(done, vectors=twice), 1)
    assert (
        "2 images left out, listed in left_out.csv with --out; the first: "
        in capsys.readouterr().out
    )


def test_vectors_survive_a_run_that_fails_later(folder):
    parts = folder / "none.json"
    parts.write_text("[]")
    wrong = ClassifySettings(blocks=("graded",), model="a-model", parts=str(parts))
    with pytest.raises(InputError):
        classify(folder / "photos", list(COLOURS), settings=wrong, out=folder / "out")
    assert (folder / "out.part").exists()
    before = Colours.calls
    classify(folder / "photos", list(COLOURS), settings=GRADED, out=folder / "out")
    assert Colours.calls == before


def test_seen_classes_may_be_a_folder_per_class(folder):
    done = classify(
        folder / "photos" / "beach", ["beach", "desert"], seen=folder / "photos", settings=GRADED
    )
    assert set(done.scores.classes) == {"beach", "desert"}
    loose = folder / "photos" / "forest"
    with pytest.raises(InputError, match="3 images in no class"):
        classify(folder / "photos", ["beach", "desert"], seen=loose, settings=GRADED)
    classify(folder / "photos", list(COLOURS), settings=GRADED, out=folder / "out")
    other = folder / "other.npz"
    kept = dict(np.load(folder / "out" / "features.npz"))
    labels = {
        "labels": np.zeros(len(kept["items"]), np.int64),
        "made_by": np.array('{"weights":"2"}'),
    }
    np.savez(other, **kept | labels)
    with pytest.raises(InputError, match="made differently"):
        classify(folder / "photos", list(COLOURS), seen=str(other), settings=GRADED)


def test_a_run_that_ends_before_its_first_vector_leaves_no_folder(folder, monkeypatch):
    (folder / "broken.png").write_text("no image")
    with pytest.raises(InputError):
        classify(folder / "broken.png", ("forest", "river"), settings=GRADED, out=folder / "out")
    assert not (folder / "out.part").exists() and not (folder / "out").exists()


def test_an_empty_folder_of_a_killed_run_is_removed_and_one_with_vectors_is_not(folder):
    left = folder / "out.part"
    left.mkdir()
    (left / "vectors.f32").touch()
    (left / "batches.jsonl").write_text('{"backbone": {"weights": "another"}}\n')
    done = classify(folder / "photos", ("forest", "river"), settings=GRADED, out=folder / "out")
    assert len(done.reasons) == 11 and not left.exists()
    left.mkdir()
    (left / "vectors.f32").write_bytes(b"0000")
    (left / "batches.jsonl").write_text('{"backbone": {"weights": "another"}}\n')
    again = replace(GRADED, overwrite=True)
    with pytest.raises(InputError, match="holds vectors on the way of another backbone"):
        classify(folder / "photos", ("forest", "river"), settings=again, out=folder / "out")
    assert (left / "vectors.f32").exists()
    (left / "vectors.f32").write_bytes(b"")
    (left / "mine.txt").write_text("somebody's own")  # not ours to remove
    with pytest.raises(InputError, match="another backbone"):
        classify(folder / "photos", ("forest", "river"), settings=again, out=folder / "out")
    assert (left / "mine.txt").exists()
