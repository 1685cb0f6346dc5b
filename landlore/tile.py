"""A part of a map that is too large for memory: a grid comes in, tiles with a margin and what they see go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kg.cog import class_names, write_raster
from kg.errors import EmptyError
from kg.grid import Grid
from kg.raster import Raster, read_grid, read_raster
from kg.sources.counts import window_of
from landlore.inputs import Window, read_part, read_terrain, tell_of_holes, without_holes
from landlore.run_folder import TILES
from landlore.sources import Sources, products

MARGIN = 128
"""Pixels that a tile sees beyond its edges: farther than the rules that ship look where a pixel is 10 m or more."""


@dataclass(frozen=True)
class Tile:
    """A part of a map.

    Attributes:
        inner: (row, column, height, width) that it is to decide.
        outer: The same with its margin, which it sees.
    """

    inner: Window
    outer: Window

    @property
    def name(self) -> str:
        """Row and column of its first pixel: "r0-c2048"."""
        return f"r{self.inner[0]}-c{self.inner[1]}"

    @property
    def within(self) -> Window:
        """Where the inner part lies in what the tile sees."""
        top, left, height, width = self.inner
        return top - self.outer[0], left - self.outer[1], height, width


def tiles_of(grid: Grid, size: int, margin: int = MARGIN) -> list[Tile]:
    """The tiles of a grid, row by row; those at the right and lower edge may be smaller.

    Args:
        grid: Of the whole map.
        size: Pixels of a side.
        margin: Pixels that a tile sees beyond its edges.
    """
    found = []
    for row in range(0, grid.height, size):
        for col in range(0, grid.width, size):
            bottom, right = min(row + size, grid.height), min(col + size, grid.width)
            top, left = max(row - margin, 0), max(col - margin, 0)
            end, side = min(bottom + margin, grid.height), min(right + margin, grid.width)
            outer = (top, left, end - top, side - left)
            found.append(Tile((row, col, bottom - row, right - col), outer))
    return found


@dataclass(frozen=True)
class Part:
    """A run and what of it counts: the whole of a run of its own, the inner part of that of a tile.

    Attributes:
        folder: Of the run.
        tile: Name of the tile, "" where there are none.
        window: (row, column, height, width) of what counts, None for all.
        inner: Where that lies in the map of the whole.
    """

    folder: Path
    tile: str
    window: Window | None
    inner: Window


def parts_of(home: Path, told: Mapping[str, Any]) -> list[Part]:
    """The runs that a folder holds: itself, or its tiles, row by row.

    Args:
        home: Run folder, or folder of tiles.
        told: What its `run.json` says.
    """
    grid = read_grid(home / "corrected.tif")
    if told.get("job") != TILES:
        return [Part(home, "", None, (0, 0, grid.height, grid.width))]
    margin, found = int(told.get("margin", MARGIN)), []
    for name, (row, col, height, width) in told["tiles"].items():
        window = (row - max(row - margin, 0), col - max(col - margin, 0), height, width)
        found.append(Part(home / "tiles" / name, name, window, (row, col, height, width)))
    return sorted(found, key=lambda part: part.inner[:2])


def inner_pixels(part: Part) -> dict[int, int] | None:
    """Number of a correction -> its pixels that count; None where all do."""
    if part.window is None:
        return None
    number = read_raster(part.folder / "reasons.tif", window=part.window).values[0]
    shown, pixels = np.unique(number, return_counts=True)
    return dict(zip(shown.tolist(), pixels.tolist(), strict=True))


def of_part(row: dict[str, str], held: Mapping[int, int] | None) -> dict[str, str]:
    """A row of `corrections.csv` with the pixels and the ground that count.

    Args:
        row: Column -> text.
        held: As `inner_pixels` says.
    """
    if held is None:
        return row
    pixels = held[int(row["index"])]
    area = float(row["area_m2"]) * pixels / int(row["pixels"])
    return row | {"pixels": str(pixels), "area_m2": f"{area:.2f}"}


def map_name(path: Path) -> str:
    """What the part of a map that a tile sees is called: as the map, unless something beside it is called so."""
    return f"{'map-' if path.stem.startswith('beside-') else ''}{path.stem}.tif"


def cut_inputs(
    inputs: Path, part: tuple[Path, Window], sources: Sources, *, quiet: bool = False
) -> Sources:
    """Write what a tile sees of the map, the image and the terrain.

    Args:
        inputs: Folder to write into.
        part: The map, and the part of it that the tile sees.
        sources: What is known beside the whole map.
        quiet: No word of pixels of the image that hold something in some bands only.

    Returns:
        The sources with these files; without what does not reach the tile.
    """
    path, window = part
    mine = read_raster(path, window=window)
    write_raster(inputs / map_name(path), mine, names=class_names(path), overviews="nearest")
    reached = [
        word
        for word, product in zip(sources.landcover, products(sources.landcover), strict=True)
        if read_grid(product.path).overlaps(mine.grid)
    ]
    image = dem = None
    if sources.image and read_raster(sources.image, window=window).valid.any():
        image = inputs / "beside-image.tif"
        seen = read_part(sources.image, window, sources.bands)
        if not quiet:
            tell_of_holes(seen, sources.image)
        write_raster(image, without_holes(seen), overviews="average")
    if sources.dem and read_grid(sources.dem).overlaps(mine.grid):
        terrain = _terrain(sources.dem, mine.grid, part)
        if terrain is not None:
            dem = inputs / "beside-dem.tif"
            write_raster(dem, terrain, overviews="average")
    return replace(
        sources,
        landcover=tuple(reached),
        image=None if image is None else str(image),
        bands=None,
        dem=None if dem is None else str(dem),
    )


def _terrain(dem: str | Path, grid: Grid, part: tuple[Path, Window]) -> Raster | None:
    """Elevation on the grid of a tile, None where there is none; no more than what lies below is read."""
    path, window = part
    own = read_grid(dem)
    if own.same_as(read_grid(path)):
        return read_raster(dem, window=window)
    try:
        below = window_of(dem, own, grid.lonlat_bounds, margin=2)
        return read_terrain(dem, grid, window=below)
    except EmptyError:
        return None
