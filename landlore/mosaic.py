"""The runs of tiles come in; one corrected map, one mask of what changed and one table of corrections go out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.cog import CodeBand, write_strips
from kg.grid import Grid
from kg.legend import Legend
from kg.raster import read_raster
from landlore.qgis import write_style
from landlore.report import COLUMNS
from landlore.tile import Tile

_CHANGED = {0: "unchanged", 1: "changed"}
_ROWS = 512
"""Rows without any tile that are written at a time."""


def write_mosaic(home: Path, grid: Grid, tiles: list[Tile], legend: Legend) -> dict[str, int]:
    """Put the inner parts of tiles together: corrected.tif (.qml), changed.tif, corrections.csv.

    Args:
        home: Folder with the runs in `tiles/NAME`.
        grid: Of the whole map.
        tiles: Those that have a run, row by row.
        legend: Names the codes.

    Returns:
        How many "corrections" and "changed_pixels" there are.

    Raises:
        OutputError: The folder cannot be written or the disk is full.
    """
    first = read_raster(home / "tiles" / tiles[0].name / "corrected.tif", window=(0, 0, 1, 1))
    kind, nodata = first.values.dtype, int(first.nodata or 0)
    colours = legend.colour_table() if kind == np.uint8 else {}
    band = CodeBand(kind, nodata, colours, legend.names())
    write_strips(
        home / "corrected.tif", grid, _strips(home, grid, tiles, ("corrected.tif", band)), band
    )
    write_style(home / "corrected.qml", legend)
    mask = CodeBand(np.dtype(np.uint8), 255, {}, _CHANGED, "changed")
    changed = 0

    def counted() -> Iterator[tuple[int, NDArray[Any]]]:
        """The strips, counted on the way."""
        nonlocal changed
        for row, values in _strips(home, grid, tiles, ("changed.tif", mask)):
            changed += int((values == 1).sum())
            yield row, values

    write_strips(home / "changed.tif", grid, counted(), mask)
    return {
        "corrections": _write_corrections(home, grid, tiles),
        "changed_pixels": changed,
    }


def _strips(
    home: Path, grid: Grid, tiles: list[Tile], what: tuple[str, CodeBand]
) -> Iterator[tuple[int, NDArray[Any]]]:
    """(first row, (y, x) codes) of the whole width; nodata where there is no tile."""
    name, band = what
    rows = {row: list(mine) for row, mine in groupby(tiles, key=lambda tile: tile.inner[0])}
    row = 0
    while row < grid.height:
        mine = rows.get(row, [])
        following = min((one for one in rows if one > row), default=grid.height)
        height = mine[0].inner[2] if mine else min(following - row, _ROWS)
        out = np.full((height, grid.width), band.nodata, band.dtype)
        for tile in mine:
            top, left, _, width = tile.inner
            within = (top - tile.outer[0], left - tile.outer[1], height, width)
            part = read_raster(home / "tiles" / tile.name / name, window=within)
            out[:, left : left + width] = part.values[0]
        yield row, out
        row += height


def _write_corrections(home: Path, grid: Grid, tiles: list[Tile]) -> int:
    """Write the corrections whose place lies in the inner part of their tile, tile by tile; return how many."""
    count, target = 0, home / "corrections.csv"
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("tile", *COLUMNS))
        for tile in tiles:
            source = home / "tiles" / tile.name / "corrections.csv"
            with source.open(encoding="utf-8-sig", newline="") as lines:
                rows = list(csv.reader(lines))[1:]
            for row, kept in zip(rows, _inside(rows, grid, tile), strict=True):
                if kept:
                    writer.writerow((tile.name, *row))
                    count += 1
    return count


def _inside(rows: list[list[str]], grid: Grid, tile: Tile) -> list[bool]:
    """Whether the place of each correction is for its tile to decide."""
    if not rows:
        return []
    at = [COLUMNS.index(name) for name in ("lon", "lat")]
    lon, lat = np.array([[float(row[i]) for i in at] for row in rows]).T
    y, x = grid.rowcol(lon, lat)
    top, left, height, width = tile.inner
    inside = (y >= top) & (y < top + height) & (x >= left) & (x < left + width)
    return [bool(one) for one in inside]
