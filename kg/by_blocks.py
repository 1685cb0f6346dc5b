"""Blocks of a raster with many bands come in, one tiled, compressed GeoTIFF goes out, whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from kg.cog import CACHE
from kg.errors import OutputError
from kg.grid import Grid, crs_of

SIDE = 512
"""Pixels of a side of the blocks that a file is stored in."""


def write_blocks(
    path: str | Path,
    grid: Grid,
    blocks: Iterable[tuple[int, int, NDArray[Any]]],
    names: tuple[str, ...],
    dtype: Any = np.uint16,
) -> Path:
    """Write a raster block by block, without nodata value; it appears whole or not at all.

    Args:
        path: Target file.
        grid: Grid of the whole raster.
        blocks: (first row, first column, (band, y, x) values); best of multiples of `SIDE` pixels. What no block holds
            is 0.
        names: One per band.
        dtype: Type of the pixels.

    Raises:
        OutputError: The folder cannot be written or the disk is full.
    """
    target = Path(path)
    how = {
        "driver": "GTiff", "height": grid.height, "width": grid.width, "count": len(names), "dtype": dtype,
        "crs": crs_of(grid.crs), "transform": grid.transform, "compress": "deflate", "zlevel": 6,
        "tiled": True, "blockxsize": SIDE, "blockysize": SIDE, "interleave": "band", "sparse_ok": True,
        "bigtiff": "if_safer",
    }  # fmt: skip
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".landlore-") as folder:
            part = Path(folder) / "blocks.tif"
            with rasterio.Env(GDAL_CACHEMAX=CACHE), rasterio.open(part, "w", **how) as dataset:
                for i, name in enumerate(names, 1):
                    dataset.set_band_description(i, name)
                for row, col, values in blocks:
                    place = Window(col, row, values.shape[2], values.shape[1])
                    dataset.write(values, window=place)
            part.replace(target)
    except (OSError, RasterioError) as error:
        raise OutputError(
            f"{target}: cannot be written ({error})",
            "choose another place, in a folder that you can write to and with room left",
        ) from error
    return target
