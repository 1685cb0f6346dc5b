"""The demo's pixels: features of the invented town come in; image, terrain, truth, product and OSM files go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from kg.burn import burn
from kg.cog import write_raster
from kg.grid import Grid, transform_points
from kg.raster import Raster
from landlore.feature import BEACH, BUILDING, CROP, GRASS, ROAD, SOIL, TREE, WATER, Feature

Array = NDArray[np.float64]

SIMULATED = "landlore demo (simulated)"
"""What the extract of the demo says of itself."""
BANDS = ("blue", "green", "red", "nir")
SPECTRA: dict[int, list[list[float]]] = {
    WATER: [[0.060, 0.065, 0.040, 0.020], [0.055, 0.070, 0.050, 0.028]],
    BEACH: [[0.22, 0.27, 0.31, 0.36]],
    TREE: [[0.030, 0.050, 0.030, 0.30], [0.035, 0.060, 0.038, 0.26]],
    GRASS: [[0.050, 0.090, 0.065, 0.36], [0.060, 0.095, 0.080, 0.31], [0.045, 0.085, 0.055, 0.40]],
    CROP: [[0.042, 0.080, 0.052, 0.43], [0.080, 0.120, 0.150, 0.29], [0.095, 0.135, 0.175, 0.25]],
    BUILDING: [
        [0.09, 0.11, 0.19, 0.24],
        [0.16, 0.17, 0.18, 0.20],
        [0.30, 0.31, 0.32, 0.34],
        [0.07, 0.07, 0.08, 0.09],
    ],
    ROAD: [[0.100, 0.105, 0.110, 0.125], [0.135, 0.140, 0.145, 0.160]],
    SOIL: [[0.11, 0.15, 0.20, 0.27]],
}
"""Reflectance of each class and tone in the order of `BANDS`; round figures of common spectral libraries."""
TEXTURE = {
    WATER: 0.10,
    BEACH: 0.07,
    TREE: 0.30,
    GRASS: 0.13,
    CROP: 0.10,
    BUILDING: 0.08,
    ROAD: 0.09,
    SOIL: 0.12,
}
TOWN_CODES = (10, 20, 30, 40, 50, 60, 70, 80)
WORLDCOVER = {WATER: 80, BEACH: 60, TREE: 10, GRASS: 30, CROP: 40, BUILDING: 50, ROAD: 50, SOIL: 60}
SUN = (-0.75, 0.85)  # metres of shadow per metre of height, columns and rows


@dataclass(frozen=True)
class Files:
    """Where the demo's inputs are."""

    image: Path
    dem: Path
    product: Path
    osm: Path
    truth: Path


def render(
    features: Sequence[Feature], recipe: dict[str, Any], rng: np.random.Generator, folder: Path
) -> Files:
    """Write image.tif, dem.tif, product.tif, town.osm and truth.tif into `folder`.

    The image holds reflectance x 10,000 (uint16, bands blue green red nir), the product WorldCover codes at a
    coarser grid from before the newest quarter was built, the extract a part of the features, slightly misplaced.
    """
    place = recipe["place"]
    grid = Grid(
        place["crs"],
        Affine(place["pixel"], 0, place["left"], 0, -place["pixel"], place["top"]),
        place["size"],
        place["size"],
    )
    fine = Grid(grid.crs, grid.transform @ Affine.scale(0.5), grid.height * 2, grid.width * 2)
    ids = _paint(features, fine)
    classes = np.array([f.cls for f in features])
    files = Files(
        *(folder / n for n in ("image.tif", "dem.tif", "product.tif", "town.osm", "truth.tif"))
    )
    truth = _majority(classes[ids], 2)
    write_raster(
        files.truth,
        Raster(np.array(TOWN_CODES, np.uint8)[truth][None], grid, 0, ("class",), "code"),
    )
    height = _terrain(grid, truth, rng)
    write_raster(
        files.dem, Raster(height[None], grid, None, ("elevation",), "m"), overviews="average"
    )
    image = _image(features, ids, fine, recipe["image"], rng)
    write_raster(
        files.image, Raster(image, grid, 0, BANDS, "reflectance x 10000"), overviews="average"
    )
    _write_product(files.product, features, fine, grid, recipe["product"], rng)
    seen = _visible(features, ids, fine)
    mapped = [f if v else replace(f, tags={}) for f, v in zip(features, seen, strict=True)]
    _write_osm(files.osm, mapped, grid, recipe["osm"], rng)
    return files


