"""A land-cover product comes in, evidence on the grid of an image goes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import EmptyError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import Legend, load_legend
from kg.raster import Raster, read_grid, resample
from kg.sources.counts import CellCounts, Window, aligned, cell_iri, count_classes, window_of

_MOST = 16_000_000  # cells of one layer


class CellNames(Sequence[str]):
    """IRIs of cells, made when one is asked for: a layer may have millions.

    Args:
        name: Name of the source.
        cell: Pixels along a side of a cell.
        rows: (cell,) row in the file, in cells.
        cols: (cell,) column.
    """

    def __init__(
        self, name: str, cell: int, rows: NDArray[np.integer], cols: NDArray[np.integer]
    ) -> None:
        self.name, self.cell, self.rows, self.cols = name, cell, rows, cols

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...

    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        if isinstance(at, slice):
            return tuple(self[i] for i in range(len(self))[at])
        return cell_iri(self.name, self.cell, int(self.rows[at]), int(self.cols[at]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


def product_layer(
    path: str | Path,
    legend: Legend | str,
    grid: Grid,
    *,
    name: str,
    cell: int = 1,
    date: str | None = None,
) -> EvidenceLayer:
    """Lay a product on the grid of an image.

    Args:
        path: Raster of class codes, on any grid.
        legend: What the codes mean, or its name.
        grid: Grid of the image.
        name: Name of the source; cells get the IRIs that `LandCoverSource(name=...)` gives them.
        cell: Pixels of the product along a side of a cell. A product finer than the image wants
            cells about as large as the image's pixels.
        date: Date of observation.

    Returns:
        Each image pixel takes the cell below its centre (nearest neighbour); -1 outside the product
        and where a cell holds only nodata. Shares count all pixels of a cell, also those beyond the
        edge of the image. The position tolerance is half a product pixel.

    Raises:
        GridError: No CRS, or no overlap with the image.
        RasterError: Unreadable, or (EmptyError) nothing but nodata below the image.
        LegendError: A code is not in the legend.
    """
    known = load_legend(legend) if isinstance(legend, str) else legend
    product = read_grid(path)
    window = window_of(path, product, grid.lonlat_bounds, margin=1)
    found = count_classes(path, known, cell, window, most=_MOST)
    cells = _cells_on(found, aligned(window, cell, product), grid)
    used, inverse = np.unique(cells, return_inverse=True)
    place = inverse.reshape(grid.shape).astype(np.int32) - int(used[0] < 0)
    used = used[used >= 0]
    rows, cols = np.divmod(used, found.counts.shape[1])
    counts = found.counts[rows, cols].astype(np.float32)
    if not used.size:
        raise EmptyError(
            f"{path}: only nodata below the image, expected land-cover codes", "choose another file"
        )
    return EvidenceLayer(
        name=name,
        kind=vocab.PRODUCT_CELL,
        source=f"{vocab.GRAPH}{name}",
        grid=grid,
        cell=place,
        shares=counts / counts.sum(1, keepdims=True),
        classes=tuple(one.iri for one in known.classes),
        entities=CellNames(name, cell, found.row + rows, found.col + cols),
        tolerance=max(product.pixel_size) / 2,
        date=date,
    )


def _cells_on(found: CellCounts, window: Window, grid: Grid) -> NDArray[np.int32]:
    """Index of the cell below each image pixel, row-major in `found.counts`; -1 for none."""
    valid = found.counts.any(axis=2)
    index = np.where(valid, np.arange(valid.size, dtype=np.int32).reshape(valid.shape), -1)
    rows, cols = (np.arange(n) // found.cell for n in window[2:])
    pixels = index.astype(np.int32)[np.ix_(rows, cols)]
    raster = Raster(pixels[None], found.grid.window(*window), nodata=-1)
    laid: NDArray[np.int32] = resample(raster, grid).values[0]
    return laid
