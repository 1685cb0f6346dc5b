"""Pixels and their place: rasters come in, arrays that know their grid go out, and back. The one door to rasterio."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio import warp
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.features import rasterize
from rasterio.features import shapes as outlines
from rasterio.windows import Window

from kg.errors import GridError, OutputError, RasterError

_COLOURS = ("red", "green", "blue", "alpha")
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
        """(left, bottom, right, top) in units of the CRS; north-up grids."""
        left, top = self.transform @ (0, 0)
        right, bottom = self.transform @ (self.width, self.height)
        return min(left, right), min(bottom, top), max(left, right), max(bottom, top)

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(width, height) of a pixel in metres; for geographic CRSs at the middle latitude."""
        dx, dy = abs(self.transform.a), abs(self.transform.e)
        crs = _crs(self.crs)
        if not crs.is_geographic:
            factor = crs.linear_units_factor[1]
            return dx * factor, dy * factor
        _, bottom, _, top = self.bounds
        shrink = float(np.cos(np.radians((bottom + top) / 2)))
        return dx * _METRES_PER_DEGREE * shrink, dy * _METRES_PER_DEGREE

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
            _crs(self.crs), CRS.from_string("OGC:CRS84"), *self.bounds
        )
        return bounds

    def same_as(self, other: Grid) -> bool:
        """Same CRS, same shape, and corners that agree within a hundredth of a pixel."""
        near = np.allclose(
            np.array(self.transform)[:6],
            np.array(other.transform)[:6],
            rtol=0,
            atol=abs(self.transform.a) * 0.01,
        )
        return bool(self.shape == other.shape and near and _crs(self.crs) == _crs(other.crs))

    def overlaps(self, other: Grid) -> bool:
        """Whether the two footprints share any ground."""
        w0, s0, e0, n0 = self.lonlat_bounds
        w1, s1, e1, n1 = other.lonlat_bounds
        return w0 < e1 and w1 < e0 and s0 < n1 and s1 < n0


@dataclass(frozen=True)
class Raster:
    """Pixels with their place.

    Attributes:
        values: (band, y, x) array, dtype as in the file.
        grid: Where the pixels lie.
        nodata: Value that means "no observation", or None.
        bands: One name per band ("red", "nir", "elevation" ...; "band1" where the file has none).
        units: Unit of the values ("reflectance", "m", "code" ...), or None where unknown.
    """

    values: NDArray[Any]
    grid: Grid
    nodata: float | None = None
    bands: tuple[str, ...] = ()
    units: str | None = None

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(y, x): True where every band has an observation (not nodata, not NaN)."""
        ok = np.ones(self.values.shape[1:], bool)
        for band in self.values:
            if np.issubdtype(band.dtype, np.floating):
                ok &= np.isfinite(band)
            if self.nodata is not None and not np.isnan(self.nodata):
                ok &= band != self.nodata
        return ok

    def band(self, name: str) -> NDArray[Any]:
        """(y, x) values of the band called `name`.

        Raises:
            RasterError: No band has that name.
        """
        if name not in self.bands:
            raise RasterError(
                f"no band {name!r}: found {', '.join(self.bands)}", "name the bands with --bands"
            )
        values: NDArray[Any] = self.values[self.bands.index(name)]
        return values


def _crs(text: str) -> CRS:
    return CRS.from_user_input(text)


def transform_points(
    xs: Any, ys: Any, source: str, target: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project points from one CRS to another; arrays of one shape in, two arrays of that shape out."""
    shape = np.shape(xs)
    px, py = warp.transform(_crs(source), _crs(target), np.ravel(xs), np.ravel(ys))
    return np.reshape(px, shape), np.reshape(py, shape)


