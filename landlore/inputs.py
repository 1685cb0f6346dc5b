"""What a run reads beside the graph: paths come in; a prediction, an image and terrain on one grid go out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction, prediction_from_labels
from kg.cog import class_names
from kg.counted import counted
from kg.errors import EmptyError, GridError, InputError, LandloreWarning, LegendError, RasterError
from kg.grid import Grid
from kg.legend import Legend
from kg.raster import Raster, read_raster, resample

Window = tuple[int, int, int, int]
"""(row, column, height, width) in pixels."""


def read_prediction(
    path: str | Path, legend: Legend, *, confidence: float = 0.8, window: Window | None = None
) -> Prediction:
    """Read anyone's prediction.

    Args:
        path: GeoTIFF with one band of class codes of the legend, or one band of probabilities per class (floats, or
            uint8 / uint16 where the largest value means 1), in the order of the legend.
        legend: Names the codes.
        confidence: Probability given to the stated class where the file has codes only.
        window: The part to read; default all.

    Raises:
        RasterError: Unreadable, nothing but nodata, or neither one band nor one per class.
        GridError: No CRS.
        LegendError: A code that the legend does not have.
    """
    raster = read_raster(path, window=window)
    _same_names(path, legend)
    bands = len(raster.values)
    if bands == 1:
        codes = raster.values[0]
        if np.issubdtype(codes.dtype, np.floating):
            _check_whole(codes, path)
        labels = legend.encode(codes, nodata=raster.nodata, path=path)
        _not_empty(bool((labels >= 0).any()), path)
        return prediction_from_labels(
            labels, legend, raster.grid, confidence=confidence, model=Path(path).name
        )
    if bands != len(legend):
        picture = bands in (3, 4) and raster.values.dtype == np.uint8
        raise RasterError(
            f"{path}: has {counted(bands, 'band')}; expected 1 (codes) or "
            f"{len(legend)} (probabilities of legend {legend.name})",
            "a picture of the map? write its codes, not their colours; the image itself goes in with --image"
            if picture
            else "give the legend that the model used, with --legend",
        )
    return Prediction(_probabilities(raster, path), legend, raster.grid, Path(path).name)


def _same_names(path: str | Path, legend: Legend) -> None:
    """The names that a file gives its codes must be those of the legend."""
    known = legend.names()
    for code, name in class_names(path).items():
        if known.get(code, name) != name:
            raise LegendError(
                f"{path}: says {code} is {name!r}, in legend {legend.name} it is {known[code]!r}",
                "give the legend of the file with --legend",
            )


def _check_whole(codes: np.ndarray, path: str | Path) -> None:
    known = np.isfinite(codes)
    _not_empty(bool(known.any()), path)
    if not np.array_equal(codes[known], np.rint(codes[known])):
        raise RasterError(
            f"{path}: one band of fractions, expected class codes or one band of probabilities per class",
            "write codes as integers, or one band per class",
        )


def _probabilities(raster: Raster, path: str | Path) -> np.ndarray:
    valid = raster.valid
    _not_empty(bool(valid.any()), path)
    values = raster.values.astype(np.float32)
    if np.issubdtype(raster.values.dtype, np.unsignedinteger):
        values /= np.float32(np.iinfo(raster.values.dtype).max)
    total = values.sum(axis=0)
    far = np.where(valid, np.abs(total - 1), 0)
    lost = valid & (total == 0)
    far[lost] = 0
    if far.max() > 0.05 or values[:, valid].min() < -1e-6:
        row, col = np.unravel_index(int(far.argmax()), far.shape)
        raise RasterError(
            f"{path}: probabilities at row {row}, column {col} sum to {total[row, col]:.3f}, expected 1",
            "apply softmax to the model's output first",
        )
    valid &= ~lost
    out = np.where(valid, np.clip(values, 0, None) / np.where(valid, total, 1), 0)
    return out.astype(np.float32)


def _not_empty(found: bool, path: str | Path) -> None:
    if not found:
        raise EmptyError(
            f"{path}: all pixels are nodata, expected at least one class", "check the nodata value"
        )


def read_image(
    path: str | Path,
    *,
    bands: Sequence[str] | None = None,
    grid: Grid | None = None,
    window: Window | None = None,
) -> Raster:
    """Read an image with named bands; an alpha band becomes nodata, and 8-bit values beside it shares of full scale.

    Args:
        path: Any raster that GDAL reads.
        bands: Names of the bands in file order; default the file's own names.
        grid: The grid that the image, or the window of it, must lie on.
        window: The part to read; default all.

    Raises:
        InputError: Two bands of one name.
        RasterError: Unreadable, or all nodata.
        GridError: No CRS, or not on `grid`.

    Warns:
        LandloreWarning: Pixels are nodata in some bands only, and so count as nodata; how many is said. A band has
            nearly the name of one that rules know.
    """
    check_bands(bands or ())
    image = read_raster(path, bands=bands, window=window)
    if grid is not None and not image.grid.same_as(grid):
        raise GridError(
            f"{path}: grid {_say(image.grid)} differs from the prediction's {_say(grid)}",
            "rio warp IMAGE OUT --like PREDICTION",
        )
    image = _without_alpha(image)
    _not_empty(bool(image.valid.any()), path)
    tell_of_holes(image, path)
    return image


def read_part(path: str | Path, window: Window, bands: Sequence[str] | None = None) -> Raster:
    """As `read_image`, of a window in which there may be no valid pixel, and without a word of holes."""
    return _without_alpha(read_raster(path, bands=bands, window=window))


def without_holes(image: Raster) -> Raster:
    """The image with all bands empty where one is."""
    gone = np.nan if image.nodata is None else image.nodata
    return (
        image
        if image.valid.all()
        else replace(
            image, values=np.where(image.valid, image.values, gone).astype(image.values.dtype)
        )
    )


def check_bands(bands: Sequence[str]) -> None:
    """Refuse names of bands that are given twice, and warn of strange ones."""
    twice = sorted({name for name in bands if bands.count(name) > 1})
    if twice:
        raise InputError(f"--bands: {', '.join(twice)} twice", "name each band once")
    _tell_of_strangers(bands)


def _tell_of_strangers(bands: Sequence[str]) -> None:
    """Warn of names that are nearly those of bands that rules know."""
    from difflib import get_close_matches

    from reasoning.regions.measures import BANDS

    for name in bands:
        near = [] if name.lower() in BANDS else get_close_matches(name.lower(), BANDS, 1, 0.6)
        if near and near[0] not in bands:
            warnings.warn(
                f"--bands: no rule knows a band {name!r}; did you mean {near[0]}?",
                LandloreWarning,
                stacklevel=3,
            )


def tell_of_holes(image: Raster, path: str | Path) -> None:
    """Warn of pixels that count as nodata though some of their bands hold a value."""
    each = [replace(image, values=band[None]).valid for band in image.values]
    holes = np.logical_or.reduce(each) & ~image.valid
    if not holes.any():
        return
    per_band = zip(image.bands, (int((holes & ~valid).sum()) for valid in each), strict=True)
    told = ", ".join(f"{name} {count:,}" for name, count in per_band if count)
    warnings.warn(
        f"{path}: {int(holes.sum()):,} of {holes.size:,} pixels count as nodata, because some of their bands hold NaN, "
        f"infinity or the nodata value ({told})",
        LandloreWarning,
        stacklevel=3,
    )


def _without_alpha(image: Raster) -> Raster:
    if "alpha" not in image.bands:
        return image
    keep = [i for i, name in enumerate(image.bands) if name != "alpha"]
    values = image.values[keep].astype(np.float32)
    values[:, image.band("alpha") == 0] = np.nan
    units = image.units
    if image.values.dtype == np.uint8:  # without it, floats would not tell how bright they are
        values, units = values / np.float32(255), "reflectance"
    names = tuple(image.bands[i] for i in keep)
    return replace(image, values=values, bands=names, nodata=None, units=units)


def natural_colours(image: Raster) -> NDArray[np.uint8]:
    """(y, x, 3) red, green and blue, or else the first bands, stretched from the 2nd to the 98th percentile."""
    wanted = [image.bands.index(b) for b in ("red", "green", "blue") if b in image.bands]
    bands = image.values[wanted if len(wanted) == 3 else slice(0, 3)].astype(np.float64)
    if len(bands) < 3:
        bands = np.repeat(bands[:1], 3, axis=0)
    known = image.valid
    low, high = np.percentile(bands[:, known], (2, 98)) if known.any() else (0.0, 1.0)
    share = np.clip((bands - low) / max(high - low, 1e-9), 0, 1) ** 0.8
    return np.moveaxis(np.where(known, 255 * share, 245), 0, -1).astype(np.uint8)


def read_terrain(path: str | Path, grid: Grid, *, window: Window | None = None) -> Raster:
    """Elevation in metres on the grid of the prediction (bilinear); band name "elevation".

    Args:
        path: The file.
        grid: The grid.
        window: The part of the file to read, all that lies below; default all of it.

    Raises:
        RasterError: Unreadable, more than one band, or (EmptyError) nothing but nodata.
        GridError: No CRS, or no overlap.
    """
    dem = read_raster(path, window=window)
    if len(dem.values) != 1:
        raise RasterError(
            f"{path}: has {counted(len(dem.values), 'band')} ({', '.join(dem.bands)}), "
            "expected one: elevation in metres",
            f"is it the image? of a stack, gdal_translate -b 1 {path} OUT takes band 1",
        )
    values = dem.values.astype(np.float32)
    _not_empty(bool(dem.valid.any()), path)
    values[0, ~dem.valid] = np.nan
    return resample(Raster(values, dem.grid, None, ("elevation",), "m"), grid, method="bilinear")


def _say(grid: Grid) -> str:
    return f"{grid.height} x {grid.width} at {grid.transform.c:.1f}, {grid.transform.f:.1f} in {grid.crs[:12]}"
