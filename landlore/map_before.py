"""A run, or tiles, comes in; the map as it was before goes out, whatever it came from."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.cog import CodeBand, write_strips
from kg.errors import InputError
from kg.legend import Legend
from kg.outlines import STRIP
from kg.raster import read_grid, read_raster
from landlore.run_folder import AGAIN
from landlore.tile import Part, parts_of


@dataclass(frozen=True)
class CorrectionTable:
    """What `corrections.csv` says of a run, or of tiles: codes before, and pixels by largest reason.

    Attributes:
        before: Name of a tile ("" where there are none) -> number of a correction -> code.
        causes: Reason -> pixels.
    """

    before: Mapping[str, Mapping[int, int]]
    causes: Mapping[str, int]


def read_table(home: Path) -> CorrectionTable:
    """Read `corrections.csv` of a folder.

    Raises:
        InputError: It is broken.
    """
    path, causes = home / "corrections.csv", Counter[str]()
    codes: dict[str, dict[int, int]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                mine = codes.setdefault(row.get("tile", ""), {})
                mine[int(row["index"])] = int(row["before_code"])
                causes[row["cause"]] += int(row["pixels"])
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: broken ({error})", AGAIN) from error
    return CorrectionTable(codes, causes)


def write_before(
    path: Path, home: Path, told: Mapping[str, Any], before: CorrectionTable, legend: Legend
) -> None:
    """Write the map before: that after, with what each correction changed put back.

    Args:
        path: Target, a GeoTIFF.
        home: Run folder, or folder of tiles.
        told: What its `run.json` says.
        before: As `read_table` gives it.
        legend: Names the codes.

    Raises:
        InputError: `corrections.csv` lacks a correction.
        OutputError: The file cannot be written.
    """
    grid, parts = read_grid(home / "corrected.tif"), parts_of(home, told)
    first = read_raster(home / "corrected.tif", window=(0, 0, 1, 1))
    rows = max(512, STRIP // max(grid.width, 1) // 512 * 512)

    def strips() -> Iterator[tuple[int, NDArray[Any]]]:
        """Full-width strips."""
        for row in range(0, grid.height, rows):
            height = min(rows, grid.height - row)
            values = (
                read_raster(home / "corrected.tif", window=(row, 0, height, grid.width))
                .values[0]
                .copy()
            )
            for part in parts:
                _put_back(values, row, part, before.before.get(part.tile, {}))
            yield row, values

    colours = legend.colour_table() if first.values.dtype == np.uint8 else {}
    band = CodeBand(first.values.dtype, int(first.nodata or 0), colours, legend.names())
    write_strips(path, grid, strips(), band)


def _put_back(values: NDArray[Any], row: int, part: Part, codes: Mapping[int, int]) -> None:
    """Put the codes before into the rows of a strip that a run decided."""
    top, left, height, width = part.inner
    low, high = max(row, top), min(row + len(values), top + height)
    if low >= high:
        return
    down, right = (0, 0) if part.window is None else part.window[:2]
    number = read_raster(
        part.folder / "reasons.tif", window=(down + low - top, right, high - low, width)
    ).values[0]
    changed = number >= 0
    shown, place = np.unique(number[changed], return_inverse=True)
    if lost := [one for one in shown.tolist() if one not in codes]:
        raise InputError(
            f"{part.folder / 'corrections.csv'}: broken (no correction {lost[0]})", AGAIN
        )
    known = np.array([codes[one] for one in shown.tolist()], values.dtype)
    values[low - row : high - row, left : left + width][changed] = known[place]
