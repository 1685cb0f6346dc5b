"""A part of an image and the product beside it come in; the cells under its pixels, and what those say, go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusion.features import MARGIN
from fusion.settings import SegmentSettings
from fusion.surround import Board, cell_board, ring_features
from fusion.weak import CellTargets, no_class, targets_of
from kg.errors import GridError
from kg.evidence import EvidenceLayer
from kg.legend import Legend
from kg.raster import Raster

Window = tuple[int, int, int, int]
"""(row, column, height, width) in pixels."""
Floats = NDArray[np.float64]

COARSER = 4
"""Pixels per cell from which a product counts as coarser than the image."""


@dataclass(frozen=True)
class Part:
    """A part of an image, with more around it.

    Attributes:
        image: (band, y, x) measurements.
        layer: The product on its grid; None where it says nothing.
        dem: Elevation on the same grid, or None.
        core: The pixels that are looked at, in those of `image`: whole cells of the product.
        inner: The pixels of it that the part is about, in those of `image`.
        weight: How many parts of the image it stands for.
    """

    image: Raster
    layer: EvidenceLayer | None
    dem: Raster | None
    core: Window
    inner: Window
    weight: float = 1.0


def whole_part(image: Raster, layer: EvidenceLayer, dem: Raster | None) -> Part:
    """An image as its own only part."""
    everything = (0, 0, *image.grid.shape)
    return Part(image, layer, dem, everything, everything)


@dataclass(frozen=True)
class Field:
    """What a part holds: its pixels with what features need around them, and the cells below.

    Attributes:
        image: The core and what features see around it.
        dem: Elevation on the same grid, or None.
        core: The pixels that are looked at, in those of `image`.
        cell: (y, x) int32 cell of each pixel of the core, -1 where there is none.
        targets: What the cells say.
        counts: (cell,) int64 pixels of each cell, with those beyond the core.
        whole: (cell,) bool: cells that the core does not cut.
        mine: (cell,) bool: those of them that lie in the part, by their centre.
        board: The cells in their places; None where the product is not coarser than the image.
        weight: How many parts of the image it stands for.
    """

    image: Raster
    dem: Raster | None
    core: Window
    cell: NDArray[np.int32]
    targets: CellTargets
    counts: NDArray[np.int64]
    whole: NDArray[np.bool_]
    mine: NDArray[np.bool_]
    board: Board | None
    weight: float = 1.0

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(y, x) bool: pixels of the core with an observation."""
        row, col, height, width = self.core
        valid: NDArray[np.bool_] = self.image.valid[row : row + height, col : col + width]
        return valid

    @property
    def taught(self) -> NDArray[np.bool_]:
        """(cell,) bool: cells of the part that say something and have pixels."""
        taught: NDArray[np.bool_] = self.targets.usable & (self.counts > 0) & self.mine
        return taught

    def ring(self, options: SegmentSettings) -> NDArray[np.float32] | None:
        """(cell, feature) what the cells around each one say, where that helps: a coarse majority-only product."""
        if self.board is None or not (options.ring and self.targets.majority):
            return None
        return ring_features(self.board, self.targets.shares)


def field_of(
    part: Part, legend: Legend, *, coarse: bool | None = None, prior: Floats | None = None
) -> Field:
    """Find the cells under a part.

    Args:
        part: The part.
        legend: Labels of the map.
        coarse: Whether the product is coarser than the image; None: as the cells of the part say.
        prior: (label,) overall shares; None: those of the part.

    Raises:
        GridError: The product is on another grid.
    """
    cell, targets = _cells(part, legend)
    counts = np.bincount(cell[cell >= 0], minlength=len(targets.shares))
    seen = counts[counts > 0]
    if coarse is None:
        coarse = bool(len(seen)) and bool(np.median(seen) >= COARSER)
    board = None
    if coarse and (targets.usable & (counts > 0)).any():
        board = cell_board(cell, targets.shares, prior)
    image, dem, core = _cropped(part)
    row, col, height, width = part.core
    inside = cell[row : row + height, col : col + width]
    whole = np.bincount(inside[inside >= 0], minlength=len(counts)) == counts
    mine = _mine(part, cell, len(counts)) & whole
    return Field(image, dem, core, inside, targets, counts, whole, mine, board, part.weight)


