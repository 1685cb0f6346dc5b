"""A land-cover raster comes in, the year that its tags or its official file name state goes out."""

from __future__ import annotations

import re
from pathlib import Path

from kg.errors import RasterError
from kg.raster import read_tags

_YEAR = r"((?:19|20)\d\d)"
_NAMES = {
    "worldcover": rf"esa_worldcover_10m_{_YEAR}_v\d+",
    "nlcd": rf"nlcd(?:[_-]lndcov)?[_-]?{_YEAR}(?!\d)",
    "corine": rf"clc[_-]?{_YEAR}(?!\d)",
    "globeland30": rf"_{_YEAR}lc030",
    "fromglc10": rf"fromglc10[_-]?{_YEAR}(?!\d)",
    "esri": rf"_{_YEAR}0101-(?:19|20)\d\d0101",
    "modis_igbp": rf"mcd12q1\.a{_YEAR}001",
    "esa_cci": rf"p1y-{_YEAR}-v",
}
"""Product -> the year in the names that its publisher gives to files (lower case)."""


def observed(path: str | Path, legend: str) -> str | None:
    """Year of observation of a product, or None where nothing states one.

    Tags `time_start` and `time_end` (ESA WorldCover) count where they lie in one year, then the name of the file. The
    date at which a file was written says nothing about the land, and is not asked for.

    Args:
        path: The raster; one that cannot be read states nothing.
        legend: Name of its legend, "corine:49" or "worldcover".

    Example:
        >>> observed("U2018_CLC2018_V2020_20u1.tif", "corine")
        '2018'
    """
    try:
        tags = read_tags(path)
    except RasterError:
        tags = {}
    start, end = (tags.get(name, "")[:4] for name in ("time_start", "time_end"))
    if start == end and re.fullmatch(_YEAR, start):
        return start
    pattern = _NAMES.get(legend.partition(":")[0])
    years = set(re.findall(pattern, Path(path).name.lower())) if pattern else set()
    return years.pop() if len(years) == 1 else None
