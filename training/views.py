"""Image archives come in; the views that the compact network learns from go out, some with a label.

Views are squares cut from the images, seeded, turned, mirrored, brightened and brought to 160 pixels; the teacher sees
the very same. Labels are class names of EuroSAT and NWPU-RESISC45: they teach nothing, but tell which images of named
classes go with the weights.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image

from fusion.backbones.compact import SIDE

EUROSAT = (
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop", "Residential",
    "River", "SeaLake",
)  # fmt: skip
NWPU = "scenes/nwpu_resisc12_256_orig_220pc.zip"
CUT = (
    (NWPU, "", "train", 16, (0.4, 1.0)),
    ("segmentation/nwpu_vhr10_512_webp75.zip", "img/", None, 16, (0.25, 1.0)),
    ("segmentation/dubai_mbrsc_1024.zip", "images/", None, 300, (0.08, 0.6)),
    ("segmentation/dronedeploy_sample_300.zip", "images/", None, 8, (0.4, 1.0)),
    ("segmentation/oam_kampala_z21_osm_buildings.zip", "tiles/", None, 8, (0.5, 1.0)),
    ("segmentation/s2_korea_10m.zip", "rgb/", None, 100, (0.1, 0.6)),
)
"""Archives, their folders, splits, squares of each image, and their share of its shorter side (least, most)."""
LANDSAT, LANDSAT_CUTS, LANDSAT_SHARE = (
    "geo/zion/zion_landsat8_b2345.tif",
    800,
    (0.05, 0.4),
)


@dataclass(frozen=True)
class Views:
    """Views of one size, in an order that says nothing.

    Attributes:
        pixels: (view, side, side, 3) uint8.
        labels: (view,) row of `names`, -1 for none.
        names: Classes, EuroSAT's first.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


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


def varied(image: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Brought to one size, in one of the eight symmetries of a square, brighter or darker."""
    pixels = np.rot90(sized(image), int(rng.integers(4)))
    pixels = pixels[:, ::-1] if rng.random() < 0.5 else pixels
    gain, shift = rng.uniform(0.8, 1.25), rng.uniform(-0.06, 0.06) * 255
    return np.clip(pixels.astype(np.float32) * gain + shift, 0, 255).astype(np.uint8)


def sized(image: Image.Image) -> NDArray[np.uint8]:
    """(side, side, 3) uint8."""
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def cut(
    image: Image.Image, share: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A random square of a share of the shorter side."""
    size = max(24, round(min(image.size) * rng.uniform(*share)))
    left, top = (int(rng.integers(0, n - size + 1)) for n in image.size)
    return varied(image.crop((left, top, left + size, top + size)), rng)


def landsat(path: Path) -> Image.Image:
    """Red, green and blue of a Landsat image of the bands 2 to 5, stretched to its own range."""
    with rasterio.open(path) as file:
        bands = file.read((3, 2, 1)).astype(np.float32)
    low, high = np.percentile(bands, (1, 99))
    scaled = np.clip((bands - low) / (high - low), 0, 1) * 255
    return Image.fromarray(scaled.transpose(1, 2, 0).astype(np.uint8))


def make_views(data: Path, seed: int = 0) -> Views:
    """Every second image of EuroSAT, squares of the archives of `CUT` and of one Landsat image."""
    rng = np.random.default_rng(seed)
    eurosat = list(pictures(data / "scenes/eurosat_64_all_webp80.zip"))[::2]
    pixels = [varied(image, rng) for _, image in eurosat]
    labels = [EUROSAT.index(label) for label, _ in eurosat]
    aerial = sorted({label for label, _ in pictures(data / NWPU, split="train")})
    for file, folder, split, count, share in CUT:
        for label, image in pictures(data / file, folder, split):
            pixels += [cut(image, share, rng) for _ in range(count)]
            labels += [len(EUROSAT) + aerial.index(label) if label else -1] * count
    scene = landsat(data / LANDSAT)
    pixels += [cut(scene, LANDSAT_SHARE, rng) for _ in range(LANDSAT_CUTS)]
    labels += [-1] * LANDSAT_CUTS
    order = np.random.default_rng(seed + 1).permutation(len(labels))
    return Views(np.stack(pixels)[order], np.array(labels)[order], (*EUROSAT, *aerial))
