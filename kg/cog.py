"""Pixels come in, a cloud-optimised GeoTIFF goes out, whole or not at all."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from kg.errors import OutputError
from kg.grid import crs_of
from kg.raster import Raster


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
    target = Path(path)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".landlore-") as folder:
            plain, cog = Path(folder) / "plain.tif", Path(folder) / "cog.tif"
            _write_plain(plain, raster, colours, names)
            _copy_cog(plain, cog, overviews)
            cog.replace(target)
    except (OSError, RasterioError) as error:
        raise OutputError(
            f"{target}: cannot be written ({error})", "choose a writable folder with -o"
        ) from error
    return target


def _write_plain(
    path: Path,
    raster: Raster,
    colours: dict[int, tuple[int, int, int]] | None,
    names: dict[int, str] | None,
) -> None:
    profile = {
        "driver": "GTiff",
        "height": raster.grid.height,
        "width": raster.grid.width,
        "count": len(raster.values),
        "dtype": raster.values.dtype,
        "crs": crs_of(raster.grid.crs),
        "transform": raster.grid.transform,
        "nodata": raster.nodata,
        "compress": "deflate",
        "tiled": True,
        "bigtiff": "if_safer",
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(raster.values)
        for i, name in enumerate(raster.bands, 1):
            dataset.set_band_description(i, name)
        if raster.units:
            dataset.units = (raster.units,) * len(raster.values)
        if colours:
            dataset.write_colormap(1, {code: (*rgb, 255) for code, rgb in colours.items()})
        if names:
            dataset.update_tags(
                1, CLASS_NAMES=";".join(f"{c}={n}" for c, n in sorted(names.items()))
            )


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
            NUM_THREADS="1",
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
