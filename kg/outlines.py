"""A raster of numbers comes in, read by strips; the outline of each number goes out once its last strip was read.

With `kg.geometry`, `kg.spatial`, `kg.globe`, `kg.footprints` and `kg.geof` a door to shapely.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.burn import trace
from kg.globe import wkt_from_wkb
from kg.raster import Raster, read_grid, read_raster

STRIP = 8_000_000
"""Pixels that are read at a time."""

Window = tuple[int, int, int, int]
Outlines = tuple[NDArray[np.int64], NDArray[Any]]
"""Numbers, ascending, and the outline of each as WKB."""


def outlines(
    path: str | Path, *, strip: int = STRIP, window: Window | None = None
) -> Iterator[Outlines]:
    """Outline all pixels of each number of 0 or more, as one MultiPolygon along the edges of its pixels.

    Memory: one strip, and the pieces of those numbers that reach beyond it; the file is read twice.

    Args:
        path: Raster of whole numbers, one band; negative ones are passed over.
        strip: About how many pixels to read at a time; the outlines do not depend on it.
        window: (row, column, height, width) of what to outline; None for all.

    Yields:
        After each strip the numbers that do not reach further, with their outlines in the CRS of the file, WKB.

    Raises:
        RasterError: The file cannot be read.
    """
    import shapely
    from shapely.geometry import shape

    last: dict[int, int] = {}
    for place, part in enumerate(_strips(path, strip, window)):
        found = np.unique(part.values[0])
        last |= dict.fromkeys(found[found >= 0].tolist(), place)
    pieces: dict[int, list[list[Any]]] = {}
    for place, part in enumerate(_strips(path, strip, window)):
        values = part.values[0].astype(np.int32, copy=False)
        here: dict[int, list[Any]] = {}
        for outline, number in trace(values, values >= 0, part.grid):
            here.setdefault(number, []).append(shape(outline))
        for number, polygons in here.items():
            pieces.setdefault(number, []).append(polygons)
        whole = sorted(number for number in here if last[number] == place)
        merged = [_merged(pieces.pop(number)) for number in whole]
        yield np.array(whole, np.int64), np.asarray(shapely.to_wkb(merged), dtype=object)


def _strips(path: str | Path, strip: int, window: Window | None) -> Iterator[Raster]:
    top, left, height, width = window or (0, 0, *read_grid(path).shape)
    rows = max(1, strip // max(width, 1))
    for row in range(0, height, rows):
        yield read_raster(path, window=(top + row, left, min(rows, height - row), width))


def _merged(parts: list[list[Any]]) -> Any:
    """The pieces of one number, strip by strip, as one MultiPolygon without traces of the strips."""
    import shapely

    polygons = [one for of_strip in parts for one in of_strip]
    if len(parts) > 1:
        whole = shapely.simplify(shapely.union_all(polygons), 0)
        polygons = list(shapely.get_parts(whole))
    return shapely.normalize(shapely.MultiPolygon(polygons))


def geojson_texts(wkb: NDArray[Any], crs: str) -> list[str]:
    """Geometries as GeoJSON, in CRS84 with seven decimals (RFC 7946, sections 3.1 and 4).

    Args:
        wkb: (geometry,) WKB.
        crs: Their CRS, "EPSG:32612" or WKT 2.
    """
    import shapely
    from shapely.geometry.polygon import orient

    if not len(wkb):
        return []
    texts = wkt_from_wkb(wkb, crs)
    placed = [
        shapely.MultiPolygon([orient(part) for part in shapely.get_parts(one)])
        for one in shapely.from_wkt(texts)
    ]
    return [str(text) for text in shapely.to_geojson(placed)]
