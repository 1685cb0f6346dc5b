"""Regions: a prediction comes in, connected components with their shape, means and neighbours go out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class RegionGraph:
    """Connected components of the labels, as columns.

    Attributes:
        label: (y, x) int32 region of each pixel, -1 where there is no prediction; regions are numbered in the
            order in which a row-major scan meets them.
        cls: (region,) int16 class index.
        count: (region,) int64 pixels.
        area: (region,) float64 square metres.
        perimeter: (region,) float64 metres, boundary to other regions and to nodata or the image edge.
        mean_width: (region,) float64 metres, 2 * area / perimeter.
        min_width: (region,) float64 metres, diameter of the largest circle inside, by distance transform.
        elongation: (region,) float64, ratio of the axes of the ellipse with the same moments, >= 1.
        bbox: (region, 4) int32 first row, first column, last row + 1, last column + 1.
        means: (region, band) float64 mean of each band of the image; no columns without an image.
        bands: Names of the columns of `means`.
        adjacency: (region, region) symmetric, length of the shared boundary in metres.
    """

    label: NDArray[np.int32]
    cls: NDArray[np.int16]
    count: NDArray[np.int64]
    area: NDArray[np.float64]
    perimeter: NDArray[np.float64]
    mean_width: NDArray[np.float64]
    min_width: NDArray[np.float64]
    elongation: NDArray[np.float64]
    bbox: NDArray[np.int32]
    means: NDArray[np.float64]
    bands: tuple[str, ...]
    adjacency: csr_matrix
