"""Geometries of any CRS come in; WKT in CRS84, within -180 and 180 degrees as they lie on the globe, goes out.

With `kg.geometry` a door to shapely.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.geometry import CRS84, unwrapped, wrapped

_HALF = 180.0
_POLE = 90.0
_DIGITS = 7
_UNUSABLE = (
    "without a geometry",
    "with a ring that is not closed or has too few points",
    "not on Earth",
)

Bounds = tuple[float, float, float, float]


def wkt_from_wkb(
    wkb: NDArray[Any],
    crs: str,
    bounds: Bounds | None = None,
    *,
    shorter: bool = False,
    left_out: Counter[str] | None = None,
) -> list[str]:
    """WKT in CRS84 (7 decimals) of WKB geometries in any CRS; what spans more than half a turn as a globe has it.

    Args:
        wkb: (feature,) bytes or None.
        crs: Their CRS.
        bounds: (west, south, east, north), degrees.
        shorter: Straight pieces of more than 180 degrees lead the shorter way in degrees, too (`kg.globe`).
        left_out: Counts why geometries cannot be used.

    Returns:
        One text each; "" where the geometry is missing, broken, empty, not on Earth or does not meet `bounds` (the
        boxes of its parts).
    """
    import shapely

    with np.errstate(invalid="ignore"):  # coordinates that are NaN
        shapes = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="ignore"))
    alone = shapely.get_num_geometries(shapes) == 1  # a multipolygon of one part is a polygon
    shapes[alone] = shapely.get_geometry(shapes[alone], 0)
    missing = np.array([one is None for one in wkb], bool)
    broken = shapely.is_missing(shapes) & ~missing
    empty = shapely.is_empty(shapes)
    if crs not in ("EPSG:4326", CRS84):
        shapes = project(shapes, crs, CRS84)
    xy, feature = shapely.get_coordinates(shapes, return_index=True)
    beyond = np.zeros(len(shapes), bool)
    beyond[feature[~(np.abs(xy) <= (360, 91)).all(axis=1)]] = True  # NaN, too
    shapes[beyond] = None
    if shorter or crs not in ("EPSG:4326", CRS84):
        shapes = on_globe(shapes)
    if left_out is not None:
        kinds = (missing | empty, broken, beyond)
        left_out.update(dict(zip(_UNUSABLE, (int(rows.sum()) for rows in kinds), strict=True)))
    if bounds is not None:
        parts, of = shapely.get_parts(shapes, return_index=True)
        near = np.zeros(len(shapes), bool)
        near[of[meets(parts, bounds)]] = True
        shapes[~near] = None
    texts = shapely.to_wkt(shapes, rounding_precision=_DIGITS)
    return ["" if text is None or text.endswith("EMPTY") else text for text in texts]


def on_globe(shapes: NDArray[Any]) -> NDArray[Any]:
    """Geometries that span half a turn or more, or lie past 180 degrees, as a globe has them; others as they are.

    A straight piece of more than 180 degrees leads the shorter way, across 180 degrees (so that the geometry comes in
    two parts, RFC 7946, 3.1.9); a ring that goes around a pole bounds the ground up to it, that on its own half.

    Args:
        shapes: (geometry,) shapely geometries or None, longitude first.
    """
    import shapely

    west, _, east, _ = shapely.bounds(shapes).T
    found = shapes.copy()
    with np.errstate(invalid="ignore"):  # None has no bounds
        rows = np.flatnonzero((east - west > _HALF) | (west < -_HALF) | (east > _HALF))
    for row in rows:
        found[row] = _placed(shapes[row])
    return found


def texts_on_globe(texts: Sequence[str], turned: NDArray[np.bool_]) -> list[str]:
    """WKT in degrees as `on_globe` has it, seven decimals; "" stays "".

    Args:
        texts: WKT.
        turned: (text,) whose longitudes count from 180 degrees.
    """
    import shapely

    shapes = shapely.from_wkt([text or None for text in texts])
    shapes[turned] = shapely.transform(shapes[turned], lambda xy: xy + [_HALF, 0])
    found = shapely.to_wkt(on_globe(shapes), rounding_precision=_DIGITS)
    return [text or "" for text in found]


def _placed(shape: Any) -> Any:
    import shapely

    parts = [_capped(part) for part in shapely.get_parts(shape)]
    if any(
        after is not before for after, before in zip(parts, shapely.get_parts(shape), strict=True)
    ):
        shape = shapely.union_all(parts)
    straight = unwrapped(shape)
    if straight is shape and shape.bounds[0] >= -_HALF and shape.bounds[2] <= _HALF:
        return shape
    return wrapped(straight if straight.is_valid else shapely.make_valid(straight))


def _capped(part: Any) -> Any:
    """A polygon with a ring around a pole, filled up to it; anything else as it is."""
    import shapely

    if part.geom_type != "Polygon":
        return part
    rings = [part.exterior, *part.interiors]
    caps = [_cap(shapely.get_coordinates(ring)) for ring in rings]
    if not any(cap is not None for cap in caps):
        return part
    whole = [
        cap if cap is not None else wrapped(unwrapped(shapely.Polygon(ring)))
        for cap, ring in zip(caps, rings, strict=True)
    ]
    return shapely.difference(whole[0], shapely.union_all(whole[1:]))


def _cap(xy: NDArray[np.float64]) -> Any:
    """The ground between a ring around a pole and that pole; None for any other ring.

    A ring with a piece of a whole turn that bounds something on the plane is drawn on the plane.
    """
    import shapely

    pieces = np.diff(xy[:, 0])
    turns = np.append(0, np.cumsum((pieces < -_HALF).astype(int) - (pieces > _HALF)))
    is_flat = (np.abs(pieces) >= 2 * _HALF).any() and shapely.Polygon(xy).area > 0
    if not turns[-1] or is_flat:
        return None
    around = np.column_stack([xy[:, 0] + 2 * _HALF * turns, xy[:, 1]])
    pole = np.copysign(_POLE, xy[:, 1].mean())
    corners = [(around[-1, 0], pole), (around[0, 0], pole)]
    cap = shapely.Polygon([*around.tolist(), *corners])
    return wrapped(cap if cap.is_valid else shapely.make_valid(cap))


def meets(shapes: NDArray[Any], bounds: Bounds) -> NDArray[np.bool_]:
    """Which geometries have a box that meets (west, south, east, north)."""
    import shapely

    west, south, east, north = bounds
    left, bottom, right, top = shapely.bounds(shapes).reshape(-1, 4).T
    return np.asarray((left <= east) & (right >= west) & (bottom <= north) & (top >= south))


def project(shapes: NDArray[Any], source: str, target: str) -> NDArray[Any]:
    """Geometries of one CRS in another, both as PROJ calls them, longitude and easting first."""
    import shapely

    from kg.grid import transform_points

    there: NDArray[Any] = shapely.transform(
        shapes,
        lambda xy: np.column_stack(transform_points(xy[:, 0], xy[:, 1], source, target)),
    )
    return there
