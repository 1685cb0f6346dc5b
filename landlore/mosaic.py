"""The runs of tiles come in; one corrected map, one mask of what changed and one table of corrections go out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
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
from landlore.tile import Tile, of_part

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
            left, width = tile.inner[1], tile.inner[3]
            part = read_raster(home / "tiles" / tile.name / name, window=tile.within)
            out[:, left : left + width] = part.values[0]
        yield row, out
        row += height


def _write_corrections(home: Path, grid: Grid, tiles: list[Tile]) -> int:
    """Write what of each correction lies in the inner part of its tile, tile by tile; return how many there are."""
    count, target = 0, home / "corrections.csv"
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("tile", *COLUMNS))
        for tile in tiles:
            source = home / "tiles" / tile.name / "corrections.csv"
            with source.open(encoding="utf-8-sig", newline="") as lines:
                rows = csv.DictReader(lines)
                for row in _inside(rows, grid, tile, _reasons(home, tile)):
                    writer.writerow((tile.name, *(row[name] for name in COLUMNS)))
                    count += 1
    return count


def _reasons(home: Path, tile: Tile) -> NDArray[np.int32]:
    """(y, x) number of the correction of each pixel that a tile decides, -1 where nothing changed."""
    path = home / "tiles" / tile.name / "reasons.tif"
    found: NDArray[np.int32] = read_raster(path, window=tile.within).values[0]
    return found


def _inside(
    rows: Iterable[dict[str, str]], grid: Grid, tile: Tile, number: NDArray[np.int32]
) -> Iterator[dict[str, str]]:
    """Rows of the corrections that have pixels in the inner part: so many, so much ground, a place among them."""
    shown, first, pixels = np.unique(number, return_index=True, return_counts=True)
    held = dict(zip(shown.tolist(), pixels.tolist(), strict=True))
    begins = dict(zip(shown.tolist(), first.tolist(), strict=True))
    top, left, height, width = tile.inner
    for row in rows:
        if int(row["index"]) not in held:
            continue
        at = begins[int(row["index"])]
        y, x = grid.rowcol(float(row["lon"]), float(row["lat"]))
        if not (top <= y < top + height and left <= x < left + width):
            lon, lat = grid.lonlat(top + at // width + 0.5, left + at % width + 0.5)
            row |= {"lon": f"{float(lon):.7f}", "lat": f"{float(lat):.7f}"}
        yield of_part(row, held)
