"""Features of the graph and outlines of images come in; the share of each outline that each class covers goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.features import Features, ancestors
from kg.geometry import parse_wkt, reproject

_F64 = NDArray[np.float64]

LINE = 6.0
"""Width in metres of a line of unknown width; points get a quarter of it around them."""
TILES = 400
"""Most places all over the map that tell what is usual there."""


@dataclass(frozen=True)
class Mapped:
    """What a map shows under outlines, and all over.

    Attributes:
        classes: Core class IRIs of the features and all classes above these, sorted.
        shares: (outline, class) float64 share of the outline's area, 0..1; NaN where the map shows nothing at all.
        usual: (place, class) float64 the same for places of the outlines' usual size all over the map, 0 where it
            shows nothing.
    """

    classes: tuple[str, ...]
    shares: _F64
    usual: _F64


def map_shares(features: Features, outlines: Sequence[_F64 | None]) -> Mapped:
    """Shares of the outlines that features of each class cover.

    Args:
        features: Features of the graph.
        outlines: (corner, 2) longitudes and latitudes (CRS84) of each image; None where it has no coordinates.

    Returns:
        Shares by plane geometry in metres; areas that features of one class share count once for each, at most 1.
    """
    import shapely

    classes = tuple(
        sorted({up for own in features.classes for cls in own for up in ancestors(cls)})
    )
    placed = np.array([shapely.Polygon(o) for o in outlines if o is not None], dtype=object)
    shares = np.full((len(outlines), len(classes)), np.nan)
    if not len(placed) or not len(features.iris):
        return Mapped(classes, shares, np.empty((0, len(classes))))
    shapes = parse_wkt(features.wkt)
    crs = _zone(shapes)
    plane = _areal(reproject(shapes, vocab.CRS84, crs), features.widths)
    frames = reproject(placed, vocab.CRS84, crs)
    table = np.zeros((len(features.iris), len(classes)))
    row = {cls: i for i, cls in enumerate(classes)}
    for i, own in enumerate(features.classes):
        table[i, [row[up] for cls in own for up in ancestors(cls)]] = 1.0
    shares[[outline is not None for outline in outlines]] = _shares(plane, frames, table)
    side = float(np.sqrt(np.median(shapely.area(frames))))
    usual = _shares(plane, _tiles(shapely.total_bounds(plane), side), table)
    return Mapped(classes, shares, np.nan_to_num(usual))


def _zone(shapes: NDArray[Any]) -> str:
    """IRI of the UTM zone of the middle."""
    import shapely

    west, south, east, north = shapely.total_bounds(shapes)
    zone = min(int(((west + east) / 2 + 180) // 6) + 1, 60)
    return f"http://www.opengis.net/def/crs/EPSG/0/{326 if south + north >= 0 else 327}{zone:02d}"


def _areal(shapes: NDArray[Any], widths: _F64) -> NDArray[Any]:
    """Lines and points as narrow areas."""
    import shapely

    dimension = shapely.get_dimensions(shapes)
    breadth = np.where(np.isfinite(widths), widths, LINE) / np.where(dimension == 0, 4, 2)
    areas: NDArray[Any] = shapely.make_valid(
        np.where(dimension == 2, shapes, shapely.buffer(shapes, breadth, cap_style="flat"))
    )
    points = shapely.buffer(shapes, breadth)
    return np.where(dimension == 0, points, areas)


def _tiles(bounds: _F64, side: float) -> NDArray[Any]:
    """Squares of that side in metres, evenly over the bounds, `TILES` at most."""
    import shapely

    west, south, east, north = bounds
    across, down = max(1, int((east - west) // side)), max(1, int((north - south) // side))
    step = max(1, int(np.ceil(np.sqrt(across * down / TILES))))
    x, y = np.meshgrid(
        west + side * np.arange(0, across, step), south + side * np.arange(0, down, step)
    )
    return np.asarray(
        shapely.box(x.ravel(), y.ravel(), x.ravel() + side, y.ravel() + side), dtype=object
    )


def _shares(plane: NDArray[Any], frames: NDArray[Any], table: _F64) -> _F64:
    """(frame, class) shares, NaN in frames that no feature touches."""
    import shapely

    frame, feature = shapely.STRtree(plane).query(frames, predicate="intersects")
    areas = shapely.area(shapely.intersection(frames[frame], plane[feature]))
    found = np.zeros((len(frames), table.shape[1]))
    np.add.at(found, frame, (areas / shapely.area(frames)[frame])[:, None] * table[feature])
    found[np.bincount(frame, minlength=len(frames)) == 0] = np.nan
    shares: _F64 = np.minimum(found, 1.0)
    return shares
