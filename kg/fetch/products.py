"""Products that lie on the web as tiles of whole degrees: bounds come in, the part that they enclose goes out.

Addresses: ESA WorldCover (https://esa-worldcover.org/en/data-access), Copernicus DEM GLO-30
(https://registry.opendata.aws/copernicus-dem). Only the pixels that are asked for are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine

from kg.cog import CodeBand, write_raster, write_strips
from kg.errors import InputError, RasterError, SourceError
from kg.fetch.web import AGENT, is_there
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster, over_the_web, read_grid, read_raster, resample

Bounds = tuple[float, float, float, float]
"""West, south, east and north in degrees."""
Tell = Callable[[str], None]
_CRS = "EPSG:4326"
_ROWS = 1024
_MOST = 600_000_000
"""Pixels of one file."""
_AROUND = 2
"""Pixels read beyond what is asked for, for interpolation."""


@dataclass(frozen=True)
class TiledProduct:
    """A product in tiles.

    Attributes:
        title: Its name, with the year.
        server: Where its tiles are.
        path: Address of a tile below the server; `{lat}` and `{lon}` stand for its south-west corner
            ("N00", "E006").
        degrees: Side of a tile.
        per_degree: Pixels in a degree.
        legend: Names the codes; "" for a measurement.
        date: When the land looked so, or "".
        licence: Address of the licence.
        attribution: Line that the licence asks for.
        url: Where people read about it.
    """

    title: str
    server: str
    path: str
    degrees: int
    per_degree: int
    legend: str
    date: str
    licence: str
    attribution: str
    url: str

    def tiles(self, bounds: Bounds) -> list[str]:
        """Addresses, below the server, of the tiles that bounds touch; from south-west, row by row."""
        west, south, east, north = bounds
        side = self.degrees
        return [
            self.path.format(lat=_corner(lat, "NS", 2), lon=_corner(lon, "EW", 3))
            for lat in range(math.floor(south / side) * side, math.ceil(north / side) * side, side)
            for lon in range(math.floor(west / side) * side, math.ceil(east / side) * side, side)
        ]

    def grid(self, bounds: Bounds) -> Grid:
        """Its own pixels that bounds touch (of a measurement: as fine as at the equator).

        Raises:
            InputError: So many that they should be fetched in parts.
        """
        west, south, east, north = bounds
        n = self.per_degree
        left, top = math.floor(west * n + 1e-6), math.ceil(north * n - 1e-6)
        width, height = math.ceil(east * n - 1e-6) - left, top - math.floor(south * n + 1e-6)
        if width * height > _MOST:
            raise InputError(
                f"{self.title}: {width * height:,} pixels lie in {_said(bounds)}, expected {_MOST:,} at most",
                "fetch it in parts",
            )
        return Grid(_CRS, Affine(1 / n, 0, left / n, 0, -1 / n, top / n), height, width)


def _corner(degrees: int, signs: str, digits: int) -> str:
    return f"{signs[degrees < 0]}{abs(degrees):0{digits}d}"


def _said(bounds: Bounds) -> str:
    return " ".join(f"{value:.4f}" for value in bounds)


def fetch_product(
    product: TiledProduct, bounds: Bounds, target: Path, *, server: str = "", tell: Tell
) -> list[str]:
    """Write the part of a product within bounds as a cloud-optimised GeoTIFF; it appears whole or not at all.

    Args:
        product: Which.
        bounds: What to enclose.
        target: The file.
        server: Where its tiles are, in place of the product's own.
        tell: Told how far it is.

    Returns:
        Addresses of the tiles that it came from.

    Raises:
        SourceError: The server does not answer, or has no tile there (the open sea).
        InputError: Too large an area.
        OutputError: The file cannot be written.
    """
    grid = product.grid(bounds)
    asked = [f"{(server or product.server).rstrip('/')}/{path}" for path in product.tiles(bounds)]
    tell(f"{product.title}: {len(asked)} {'tile' if len(asked) == 1 else 'tiles'} asked for")
    there = [url for url in asked if is_there(url)]
    if not there:
        raise SourceError(
            f"{product.title}: no tile at {_said(bounds)} ({asked[0]} is not there)",
            "it has none over the open sea; is the image on land?",
        )
    with over_the_web(AGENT):
        tiles = [(url, _read_grid(url)) for url in there]
        if product.legend:
            _write_codes(product, tiles, grid, target, tell)
        else:
            raster = _part(tiles, grid, "bilinear", float(product_nodata(product)))
            write_raster(target, raster, overviews="average")
    return there


def product_nodata(product: TiledProduct) -> int:
    """What stands where the product says nothing: its legend's own code, or for a measurement -9999."""
    return load_legend(product.legend).nodata[0] if product.legend else -9999


