"""An image, a product and elevation of any size come in as files; parts of them to learn from and to map go out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fusion.features import MARGIN
from fusion.field import COARSER, Part
from fusion.surround import REACH
from kg.errors import EmptyError, GridError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.raster import Raster, read_grid, read_raster, resample
from kg.sources.counts import window_of
from kg.sources.product import product_layer
from landlore.inputs import Window, read_part
from landlore.sources import Product

WINDOW = 1024
"""Pixels of a side of what is mapped at a time; its block of eight classes and all features of a stripe take 300 MB."""
FARTHEST = 2 * WINDOW
"""Pixels around a window that are looked at for what cells beside it say, at most."""


@dataclass(frozen=True)
class Place:
    """Where an image, the product that teaches and elevation are, and how their pixels fit.

    Attributes:
        image: File of the image.
        bands: Names of its bands, or None: its own.
        grid: Its grid.
        product: The product.
        cell: Pixels of the product along a side of a cell.
        size: Side of a cell in pixels of the image; the longer one.
        pixels: Pixels of the image in a cell.
        dem: File of elevation, or None.
    """

    image: Path
    bands: tuple[str, ...] | None
    grid: Grid
    product: Product
    cell: int
    size: float
    pixels: float
    dem: Path | None

    @property
    def coarse(self) -> bool:
        """Whether the product is coarser than the image, as far as the sizes of pixels say."""
        return self.pixels >= COARSER - 0.5

    @property
    def reach(self) -> int:
        """Pixels beyond a window that cells which touch it may take."""
        return math.ceil(1.5 * self.size) + 2

    def grown(self, window: Window, margin: int) -> Window:
        """A window with a margin, inside of the image."""
        row, col, height, width = window
        top, left = max(row - margin, 0), max(col - margin, 0)
        bottom = min(row + height + margin, self.grid.height)
        right = min(col + width + margin, self.grid.width)
        return top, left, bottom - top, right - left

    def part(self, window: Window, *, weight: float = 1.0, cells: bool = True) -> Part:
        """Read a part of the image with all that is beside it.

        Args:
            window: Its inner pixels.
            weight: How many parts of the image it stands for.
            cells: Whether the product is read.

        Raises:
            InputError: A file cannot be read.
        """
        core = self.grown(window, self.reach if cells else 0)
        beside = math.ceil((REACH + 0.5) * self.size) if cells and self.coarse else 0
        outer = self.grown(core, min(max(MARGIN, beside), FARTHEST))
        image = read_part(self.image, outer, self.bands)
        layer = self._layer(image.grid) if cells else None
        dem = None if self.dem is None else _terrain(self.dem, self.grid, outer)
        return Part(image, layer, dem, _within(core, outer), _within(window, outer), weight)

    def _layer(self, grid: Grid) -> EvidenceLayer | None:
        """The product on a grid; None where it does not reach, or holds nothing."""
        product = self.product
        try:
            return product_layer(
                product.path, product.legend, grid, name=product.name, cell=self.cell
            )
        except (EmptyError, GridError):
            return None


def _within(window: Window, outer: Window) -> Window:
    return window[0] - outer[0], window[1] - outer[1], window[2], window[3]


def place_of(
    image: Path, bands: tuple[str, ...] | None, product: Product, dem: str | None
) -> Place:
    """Look at the grids of an image and of what is beside it.

    Raises:
        GridError: The product or the elevation does not reach the image.
        RasterError: A file cannot be read.
    """
    grid, coarse = read_grid(image), read_grid(product.path)
    if not coarse.overlaps(grid):
        raise GridError(
            f"{product.path}: no overlap with {image}, nothing to learn from",
            "give a product of the same area",
        )
    if dem is not None and not read_grid(dem).overlaps(grid):
        raise GridError(f"{dem}: does not reach the image", "leave --dem out")
    there = coarse.window(*window_of(product.path, coarse, grid.lonlat_bounds)).pixel_size
    cell = max(1, round(max(grid.pixel_size) / max(coarse.pixel_size)))
    size = cell * max(there) / min(grid.pixel_size)
    pixels = cell**2 * there[0] * there[1] / grid.pixel_area
    terrain = None if dem is None else Path(dem)
    return Place(image, bands, grid, product, cell, size, pixels, terrain)


def _terrain(path: Path, whole: Grid, outer: Window) -> Raster:
    """Elevation in metres on a part of the grid of an image (bilinear); NaN where there is none."""
    grid, own = whole.window(*outer), read_grid(path)
    same = own.same_as(whole)
    nothing = Raster(np.full((1, *grid.shape), np.nan, np.float32), grid, None, ("elevation",), "m")
    try:
        window = outer if same else window_of(path, own, grid.lonlat_bounds, margin=2)
        dem = read_raster(path, window=window)
        values = dem.values[:1].astype(np.float32)
        values[0, ~dem.valid] = np.nan
        found = replace(nothing, values=values, grid=grid if same else dem.grid)
        return resample(found, grid, method="bilinear")
    except GridError:
        return nothing
