"""What can only fail later is refused before any image is read; vectors of the weights that ship can be asked again."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import landlore as ll
from kg.errors import InputError
from landlore.scenes import ClassifySettings

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "sand.png"
    noise = np.random.default_rng(0).normal(0, 4, (64, 64, 3))
    Image.fromarray(([220, 190, 140] + noise).clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("labels", "settings", "said"),
    [
        (("airport", "airport"), {}, "class named twice"),
        (("airport", "river"), {"method": "nonsense"}, "unknown method"),
        (("airport", "river"), {"map": "nomap"}, "nothing there"),
        (("airport", "river"), {"parts": "found.json"}, "--parts found.json: no such file"),
        (("airport", "river"), {"lang": "fr"}, "known are en and zh"),
        (("airport", "river"), {"top": 0}, "at least 1"),
        (("airport",), {}, "one class to choose from"),
    ],
)
def test_it_is_refused_before_images_are_read(tmp_path, labels, settings, said):
    with pytest.raises(InputError, match=said):
        ll.classify(tmp_path / "no.png", labels, settings=ClassifySettings(**settings))


def test_vectors_of_the_weights_that_ship_can_be_asked_again(picture, tmp_path):
    names, told = ("desert", "parking lot"), []
    first = ll.classify(picture, names, out=tmp_path / "run", progress=told.append)
    again = ll.classify(tmp_path / "run" / "features.npz", names)
    np.testing.assert_allclose(again.scores.scores, first.scores.scores, atol=1e-5)
    assert first.scores.scores[0].argmax() == 0
    (said,) = (line for line in told if "own small network" in line)
    card = Path(said.rpartition(" ")[2]).read_text(encoding="utf-8")
    figures = re.findall(r"(\d+\.\d) %", said)
    assert len(figures) == 3
    assert all(f" {figure} " in card for figure in figures)