def _paint(features: Sequence[Feature], grid: Grid, *, old: bool = False) -> NDArray[np.int32]:
    shapes = [
        ({"type": "Polygon", "coordinates": [_to_crs(f.ring, grid)]}, i)
        for i, f in enumerate(features)
        if not (old and f.new)
    ]
    painted = burn(shapes, grid)
    return np.maximum(painted, 0)


def _to_crs(ring: Array, grid: Grid) -> list[tuple[float, float]]:
    left, bottom, _, _ = grid.bounds
    closed = np.vstack([ring, ring[:1]])
    return [(left + x, bottom + y) for x, y in closed]


def _visible(features: Sequence[Feature], ids: NDArray[np.int32], fine: Grid) -> list[bool]:
    """Which parcels nothing else covers for the most part: nobody maps a meadow under the sea."""
    pixels = np.bincount(ids.ravel(), minlength=len(features)) * fine.pixel_area
    return [
        "landuse" not in f.tags or bool(n >= 0.75 * _area(f.ring, fine))
        for f, n in zip(features, pixels, strict=True)
    ]


def _area(ring: Array, grid: Grid) -> float:
    """Square metres of the part of a ring's bounding box inside the scene, times how much of the box the ring fills."""
    side = np.array([grid.width, grid.height]) * grid.pixel_size
    low, high = ring.min(axis=0), ring.max(axis=0)
    inside = np.prod(np.maximum(np.minimum(high, side) - np.maximum(low, 0), 0))
    x, y = ring.T
    filled = (
        abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
        / 2
        / max(np.prod(high - low), 1e-9)
    )
    return float(inside * filled)


def _majority(classes: NDArray[np.integer], factor: int) -> NDArray[np.int64]:
    counts = np.stack([_block_mean(classes == k, factor) for k in range(8)])
    best: NDArray[np.int64] = counts.argmax(axis=0)
    return best


