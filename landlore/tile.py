"""A part of a map that is too large for memory: a grid comes in, tiles with a margin and what they see go out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from kg.cog import class_names, write_raster
from kg.errors import EmptyError
from kg.grid import Grid
from kg.raster import Raster, read_grid, read_raster
from kg.sources.counts import window_of
from landlore.inputs import Window, read_part, read_terrain, tell_of_holes, without_holes
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


def map_name(path: Path) -> str:
    """What the part of a map that a tile sees is called: as the map."""
    return f"{path.stem}.tif"


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
