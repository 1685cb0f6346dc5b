"""GeoSPARQL literals come in, shapely geometries in CRS84 and their measures in metres go out.

With `kg.spatial` and `kg.geof` a door to shapely.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import GridError, SourceError

CRS84 = "OGC:CRS84"
"""CRS84 as PROJ calls it."""

_CRS = re.compile(r"https?://www\.opengis\.net/def/crs/(EPSG|OGC)/[^/]*/(\w+)\Z")
_AXIS = re.compile(r'AXIS\["[^"]*",(\w+)')
_DIGITS = 7
_A, _F = 6_378_137.0, 1 / 298.257223563  # WGS 84
_E2 = _F * (2 - _F)
_STEP = 0.05  # degrees, longest straight piece of a line that is measured
_HALF = 180.0  # degrees of half a turn
_DEGREE = 110_574.0  # metres of a degree of latitude, at least
_SINGLE = ("Point", "LineString", "LinearRing", "Polygon")


def parse_wkt(texts: Sequence[str]) -> NDArray[Any]:
    """Parse GeoSPARQL WKT literals, in CRS84 (the default CRS, GeoSPARQL 1.1, clause 8.5.1) or another CRS.

    Args:
        texts: WKT, with or without the IRI of a CRS in front; the axes are in the order of that CRS, as the
            specification has it.

    Returns:
        (text,) geometries in CRS84, longitude first.

    Raises:
        SourceError: A literal is not WKT, or names a CRS that is not known or does not reach there.
    """
    import shapely

    plain, places = [], list[str]()
    for text in texts:
        crs, found, body = text.partition(">")
        plain.append(body.strip() if found else text)
        places.append(crs[1:] if found else vocab.CRS84)
    try:
        shapes: NDArray[Any] = np.asarray(shapely.from_wkt(plain), dtype=object)
    except shapely.errors.ShapelyError as error:
        hint = "load that source again"
        raise SourceError(f"a geometry in the graph is not WKT ({error})", hint) from error
    for place in sorted(set(places) - {vocab.CRS84}):
        rows = np.array([one == place for one in places])
        shapes[rows] = reproject(shapes[rows], place, vocab.CRS84)
    return shapes


def in_crs84(text: str) -> str:
    """A WKT literal with CRS84 in front, moved there where it is in another CRS (GeoSPARQL 1.1, 8.5.1).

    Raises:
        SourceError: The text is no WKT, or names a CRS that is not known or does not reach there.
    """
    crs, found, _ = text.partition(">")
    if not found:
        parse_wkt([text])
        return f"<{vocab.CRS84}> {text.strip()}"
    return text if crs[1:] == vocab.CRS84 else literal(parse_wkt([text])[0])


def are_simple(xy: NDArray[np.int64], ring: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which closed rings bound one piece of ground: they neither touch nor cross themselves.

    Args:
        xy: (point, 2) coordinates of at least four points a ring, ring after ring.
        ring: (point,) the ring that each belongs to, 0, 1 ...
    """
    import shapely

    return np.asarray(shapely.is_simple(shapely.linearrings(xy.astype(np.float64), indices=ring)))


