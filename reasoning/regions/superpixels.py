"""Pieces of regions: a region graph comes in, the same ground in pieces of about some metres goes out.

A large component is one region, and what lies around it says nothing about any one place in it. Its pieces have
neighbours of their own; what a rule asks about shape (area, width, elongation) is still answered for the whole
component that a piece belongs to. Pieces follow the image where there is one (superpixels), else a square grid that is
fixed to the raster's first pixel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kg.grid import Grid
from kg.raster import Raster
from reasoning.regions.graph import RegionGraph, components, regions_of


def cut_regions(
    regions: RegionGraph,
    grid: Grid,
    side: float,
    image: Raster | None = None,
    *,
    connectivity: int = 4,
) -> RegionGraph:
    """Cut regions into superpixels of an image, or without one along a square grid.

    Args:
        regions: Connected components, without an image of at most 8,000 classes.
        grid: Where their pixels lie.
        side: Metres of a piece; of a cell of the grid, rounded to whole pixels, at least one.
        image: Bands that pieces follow, and whose means are wanted.
        connectivity: 4 or 8, as of the components.

    Returns:
        Pieces, each connected and inside one component, in row-major order of their first pixels. `cls`, `area`,
        `mean_width`, `min_width` and `elongation` are those of the component; everything else is the piece's own.
    """
    inside = regions.label >= 0
    if image is None:
        codes: NDArray[np.integer] = _cells(regions, grid, side)
    else:
        codes = superpixels(regions, grid, side, image, connectivity=connectivity)
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


def superpixels(
    regions: RegionGraph,
    grid: Grid,
    side: float,
    image: Raster,
    *,
    connectivity: int = 4,
    compactness: float = 1.0,
) -> NDArray[np.int32]:
    """Superpixels of an image that never cross the border of a component.

    One seed stands near the middle of each part of a component in a cell of a square grid, if that part fills a
    quarter of the cell, or is the largest of its component; pieces grow from them
    (`reasoning.regions.superpixel_kernels.grow`). Same input, same pieces.

    Args:
        regions: Connected components.
        grid: Where their pixels lie.
        side: Metres; pieces in the open are of about side x side.
        image: Bands on the same grid, each taken in standard deviations; what is not observed counts as no contrast.
        connectivity: 4 or 8, as of the components.
        compactness: How many standard deviations, of the mean band, weigh as much as one side; larger is rounder.

    Returns:
        (y, x) int32 piece of each pixel, -1 where there is no region.
    """
    from reasoning.regions.superpixel_kernels import grow

    dx, dy = grid.pixel_size
    label = regions.label
    part, n = components(_cells(regions, grid, side), connectivity)
    return grow(
        label,
        _colours(image, compactness),
        _seeds(label, part, n, max(1.0, side / dx) * max(1.0, side / dy) / 4),
        (dy / side, dx / side),
        connectivity == 8,
    )


def _cells(regions: RegionGraph, grid: Grid, side: float) -> NDArray[np.int16]:
    """Codes whose components are the parts of regions in each cell of a square grid."""
    dx, dy = grid.pixel_size
    rows = np.arange(grid.height) // max(1, round(side / dy))
    cols = np.arange(grid.width) // max(1, round(side / dx))
    parity = 2 * (rows % 2)[:, None] + (cols % 2)[None, :]  # of cells that touch, all differ
    return np.where(regions.label >= 0, 4 * regions.cls[regions.label] + parity, -1).astype(
        np.int16
    )


def _colours(image: Raster, compactness: float) -> NDArray[np.float32]:
    """Bands in units of `compactness` standard deviations, so that all together weigh as much as their mean would."""
    valid = image.valid
    out = np.full(image.values.shape, np.nan, np.float32)
    for band, values in zip(out, image.values, strict=True):
        if valid.any():
            spread = float(values[valid].std(dtype=np.float64))
            unit = max(spread, 1e-12) * compactness * np.sqrt(len(out))
            band[valid] = values[valid] / unit
    return out


def _seeds(
    label: NDArray[np.int32], part: NDArray[np.int32], n: int, least: float
) -> NDArray[np.int64]:
    """The pixel nearest to the middle of each part that is large enough, or the largest of its component."""
    rows, cols = np.nonzero(part >= 0)
    mine = part[rows, cols]
    count = np.bincount(mine, minlength=n)
    y, x = (np.bincount(mine, one, n) / count for one in (rows, cols))
    away = (rows - y[mine]) ** 2 + (cols - x[mine]) ** 2
    order = np.lexsort((away, mine))
    middle = order[np.concatenate([[0], np.cumsum(count)[:-1]])]
    owner = label[rows[middle], cols[middle]]
    ranked = np.lexsort((-count, owner))
    largest = np.zeros(n, bool)
    largest[ranked[np.unique(owner[ranked], return_index=True)[1]]] = True
    pick = middle[(count >= least) | largest]
    return np.asarray(rows[pick] * label.shape[1] + cols[pick], np.int64)