def _write_codes(
    product: TiledProduct, tiles: list[tuple[str, Grid]], grid: Grid, target: Path, tell: Tell
) -> None:
    legend, nodata = load_legend(product.legend), product_nodata(product)

    def strips() -> Iterator[tuple[int, np.ndarray]]:
        """Full-width strips."""
        for row in range(0, grid.height, _ROWS):
            tell(f"{product.title}: row {row:,} of {grid.height:,}")
            part = grid.window(row, 0, min(_ROWS, grid.height - row), grid.width)
            yield row, _part(tiles, part, "nearest", nodata).values[0].astype(np.uint8)

    band = CodeBand(np.dtype(np.uint8), nodata, legend.colour_table(), legend.names())
    write_strips(target, grid, strips(), band)


def _part(tiles: list[tuple[str, Grid]], grid: Grid, method: str, nodata: float) -> Raster:
    """What the tiles have on a grid; the first one that has something counts."""
    kind = np.dtype(np.float32 if method == "bilinear" else np.uint8)
    out = np.full((1, *grid.shape), nodata, kind)
    for url, whole in tiles:
        window = _window(whole, grid)
        if window is None:
            continue
        try:
            found = read_raster(url, window=window)
        except RasterError as error:
            raise SourceError(
                f"{url}: stopped answering, or is no readable raster",
                "type the same again later: what has come is kept",
            ) from error
        values = found.values[:1].astype(kind)
        own = Raster(np.where(found.valid, values, kind.type(nodata)), found.grid, nodata)
        there = resample(own, grid, method=method).values
        out = np.where(out == nodata, there, out)
    return Raster(out, grid, nodata, ("elevation",) if method == "bilinear" else ())


def _window(whole: Grid, part: Grid) -> tuple[int, int, int, int] | None:
    """(row, column, height, width) of the pixels of a tile that a grid of the same CRS touches; None: no pixel."""
    west, south, east, north = part.bounds
    (left, top), (right, bottom) = (~whole.transform @ at for at in ((west, north), (east, south)))
    row, col = max(0, math.floor(top) - _AROUND), max(0, math.floor(left) - _AROUND)
    height = min(whole.height, math.ceil(bottom) + _AROUND) - row
    width = min(whole.width, math.ceil(right) + _AROUND) - col
    return (row, col, height, width) if height > 0 and width > 0 else None


def _read_grid(url: str) -> Grid:
    try:
        return read_grid(url)
    except RasterError as error:
        raise SourceError(
            f"{url}: is no raster that can be read over the web",
            "name another server with --server, or download the file and give it itself",
        ) from error


_WORLDCOVER = (
    "https://creativecommons.org/licenses/by/4.0/",
    "© ESA WorldCover project; contains modified Copernicus Sentinel data processed by the ESA WorldCover consortium",
    "https://esa-worldcover.org/",
)
PRODUCTS = {
    "worldcover": TiledProduct(
        "ESA WorldCover 2021", "https://esa-worldcover.s3.eu-central-1.amazonaws.com",
        "v200/2021/map/ESA_WorldCover_10m_2021_v200_{lat}{lon}_Map.tif",
        3, 12000, "worldcover", "2021", *_WORLDCOVER,
    ),
    "worldcover2020": TiledProduct(
        "ESA WorldCover 2020", "https://esa-worldcover.s3.eu-central-1.amazonaws.com",
        "v100/2020/map/ESA_WorldCover_10m_2020_v100_{lat}{lon}_Map.tif",
        3, 12000, "worldcover", "2020", *_WORLDCOVER,
    ),
    "dem": TiledProduct(
        "Copernicus DEM GLO-30", "https://copernicus-dem-30m.s3.eu-central-1.amazonaws.com",
        "Copernicus_DSM_COG_10_{lat}_00_{lon}_00_DEM/Copernicus_DSM_COG_10_{lat}_00_{lon}_00_DEM.tif",
        1, 3600, "", "", "https://spacedata.copernicus.eu/collections/copernicus-digital-elevation-model",
        "produced using Copernicus WorldDEM-30 © DLR e.V. 2010-2014 and © Airbus Defence and Space GmbH 2014-2018 "
        "provided under COPERNICUS by the European Union and ESA; all rights reserved",
        "https://doi.org/10.5270/ESA-c5d3d65",
    ),
}  # fmt: skip
"""Name -> what can be fetched."""
