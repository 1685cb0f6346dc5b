"""Correction of a real network's labels: Sentinel-2 tiles of Korea at 10 m."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from fusion.prediction import prediction_from_labels
from kg.grid import Grid
from kg.legend import load_legend
from reasoning.correct import CorrectSettings, correct

KOREA = Path(__file__).resolve().parents[2].parent / "shared/data/segmentation/s2_korea_10m.zip"


def korea_tiles():
    if not KOREA.exists():
        pytest.skip("needs ../shared/data/segmentation/s2_korea_10m.zip")
    from PIL import Image

    said, truth = load_legend("s2korea", codes="pred"), load_legend("s2korea")
    with zipfile.ZipFile(KOREA) as archive:
        places = json.loads(archive.read("meta.json"))
        for name in sorted(places)[::4]:
            if f"pred/{name}.png" not in archive.namelist():
                continue
            labels, mask = (
                np.array(Image.open(io.BytesIO(archive.read(f"{folder}/{name}.png"))))
                for folder in ("pred", "masks")
            )
            where = Grid(
                f"EPSG:{places[name]['epsg']}",
                Affine(*places[name]["transform"][:6]),
                *labels.shape,
            )
            yield prediction_from_labels(said.encode(labels), said, where), truth.encode(mask)


@pytest.mark.slow
def test_labels_of_a_real_network_are_not_harmed():
    """Sentinel-2 Korea, default rules, no evidence, no image: OA and mIoU fall by 0.2 points at most.

    At the default smoothness nothing changes at all; more makes some corrections to look at.
    """
    tables, corrections = np.zeros((2, 5, 5)), 0
    for prediction, truth in korea_tiles():
        run = correct(prediction, settings=CorrectSettings(smoothness=1.5))
        for one in run.corrections:
            total = sum(part.value for part in one.contributions)
            assert total == pytest.approx(one.log_odds, abs=1e-6)
        corrections += len(run.corrections)
        assert all(one.contributions for one in run.corrections)
        for i, labels in enumerate((run.before.labels, run.after.labels)):
            seen = truth >= 0
            tables[i] += np.bincount(truth[seen] * 5 + labels[seen], minlength=25).reshape(5, 5)
    hits = np.diagonal(tables, axis1=1, axis2=2)
    accuracy = 100 * hits.sum(axis=1) / tables.sum(axis=(1, 2))
    iou = 100 * (hits / (tables.sum(axis=1) + tables.sum(axis=2) - hits)).mean(axis=1)
    print(f"OA {accuracy[0]:.2f} -> {accuracy[1]:.2f}, mIoU {iou[0]:.2f} -> {iou[1]:.2f}")
    assert corrections > 0
    assert accuracy[1] >= accuracy[0] - 0.2
    assert iou[1] >= iou[0] - 0.2