def _block_mean(values: NDArray[Any], factor: int) -> Array:
    rows, cols = (s // factor for s in values.shape)
    part = values[: rows * factor, : cols * factor].reshape(rows, factor, cols, factor)
    mean: Array = part.mean(axis=(1, 3), dtype=np.float64)
    return mean


def _image(
    features: Sequence[Feature],
    ids: NDArray[np.int32],
    fine: Grid,
    look: dict[str, float],
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    from scipy.ndimage import gaussian_filter

    classes = np.array([f.cls for f in features])[ids]
    spectra = np.array([SPECTRA[f.cls][f.tone % len(SPECTRA[f.cls])] for f in features])
    spectra *= 1 + 0.07 * rng.normal(size=(len(features), 1))
    amplitude = np.array([TEXTURE[k] for k in range(8)])[classes] * look["texture"]
    grain = sum(gaussian_filter(rng.normal(size=ids.shape), s) * s for s in (0.7, 2.5, 9.0))
    light = np.clip(1 + amplitude * grain, 0.35, 1.8)
    light[_shadows(features, ids, fine.pixel_size[0])] *= look["shadow"]
    out = np.empty((len(BANDS), fine.height // 2, fine.width // 2), np.uint16)
    for b in range(len(BANDS)):
        band = _block_mean(gaussian_filter(spectra[ids, b] * light, 2 * look["blur"]), 2)
        band += look["noise"] * (0.3 + band) * rng.normal(size=band.shape)
        out[b] = np.clip(np.rint(band * 10_000), 1, 65_000)
    return out


def _shadows(
    features: Sequence[Feature], ids: NDArray[np.int32], pixel: float
) -> NDArray[np.bool_]:
    """Pixels in the shadow of something taller, found by stepping up the sun's ray metre by metre."""
    height = np.array([f.height for f in features])[ids]
    dark = np.zeros(ids.shape, bool)
    for up in range(1, int(height.max()) + 1):
        row, col = (round(part * up / pixel) for part in SUN[::-1])
        dark |= np.roll(height, (row, col), (0, 1)) >= np.maximum(up, height + 0.5)
    return dark


def _terrain(grid: Grid, truth: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
    """Metres above the sea: a slope inland with hills; water lies flat."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    sea = (truth == WATER) & (np.arange(grid.height)[:, None] > grid.height * 0.6)
    inland = distance_transform_edt(~sea) * grid.pixel_size[0]
    hills = gaussian_filter(rng.normal(size=grid.shape), 60) * 60
    height = np.where(
        sea, 0, 2 + 0.03 * inland + np.clip(hills, -1, None) * 14 * np.clip(inland / 600, 0, 1)
    )
    smooth: NDArray[np.float32] = gaussian_filter(height, 3).astype(np.float32)
    return smooth


def _write_product(
    path: Path,
    features: Sequence[Feature],
    fine: Grid,
    grid: Grid,
    look: dict[str, float],
    rng: np.random.Generator,
) -> None:
    cell = int(look["cell"])
    old = np.array([f.cls for f in features])[_paint(features, fine, old=True)]
    shares = np.stack([_block_mean(old == k, 2 * cell) for k in range(8)])
    best = shares.argmax(axis=0)
    best[shares[[BUILDING, ROAD]].sum(axis=0) >= look["built_share"]] = BUILDING
    wrong = rng.random(best.shape) < look["wrong"]
    best[wrong] = rng.integers(0, 8, int(wrong.sum()))
    codes = np.array([WORLDCOVER[k] for k in range(8)], np.uint8)[best]
    coarse = grid.coarser(cell)
    coarse = Grid(coarse.crs, coarse.transform, *best.shape)
    write_raster(path, Raster(codes[None], coarse, 0, ("worldcover",), "code"))


def _write_osm(
    path: Path,
    features: Sequence[Feature],
    grid: Grid,
    look: dict[str, float],
    rng: np.random.Generator,
) -> None:
    """A plain OSM XML extract; what is known and how far it is out of place is drawn at random."""
    nodes: list[str] = []
    ways: list[str] = []
    for number, f in enumerate(features, 1):
        share = {BUILDING: look["buildings"], ROAD: look["roads"]}.get(f.cls, look["land"])
        known, moved = rng.random() < share, rng.normal(0, look["shift"], 2)
        if not f.tags or not known:
            continue
        points = (f.line if f.line is not None else np.vstack([f.ring, f.ring[:1]])) + moved
        _write_way(number, points, f, grid, (nodes, ways))
    text = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<osm version="0.6" generator="{SIMULATED}">',
    ]
    path.write_text("\n".join([*text, *nodes, *ways, "</osm>", ""]), encoding="utf-8")


def _write_way(
    number: int, points: Array, f: Feature, grid: Grid, out: tuple[list[str], list[str]]
) -> None:
    left, bottom, _, _ = grid.bounds
    lon, lat = transform_points(left + points[:, 0], bottom + points[:, 1], grid.crs, "OGC:CRS84")
    first = number * 1000
    refs = [first + i for i in range(len(points))]
    if f.line is None:
        refs[-1] = refs[0]
    out[0].extend(
        f'<node id="{ref}" version="1" lon="{x:.7f}" lat="{y:.7f}"/>'
        for ref, x, y in zip(dict.fromkeys(refs), lon, lat, strict=False)
    )
    tags = "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in f.tags.items())
    members = "".join(f'<nd ref="{ref}"/>' for ref in refs)
    out[1].append(f'<way id="{number}" version="1">{members}{tags}</way>')
