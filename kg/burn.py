"""Geometries come in, pixels go out (`burn`); labels come in, outlines go out (`trace`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.features import shapes as outlines

from kg.grid import Grid


def burn(
    shapes: Iterable[tuple[Any, int]], grid: Grid, *, fill: int = -1, all_touched: bool = False
) -> NDArray[np.int32]:
    """Rasterise geometries in painter's order: later shapes cover earlier ones.

    Args:
        shapes: (geometry with `__geo_interface__` in the grid's CRS, value >= 0) pairs.
        grid: Target grid.
        fill: Value where no shape lies.
        all_touched: Mark every touched pixel, not only those whose centre is inside.

    Returns:
        (y, x) int32.
    """
    pairs = list(shapes)
    if not pairs:
        return np.full(grid.shape, fill, np.int32)
    out: NDArray[np.int32] = rasterize(
        pairs,
        out_shape=grid.shape,
        transform=grid.transform,
        fill=fill,
        dtype="int32",
        all_touched=all_touched,
    )
    return out


def trace(
    labels: NDArray[np.int32], mask: NDArray[np.bool_], grid: Grid
) -> Iterator[tuple[dict[str, Any], int]]:
    """Outline the connected patches of equal labels where `mask` is True (4-connected, holes kept).

    Yields:
        (GeoJSON-like polygon in the grid's CRS, label), in the order in which a row-major scan meets them.
    """
    for outline, value in outlines(labels, mask=mask, transform=grid.transform):
        yield outline, int(value)
