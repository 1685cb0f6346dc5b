"""Where pixels lie: a CRS and a transform come in; areas, windows, longitudes and latitudes go out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio import warp
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from kg.errors import GridError

_ZONE_EASTING, _FAR_FROM_ZONE = 5e5, 1.5e6  # metres; a zone is 3.3e5 to either side at most
_HIGHEST = 91.0  # latitude, degrees; half a coarse pixel may hang over a pole
_METRES_PER_DEGREE = 111_319.49079327358  # WGS 84 equatorial radius * pi / 180


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an array lie.

    Attributes:
        crs: Coordinate reference system, "EPSG:32612" or WKT 2.
        transform: (column, row) -> (x, y) of a pixel's upper left corner, in units of the CRS.
        height: Rows.
        width: Columns.
    """

    crs: str
    transform: Affine
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in units of the CRS: of the four corners, also where rows do not run east."""
        corners = [(0, 0), (self.width, 0), (0, self.height), (self.width, self.height)]
        xs, ys = zip(*(self.transform @ corner for corner in corners), strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(width, height) of a pixel in metres, along rows and columns; for geographic CRSs at the middle latitude."""
        east, north = self._sides
        crs = crs_of(self.crs)
        if not crs.is_geographic:
            factor = crs.linear_units_factor[1]
            dx, dy = (math.hypot(*side) * factor for side in zip(east, north, strict=True))
            return dx, dy
        _, bottom, _, top = self.bounds
        shrink = float(np.cos(np.radians((bottom + top) / 2)))
        dx, dy = (
            math.hypot(x * _METRES_PER_DEGREE * shrink, y * _METRES_PER_DEGREE)
            for x, y in zip(east, north, strict=True)
        )
        return dx, dy

    @property
    def _sides(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """How far a pixel's upper side and its left side reach, east and north, in units of the CRS."""
        to = self.transform
        return (to.a, to.b), (to.d, to.e)

    @property
    def pixel_area(self) -> float:
        """Area of a pixel in square metres."""
        dx, dy = self.pixel_size
        return dx * dy

    def window(self, row: int, col: int, height: int, width: int) -> Grid:
        """The grid of a block of this one, upper left pixel at (row, col)."""
        return replace(
            self,
            transform=self.transform @ Affine.translation(col, row),
            height=height,
            width=width,
        )

    def coarser(self, factor: int) -> Grid:
        """The grid whose pixels are `factor` x `factor` blocks of this one (last ones may hang over)."""
        return replace(
            self,
            transform=self.transform @ Affine.scale(factor),
            height=-(-self.height // factor),
            width=-(-self.width // factor),
        )

    def lonlat(self, rows: Any, cols: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude (CRS84, degrees) of points given in rows and columns (0.5 = centre of pixel 0)."""
        xs, ys = self.transform @ (np.asarray(cols, float), np.asarray(rows, float))
        return transform_points(xs, ys, self.crs, "OGC:CRS84")

    def rowcol(self, lon: Any, lat: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows and columns (fractions; floor = pixel) of points given in longitude and latitude."""
        xs, ys = transform_points(lon, lat, "OGC:CRS84", self.crs)
        cols, rows = ~self.transform @ (xs, ys)
        return np.asarray(rows), np.asarray(cols)

    @property
    def lonlat_bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees, CRS84, edges densified."""
        bounds: tuple[float, float, float, float] = warp.transform_bounds(
            crs_of(self.crs), CRS.from_string("OGC:CRS84"), *self.bounds
        )
        return bounds

    def same_as(self, other: Grid) -> bool:
        """Same CRS, same shape, and corners that agree within a hundredth of a pixel."""
        near = np.allclose(
            np.array(self.transform)[:6],
            np.array(other.transform)[:6],
            rtol=0,
            atol=math.hypot(self.transform.a, self.transform.d) * 0.01,
        )
        return bool(self.shape == other.shape and near and crs_of(self.crs) == crs_of(other.crs))

    def overlaps(self, other: Grid) -> bool:
        """Whether the two footprints share any ground."""
        w0, s0, e0, n0 = self.lonlat_bounds
        w1, s1, e1, n1 = other.lonlat_bounds
        return w0 < e1 and w1 < e0 and s0 < n1 and s1 < n0


@lru_cache(maxsize=64)
def misplaced(grid: Grid) -> str:
    """Why a grid cannot lie on Earth ("pixels of no size ..."), or "" when it can."""
    if not np.isfinite(np.array(grid.transform)).all() or not grid.transform.determinant:
        return f"pixels of {grid.transform.a} x {grid.transform.e}, expected a finite size above 0"
    crs = crs_of(grid.crs)
    if not (crs.is_geographic or crs.is_projected):
        return "a local coordinate reference system, expected one on Earth such as EPSG:32612"
    try:
        _, south, _, north = grid.lonlat_bounds
    except (CPLE_BaseError, RasterioError):
        south, north = -np.inf, np.inf
    if not -_HIGHEST < south <= north < _HIGHEST:
        return f"latitudes {south:g} .. {north:g}, expected -90 .. 90: origin and CRS do not go together"
    return _beyond_zone(grid, crs.to_epsg() or 0)


def _beyond_zone(grid: Grid, epsg: int) -> str:
    """What is said of a grid so far from its UTM zone that easting and northing were surely taken for each other."""
    zone, west, east = epsg % 100, grid.bounds[0], grid.bounds[2]
    if epsg // 100 not in (326, 327) or not 1 <= zone <= 60:
        return ""
    away = abs((west + east) / 2 - _ZONE_EASTING)
    if away < _FAR_FROM_ZONE:
        return ""
    return (
        f"eastings {west:,.0f} .. {east:,.0f}, {away / 1000:,.0f} km from the middle of UTM zone {zone}: "
        "easting and northing swapped, or another CRS"
    )


def crs_of(text: str) -> CRS:
    """The coordinate reference system that a text names ("EPSG:32612", WKT)."""
    return CRS.from_user_input(text)


def transform_points(
    xs: Any, ys: Any, source: str, target: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project points from one CRS to another; arrays of one shape in, two arrays of that shape out.

    Raises:
        GridError: A point that cannot be projected.
    """
    shape = np.shape(xs)
    try:
        px, py = warp.transform(crs_of(source), crs_of(target), np.ravel(xs), np.ravel(ys))
    except (CPLE_BaseError, RasterioError) as error:
        raise GridError(
            f"coordinates that {source[:40]} does not have, to be seen in {target[:40]} ({error})",
            "ogrinfo -so or gdalinfo shows bounds and CRS; correct the CRS with -a_srs",
        ) from error
    return np.reshape(px, shape), np.reshape(py, shape)
