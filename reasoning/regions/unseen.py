"""Regions come in; how far they are from what cannot be seen, and what that leaves open about their facts, goes out.

A region that the image edge or nodata cuts is larger than it looks, by an unknown amount: its area is a lower bound
and its shape is unknown. The nearest water may lie just outside. A bound of a rule that the whole range of such a fact
does not agree on is unknown, and what is unknown is never punished. The minimum width needs no range: it takes unseen
ground as more of the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.grid import Grid
from reasoning.regions.graph import RegionGraph

Column = NDArray[np.float64]
Range = tuple[Column, Column]

EDGE = vocab.CORE + "distanceToEdge"
SHAPE = {"meanWidth": (0.0, np.inf), "elongation": (1.0, np.inf), "compactness": (0.0, 1.0)}
"""Data property -> all values that the shape of a cut region may have."""


def edge_distances(regions: RegionGraph, grid: Grid) -> Column:
    """(region,) metres from each region to the image edge or the nearest nodata; 0 where it is cut or touches."""
    from scipy.ndimage import binary_dilation

    from reasoning.kernels import corner_rows, least, mask_columns

    (dx, dy), (height, width) = grid.pixel_size, regions.label.shape
    top, left, bottom, right = regions.bbox.T.astype(np.float64)
    out = np.min([top * dy, left * dx, (height - bottom) * dy, (width - right) * dx], axis=0)
    unseen = regions.label < 0
    if unseen.any():
        away = mask_columns(binary_dilation(unseen, np.ones((3, 3), bool)), dy)
        corner_rows(away, dx)
        least(regions.label, away, out)
    return np.asarray(out, np.float64)


def fact_ranges(
    regions: RegionGraph, columns: Mapping[str, Column], edge: Column
) -> dict[str, Range]:
    """What each fact may be, for those that are not certain for every region.

    Args:
        regions: The regions.
        columns: Data property IRI -> (region,) facts.
        edge: (region,) as `edge_distances` gives it.

    Returns:
        Data property IRI -> (region,) least and greatest value.
    """
    cut, out = edge == 0, {}
    if cut.any():
        seen = np.asarray(regions.adjacency.sum(axis=1)).ravel()
        for name, (low, high) in SHAPE.items():
            own = columns[vocab.CORE + name]
            out[vocab.CORE + name] = np.where(cut, low, own), np.where(cut, high, own)
        for name, known in (("area", regions.area), ("perimeter", seen)):
            own = columns[vocab.CORE + name]
            out[vocab.CORE + name] = np.where(cut, known, own), np.where(cut, np.inf, own)
    for name, own in columns.items():
        if name.startswith(vocab.CORE + "distanceTo") and name != EDGE and (edge < own).any():
            out[name] = np.minimum(own, edge), own
    return out
