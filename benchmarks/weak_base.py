"""A deliberately weak base model on real tiles: archives of images and masks come in, class probabilities go out.

Three data sets, each split by place: Sentinel-2 Korea (west: train, east: test; ground of train tiles is not
scored), Dubai (large tiles 1, 3, 4: train; 2, 5: test) and DroneDeploy (one scene each). The base is gradient boosting
on 28 features of colour and texture, from 300 pixels of each of 3 train tiles.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, sobel, uniform_filter

from fusion.prediction import Prediction, prediction_from_labels
from kg.grid import Grid
from kg.legend import Legend, load_legend
from kg.raster import Raster

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "segmentation"
BASE_TILES, BASE_PIXELS = 3, 300
LEAST = 5
"""Tiles are drawn again until each class of 0.5 % of the train ground or more has so many of the pixels."""
DUBAI_PIXEL = 2.0
"""Metres per pixel taken for the Dubai tiles at half size; they carry no georeference. See `benchmarks/README.md`."""
DRONE_PIXEL = 0.1
DRONE_TEST_STEP = 8
DRONE_BLOCK = 6
"""Consecutive chips that are held out together: the train chips are all of one scene, so that this tests less than
other places would."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tile:
    """One image with its truth.

    Attributes:
        name: As in the archive.
        image: Red, green and blue, 8 bit.
        truth: (y, x) int16 class index, -1 where unknown or not scored.
        given: Labels of a real network, (y, x) int16, or None.
        scene: Tiles that overlap, or show one place, have one name; "" for a scene of its own.
    """

    name: str
    image: Raster
    truth: NDArray[np.int16]
    given: NDArray[np.int16] | None = None
    scene: str = ""


@dataclass(frozen=True)
class TileSet:
    """A data set: legend, tiles to learn from, tiles to be scored on."""

    name: str
    legend: Legend
    train: tuple[Tile, ...]
    test: tuple[Tile, ...]


def load_tiles(name: str, data: Path = DATA) -> TileSet:
    """Read "korea", "dubai" or "dronedeploy"."""
    return {"korea": _korea, "dubai": _dubai, "dronedeploy": _dronedeploy}[name](data)


