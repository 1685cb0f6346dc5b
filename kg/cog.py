"""Pixels come in, a cloud-optimised GeoTIFF goes out, whole or not at all."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from kg.errors import OutputError
from kg.grid import Grid, crs_of
from kg.raster import Raster

CACHE = 128
"""Mebibytes of pixels that GDAL may keep while a file is written."""


def write_raster(
    path: str | Path,
    raster: Raster,
    *,
    colours: dict[int, tuple[int, int, int]] | None = None,
    names: dict[int, str] | None = None,
    overviews: str = "mode",
) -> Path:
    """Write a cloud-optimised GeoTIFF; it appears whole or not at all.

    Args:
        path: Target file.
        raster: Pixels (uint8, uint16, int16, int32 or float32).
        colours: Code -> (red, green, blue), for one band of uint8.
        names: Code -> class name; stored as category names and in the tag CLASS_NAMES ("10=Tree cover;...").
        overviews: Resampling of the overviews: "mode" for codes, "average" for measurements.

    Raises:
        OutputError: The folder cannot be written or the disk is full.
    """

    def fill(plain: Path) -> None:
        kind = raster.values.dtype
        with _create(plain, raster.grid, (len(raster.values), kind), raster.nodata) as dataset:
            dataset.write(raster.values)
            for i, name in enumerate(raster.bands, 1):
                dataset.set_band_description(i, name)
            if raster.units:
                dataset.units = (raster.units,) * len(raster.values)
            _describe(dataset, colours or {}, names or {})

    return _whole(Path(path), fill, overviews)


@dataclass(frozen=True)
class CodeBand:
    """How a band of class codes is stored.

    Attributes:
        dtype: Type of the pixels.
        nodata: Value that means "no class".
        colours: Code -> (red, green, blue); only for uint8.
        names: Code -> class name.
        name: Description of the band.
    """

    dtype: np.dtype[Any]
    nodata: int
    colours: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    name: str = "class"


def write_strips(
    path: str | Path, grid: Grid, strips: Iterable[tuple[int, NDArray[Any]]], band: CodeBand
) -> Path:
    """Write one band of codes strip by strip as a cloud-optimised GeoTIFF; it appears whole or not at all.

    Args:
        path: Target file.
        grid: Grid of the whole raster.
        strips: (first row, (y, x) codes) of full-width strips; best multiples of 512 rows.
        band: Type, nodata, colours and names.

    Raises:
        OutputError: The folder cannot be written or the disk is full.
    """

    def fill(plain: Path) -> None:
        with _create(plain, grid, (1, band.dtype), band.nodata) as dataset:
            for row, values in strips:
                dataset.write(values, 1, window=Window(0, row, grid.width, len(values)))
            dataset.set_band_description(1, band.name)
            _describe(dataset, band.colours, band.names)

    return _whole(Path(path), fill, "mode")


def _whole(target: Path, fill: Callable[[Path], None], overviews: str) -> Path:
    """Fill a plain file beside the target, copy it as a COG, and rename that."""
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".landlore-") as folder:
            plain, cog = Path(folder) / "plain.tif", Path(folder) / "cog.tif"
            with rasterio.Env(GDAL_CACHEMAX=CACHE):
                fill(plain)
                _copy_cog(plain, cog, overviews)
            cog.replace(target)
    except (OSError, RasterioError) as error:
        raise OutputError(
            f"{target}: cannot be written ({error})", "choose a writable folder with -o"
        ) from error
    return target


def _create(
    path: Path, grid: Grid, bands: tuple[int, np.dtype[Any]], nodata: float | None
) -> DatasetWriter:
    return rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=bands[0],
        dtype=bands[1],
        crs=crs_of(grid.crs),
        transform=grid.transform,
        nodata=nodata,
        compress="deflate",
        zlevel=1,
        tiled=True,
        blockxsize=512,
        blockysize=512,
        bigtiff="if_safer",
    )


def _describe(
    dataset: DatasetWriter, colours: dict[int, tuple[int, int, int]], names: dict[int, str]
) -> None:
    if colours:
        dataset.write_colormap(1, {code: (*rgb, 255) for code, rgb in colours.items()})
    if names:
        text = ";".join(f"{code}={name}" for code, name in sorted(names.items()))
        dataset.update_tags(1, CLASS_NAMES=text)


def _copy_cog(plain: Path, cog: Path, overviews: str) -> None:
    from rasterio.shutil import copy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy(
            plain,
            cog,
            driver="COG",
            COMPRESS="DEFLATE",
            OVERVIEW_RESAMPLING=overviews.upper(),
            RESAMPLING=overviews.upper(),
            BIGTIFF="IF_SAFER",
            NUM_THREADS="2",
        )


def class_names(path: str | Path) -> dict[int, str]:
    """Code -> class name, where `write_raster` wrote them; else empty."""
    try:
        with rasterio.open(path) as dataset:
            text: str = dataset.tags(1).get("CLASS_NAMES", "")
    except RasterioError:
        return {}
    pairs = (part.partition("=") for part in text.split(";") if part)
    return {int(code): name for code, _, name in pairs if code.lstrip("-").isdigit()}
