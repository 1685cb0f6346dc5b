"""A lesson about a real network: Sentinel-2 Korea, learned in the west, used in the east, each change with a reason."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from fusion.confidence_lesson import Example, learn_confidence
from fusion.metrics import confusion, miou
from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster
from reasoning.correct import CorrectSettings, correct

KOREA = Path(__file__).resolve().parents[2].parent / "shared/data/segmentation/s2_korea_10m.zip"
LEGEND = load_legend("s2korea")
SIDE = 160
SETTINGS = CorrectSettings(tolerance=1e-2, max_steps=12)


def tiles(archive, names):
    """A corner of each tile: what the network says, the image and the truth."""
    from PIL import Image

    places = json.loads(archive.read("meta.json"))
    for name in names:
        files = (f"pred/{name}.png", f"masks/{name}.png", f"rgb/{name}.webp")
        said, mask, colours = (
            np.array(Image.open(io.BytesIO(archive.read(file))))[:SIDE, :SIDE] for file in files
        )
        grid = Grid(f"EPSG:{places[name]['epsg']}", Affine(*places[name]["transform"]), SIDE, SIDE)
        image = Raster(np.moveaxis(colours[..., :3], -1, 0), grid, None, ("red", "green", "blue"))
        yield Example(said.astype(np.int16), image, LEGEND.encode(mask), name)


def test_the_map_is_that_of_the_probabilities_and_every_changed_pixel_has_a_reason():
    if not KOREA.exists():
        pytest.skip("needs ../shared/data/segmentation/s2_korea_10m.zip")
    with zipfile.ZipFile(KOREA) as archive:
        places = json.loads(archive.read("meta.json"))
        names = sorted((n for n in places if n[0] != "_"), key=lambda n: places[n]["bounds"][0])
        lesson = learn_confidence(tiles(archive, names[: len(names) // 2 : 3]), LEGEND)
        new = list(tiles(archive, names[-4:-3]))
    counts = np.zeros((3, 5, 5), np.int64)
    for one in new:
        given = prediction_from_labels(one.labels, LEGEND, one.image.grid)
        beside = lesson.beside(given, one.image, name="network.npz")
        run = correct(beside, image=one.image, settings=SETTINGS)
        two_steps = correct(
            lesson.apply(one.labels, one.image, LEGEND), image=one.image, settings=SETTINGS
        )
        assert (run.after.labels != two_steps.after.labels).mean() < 1e-4
        assert (run.index[run.after.labels != one.labels] >= 0).all()
        assert run.changed_pixels > 300
        for correction in run.corrections:
            parts = {part.term: part.value for part in correction.contributions}
            assert sum(parts.values()) == pytest.approx(correction.log_odds, abs=1e-6)
            assert parts[vocab.LESSON] > 0
        for i, labels in enumerate((one.labels, run.after.labels, two_steps.after.labels)):
            counts[i] += confusion(one.truth, labels, 5)
    before, after, other = (100 * miou(each) for each in counts)
    print(f"mIoU {before:.2f} -> {after:.2f}, from probabilities {other:.2f}")
    assert after == pytest.approx(other, abs=0.05)