def reproject(shapes: NDArray[Any], source: str, target: str) -> NDArray[Any]:
    """Geometries from one CRS to another, each given by its IRI, axes in the order of each CRS.

    Raises:
        SourceError: A CRS that is not known, or that does not reach there.
    """
    import shapely

    from kg.grid import transform_points

    (one, flip_one), (two, flip_two) = _named(source), _named(target)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates of one system in the other."""
        xs, ys = (xy[:, ::-1] if flip_one else xy).T
        found = np.column_stack(transform_points(xs, ys, one, two))
        return found[:, ::-1] if flip_two else found

    try:
        moved: NDArray[Any] = shapely.transform(shapes, move)
    except GridError as error:
        raise SourceError(error.message, error.hint) from error
    return moved


@cache
def _named(iri: str) -> tuple[str, bool]:
    """A CRS as PROJ calls it, and whether its first axis points north."""
    from kg.grid import crs_of

    found = _CRS.match(iri)
    if found is None:
        hint = "name it like http://www.opengis.net/def/crs/EPSG/0/3067"
        raise SourceError(f"{iri}: not the IRI of a coordinate reference system", hint)
    name = f"{found[1]}:{found[2]}"
    try:
        axes = _AXIS.findall(crs_of(name).to_wkt(version="WKT2_2019"))
    except (ValueError, RuntimeError) as error:
        raise SourceError(
            f"{iri}: no such coordinate reference system ({error})", "check its number"
        ) from error
    return name, bool(axes) and axes[0].lower() == "north"


def literal(shape: Any) -> str:
    """A GeoSPARQL WKT literal in CRS84 (7 decimals), with the CRS in front."""
    import shapely

    return f"<{vocab.CRS84}> {shapely.to_wkt(shape, rounding_precision=_DIGITS)}"


def unwrapped(shape: Any) -> Any:
    """A geometry that leads the shorter way where one straight piece spans more than 180 degrees, past 180.

    A piece of a whole turn (a box around the world) and a ring around a pole stay as they are written.
    """
    import shapely

    west, _, east, _ = shape.bounds if not shape.is_empty else (0.0, 0.0, 0.0, 0.0)
    if east - west <= _HALF:
        return shape
    parts = [_without_jumps(part) for part in shapely.get_parts(shape)]
    return parts[0] if shape.geom_type in _SINGLE else type(shape)(parts)


def _without_jumps(part: Any) -> Any:
    """A point, line or polygon, every ring of it followed from its first place."""
    import shapely

    if part.geom_type != "Polygon":
        return shapely.transform(part, _followed)
    shell = shapely.transform(part.exterior, _followed)
    middle = (shell.bounds[0] + shell.bounds[2]) / 2
    holes = [shapely.transform(ring, _followed) for ring in part.interiors]
    turns = [round((middle - ring.centroid.x) / (2 * _HALF)) * 2 * _HALF for ring in holes]
    moved = [
        shapely.transform(r, lambda xy, t=t: xy + [t, 0]) for r, t in zip(holes, turns, strict=True)
    ]
    return shapely.Polygon(shell, moved)


def _followed(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """One line or ring, moved along whole turns so that no piece spans more than 180 degrees."""
    pieces = np.diff(xy[:, 0])
    turns = np.append(0, np.cumsum((pieces < -_HALF).astype(int) - (pieces > _HALF)))
    is_ring = (xy[0] == xy[-1]).all()
    if (np.abs(pieces) >= 2 * _HALF).any() or (is_ring and turns[-1]):
        return xy
    return np.column_stack([xy[:, 0] + 2 * _HALF * turns, xy[:, 1]])


def wrapped(shape: Any) -> Any:
    """The same within -180 and 180 degrees: what lies past 180 comes in on the other side (RFC 7946, 3.1.9)."""
    import shapely

    west, _, east, _ = shape.bounds
    if shape.is_empty or (west >= -_HALF and east <= _HALF):
        return shape
    pieces = []
    for turn in (-2 * _HALF, 0.0, 2 * _HALF):
        window = shapely.box(-_HALF + turn, -90, _HALF + turn, 90)
        piece = shapely.intersection(shape, window)
        if not piece.is_empty and (piece.area > 0 or shape.area == 0):
            pieces.append(shapely.transform(piece, lambda xy, t=turn: xy - [t, 0]))
    return shapely.union_all(pieces)


def area(shape: Any) -> float:
    """Square metres on the WGS 84 ellipsoid, by its equal-area cylindrical projection (Snyder 1987, eq. 10-1, 3-12).

    A ring that crosses itself bounds all the ground that it goes around; one across 180 degrees leads the shorter way.
    """
    import shapely

    whole = unwrapped(shape)
    fine = shapely.segmentize(whole if whole.is_valid else shapely.make_valid(whole), _STEP)
    return float(shapely.area(shapely.transform(fine, _equal_area)))


def _equal_area(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    lon, sine = np.radians(lonlat[:, 0]), np.sin(np.radians(lonlat[:, 1]))
    e = np.sqrt(_E2)
    q = (1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(e * sine) / e)
    return np.column_stack([_A * lon, _A * q / 2])


def length(shape: Any) -> float:
    """Metres of a line on the WGS 84 ellipsoid; perimeter of an area. Pieces of at most 0.05 degrees are straight."""
    import shapely

    whole = unwrapped(shape)
    lines = whole.boundary if whole.geom_type.endswith("Polygon") else whole
    xy, part = shapely.get_coordinates(
        shapely.get_parts(shapely.segmentize(lines, _STEP)), return_index=True
    )
    if len(xy) < 2:
        return 0.0
    lat = np.radians((xy[1:, 1] + xy[:-1, 1]) / 2)
    w = np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    dlon, dlat = np.radians(np.diff(xy, axis=0)).T
    metres = np.hypot(_A / w * np.cos(lat) * dlon, _A * (1 - _E2) / w**3 * dlat)
    return float(metres[part[1:] == part[:-1]].sum())


def distance(one: Any, other: Any) -> float:
    """Metres between the nearest points of two geometries, in a projection around them that keeps distances there."""
    import shapely

    near, far = unwrapped(one), unwrapped(other)
    turned = [
        shapely.transform(far, lambda xy, t=t: xy + [t, 0]) for t in (-2 * _HALF, 0.0, 2 * _HALF)
    ]
    nearest = min(turned, key=lambda shape: _apart(near, shape))
    middle = shapely.shortest_line(near, nearest)
    if middle is None or middle.is_empty:
        return float("nan")
    flat = _around(np.array([near, nearest], object), middle.centroid, inverse=False)
    return float(shapely.distance(*flat))


def _apart(one: Any, other: Any) -> float:
    """Degrees between two geometries; NaN sorts last."""
    import shapely

    found = float(shapely.distance(one, other))
    return found if np.isfinite(found) else float("inf")


def buffer(shape: Any, metres: float) -> Any:
    """Everything within so many metres; across 180 degrees in two parts.

    Raises:
        ValueError: The distance is no number, or reaches around a pole, which no polygon of longitudes can show.
    """
    import shapely

    whole = unwrapped(shape)
    _, south, _, north = whole.bounds
    if not abs(metres) < _DEGREE * (90 - max(abs(south), abs(north))):
        raise ValueError(f"{metres} metres reach around a pole")
    centre = whole.centroid
    flat = _around(np.array([whole], object), centre, inverse=False)
    back = _around(shapely.buffer(flat, metres), centre, inverse=True)[0]
    near = unwrapped(back)
    turn = round((centre.x - near.centroid.x) / (2 * _HALF)) * 2 * _HALF if not near.is_empty else 0
    return wrapped(shapely.transform(near, lambda xy: xy + [turn, 0]))


def _around(shapes: NDArray[Any], centre: Any, *, inverse: bool) -> NDArray[Any]:
    """To metres around a point (azimuthal equidistant), or back."""
    import shapely

    from kg.grid import transform_points

    plane = f"+proj=aeqd +lat_0={centre.y!r} +lon_0={centre.x!r} +ellps=WGS84 +units=m"
    ways = (plane, CRS84) if inverse else (CRS84, plane)
    moved: NDArray[Any] = shapely.transform(
        shapes, lambda xy: np.column_stack(transform_points(xy[:, 0], xy[:, 1], *ways))
    )
    return moved
