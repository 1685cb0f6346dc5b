"""A raster is read strip by strip; its table of regions, without any array of the raster's size, goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kg.errors import RasterError
from reasoning.streaming.merge import Table, merge
from reasoning.streaming.strip import Source, Strip, ends, measure
from reasoning.streaming.threads import each, strips_of

MOST = 10_000_000
"""Regions of one raster: about 2 GB of columns and neighbours."""


def scan(
    source: Source,
    rows: int,
    *,
    most: int = MOST,
    progress: Callable[[str], None] | None = None,
) -> Table:
    """Measure the regions of a raster by strips; the result is the same, to the bit, for every height of a strip.

    Each strip is read with a margin of `reasoning.streaming.widths.REACH` + 1 rows, as far as circles reach.

    Args:
        source: The raster.
        rows: Rows of a strip.
        most: Regions (of strips, before they are joined) that are too many.
        progress: Told after each strip.

    Raises:
        RasterError: More than `most` regions; or so many pixels that sums of squares leave 63 bits.
    """
    check_size(source.height, source.width)
    todo, strips, found = strips_of(source.height, rows), [], 0
    for i, strip in enumerate(each(lambda part: _slim(measure(source, *part)), todo)):
        strips.append(strip)
        found += len(strip.kind)
        if found > most:
            raise RasterError(
                f"more than {most:,} regions in the first {todo[i][1]:,} of {source.height:,} rows, expected fewer",
                "remove specks first, for example with gdal_sieve.py -st 4, or cut the raster into pieces",
            )
        if progress:
            progress(f"regions: strip {i + 1} of {len(todo)}")
    return merge(strips, diagonal=source.diagonal)


def check_size(height: int, width: int) -> None:
    """Refuse rasters whose sums of squared coordinates could leave 63 bits.

    Raises:
        RasterError: `height * width * max(height, width)^2 / 3` is 2^63 or more.
    """
    if height * width * max(height, width) ** 2 // 3 >= 2**63:
        raise RasterError(
            f"{height:,} x {width:,} pixels, expected at most about 72,000 x 72,000 or 3 x 2,000,000",
            "cut the raster into pieces, for example with gdal_translate -srcwin",
        )


def _slim(strip: Strip) -> Strip:
    """The same strip with the runs of its first and its last row alone."""
    runs, part = ends(strip)
    return replace(strip, runs=runs, part=part)
