"""Measures of regions that come from pixels beside the labels: spectral indices, terrain, distances to classes."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg import vocab
from kg.descent import ClassTree
from kg.legend import membership
from kg.raster import Raster, resample
from reasoning.regions.graph import RegionGraph, region_means
from reasoning.threads import in_blocks

Column = NDArray[np.float64]

INDICES = {
    "meanNdvi": ("nir", "red"),
    "meanNdwi": ("green", "nir"),
    "meanNdbi": ("swir", "nir"),
    "meanNdsi": ("green", "swir"),
}
"""Data property -> (a, b) of the normalised difference (a - b) / (a + b)."""
ALIASES = {"swir": ("swir", "swir1", "swir16"), "nir": ("nir", "nir08")}
"""Other names that files use for a band."""
BANDS = ("red", "green", "blue", *(name for names in ALIASES.values() for name in names))
"""Names that measures read."""
DISTANCES = {
    "distanceToWater": "Water",
    "distanceToSea": "Sea",
    "distanceToRoad": "Road",
    "distanceToBuilding": "Building",
    "distanceToTreeCover": "TreeCover",
}
"""Data property -> core class whose nearest pixel is meant."""


def spectral(regions: RegionGraph, image: Raster) -> dict[str, Column]:
    """Means of the indices that the image's band names allow, and of brightness.

    Args:
        regions: Regions on the image's grid.
        image: As for `planes`.

    Returns:
        Data property IRI -> (region,) float64; NaN where a region has no observed pixel.
    """
    n = len(regions)
    return {
        vocab.CORE + name: region_means(regions.label, n, plane)
        for name, plane in planes(image).items()
    }


def planes(image: Raster) -> dict[str, NDArray[np.float32]]:
    """Indices and brightness of each pixel.

    Brightness is the mean of red, green and blue as a share of full scale; it is given for 8-bit images and where
    the unit is "reflectance", because elsewhere the scale is not known.

    Args:
        image: Bands named "red", "green", "blue", "nir", "swir" (also "swir1", "swir16", "nir08").

    Returns:
        Short name of the data property of the mean -> (y, x) float32, NaN where not observed or not defined.
    """
    valid, bands = image.valid, [name.lower() for name in image.bands]

    @cache
    def band(name: str) -> NDArray[np.float32] | None:
        """A band by name, NaN where it is not observed; None where there is none."""
        found = [bands.index(alias) for alias in ALIASES.get(name, (name,)) if alias in bands]
        if not found:
            return None
        return np.where(valid, image.values[found[0]].astype(np.float32), np.float32(np.nan))

    out = {}
    for name, (first, second) in INDICES.items():
        a, b = band(first), band(second)
        if a is not None and b is not None:
            total = a + b
            positive = total > 0
            ratio = (a - b) / np.where(positive, total, np.float32(1))
            out[name] = np.where(positive, ratio, np.float32(np.nan))
    scale = (
        255.0 if image.values.dtype == np.uint8 else 1.0 if image.units == "reflectance" else None
    )
    visible = [part for part in map(band, ("red", "green", "blue")) if part is not None]
    if scale is not None and len(visible) == 3:
        out["meanBrightness"] = (visible[0] + visible[1] + visible[2]) / np.float32(3 * scale)
    return out


TEXTURES = tuple(
    vocab.CORE + name for name in ("brightnessDeviation", "brightnessContrast", "ndviDeviation")
)
"""Data properties of `textures`."""


def textures(regions: RegionGraph, image: Raster) -> dict[str, Column]:
    """How much brightness and NDVI vary inside regions.

    Args:
        regions: Regions on the image's grid.
        image: As for `spectral`.

    Returns:
        `brightnessDeviation` and `ndviDeviation`: standard deviation over the region's pixels; `brightnessContrast`:
        mean absolute difference between pixels of the region that share an edge, finer than the deviation sees (the
        dissimilarity of R. Haralick et al., "Textural features for image classification", IEEE Transactions on
        Systems, Man, and Cybernetics 3, 1973, at a step of one pixel). (region,) float64; NaN where nothing is known.
    """
    out, n, seen = {}, len(regions), planes(image)
    for name, plane in (("brightness", "meanBrightness"), ("ndvi", "meanNdvi")):
        if plane in seen:
            values = seen[plane].astype(np.float64)
            mean = region_means(regions.label, n, values)
            square = region_means(regions.label, n, values**2)
            out[f"{vocab.CORE}{name}Deviation"] = np.sqrt(np.maximum(square - mean**2, 0))
            if name == "brightness":
                out[vocab.CORE + "brightnessContrast"] = _contrast(regions.label, n, values)
    return out


def _contrast(label: NDArray[np.int32], n: int, plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """(region,) mean absolute difference of edge neighbours inside a region; NaN where there are none."""
    total, count = np.zeros(n), np.zeros(n)
    for a, b, one, other in (
        (label[:, :-1], label[:, 1:], plane[:, :-1], plane[:, 1:]),
        (label[:-1], label[1:], plane[:-1], plane[1:]),
    ):
        step = np.abs(one - other)
        inside = (a == b) & (a >= 0) & np.isfinite(step)
        total += np.bincount(a[inside], weights=step[inside], minlength=n)
        count += np.bincount(a[inside], minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def terrain(regions: RegionGraph, prediction: Prediction, dem: Raster) -> dict[str, Column]:
    """Mean elevation (metres) and mean slope (degrees) of each region.

    Slope is Horn's third-order finite difference (B. Horn, "Hill shading and the reflectance map", Proc. IEEE 69,
    1981), with the outermost pixels repeated at the edge.

    Args:
        regions: Regions.
        prediction: Names their grid.
        dem: Elevation in metres, first band; put onto the grid bilinearly where it lies on another one.

    Returns:
        Data property IRI -> (region,) float64; NaN where there is no elevation.

    Raises:
        GridError: The elevation does not overlap the prediction.
    """
    floats = Raster(
        dem.values[:1].astype(np.float32), dem.grid, dem.nodata, dem.bands[:1], dem.units
    )
    here = resample(floats, prediction.grid, method="bilinear")
    height = np.where(here.valid, here.values[0], np.nan).astype(np.float64)
    dx, dy = prediction.grid.pixel_size
    n = len(regions)
    return {
        vocab.CORE + "meanElevation": region_means(regions.label, n, height),
        vocab.CORE + "meanSlope": region_means(regions.label, n, slope(height, dx, dy)),
    }


def slope(height: NDArray[np.float64], dx: float, dy: float) -> NDArray[np.float64]:
    """Slope in degrees by Horn's method.

    Args:
        height: (y, x) metres, NaN where unknown.
        dx: Pixel width, metres.
        dy: Pixel height, metres.

    Returns:
        (y, x) float64 degrees, NaN where any of the nine heights is unknown.
    """
    z = np.pad(height, 1, mode="edge")
    along = z[:-2] + 2 * z[1:-1] + z[2:]
    across = z[:, :-2] + 2 * z[:, 1:-1] + z[:, 2:]
    east = (along[:, 2:] - along[:, :-2]) / (8 * dx)
    south = (across[2:] - across[:-2]) / (8 * dy)
    return np.asarray(np.degrees(np.arctan(np.sqrt(east * east + south * south))))


def distances(regions: RegionGraph, prediction: Prediction, tree: ClassTree) -> dict[str, Column]:
    """Distance from each region to the nearest pixel that the labels give to water, sea, road, building, tree cover.

    Args:
        regions: Regions of the prediction.
        prediction: Its labels say where the classes are.
        tree: Subsumption of core classes.

    Returns:
        Data property IRI -> (region,) float64 metres between pixel centres, 0 for regions of the class itself. A
        class that no pixel has is left out: it may lie just outside the image.
    """
    from reasoning.kernels import corner_rows, least, mask_columns

    dx, dy = prediction.grid.pixel_size
    classes = {
        name: membership(prediction.legend, tree, vocab.CORE + short)[regions.cls]
        for name, short in DISTANCES.items()
    }
    present = [(name, of_class) for name, of_class in classes.items() if of_class.any()]

    def nearest(first: int, _: int) -> Column:
        """To one of the classes."""
        mask = np.append(present[first][1], False)[regions.label]
        distance = mask_columns(mask, dy)
        corner_rows(distance, dx)
        found = np.full(len(regions), np.inf)
        least(regions.label, distance, found)
        return found

    found = in_blocks(nearest, len(present), 1)
    return {vocab.CORE + name: one for (name, _), one in zip(present, found, strict=True)}
