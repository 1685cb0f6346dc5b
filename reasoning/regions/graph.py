"""Regions: a prediction comes in, connected components with their shape, means and neighbours go out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from fusion.prediction import Prediction
from kg.errors import GridError, RasterError
from kg.grid import Grid
from kg.raster import Raster
from reasoning.streaming.scan import check_size
from reasoning.streaming.strip import NO_BANDS, Source, fixed_point, magnitude, measure
from reasoning.streaming.sums import COUNT, LEVEL, UPRIGHT
from reasoning.streaming.threads import in_threads, rows_for, strips_of

if TYPE_CHECKING:
    from networkx import Graph

    from reasoning.streaming.merge import Table


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
            pixel of another class cuts, by distance transform; ground beyond the image edge and nodata is taken as
            more of the same, so that a river cut by the edge is not called narrow. At most 510 pixels (a radius of
            `reasoning.streaming.widths.REACH` = 255), so that a margin of 256 rows around a strip is enough. NaN where
            nobody asked for it (rasters by strips).
        elongation: (region,) float64, ratio of the axes of the ellipse with the same moments, >= 1.
        bbox: (region, 4) int32 first row, first column, last row + 1, last column + 1.
        means: (region, band) float64 mean of each band of the image; no columns without an image; NaN where a
            region has no observed pixel. Summed in fixed point (`reasoning.streaming.strip.fixed_point`).
        bands: Names of the columns of `means`.
        adjacency: (region, region) symmetric, length of the shared boundary in metres.
        cut: (region,) bool: touches the image edge or a pixel without prediction (a corner is enough), so that it may
            go on there; None where that is not known.
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
    cut: NDArray[np.bool_] | None = None

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
    _check_connectivity(connectivity)
    if image is not None:
        _same_grid(image, prediction)
    return regions_of(classes_of(prediction), prediction.grid, image, connectivity=connectivity)


def regions_of(
    classes: NDArray[np.integer], grid: Grid, image: Raster | None = None, *, connectivity: int = 4
) -> RegionGraph:
    """As `build_regions`, of any (y, x) int16 or int32 values, negative where there is none."""
    source = _source(classes, image, grid, connectivity)
    table, label = _measured(source)
    if len(table.sums) == 0:
        raise RasterError(
            f"no pixel of {grid.height} x {grid.width} has a prediction, expected at least one",
            "check the nodata value of the input",
        )
    return region_graph(table, label, grid, image.bands if image else (), source.scales)


def region_graph(
    table: Table,
    label: NDArray[np.int32],
    grid: Grid,
    bands: tuple[str, ...] = (),
    scales: tuple[float, ...] = (),
) -> RegionGraph:
    """Regions in metres.

    Args:
        table: Their sums, in pixels.
        label: (y, x) int32 region of each pixel, or of no pixel where it would be too large.
        grid: Grid of the raster; gives the size of a pixel.
        bands: Names of the bands in the table.
        scales: Steps per unit that each band was added up in.
    """
    from reasoning.streaming.columns import band_means, cut, elongation
    from reasoning.streaming.merge import adjacency

    dx, dy = grid.pixel_size
    sums, n = table.sums, len(table.sums)
    area = sums[:, COUNT].astype(np.float64) * (dx * dy)
    perimeter = sums[:, LEVEL] * dx + sums[:, UPRIGHT] * dy
    diagonal = float(np.hypot(grid.height * dy, grid.width * dx))
    return RegionGraph(
        label=label,
        cls=table.kind.astype(np.int16),
        count=np.ascontiguousarray(sums[:, COUNT]),
        area=area,
        perimeter=perimeter,
        mean_width=2 * area / perimeter,
        min_width=np.minimum(table.min_width, diagonal),
        elongation=elongation(table, dx, dy),
        bbox=np.ascontiguousarray(table.box[:, :4]),
        means=band_means(table, scales),
        bands=bands,
        adjacency=adjacency(table.pairs, table.edges, n, (dx, dy)),
        cut=cut(table, grid.height, grid.width),
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
    from reasoning.streaming.runs import paint
    from reasoning.streaming.strip import find_components

    _check_connectivity(connectivity)
    plane = np.ascontiguousarray(_small(classes), np.int32)
    runs, part, total = find_components(plane, 0, len(plane), diagonal=connectivity == 8)
    label = np.full(plane.shape, -1, np.int32)
    paint(runs, part, np.arange(total, dtype=np.int32), 0, label)
    return label, total


def _small(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same values, or numbers in their place where they do not fit into 32 bits."""
    if values.dtype.itemsize < 4 or not values.size or values.max() < 2**31:
        return values
    found, places = np.unique(np.maximum(values, -1), return_inverse=True)
    return np.asarray(places.reshape(values.shape) - int(found[0] < 0))


def _check_connectivity(connectivity: int) -> None:
    if connectivity not in (4, 8):
        raise RasterError(f"connectivity {connectivity}, expected 4 or 8", "leave it out for 4")


def classes_of(prediction: Prediction) -> NDArray[np.int16]:
    """`prediction.labels`, several times faster."""
    from reasoning.kernels import most_probable

    p = np.ascontiguousarray(prediction.probabilities)
    out = np.empty(prediction.grid.shape, np.int16)
    in_threads(lambda rows: most_probable(p, *rows, out), strips_of(len(out), rows_for(len(out))))
    return out


def _source(
    classes: NDArray[np.integer], image: Raster | None, grid: Grid, connectivity: int
) -> Source:
    values = NO_BANDS if image is None else np.ascontiguousarray(_number(image.values))
    nodata = np.nan if image is None or image.nodata is None else float(image.nodata)
    height, width = classes.shape
    scales = [fixed_point(_top(band, nodata), band.dtype, band.size) for band in values]
    return Source(
        height, width, lambda a, b: classes[a:b], lambda a, b: (values, a), tuple(scales), nodata,
        grid.pixel_size, connectivity == 8,
    )  # fmt: skip


def _top(band: NDArray[np.generic], nodata: float) -> float:
    """Largest finite magnitude of a band."""
    rows = strips_of(len(band), rows_for(len(band)))
    return max(in_threads(lambda part: magnitude(band[slice(*part)], nodata), rows))


def _number(bands: NDArray[np.generic]) -> NDArray[np.generic]:
    """Bands in a type that compiled loops take."""
    return bands.astype(np.float32) if bands.dtype in (np.float16, np.bool_) else bands


def _measured(source: Source) -> tuple[Table, NDArray[np.int32]]:
    """The table of regions, and the region of each pixel."""
    from reasoning.streaming.merge import merge
    from reasoning.streaming.runs import paint

    check_size(source.height, source.width)
    strips = in_threads(
        lambda rows: measure(source, *rows), strips_of(source.height, rows_for(source.height))
    )
    table = merge(strips, diagonal=source.diagonal)
    label = np.full((source.height, source.width), -1, np.int32)
    in_threads(
        lambda i: paint(strips[i].runs, strips[i].part, table.regions[i], strips[i].first, label),
        range(len(strips)),
    )
    return table, label


def _same_grid(image: Raster, prediction: Prediction) -> None:
    if not image.grid.same_as(prediction.grid):
        raise GridError(
            f"the image is {image.grid.height} x {image.grid.width} pixels in {image.grid.crs[:40]}, the "
            f"prediction {prediction.grid.height} x {prediction.grid.width} in {prediction.grid.crs[:40]}: "
            "different grids",
            "put the image onto the prediction's grid, for example with gdalwarp",
        )
