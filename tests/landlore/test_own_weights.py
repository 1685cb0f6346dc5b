"""The weights that ship: what is said when they look, and vectors of theirs asked again."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import landlore as ll

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "sand.png"
    noise = np.random.default_rng(0).normal(0, 4, (64, 64, 3))
    Image.fromarray(([220, 190, 140] + noise).clip(0, 255).astype(np.uint8)).save(path)
    return path


def test_vectors_of_the_weights_that_ship_can_be_asked_again(picture, tmp_path):
    names, told = ("desert", "parking lot"), []
    first = ll.classify(picture, names, out=tmp_path / "run", progress=told.append)
    again = ll.classify(tmp_path / "run" / "features.npz", names, progress=told.append)
    np.testing.assert_allclose(again.scores.scores, first.scores.scores, atol=1e-5)
    assert first.scores.scores[0].argmax() == 0
    said, repeated = (line for line in told if "own small network" in line)
    assert said == repeated
    card = Path(said.rpartition(" ")[2]).read_text(encoding="utf-8")
    figures = re.findall(r"(\d+\.\d) %", said)
    assert len(figures) == 3
    assert all(f" {figure} " in card for figure in figures)