def _picture(archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
    return np.array(Image.open(io.BytesIO(archive.read(name))))


def _raster(rgb: NDArray[np.uint8], grid: Grid) -> Raster:
    values = np.ascontiguousarray(np.moveaxis(rgb[..., :3], -1, 0))
    return Raster(values, grid, None, ("red", "green", "blue"), None)


def _korea(data: Path) -> TileSet:
    legend = load_legend("s2korea")
    archive = zipfile.ZipFile(data / "s2_korea_10m.zip")
    meta = json.loads(archive.read("meta.json"))
    names = sorted((n for n in meta if not n.startswith("_")), key=lambda n: meta[n]["bounds"][0])
    west, tiles = names[: len(names) // 2], []
    scenes = _scenes({name: meta[name]["bounds"] for name in names})
    for name in names:
        grid = Grid(f"EPSG:{meta[name]['epsg']}", Affine(*meta[name]["transform"]), 512, 512)
        truth = legend.encode(_picture(archive, f"masks/{name}.png")).astype(np.int16)
        if name not in west:
            for other in west:
                truth[_covered(meta[name]["bounds"], meta[other]["bounds"])] = -1
        given = _picture(archive, f"pred/{name}.png").astype(np.int16)
        image = _raster(_picture(archive, f"rgb/{name}.webp"), grid)
        tiles.append(Tile(name, image, truth, given, scenes[name]))
    half = len(west)
    return TileSet("korea", legend, tuple(tiles[:half]), tuple(tiles[half:]))


def _scenes(bounds: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Name -> the first of the tiles that overlap it, directly or through others."""
    scene = {name: name for name in bounds}
    for one, other in combinations(bounds, 2):
        (left, low, right, top), (west, south, east, north) = bounds[one], bounds[other]
        if left < east and west < right and low < north and south < top:
            old, new = scene[other], scene[one]
            scene = {name: new if mark == old else mark for name, mark in scene.items()}
    return scene


def _covered(bounds: Sequence[float], other: Sequence[float]) -> tuple[slice, slice]:
    """Rows and columns of a 10 m tile of 512 x 512 that another tile covers."""
    left, _, _, top = bounds
    first, last = (other[0] - left) / 10, (other[2] - left) / 10
    upper, lower = (top - other[3]) / 10, (top - other[1]) / 10
    cols, rows = np.clip([first, last], 0, 512), np.clip([upper, lower], 0, 512)
    return slice(int(rows[0]), int(rows[1])), slice(int(cols[0]), int(cols[1]))


def _dubai(data: Path) -> TileSet:
    legend = load_legend("dubai6")
    archive = zipfile.ZipFile(data / "dubai_mbrsc_1024.zip")
    parts: dict[bool, list[Tile]] = {True: [], False: []}
    for name in sorted(n for n in archive.namelist() if n.startswith("images/Tile")):
        rgb = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
        size = (rgb.width // 2, rgb.height // 2)
        small = np.array(rgb.resize(size, Image.Resampling.BOX))
        mask = Image.open(io.BytesIO(archive.read(name.replace("images", "masks")[:-4] + "png")))
        codes = np.array(mask.resize(size, Image.Resampling.NEAREST))
        truth = legend.encode(codes).astype(np.int16)
        truth[codes == 5] = -1  # "unlabeled" is no class
        grid = _local_grid(DUBAI_PIXEL, small.shape[0], small.shape[1])
        stem = Path(name).stem
        parts[stem[4] in "134"].append(Tile(stem, _raster(small, grid), truth, None, stem[:5]))
    return TileSet("dubai", legend, tuple(parts[True]), tuple(parts[False]))


def _dronedeploy(data: Path) -> TileSet:
    legend = load_legend("dronedeploy6")
    archive = zipfile.ZipFile(data / "dronedeploy_sample_300.zip")
    parts: dict[bool, list[Tile]] = {True: [], False: []}
    for name in sorted(n for n in archive.namelist() if n.startswith("images/")):
        stem = Path(name).stem
        codes = _picture(archive, f"masks/{stem}.png")  # class indices, as meta.json says
        truth = np.where(codes < 6, codes, -1).astype(np.int16)
        grid = _local_grid(DRONE_PIXEL, *truth.shape)
        block = f"{stem[:4]} {int(stem[-6:]) // DRONE_BLOCK}"
        tile = Tile(stem[-6:], _raster(_picture(archive, name), grid), truth, None, block)
        parts[stem.startswith("1d4f")].append(tile)
    return TileSet(
        "dronedeploy", legend, tuple(parts[True]), tuple(parts[False][::DRONE_TEST_STEP])
    )


def _local_grid(pixel: float, height: int, width: int) -> Grid:
    """A grid in metres at a made-up place (zone 40 north), for tiles that carry none."""
    return Grid("EPSG:32640", Affine(pixel, 0, 325000, 0, -pixel, 2785000), height, width)


def features(image: Raster) -> Floats:
    """(y, x, 28) float32 colour and texture of every pixel."""
    rgb = image.values[:3].astype(np.float32) / 255
    r, g, b = rgb
    total = rgb.sum(axis=0) + 1e-3
    light, green = total / 3, 2 * g - r - b
    planes = [r, g, b, r / total, g / total, light, green, rgb.max(axis=0) - rgb.min(axis=0)]
    for size in (5, 11, 21):
        planes += [uniform_filter(band, size) for band in rgb]
        planes.append(_deviation(light, size))
    planes += [_deviation(green, 5), _deviation(green, 21)]
    edge = np.hypot(sobel(light, 0), sobel(light, 1))
    planes += [uniform_filter(edge, 5), uniform_filter(edge, 11)]
    planes += [minimum_filter(light, 7), maximum_filter(light, 7)]
    planes += [gaussian_filter(light, s) - gaussian_filter(light, 2 * s) for s in (1, 4)]
    return np.stack(planes, axis=-1).astype(np.float32)


def _deviation(plane: Floats, size: int) -> Floats:
    mean = uniform_filter(plane, size)
    spread: Floats = np.sqrt(np.maximum(uniform_filter(plane * plane, size) - mean * mean, 0))
    return spread


def fit_base(tiles: TileSet, seed: int) -> tuple[Callable[[Tile], Prediction], tuple[str, ...]]:
    """Fit the base on 300 pixels of each of 3 train tiles; give a predictor and the tiles it saw."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(seed)
    common = _common_classes(tiles)
    x, y, names = _sample(tiles, rng)
    while np.bincount(y, minlength=len(tiles.legend))[common].min() < LEAST:
        x, y, names = _sample(tiles, rng)
    model = HistGradientBoostingClassifier(
        max_iter=20,
        learning_rate=0.2,
        max_leaf_nodes=8,
        min_samples_leaf=10,
        random_state=seed,
    )
    model.fit(x, y)

    def predict(tile: Tile) -> Prediction:
        p = model.predict_proba(features(tile.image).reshape(-1, 28))
        out = np.full((len(tiles.legend), *tile.truth.shape), 1e-4, np.float32)
        out[model.classes_] = p.T.reshape(-1, *tile.truth.shape).astype(np.float32)
        out /= out.sum(axis=0)
        return Prediction(out, tiles.legend, tile.image.grid, f"gradient boosting, seed {seed}")

    return predict, names


def _common_classes(tiles: TileSet) -> NDArray[np.intp]:
    """Classes of at least 0.5 % of the train ground."""
    truth = np.concatenate([tile.truth[tile.truth >= 0] for tile in tiles.train])
    return np.flatnonzero(np.bincount(truth, minlength=len(tiles.legend)) >= 0.005 * len(truth))


def _sample(
    tiles: TileSet, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int16], tuple[str, ...]]:
    """Features and classes of the pixels of 3 random train tiles, and the names of these."""
    chosen = sorted(rng.choice(len(tiles.train), BASE_TILES, replace=False))
    rows, labels = [], []
    for tile in (tiles.train[i] for i in chosen):
        known = np.flatnonzero(tile.truth.ravel() >= 0)
        pick = rng.choice(known, BASE_PIXELS, replace=False)
        rows.append(features(tile.image).reshape(-1, 28)[pick])
        labels.append(tile.truth.ravel()[pick])
    return np.concatenate(rows), np.concatenate(labels), tuple(tiles.train[i].name for i in chosen)


def given_labels(tile: Tile, legend: Legend, confidence: float = 0.8) -> Prediction:
    """Labels of the real network as a prediction of one confidence."""
    if tile.given is None:
        raise ValueError(f"tile {tile.name} has no labels of a network")
    return prediction_from_labels(
        tile.given, legend, tile.image.grid, confidence=confidence, model="labels of a network"
    )
