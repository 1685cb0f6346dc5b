"""How a map of class codes is best stored: processor time and size of a cloud-optimised GeoTIFF by compression.

    python benchmarks/cog.py [--map FILE] [--rows 2048] [--columns 12000] [--repeats 3]

The map (default: NLCD of Zion) is repeated until it fills the rows and columns, and copied by GDAL in one thread, first
without overviews by each compression, then with overviews by GDAL ("mode"); ours are `kg.overviews`, timed alone.
Printed: nanoseconds of processor time for each pixel (least of the repeats) and megabytes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.shutil import copy

from kg.cog import write_raster
from kg.overviews import Overviews, overview_shapes
from kg.raster import Raster, read_raster

ROOT = Path(__file__).resolve().parents[1]
MAP = "../shared/data/geo/zion/zion_nlcd2011_30m.tif"
WAYS = {
    "DEFLATE, level 1": {"COMPRESS": "DEFLATE", "LEVEL": "1"},
    "DEFLATE, level 2": {"COMPRESS": "DEFLATE", "LEVEL": "2"},
    "DEFLATE, level 6": {"COMPRESS": "DEFLATE", "LEVEL": "6"},
    "LZW": {"COMPRESS": "LZW"},
    "ZSTD, level 1": {"COMPRESS": "ZSTD", "LEVEL": "1"},
}


def least(task: Callable[[], Any], repeats: int) -> float:
    """Least processor time of a task, seconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return min(times)


def halve(codes: NDArray[Any]) -> None:
    more = Overviews(len(overview_shapes(*codes.shape)), 0, lambda level, row, part: None)
    for low in range(0, len(codes), 256):
        more.add(codes[low : low + 256])
    more.finish()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--map", type=Path, default=ROOT / MAP)
    for name, value in (("rows", 2048), ("columns", 12_000), ("repeats", 3)):
        words.add_argument(f"--{name}", type=int, default=value)
    chosen = words.parse_args()
    real = read_raster(chosen.map)
    shape = chosen.rows, chosen.columns
    times = [-(-want // has) for want, has in zip(shape, real.grid.shape, strict=True)]
    codes = np.ascontiguousarray(np.tile(real.values[0], times)[: shape[0], : shape[1]])
    place = real.grid.window(0, 0, *shape)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        start, to = Path(folder) / "map.tif", Path(folder) / "copy.tif"
        write_raster(start, Raster(codes[None], place, 0))
        plain = {"driver": "COG", "OVERVIEWS": "NONE", "NUM_THREADS": "1"}
        mode = {"OVERVIEWS": "IGNORE_EXISTING", "OVERVIEW_RESAMPLING": "MODE", "COMPRESS": "LZW"}
        for name, how in (WAYS | {"LZW, GDAL's overviews": mode}).items():
            took = least(lambda how=how: copy(start, to, **(plain | how)), chosen.repeats)
            size = to.stat().st_size / 1e6
            print(f"{name:22}{took / codes.size * 1e9:7.1f} ns {size:7.2f} MB")
    print(
        f"{'our overviews alone':22}{least(lambda: halve(codes), chosen.repeats) / codes.size * 1e9:7.1f} ns"
    )


if __name__ == "__main__":
    main()
