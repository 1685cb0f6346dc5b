"""Image archives come in; the views that the compact network learns from go out, each with its label.

Views are squares cut from the images, seeded, brought to one size per group: 64 pixels for EuroSAT (which has no more),
128 for aerial images. Labels are class names of EuroSAT and NWPU-RESISC45; other images have none.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Views:
    """Views of one size.

    Attributes:
        pixels: (view, side, side, 3) uint8.
        labels: (view,) row of `CLASSES`, -1 for none.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


EUROSAT = (
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop", "Residential",
    "River", "SeaLake",
)  # fmt: skip


def pictures(
    path: Path, folder: str = "", split: str | None = None
) -> Iterator[tuple[str, Image.Image]]:
    """(label, image) of an archive with an `index.csv`, or without labels of a folder in it."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "index.csv" in names and not folder:
            rows = csv.DictReader(io.TextIOWrapper(archive.open("index.csv"), "utf-8"))
            chosen = [(r["file"], r["label"]) for r in rows if split in {None, r["split"]}]
        else:
            chosen = [
                (n, "")
                for n in names
                if n.startswith(folder) and n.endswith((".webp", ".jpg", ".png"))
            ]
        for name, label in sorted(chosen):
            yield label, Image.open(io.BytesIO(archive.read(name))).convert("RGB")


def cut(image: Image.Image, side: int, rng: np.random.Generator, least: float) -> NDArray[np.uint8]:
    """A random square of at least a share of the shorter side, brought to `side` pixels."""
    short = min(image.size)
    size = round(short * rng.uniform(least, 1.0))
    left, top = (int(rng.integers(0, n - size + 1)) for n in image.size)
    square = image.crop((left, top, left + size, top + size))
    return np.asarray(square.resize((side, side), Image.Resampling.BICUBIC))


def small_views(data: Path) -> tuple[Views, tuple[str, ...]]:
    """EuroSAT, whole images of 64 pixels, and the class names."""
    found = [
        (EUROSAT.index(label), np.asarray(image))
        for label, image in pictures(data / "scenes/eurosat_64_all_webp80.zip")
    ]
    pixels = np.stack([p for _, p in found])
    return Views(pixels, np.array([c for c, _ in found])), EUROSAT


def large_views(data: Path, seed: int = 0) -> tuple[Views, tuple[str, ...]]:
    """Aerial images: the train images of NWPU-RESISC45 (12 classes), VHR-10, Dubai, DroneDeploy, Kampala, Korea."""
    rng, cuts = np.random.default_rng(seed), []
    nwpu = list(pictures(data / "scenes/nwpu_resisc12_256_orig_220pc.zip", split="train"))
    names = tuple(sorted({label for label, _ in nwpu}))
    for label, image in nwpu:
        cuts += [(names.index(label), cut(image, 128, rng, 0.5)) for _ in range(6)]
    others = (
        ("segmentation/nwpu_vhr10_512_webp75.zip", "img/", 10, 0.3),
        ("segmentation/dubai_mbrsc_1024.zip", "images/", 40, 0.12),
        ("segmentation/dronedeploy_sample_300.zip", "images/", 3, 0.5),
        ("segmentation/oam_kampala_z21_osm_buildings.zip", "tiles/", 3, 0.6),
        ("segmentation/s2_korea_10m.zip", "rgb/", 60, 0.12),
    )
    for file, folder, count, least in others:
        for _, image in pictures(data / file, folder):
            cuts += [(-1, cut(image, 128, rng, least)) for _ in range(count)]
    return Views(np.stack([p for _, p in cuts]), np.array([c for c, _ in cuts])), names
