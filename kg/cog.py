"""Pixels come in, a cloud-optimised GeoTIFF goes out, whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from kg.errors import OutputError
from kg.folder import unwritable
from kg.grid import Grid, crs_of
from kg.overviews import Overviews, overview_shapes
from kg.raster import Raster

CACHE = 128
"""Mebibytes of pixels that GDAL may keep while a file is written."""
_ROWS = 256  # of a strip that are halved at a time
_PLAIN = "plain.tif"
_FULL = 2**20  # bytes free where GDAL could not write


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
    kind, bands = raster.values.dtype, len(raster.values)
    own = overviews == "mode" and bands == 1 and kind.kind in "iu"

    def fill(folder: Path) -> Path:
        """Write the file into a room of its own."""
        with _create(folder / _PLAIN, raster.grid, (bands, kind), raster.nodata) as dataset:
            if own:
                with _halving(folder, raster.grid, dataset) as more:
                    _write_rows(dataset, 0, raster.values[0], more)
            else:
                dataset.write(raster.values)
            for i, name in enumerate(raster.bands, 1):
                dataset.set_band_description(i, name)
            if raster.units:
                dataset.units = (raster.units,) * len(raster.values)
            _describe(dataset, colours or {}, names or {})
        return _with_overviews(folder) if own else folder / _PLAIN

    return _whole(Path(path), fill, "" if own else overviews)


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
        strips: (first row, (y, x) codes) of full-width strips, top to bottom; best multiples of 512 rows.
        band: Type, nodata, colours and names.

    Raises:
        OutputError: The folder cannot be written or the disk is full.
    """

    def fill(folder: Path) -> Path:
        """Write the file into a room of its own, strip by strip."""
        with _create(folder / _PLAIN, grid, (1, band.dtype), band.nodata) as dataset:
            with _halving(folder, grid, dataset) as more:
                for row, values in strips:
                    _write_rows(dataset, row, values, more)
            dataset.set_band_description(1, band.name)
            _describe(dataset, band.colours, band.names)
        return _with_overviews(folder)

    return _whole(Path(path), fill, "")


def _write_rows(dataset: DatasetWriter, row: int, values: NDArray[Any], more: Overviews) -> None:
    dataset.write(values, 1, window=Window(0, row, values.shape[1], len(values)))
    for low in range(0, len(values), _ROWS):
        more.add(values[low : low + _ROWS])


@contextmanager
def _halving(folder: Path, grid: Grid, plain: DatasetWriter) -> Iterator[Overviews]:
    """Write the overviews of a band of codes into files of their own while its rows are added."""
    shapes = overview_shapes(*grid.shape)
    kind = (1, np.dtype(plain.dtypes[0]))
    with ExitStack() as stack:
        files = [
            stack.enter_context(
                _create(folder / f"{i}.tif", replace(grid, height=h, width=w), kind, plain.nodata)
            )
            for i, (h, w) in enumerate(shapes)
        ]

        def put(level: int, row: int, values: NDArray[Any]) -> None:
            """Write some rows of one overview."""
            place = Window(0, row, values.shape[1], len(values))
            files[level].write(values, 1, window=place)

        more = Overviews(len(shapes), plain.nodata, put)
        yield more
        more.finish()


def _with_overviews(folder: Path) -> Path:
    """Put a plain file and its overviews together as a virtual raster."""
    from rasterio.shutil import copy

    virtual = folder / "map.vrt"
    copy(folder / _PLAIN, virtual, driver="VRT")
    tree = ElementTree.parse(virtual)
    for band in tree.iter("VRTRasterBand"):
        for level in range(len(list(folder.glob("[0-9].tif")))):
            part = ElementTree.SubElement(band, "Overview")
            ElementTree.SubElement(part, "SourceFilename", relativeToVRT="1").text = f"{level}.tif"
            ElementTree.SubElement(part, "SourceBand").text = "1"
    tree.write(virtual)
    return virtual


def _whole(target: Path, fill: Callable[[Path], Path], overviews: str) -> Path:
    """Fill a folder beside the target with what a COG is copied from, copy it, and rename that."""
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".landlore-") as folder:
            cog = Path(folder) / "cog.tif"
            with rasterio.Env(GDAL_CACHEMAX=CACHE), _room(folder):
                _copy_cog(fill(Path(folder)), cog, overviews)
            cog.replace(target)
    except (OSError, RasterioError, CPLE_BaseError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise unwritable(target, error) from error
        raise OutputError(
            f"{target}: cannot be written ({error})",
            "choose another place, in a folder that you can write to",
        ) from error
    return target


@contextmanager
def _room(folder: str) -> Iterator[None]:
    """Name a full disk as what it is, of which GDAL tells in many words."""
    try:
        yield
    except (RasterioError, CPLE_BaseError) as error:
        if shutil.disk_usage(folder).free < _FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


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
        compress="packbits",  # read once and thrown away
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


def _copy_cog(source: Path, cog: Path, overviews: str) -> None:
    """Copy a raster with its overviews, or with such as GDAL makes by the method `overviews`."""
    from rasterio.shutil import copy

    # Codes: three times as fast as DEFLATE for about the same size (docs/decisions.md).
    how = {"COMPRESS": "LZW", "OVERVIEWS": "FORCE_USE_EXISTING"}
    if overviews:
        method = overviews.upper()
        how = {"COMPRESS": "DEFLATE", "OVERVIEW_RESAMPLING": method, "RESAMPLING": method}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy(source, cog, driver="COG", BIGTIFF="IF_SAFER", NUM_THREADS="2", **how)


def class_names(path: str | Path) -> dict[int, str]:
    """Code -> class name, where `write_raster` wrote them; else empty."""
    try:
        with rasterio.open(path) as dataset:
            text: str = dataset.tags(1).get("CLASS_NAMES", "")
    except RasterioError:
        return {}
    pairs = (part.partition("=") for part in text.split(";") if part)
    return {int(code): name for code, _, name in pairs if code.lstrip("-").isdigit()}
