"""Folders of images to vectors: batches, faults, and a run that is killed and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusion.backbones.preprocessing import clip_preprocessing
from fusion.backbones.reading import ReadSettings
from fusion.backbones.vectors import embed_files
from kg.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


class Means:
    """Mean colours; counts what it was shown."""

    name, reads_text, preprocessing = "means", False, clip_preprocessing(8)

    def __init__(self, weights="1"):
        self.weights, self.sizes = weights, []

    def facts(self):
        return {"weights": self.weights}

    def images(self, images):
        self.sizes.append(len(images))
        return np.stack([self.preprocessing.apply(i).mean(axis=(1, 2)) + 3 for i in images])

    def prompts(self, texts):
        pytest.fail(f"asked for prompts: {texts}")


def pictures(folder, count=7):
    paths = [folder / f"{i:02}.png" for i in range(count)]
    for i, path in enumerate(paths):
        pixels = np.random.default_rng(i).integers(0, 255, (12, 9, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return paths


def test_images_go_in_batches_and_those_that_cannot_be_used_are_listed(tmp_path):
    paths, means, seen = pictures(tmp_path), Means(), []
    paths[3].write_text("hello")
    found = embed_files(paths, means, batch=3, progress=seen.append)
    assert means.sizes == [3, 2, 1]
    assert [(s.done, s.total, s.kept, s.left_out) for s in seen] == [
        (3, 7, 0, 0),
        (6, 7, 0, 1),
        (7, 7, 0, 1),
    ]
    assert seen[0].fault == "" and "03.png" in seen[1].fault
    assert found.items == tuple(str(p) for i, p in enumerate(paths) if i != 3)
    assert [item for item, _ in found.left_out] == [str(paths[3])]
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)
    with pytest.raises(InputError, match=r"03\.png"):
        embed_files(paths, means, ReadSettings(strict=True))
    for few, match in (([3, 3], "none of 2 images can be used; the first"), ([3], r"^\S+03\.png")):
        with pytest.raises(InputError, match=match):
            embed_files([paths[i] for i in few], means)
    with pytest.raises(InputError, match="no image"):
        embed_files([], means)


def test_a_second_run_takes_what_has_not_changed(tmp_path):
    paths, keep = pictures(tmp_path), tmp_path / "out.part"
    paths[1].write_text("hello")
    first = embed_files(paths, Means(), keep=keep, batch=3)
    again = Means()
    second = embed_files(paths, again, keep=keep, batch=3)
    assert again.sizes == []
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert first.left_out == second.left_out
    Image.fromarray(np.full((9, 9, 3), 77, np.uint8)).save(paths[1])
    third = embed_files(paths, again, keep=keep, batch=3)
    assert again.sizes == [1]
    assert third.items == tuple(map(str, paths))


def test_vectors_of_another_backbone_or_reading_are_refused(tmp_path):
    paths, keep = pictures(tmp_path, 2), tmp_path / "out.part"
    embed_files(paths, Means(), keep=keep)
    for means, how in ((Means("2"), ReadSettings()), (Means(), ReadSettings(white=2))):
        with pytest.raises(InputError, match="another backbone, other bands") as caught:
            embed_files(paths, means, how, keep=keep)
        assert f"rm -r {keep}" in caught.value.hint


def test_a_second_run_into_the_same_place_is_refused_while_the_first_goes_on(tmp_path):
    paths, keep = pictures(tmp_path, 4), tmp_path / "out.part"

    def another(_):
        with pytest.raises(InputError, match="another run keeps its vectors there"):
            embed_files(paths, Means(), keep=keep, batch=2)

    first = embed_files(paths, Means(), keep=keep, batch=2, progress=another)
    again = Means()
    np.testing.assert_array_equal(
        embed_files(paths, again, keep=keep, batch=2).vectors, first.vectors
    )
    assert again.sizes == []


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_what_a_kill_cut_off_is_made_again(tmp_path, cut):
    paths, keep = pictures(tmp_path), tmp_path / "out.part"
    whole = embed_files(paths, Means(), keep=keep, batch=2)
    for name in ("batches.jsonl", "vectors.f32"):
        part = keep / name
        before = part.read_bytes()
        part.write_bytes(before[:-cut])
        means = Means()
        again = embed_files(paths, means, keep=keep, batch=2)
        assert 1 <= sum(means.sizes) < 7
        np.testing.assert_array_equal(again.vectors, whole.vectors)
        assert sorted(part.read_bytes()) == sorted(before)


CHILD = """
import sys, time
sys.path[:0] = [{root!r}, {here!r}]
from pathlib import Path
from test_vectors import Means
from fusion.backbones.vectors import embed_files

class Slow(Means):
    def images(self, images):
        time.sleep(0.2)
        return super().images(images)

paths = sorted(Path({images!r}).glob("*.png"))
embed_files(paths, Slow(), keep=Path({keep!r}), batch=2)
"""


def test_a_run_that_was_killed_goes_on_with_the_same_bytes(tmp_path):
    (tmp_path / "images").mkdir()
    paths, keep = pictures(tmp_path / "images", 30), tmp_path / "out.part"
    code = CHILD.format(
        root=str(ROOT),
        here=str(Path(__file__).parent),
        images=str(tmp_path / "images"),
        keep=str(keep),
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    lines, deadline = keep / "batches.jsonl", time.monotonic() + 300
    while time.monotonic() < deadline and child.poll() is None:
        if lines.exists() and lines.read_bytes().count(b"\n") >= 4:
            break
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    means = Means()
    found = embed_files(paths, means, keep=keep, batch=2)
    assert 0 < sum(means.sizes) <= 24
    np.testing.assert_array_equal(found.vectors, embed_files(paths, Means(), batch=2).vectors)
