"""Regions: a prediction comes in, connected components with their shape, means and neighbours go out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from fusion.prediction import Prediction
from kg.errors import GridError, RasterError
from kg.raster import Raster

if TYPE_CHECKING:
    from networkx import Graph


@dataclass(frozen=True)
class RegionGraph:
    """Connected components of the labels, as columns.

    Attributes:
        label: (y, x) int32 region of each pixel, -1 where there is no prediction; regions are numbered in the
            order in which a row-major scan meets them.
        cls: (region,) int16 class index.
        count: (region,) int64 pixels.
        area: (region,) float64 square metres.
        perimeter: (region,) float64 metres along pixel edges, to other regions, to nodata and to the image edge.
        mean_width: (region,) float64 metres, 2 * area / perimeter.
        min_width: (region,) float64 metres, diameter of the largest circle around a point of the region that no
            other region cuts, by distance transform; ground beyond the image edge and nodata is taken as more of
            the same, so that a river cut by the edge is not called narrow.
        elongation: (region,) float64, ratio of the axes of the ellipse with the same moments, >= 1.
        bbox: (region, 4) int32 first row, first column, last row + 1, last column + 1.
        means: (region, band) float64 mean of each band of the image; no columns without an image; NaN where a
            region has no observed pixel.
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

    def __len__(self) -> int:
        return len(self.count)

    def to_networkx(self) -> Graph:
        """A copy as a networkx graph: nodes with `cls` and `area` (m2), edges with `boundary` (m)."""
        import networkx as nx

        graph: Graph = nx.from_scipy_sparse_array(self.adjacency, edge_attribute="boundary")
        for name, column in (("cls", self.cls), ("area", self.area)):
            nx.set_node_attributes(graph, dict(enumerate(column.tolist())), name)
        return graph


def build_regions(
    prediction: Prediction, image: Raster | None = None, *, connectivity: int = 4
) -> RegionGraph:
    """Find the connected components of a prediction's labels, and measure them.

    Args:
        prediction: Its labels are cut into regions.
        image: Bands whose means are wanted, on the prediction's grid.
        connectivity: 4 (pixels that share an edge) or 8 (a corner is enough).

    Returns:
        Regions in row-major order of their first pixel.

    Raises:
        RasterError: No pixel has a prediction, or `connectivity` is neither 4 nor 8.
        GridError: The image lies on another grid.
    """
    from reasoning.kernels import shape_sums

    classes = prediction.labels
    label, n = components(classes, connectivity)
    if n == 0:
        raise RasterError(
            f"no pixel of {classes.shape[0]} x {classes.shape[1]} has a prediction, expected at least one",
            "check the nodata value of the input",
        )
    dx, dy = prediction.grid.pixel_size
    count, bbox = np.zeros(n, np.int64), np.zeros((n, 4), np.int32)
    moments, cls = np.zeros((n, 5)), np.zeros(n, np.int16)
    shape_sums(label, classes, count, bbox, moments, cls)
    area = count.astype(np.float64) * (dx * dy)
    perimeter = _perimeter(label, n, dx, dy)
    return RegionGraph(
        label=label,
        cls=cls,
        count=count,
        area=area,
        perimeter=perimeter,
        mean_width=2 * area / perimeter,
        min_width=_min_width(label, n, dx, dy),
        elongation=_elongation(count, moments, dx, dy),
        bbox=bbox,
        means=_means(label, n, prediction, image),
        bands=image.bands if image is not None else (),
        adjacency=_adjacency(label, n, dx, dy),
    )


def region_means(
    label: NDArray[np.int32], n: int, band: NDArray[np.generic], nodata: float | None = None
) -> NDArray[np.float64]:
    """Mean of one band in each region.

    Args:
        label: (y, x) int32 region of each pixel, -1 for none.
        n: Number of regions.
        band: (y, x) values of any number type.
        nodata: Value to leave out, besides NaN.

    Returns:
        (region,) float64 in the band's unit; NaN where a region has no observed pixel.
    """
    from reasoning.kernels import band_sums

    sums, seen = np.zeros(n), np.zeros(n, np.int64)
    band_sums(label, band, np.nan if nodata is None else float(nodata), sums, seen)
    return np.where(seen > 0, sums / np.maximum(seen, 1), np.nan)


