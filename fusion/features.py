"""Pixel features: an image and an elevation raster come in, a few dozen numbers per pixel go out. Numpy and scipy only.

The features are logs of the bands, normalised differences (NDVI, NDWI), box means and deviations at several
scales, and the shape of the terrain. Every box mean leaves out pixels without an observation, and stripes of rows are
computed one at a time with a margin, so a large raster never has all its features in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import GridError, RasterError
from kg.raster import Raster

BOXES = (3, 7, 15, 31)
DEVIATION_BOXES = (3, 7, 15)
TERRAIN_BOXES = (7, 31, 61)
MARGIN = max(*BOXES, *TERRAIN_BOXES) // 2 + 2
_ELEVATION_RANGE = (
    -500.0,
    9000.0,
)  # metres; no land lies outside, undeclared nodata (65535, -32768) does
_INDICES = (
    ("nir", "red"),
    ("green", "nir"),
    ("swir", "nir"),
)  # NDVI, NDWI (McFeeters 1996), NDBI (Zha et al. 2003)
_MOST_BOXED = 12
_LOOKED_AT = 100_000  # pixels that a plan is made from


@dataclass(frozen=True)
class FeaturePlan:
    """What is computed for every pixel of one image, with the constants that must be the same in each stripe.

    Attributes:
        logarithmic: (band,) True where the band is positive, so that its log is used.
        scale: (band,) typical value of each band, its unit.
        pairs: Bands (i, j) of each normalised difference (i - j) / (i + j).
        boxed: Columns of the point features whose box means are taken.
        textured: Columns of the point features whose box deviations are taken.
        terrain: Whether elevation features follow.
        names: One per feature, in order.
        pixel_size: (width, height) of a pixel in metres, for slopes.
    """

    logarithmic: tuple[bool, ...]
    scale: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]
    boxed: tuple[int, ...]
    textured: tuple[int, ...]
    terrain: bool
    names: tuple[str, ...]
    pixel_size: tuple[float, float] = (1.0, 1.0)


def plan_features(image: Raster, dem: Raster | None = None) -> FeaturePlan:
    """Choose the features of an image.

    Args:
        image: (band, y, x) measurements; names such as "red", "nir", "green", "swir" put NDVI and NDWI first.
        dem: Elevation in metres on the same grid, first band.

    Raises:
        RasterError: No pixel of the image has an observation.
        GridError: `dem` is on another grid.
    """
    check_image(image, dem)
    sample = image.values[:, image.valid]
    return plan_of(sample, image.bands, image.grid.pixel_size, terrain=dem is not None)


def check_image(image: Raster, dem: Raster | None = None) -> None:
    """Refuse an image without a valid pixel, and elevation on another grid.

    Raises:
        RasterError: No pixel of the image has an observation.
        GridError: `dem` is on another grid.
    """
    if dem is not None and not dem.grid.same_as(image.grid):
        raise GridError(
            f"elevation is {dem.grid.width} x {dem.grid.height} px in {dem.grid.crs}, expected the image's grid: "
            f"{image.grid.width} x {image.grid.height} px in {image.grid.crs}",
            "resample it first: kg.raster.resample(dem, image.grid, method='bilinear')",
        )
    if not image.valid.any():
        raise RasterError(
            "the image has no valid pixel: all nodata or NaN",
            "check its nodata value with gdalinfo",
        )


def plan_of(
    sample: NDArray[Any],
    bands: tuple[str, ...],
    pixel_size: tuple[float, float],
    *,
    terrain: bool,
) -> FeaturePlan:
    """Choose the features of an image from some of its pixels.

    Args:
        sample: (band, pixel) measurements, one pixel or more, without nodata.
        bands: Names of the bands; () where they have none.
        pixel_size: (width, height) in metres.
        terrain: Whether there is elevation.
    """
    sample = sample[:, :: max(1, sample.shape[1] // _LOOKED_AT)].astype(np.float64)
    logarithmic = tuple(bool(np.quantile(band, 0.001) >= 0) for band in sample)
    scale = tuple(
        float(np.median(np.abs(band))) or float(np.abs(band).mean()) or 1.0 for band in sample
    )
    pairs = _pairs(bands, len(sample), logarithmic)
    return replace(_named_plan(bands, logarithmic, scale, pairs, terrain), pixel_size=pixel_size)


def _pairs(
    names: tuple[str, ...], count: int, positive: tuple[bool, ...]
) -> tuple[tuple[int, int], ...]:
    """Known indices first, then all pairs (up to four bands) or neighbouring bands."""
    at = {name.lower(): i for i, name in enumerate(names)}
    known = [(at[a], at[b]) for a, b in _INDICES if a in at and b in at]
    near = [(j, i) for i in range(count) for j in range(i + 1, count) if count <= 4 or j == i + 1]
    seen = {frozenset(pair) for pair in known}
    pairs = known + [pair for pair in near if frozenset(pair) not in seen]
    return tuple((i, j) for i, j in pairs if positive[i] and positive[j])


def _named_plan(
    names: tuple[str, ...],
    logarithmic: tuple[bool, ...],
    scale: tuple[float, ...],
    pairs: tuple[tuple[int, int], ...],
    terrain: bool,
) -> FeaturePlan:
    bands = names or tuple(f"band{i + 1}" for i in range(len(scale)))
    point = [
        *bands,
        *(f"({bands[i]}-{bands[j]})/({bands[i]}+{bands[j]})" for i, j in pairs),
        "brightness",
    ]
    n, last = len(bands), len(point) - 1
    spread = np.linspace(0, n - 1, min(n, _MOST_BOXED)).round().astype(int)
    boxed = (*(int(i) for i in spread), *range(n, min(n + 2, last)))
    textured = (*range(n, min(n + 1, last)), last)
    told = list(point)
    told += [f"mean {size} of {point[i]}" for size in BOXES for i in boxed]
    told += [f"deviation {size} of {point[i]}" for size in DEVIATION_BOXES for i in textured]
    if terrain:
        told += ["elevation", "slope", "east gradient", "north gradient"]
        told += [f"height above mean {size}" for size in TERRAIN_BOXES]
    return FeaturePlan(logarithmic, scale, pairs, boxed, textured, terrain, tuple(told))


def pixel_features(
    image: Raster,
    plan: FeaturePlan,
    dem: Raster | None = None,
    *,
    rows: tuple[int, int] | None = None,
) -> NDArray[np.float32]:
    """Features of all pixels, or of the rows `rows[0]` to `rows[1] - 1`.

    Args:
        image: The image that the plan was made for.
        plan: What to compute.
        dem: Elevation in metres, on the same grid; needed when `plan.terrain`.
        rows: First row, and last row + 1.

    Returns:
        (row, column, feature) float32, finite everywhere; values of pixels without an observation mean nothing.
    """
    first, last = rows or (0, image.grid.height)
    top, bottom = max(0, first - MARGIN), min(image.grid.height, last + MARGIN)
    window = Raster(image.values[:, top:bottom], image.grid, image.nodata)
    valid = window.valid
    point = _point_features(window.values, valid, plan)
    out = np.empty((last - first, image.grid.width, len(plan.names)), np.float32)
    keep = slice(first - top, last - top)
    columns: Iterator[NDArray[np.float32]] = _columns(point, valid, plan)
    if plan.terrain and dem is not None:
        heights = Raster(dem.values[:1, top:bottom], dem.grid, dem.nodata)
        columns = _chain(columns, _terrain(heights, plan.pixel_size))
    for i, column in enumerate(columns):
        out[:, :, i] = column[keep]
    return out


def _chain(*parts: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    for part in parts:
        yield from part


def _point_features(
    values: NDArray[Any], valid: NDArray[np.bool_], plan: FeaturePlan
) -> list[NDArray[np.float32]]:
    """Logs (or scaled values), normalised differences, brightness: (y, x) each, 0 where not valid."""
    shape = valid.shape
    scaled = [
        np.where(valid, band, 0).astype(np.float32) / np.float32(s)
        for band, s in zip(values, plan.scale, strict=True)
    ]
    point = [
        np.log(np.maximum(band, 0) + np.float32(0.02)) if log else band
        for band, log in zip(scaled, plan.logarithmic, strict=True)
    ]
    brightness = np.mean(point, axis=0, dtype=np.float32).reshape(shape)
    for i, j in plan.pairs:
        a, b = scaled[i] * np.float32(plan.scale[i]), scaled[j] * np.float32(plan.scale[j])
        total = np.maximum(a + b, np.float32(1e-6 * (plan.scale[i] + plan.scale[j])))
        point.append(np.clip((a - b) / total, -1, 1))
    point.append(brightness)
    return [np.where(valid, layer, np.float32(0)) for layer in point]


def _columns(
    point: list[NDArray[np.float32]], valid: NDArray[np.bool_], plan: FeaturePlan
) -> Iterator[NDArray[np.float32]]:
    yield from point
    for size in BOXES:
        mean = _BoxMean(valid, size)
        yield from (mean(point[i]) for i in plan.boxed)
    for size in DEVIATION_BOXES:
        mean = _BoxMean(valid, size)
        for i in plan.textured:
            layer = point[i]
            yield np.sqrt(np.maximum(mean(layer * layer) - mean(layer) ** 2, 0))


class _BoxMean:
    """Mean over a square box of the pixels that are valid; 0 where none is."""

    def __init__(self, valid: NDArray[np.bool_], size: int) -> None:
        self.size = size
        self.share = None if valid.all() else self._plain(valid.astype(np.float32))

    def _plain(self, layer: NDArray[np.float32]) -> NDArray[np.float32]:
        from scipy.ndimage import uniform_filter

        out: NDArray[np.float32] = uniform_filter(layer, self.size, mode="nearest")
        return out

    def __call__(self, layer: NDArray[np.float32]) -> NDArray[np.float32]:
        mean = self._plain(layer)
        if self.share is None:
            return mean
        least = np.float32(0.5 / self.size**2)
        return np.where(self.share > least, mean / np.maximum(self.share, least), np.float32(0))


def _terrain(heights: Raster, pixel_size: tuple[float, float]) -> Iterator[NDArray[np.float32]]:
    """Elevation, slope (rise over run), gradients, and height above the mean of its surroundings (metres)."""
    values = heights.values[0].astype(np.float32)
    low, high = _ELEVATION_RANGE
    valid = heights.valid & (values >= low) & (values <= high)
    fill = np.float32(np.median(values[valid])) if valid.any() else np.float32(0)
    level = np.where(valid, values, fill)
    north, east = np.gradient(level)
    east, north = east / np.float32(pixel_size[0]), -north / np.float32(pixel_size[1])
    yield from (level, np.hypot(east, north), east, north)
    for size in TERRAIN_BOXES:
        yield np.where(valid, level - _BoxMean(valid, size)(level * valid), np.float32(0))
