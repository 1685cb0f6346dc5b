"""Pieces of regions: a region graph comes in, the same ground in pieces of at most some metres goes out.

A large component is one region, and what lies around it says nothing about any one place in it. Cut along a grid that
is fixed to the raster's first pixel, its pieces have neighbours of their own; what a rule asks about shape (area,
width, elongation) is still answered for the whole component that a piece belongs to.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kg.grid import Grid
from kg.raster import Raster
from reasoning.regions import RegionGraph, regions_of


def cut_regions(
    regions: RegionGraph,
    grid: Grid,
    side: float,
    image: Raster | None = None,
    *,
    connectivity: int = 4,
) -> RegionGraph:
    """Cut regions along a square grid.

    Args:
        regions: Connected components, of at most 8,000 classes.
        grid: Where their pixels lie.
        side: Metres of a cell of the grid; rounded to whole pixels, at least one.
        image: Bands whose means are wanted.
        connectivity: 4 or 8, as of the components.

    Returns:
        Pieces in row-major order of their first pixels. `cls`, `area`, `mean_width`, `min_width` and `elongation` are
        those of the component; everything else is the piece's own.
    """
    dx, dy = grid.pixel_size
    rows = np.arange(grid.height) // max(1, round(side / dy))
    cols = np.arange(grid.width) // max(1, round(side / dx))
    parity = 2 * (rows % 2)[:, None] + (cols % 2)[None, :]  # of cells that touch, all differ
    inside = regions.label >= 0
    codes = np.where(inside, 4 * regions.cls[regions.label] + parity, -1).astype(np.int16)
    pieces = regions_of(codes, grid, image, connectivity=connectivity)
    parent = np.zeros(len(pieces), np.int64)
    parent[pieces.label[inside]] = regions.label[inside]
    return replace(
        pieces,
        cls=regions.cls[parent],
        area=regions.area[parent],
        mean_width=regions.mean_width[parent],
        min_width=regions.min_width[parent],
        elongation=regions.elongation[parent],
    )
