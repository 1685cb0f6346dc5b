"""Raster files come in; pixels that know their grid go out, whole, by windows or on another grid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import warp
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from kg.errors import GridError, RasterError
from kg.folder import is_url
from kg.grid import Grid, crs_of, misplaced

_COLOURS = ("red", "green", "blue", "alpha")


@dataclass(frozen=True)
class Raster:
    """Pixels with their place.

    Attributes:
        values: (band, y, x) array, dtype as in the file.
        grid: Where the pixels lie.
        nodata: Value that means "no observation", or None.
        bands: One name per band ("red", "nir", "elevation" ...; "band1" where the file has none).
        units: Unit of the values ("reflectance", "m", "code" ...), or None where unknown.
    """

    values: NDArray[Any]
    grid: Grid
    nodata: float | None = None
    bands: tuple[str, ...] = ()
    units: str | None = None

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(y, x): True where every band has an observation (not nodata, not NaN)."""
        ok = np.ones(self.values.shape[1:], bool)
        for band in self.values:
            if np.issubdtype(band.dtype, np.floating):
                ok &= np.isfinite(band)
            if self.nodata is not None and not np.isnan(self.nodata):
                ok &= band != self.nodata
        return ok

    def band(self, name: str) -> NDArray[Any]:
        """(y, x) values of the band called `name`.

        Raises:
            RasterError: No band has that name.
        """
        if name not in self.bands:
            raise RasterError(
                f"no band {name!r}: found {', '.join(self.bands)}", "name the bands with --bands"
            )
        values: NDArray[Any] = self.values[self.bands.index(name)]
        return values


def over_the_web(agent: str) -> rasterio.Env:
    """While it is entered, rasters are read by their web address, and only the pixels that are asked for.

    Args:
        agent: How requests name themselves.
    """
    return rasterio.Env(
        GDAL_HTTP_USERAGENT=agent,
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        CPL_VSIL_CURL_ALLOWED_EXTENSIONS=".tif",
        GDAL_HTTP_TIMEOUT="60",
        GDAL_HTTP_CONNECTTIMEOUT="30",
        GDAL_HTTP_MAX_RETRY="3",
        GDAL_HTTP_RETRY_DELAY="1",
        VSI_CACHE="TRUE",
    )