def components(
    classes: NDArray[np.integer], connectivity: int = 4
) -> tuple[NDArray[np.int32], int]:
    """Connected pixels of one value.

    Args:
        classes: (y, x) values; negative where there is none.
        connectivity: 4 or 8.

    Returns:
        (y, x) int32 component, -1 where there is no value, numbered in row-major order of their first pixels; and
        how many there are.

    Raises:
        RasterError: Another connectivity.
    """
    import cc3d

    from reasoning.kernels import number_regions

    if connectivity not in (4, 8):
        raise RasterError(f"connectivity {connectivity}, expected 4 or 8", "leave it out for 4")
    components, total = cc3d.connected_components(
        np.ascontiguousarray((classes.astype(np.int64) + 1).astype(np.uint32)),
        connectivity=connectivity,
        return_N=True,
    )
    return number_regions(np.ascontiguousarray(components, np.uint32), int(total))


def _perimeter(label: NDArray[np.int32], n: int, dx: float, dy: float) -> NDArray[np.float64]:
    from reasoning.kernels import perimeters

    perimeter = np.zeros(n)
    perimeters(label, dx, dy, perimeter)
    return perimeter


def _min_width(label: NDArray[np.int32], n: int, dx: float, dy: float) -> NDArray[np.float64]:
    from reasoning.kernels import corner_columns, corner_rows, widest

    corner = corner_columns(label, dy)
    corner_rows(corner, dx)
    width = np.zeros(n)
    widest(label, corner, min(dx, dy), width)
    diagonal = float(np.hypot(label.shape[0] * dy, label.shape[1] * dx))
    return np.minimum(width, diagonal)


def _elongation(
    count: NDArray[np.int64], moments: NDArray[np.float64], dx: float, dy: float
) -> NDArray[np.float64]:
    """Square root of the ratio of the eigenvalues of the covariance, each pixel being a rectangle and not a point."""
    y, x, yy, xx, yx = (moments / count[:, None]).T
    vy, vx = (yy - y * y + 1 / 12) * dy * dy, (xx - x * x + 1 / 12) * dx * dx
    half, spread = (vy + vx) / 2, np.hypot((vy - vx) / 2, (yx - y * x) * dx * dy)
    ratio: NDArray[np.float64] = np.sqrt((half + spread) / np.maximum(half - spread, 1e-12 * half))
    return ratio


def _means(
    label: NDArray[np.int32], n: int, prediction: Prediction, image: Raster | None
) -> NDArray[np.float64]:
    if image is None:
        return np.empty((n, 0))
    if not image.grid.same_as(prediction.grid):
        raise GridError(
            f"the image is {image.grid.height} x {image.grid.width} pixels in {image.grid.crs[:40]}, the "
            f"prediction {prediction.grid.height} x {prediction.grid.width} in {prediction.grid.crs[:40]}: "
            "different grids",
            "put the image onto the prediction's grid, for example with gdalwarp",
        )
    columns = [region_means(label, n, band, image.nodata) for band in image.values]
    return np.stack(columns, axis=1) if columns else np.empty((n, 0))


def _adjacency(label: NDArray[np.int32], n: int, dx: float, dy: float) -> csr_matrix:
    from reasoning.kernels import count_cracks, cracks_below, cracks_beside

    total = count_cracks(label)
    pairs, lengths = np.empty((total, 2), np.int32), np.empty(total)
    used = cracks_below(label, dx, pairs, lengths, cracks_beside(label, dy, pairs, lengths))
    half = coo_matrix((lengths[:used], (pairs[:used, 0], pairs[:used, 1])), shape=(n, n)).tocsr()
    both = (half + half.T).tocsr()
    both.sort_indices()
    return both