def _open(path: str | Path) -> Any:
    """Open for reading; every failure is a RasterError or a GridError."""
    if not Path(path).exists():
        raise RasterError(f"{path}: no such file", "check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(path)
    except RasterioError as error:
        raise RasterError(
            f"{path}: not a readable raster ({error})", "gdalinfo shows what it is"
        ) from error


def _grid_of(dataset: Any, path: str | Path) -> Grid:
    if dataset.crs is None:
        raise GridError(
            f"{path}: has no coordinate reference system, expected one such as EPSG:32612",
            f"gdal_edit.py -a_srs EPSG:XXXXX {path}",
        )
    code = dataset.crs.to_epsg()
    crs = f"EPSG:{code}" if code else dataset.crs.to_wkt()
    return Grid(crs, dataset.transform, dataset.height, dataset.width)


def read_grid(path: str | Path) -> Grid:
    """The grid of a raster file, without reading pixels.

    Raises:
        RasterError: The file is missing or unreadable.
        GridError: It has no CRS.
    """
    with _open(path) as dataset:
        return _grid_of(dataset, path)


def _names(dataset: Any, bands: Sequence[str] | None, path: str | Path) -> tuple[str, ...]:
    if bands is None:
        seen = [c.name if c.name in _COLOURS else "" for c in dataset.colorinterp]
        named = zip(dataset.descriptions, seen, strict=True)
        return tuple(d or c or f"band{i + 1}" for i, (d, c) in enumerate(named))
    if len(bands) != dataset.count:
        raise RasterError(
            f"{path}: has {dataset.count} bands, {len(bands)} names given ({', '.join(bands)})",
            "give one name per band, in order",
        )
    return tuple(bands)


def read_raster(
    path: str | Path,
    *,
    bands: Sequence[str] | None = None,
    window: tuple[int, int, int, int] | None = None,
) -> Raster:
    """Read a raster, whole or a window of it.

    Args:
        path: Any raster that GDAL reads.
        bands: Names to give the bands; default the file's own descriptions.
        window: (row, col, height, width) in pixels.

    Raises:
        RasterError: The file is missing, unreadable or truncated.
        GridError: It has no CRS.
    """
    with _open(path) as dataset:
        grid, names = _grid_of(dataset, path), _names(dataset, bands, path)
        place = None
        if window is not None:
            row, col, height, width = window
            place, grid = Window(col, row, width, height), grid.window(row, col, height, width)
        try:
            values = dataset.read(window=place)
        except RasterioError as error:
            raise RasterError(
                f"{path}: pixels cannot be read ({error})", "the file may be truncated"
            ) from error
        units = next((u for u in dataset.units if u), None)
        return Raster(values, grid, dataset.nodata, names, units)


def read_blocks(path: str | Path, size: int) -> Iterator[tuple[int, int, Raster]]:
    """Read a raster block by block, row-major: (row, col, block of at most `size` x `size` pixels)."""
    grid = read_grid(path)
    for row in range(0, grid.height, size):
        for col in range(0, grid.width, size):
            height, width = min(size, grid.height - row), min(size, grid.width - col)
            yield row, col, read_raster(path, window=(row, col, height, width))


def resample(raster: Raster, grid: Grid, *, method: str = "nearest") -> Raster:
    """Put a raster onto another grid.

    Args:
        raster: Source pixels.
        grid: Target grid.
        method: "nearest" (codes), "bilinear" (measurements), "average" or "mode".

    Returns:
        Raster on `grid`; where the source does not reach: nodata, or NaN (floats) or 0 when it has none.

    Raises:
        GridError: The footprints do not overlap.
    """
    if raster.grid.same_as(grid):
        return replace(raster, grid=grid)
    if not raster.grid.overlaps(grid):
        raise GridError(
            f"no overlap: one raster covers {_degrees(raster.grid)}, the other {_degrees(grid)} (lon lat)",
            "give files of the same area",
        )
    floats = np.issubdtype(raster.values.dtype, np.floating)
    fill = raster.nodata if raster.nodata is not None else (np.nan if floats else 0)
    out = np.full((len(raster.values), *grid.shape), fill, raster.values.dtype)
    warp.reproject(
        raster.values,
        out,
        src_transform=raster.grid.transform,
        src_crs=_crs(raster.grid.crs),
        dst_transform=grid.transform,
        dst_crs=_crs(grid.crs),
        src_nodata=raster.nodata,
        dst_nodata=fill,
        resampling=Resampling[method],
    )
    return replace(
        raster,
        values=out,
        grid=grid,
        nodata=float(fill) if not floats or raster.nodata is not None else None,
    )


def _degrees(grid: Grid) -> str:
    west, south, east, north = grid.lonlat_bounds
    return f"{west:.4f} {south:.4f} .. {east:.4f} {north:.4f}"


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


def write_raster(
    path: str | Path,
    raster: Raster,
    *,
    colours: dict[int, tuple[int, int, int]] | None = None,
    names: dict[int, str] | None = None,
    overviews: str = "mode",
) -> Path:
    """Write a cloud-optimised GeoTIFF; it appears whole or not at all.

    Args:
        path: Target file.
        raster: Pixels (uint8, uint16, int16, int32 or float32).
        colours: Code -> (red, green, blue), for one band of uint8.
        names: Code -> class name; stored as category names and in the tag CLASS_NAMES ("10=Tree cover;...").
        overviews: Resampling of the overviews: "mode" for codes, "average" for measurements.

    Raises:
        OutputError: The folder cannot be written or the disk is full.
    """
    target = Path(path)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".landlore-") as folder:
            plain, cog = Path(folder) / "plain.tif", Path(folder) / "cog.tif"
            _write_plain(plain, raster, colours, names)
            _copy_cog(plain, cog, overviews)
            cog.replace(target)
    except (OSError, RasterioError) as error:
        raise OutputError(
            f"{target}: cannot be written ({error})", "choose a writable folder with -o"
        ) from error
    return target


def _write_plain(
    path: Path,
    raster: Raster,
    colours: dict[int, tuple[int, int, int]] | None,
    names: dict[int, str] | None,
) -> None:
    profile = {
        "driver": "GTiff",
        "height": raster.grid.height,
        "width": raster.grid.width,
        "count": len(raster.values),
        "dtype": raster.values.dtype,
        "crs": _crs(raster.grid.crs),
        "transform": raster.grid.transform,
        "nodata": raster.nodata,
        "compress": "deflate",
        "tiled": True,
        "bigtiff": "if_safer",
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(raster.values)
        for i, name in enumerate(raster.bands, 1):
            dataset.set_band_description(i, name)
        if raster.units:
            dataset.units = (raster.units,) * len(raster.values)
        if colours:
            dataset.write_colormap(1, {code: (*rgb, 255) for code, rgb in colours.items()})
        if names:
            dataset.update_tags(
                1, CLASS_NAMES=";".join(f"{c}={n}" for c, n in sorted(names.items()))
            )


def _copy_cog(plain: Path, cog: Path, overviews: str) -> None:
    from rasterio.shutil import copy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy(
            plain,
            cog,
            driver="COG",
            COMPRESS="DEFLATE",
            OVERVIEW_RESAMPLING=overviews.upper(),
            RESAMPLING=overviews.upper(),
            BIGTIFF="IF_SAFER",
            NUM_THREADS="1",
        )