def _open(path: str | Path) -> Any:
    """Open for reading; every failure is a RasterError or a GridError."""
    if not (is_url(path) or Path(path).exists()):
        raise RasterError(f"{path}: no such file", "check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(path)
    except RasterioError as error:
        raise RasterError(
            f"{path}: not a readable raster ({error})", "gdalinfo shows what it is"
        ) from error
    if any(str(kind).startswith("complex") for kind in dataset.dtypes):
        dataset.close()
        raise RasterError(
            f"{path}: holds complex numbers, expected codes or measurements",
            f"gdal_translate -ot Float32 {path} OUT",
        )
    return dataset


def _grid_of(dataset: Any, path: str | Path) -> Grid:
    if dataset.crs is None:
        raise GridError(
            f"{path}: has no coordinate reference system, expected one such as EPSG:32612",
            f"gdal_edit.py -a_srs EPSG:XXXXX {path}",
        )
    code = dataset.crs.to_epsg()
    crs = f"EPSG:{code}" if code else dataset.crs.to_wkt()
    grid = Grid(crs, dataset.transform, dataset.height, dataset.width)
    fault = misplaced(grid)
    if fault:
        raise GridError(f"{path}: {fault}", f"gdalinfo {path} shows origin and pixel size")
    return grid


def read_grid(path: str | Path) -> Grid:
    """The grid of a raster file, without reading pixels.

    Raises:
        RasterError: The file is missing or unreadable.
        GridError: It has no CRS.
    """
    with _open(path) as dataset:
        return _grid_of(dataset, path)


def read_tags(path: str | Path) -> dict[str, str]:
    """What a raster file says about itself, by lower-case name; see `read_grid` for errors."""
    with _open(path) as dataset:
        return {str(name).lower(): str(text) for name, text in dataset.tags().items()}


def _names(dataset: Any, bands: Sequence[str] | None, path: str | Path) -> tuple[str, ...]:
    if bands is None:
        seen = [c.name if c.name in _COLOURS else "" for c in dataset.colorinterp]
        named = zip(dataset.descriptions, seen, strict=True)
        return tuple(d or c or f"band{i + 1}" for i, (d, c) in enumerate(named))
    if len(bands) != dataset.count:
        raise RasterError(
            f"{path}: has {dataset.count} bands, {len(bands)} names given ({', '.join(bands)})",
            "give one name per band, in order",
        )
    return tuple(bands)


def read_raster(
    path: str | Path,
    *,
    bands: Sequence[str] | None = None,
    window: tuple[int, int, int, int] | None = None,
) -> Raster:
    """Read a raster, whole or a window of it.

    Args:
        path: Any raster that GDAL reads.
        bands: Names to give the bands; default the file's own descriptions.
        window: (row, col, height, width) in pixels.

    Raises:
        RasterError: The file is missing, unreadable or truncated.
        GridError: It has no CRS.
    """
    with _open(path) as dataset:
        grid, names = _grid_of(dataset, path), _names(dataset, bands, path)
        place = None
        if window is not None:
            row, col, height, width = window
            place, grid = Window(col, row, width, height), grid.window(row, col, height, width)
        try:
            values = dataset.read(window=place)
        except RasterioError as error:
            raise RasterError(
                f"{path}: pixels cannot be read ({error})", "the file may be truncated"
            ) from error
        units = next((u for u in dataset.units if u), None)
        return Raster(values, grid, dataset.nodata, names, units)


def read_pixels(
    path: str | Path, *, bands: Sequence[str] | None = None
) -> tuple[NDArray[Any], tuple[str, ...], float | None]:
    """(band, y, x) values, names of the bands and nodata value of an image that may have no place on earth.

    Args:
        path: Any raster that GDAL reads.
        bands: Names to give the bands; default the file's own descriptions.

    Raises:
        RasterError: The file is missing, unreadable or truncated, or has another number of bands than names.
    """
    with _open(path) as dataset:
        names = _names(dataset, bands, path)
        try:
            return dataset.read(), names, dataset.nodata
        except RasterioError as error:
            raise RasterError(
                f"{path}: pixels cannot be read ({error})", "the file may be truncated"
            ) from error


def read_blocks(path: str | Path, size: int) -> Iterator[tuple[int, int, Raster]]:
    """Read a raster block by block, row-major: (row, col, block of at most `size` x `size` pixels)."""
    grid = read_grid(path)
    for row in range(0, grid.height, size):
        for col in range(0, grid.width, size):
            height, width = min(size, grid.height - row), min(size, grid.width - col)
            yield row, col, read_raster(path, window=(row, col, height, width))


def resample(raster: Raster, grid: Grid, *, method: str = "nearest") -> Raster:
    """Put a raster onto another grid.

    Args:
        raster: Source pixels.
        grid: Target grid.
        method: "nearest" (codes), "bilinear" (measurements), "average" or "mode".

    Returns:
        Raster on `grid`; where the source does not reach: nodata, or NaN (floats) or 0 when it has none.

    Raises:
        GridError: The footprints do not overlap.
    """
    if raster.grid.same_as(grid):
        return replace(raster, grid=grid)
    if not raster.grid.overlaps(grid):
        raise GridError(
            f"no overlap: one raster covers {_degrees(raster.grid)}, the other {_degrees(grid)} (lon lat)",
            "give files of the same area",
        )
    floats = np.issubdtype(raster.values.dtype, np.floating)
    fill = raster.nodata if raster.nodata is not None else (np.nan if floats else 0)
    out = np.full((len(raster.values), *grid.shape), fill, raster.values.dtype)
    warp.reproject(
        raster.values,
        out,
        src_transform=raster.grid.transform,
        src_crs=crs_of(raster.grid.crs),
        dst_transform=grid.transform,
        dst_crs=crs_of(grid.crs),
        src_nodata=raster.nodata,
        dst_nodata=fill,
        resampling=Resampling[method],
    )
    return replace(
        raster,
        values=out,
        grid=grid,
        nodata=float(fill) if not floats or raster.nodata is not None else None,
    )


def _degrees(grid: Grid) -> str:
    west, south, east, north = grid.lonlat_bounds
    return f"{west:.4f} {south:.4f} .. {east:.4f} {north:.4f}"