def _cells(part: Part, legend: Legend) -> tuple[NDArray[np.int32], CellTargets]:
    """(y, x) cell of each valid pixel, -1 elsewhere, and what the cells say; none where no product is."""
    image, layer = part.image, part.layer
    nothing = CellTargets(np.zeros((1, len(legend))), np.zeros(1, bool), True)
    if layer is None:
        return np.full(image.grid.shape, -1, np.int32), nothing
    if not layer.grid.same_as(image.grid):
        raise GridError(
            f"{layer.name} is on a grid of {layer.grid.width} x {layer.grid.height} px in "
            f"{layer.grid.crs}, expected the image's: {image.grid.width} x {image.grid.height} px "
            f"in {image.grid.crs}",
            "lay it on the image first: kg.sources.landcover.product_layer(path, legend, image.grid)",
        )
    cell = np.where(image.valid, layer.cell, np.int32(-1))
    return cell, targets_of(layer, legend)


def _mine(part: Part, cell: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """(cell,) bool: cells whose centre lies in the inner pixels."""
    height, width = cell.shape
    top, left, tall, wide = part.inner
    if (top, left, tall, wide) == (0, 0, height, width):
        return np.ones(count, bool)
    rows, cols = np.nonzero(cell >= 0)
    of = cell[rows, cols]
    pixels = np.bincount(of, minlength=count)
    sums = [np.bincount(of, weights=v + 0.5, minlength=count) for v in (rows, cols)]
    y, x = (total / np.maximum(pixels, 1) for total in sums)
    mine: NDArray[np.bool_] = (
        (pixels > 0) & (y >= top) & (y < top + tall) & (x >= left) & (x < left + wide)
    )
    return mine


def _cropped(part: Part) -> tuple[Raster, Raster | None, Window]:
    """Image and elevation as far as features see around the core, and the core in them."""
    row, col, height, width = part.core
    tall, wide = part.image.grid.shape
    top, left = max(row - MARGIN, 0), max(col - MARGIN, 0)
    bottom, right = min(row + height + MARGIN, tall), min(col + width + MARGIN, wide)
    if (top, left, bottom, right) == (0, 0, tall, wide):
        return part.image, part.dem, part.core
    grid = part.image.grid.window(top, left, bottom - top, right - left)

    def cut(raster: Raster) -> Raster:
        """A copy of its own, so that the rest is not kept."""
        values = raster.values[:, top:bottom, left:right].copy()
        return replace(raster, values=values, grid=grid)

    dem = None if part.dem is None else cut(part.dem)
    return cut(part.image), dem, (row - top, col - left, height, width)


def check_fields(fields: Sequence[Field], layer: EvidenceLayer, legend: Legend) -> None:
    """Refuse parts below which no cell of a product teaches anything.

    Args:
        fields: The parts.
        layer: The product on the grid of one of them.
        legend: Labels of the map.

    Raises:
        GridError: No cell under a valid pixel, or none with a class of the legend.
        LegendError: No class of the product says anything about the legend.
    """
    if not any((field.cell >= 0).any() for field in fields):
        raise GridError(
            f"no overlap: {layer.name} has no cell under a valid pixel of the image",
            "give a product of the same area",
        )
    if not any(field.targets.usable.any() for field in fields):
        raise no_class(layer, legend)
    if not any(field.taught.any() for field in fields):
        raise GridError(
            f"no cell of {layer.name} under the image has a class of legend {legend.name}",
            "give a product that has data here, or its own legend",
        )
