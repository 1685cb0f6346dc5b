"""An image of any size and its product come in; what lies where, and windows to learn from, go out.

Windows are drawn in proportion to what they hold, pixels of rare classes counting more, along a line through the whole
image (systematic sampling with unequal chances, Madow 1949); each stands for as many as it was drawn from. The window
with most of each class is among them, so that no class of the product is missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.errors import EmptyError, GridError, RasterError
from kg.grid import Grid
from kg.raster import Raster, read_grid, resample
from kg.sources.counts import aligned, count_classes, read_codes, window_of
from landlore.inputs import Window, read_part
from landlore.parts import WINDOW, Place

LEAST, CELLS = 128, 8
"""Pixels of the side of a window, at least, and cells of the product along it."""
MOST_OF_CELL = 1000
"""Pixels of one cell that are learned from, at most (`fusion.learn`)."""
MORE = 1.2
"""How many more pixels are looked at than are learned from."""
RARE = -0.5
"""Power of a class's share by which its pixels draw windows."""
_LAID = 4_000_000  # cells of a product in a block

Progress = Callable[[int, int], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Survey:
    """What lies where.

    Attributes:
        side: Pixels of a side of a window.
        windows: (window, 4) row, column, height, width; all of the image, row by row.
        counts: (window, class) int64 valid pixels of the image below each class of the product.
        valid: (window,) int64 valid pixels.
        cell: Pixels of a cell of the product.
        holes: Pixels that count as nodata though some of their bands hold a value.
    """

    side: int
    windows: NDArray[np.int64]
    counts: NDArray[np.int64]
    valid: NDArray[np.int64]
    cell: float
    holes: int


def survey(place: Place, progress: Progress) -> Survey:
    """Look at all of an image and its product once, block by block.

    Args:
        place: Where they are.
        progress: Told how many blocks of how many are done.

    Raises:
        RasterError: A file cannot be read, or the image has no valid pixel.
        LegendError: The product has a code that its legend does not have.
    """
    grid, classes = place.grid, len(place.product.legend)
    side = max(LEAST, math.ceil(CELLS * place.size))
    block = side * max(1, WINDOW // place.cell // side)
    across = -(-grid.width // side)
    count = -(-grid.height // side) * across
    counts, valid, holes = np.zeros((count, classes), np.int64), np.zeros(count, np.int64), 0
    blocks = list(_blocks(grid, block))
    for done, window in enumerate(blocks, 1):
        image = read_part(place.image, window, place.bands)
        seen, codes = image.valid, _codes_on(place, image.grid)
        holes += _holes(image, seen)
        rows, cols = (np.arange(n) // side for n in seen.shape)
        first = window[0] // side * across + window[1] // side
        at = first + rows[:, None] * across + cols
        valid += np.bincount(at[seen], minlength=count)
        known = seen & (codes >= 0)
        found = np.bincount(at[known] * classes + codes[known], minlength=count * classes)
        counts += found.reshape(count, classes)
        progress(done, len(blocks))
    if not valid.any():
        raise RasterError(f"{place.image}: all pixels are nodata", "check the nodata value")
    windows = np.array(list(_blocks(grid, side)), np.int64)
    return Survey(side, windows, counts, valid, place.pixels, holes)


def _blocks(grid: Grid, side: int) -> Iterator[Window]:
    for row in range(0, grid.height, side):
        for col in range(0, grid.width, side):
            yield row, col, min(side, grid.height - row), min(side, grid.width - col)


def _holes(image: Raster, seen: NDArray[np.bool_]) -> int:
    """Pixels of which some bands only hold a value."""
    if seen.all():
        return 0
    some = np.zeros(seen.shape, bool)
    for band in image.values:
        some |= Raster(band[None], image.grid, image.nodata).valid
    return int((some & ~seen).sum())


def _codes_on(place: Place, grid: Grid) -> NDArray[np.int16]:
    """(y, x) class of the product below each pixel, -1 for none; the largest where its cells are of many pixels."""
    product, nothing = place.product, np.full(grid.shape, -1, np.int16)
    own = read_grid(product.path)
    try:
        window = window_of(product.path, own, grid.lonlat_bounds, margin=1)
        if place.cell == 1:
            codes = read_codes(product.path, product.legend, window)
            laid = own.window(*window)
        else:
            found = count_classes(product.path, product.legend, place.cell, window, most=_LAID)
            best = found.counts.argmax(axis=2).astype(np.int16)
            codes = np.where(found.counts.any(axis=2), best, np.int16(-1))
            laid = own.window(*aligned(window, place.cell, own)).coarser(place.cell)
        return np.asarray(resample(Raster(codes[None], laid, -1), grid).values[0], np.int16)
    except (EmptyError, GridError):
        return nothing


def drawn(found: Survey, shares: Floats, sample: int, seed: int) -> list[tuple[Window, float]]:
    """Draw windows to learn from.

    Args:
        found: What lies where.
        shares: (class, label) share of each label of the map in each class of the product; a row of zeros says nothing.
        sample: Pixels to learn from.
        seed: Fixes what is drawn.

    Returns:
        Windows, row by row, and how many each stands for. All of the image as one window, where it is no larger.
    """
    says = found.counts * (shares.sum(axis=1) > 0.5)
    rows = np.flatnonzero(says.sum(axis=1) > 0)
    last = found.windows[-1]
    if (last[0] + last[2]) * (last[1] + last[3]) <= sample:
        return [((0, 0, int(last[0] + last[2]), int(last[1] + last[3])), 1.0)]
    says = says[rows].astype(np.float64)
    wanted = _how_many(found, says, sample)
    if wanted >= len(rows):
        return [(_window(found, row), 1.0) for row in rows]
    overall = says.sum(axis=0) / says.sum()
    size = says @ np.where(overall > 0, np.maximum(overall, 1e-9) ** RARE, 0.0)
    certain = _fullest(says, overall, wanted // 2)
    chance = _chances(size, certain, wanted)
    certain = chance >= 1
    start = np.random.default_rng(seed).random()
    steps = np.floor(np.cumsum(np.where(certain, 0.0, chance)) - start)
    hit = np.diff(steps, prepend=np.floor(-start)) > 0
    return [(_window(found, rows[i]), float(1 / chance[i])) for i in np.flatnonzero(hit | certain)]


def _window(found: Survey, row: np.intp) -> Window:
    top, left, height, width = (int(value) for value in found.windows[row])
    return top, left, height, width


def _how_many(found: Survey, says: Floats, sample: int) -> int:
    """Windows that hold as many pixels as are to be learned from."""
    each = float(says.sum(axis=1).mean()) * min(1.0, MOST_OF_CELL / found.cell)
    return max(1, math.ceil(MORE * sample / max(each, 1.0)))


def _fullest(says: Floats, overall: Floats, most: int) -> NDArray[np.bool_]:
    """(window,) bool: the windows with most pixels of each class, of rare classes first."""
    certain = np.zeros(len(says), bool)
    for label in np.argsort(overall, kind="stable"):
        if overall[label] > 0 and certain.sum() < most:
            certain[says[:, label].argmax()] = True
    return certain


def _chances(size: Floats, certain: NDArray[np.bool_], wanted: int) -> Floats:
    """(window,) chance of being drawn, in proportion to size; 1 for those that are certain or too large for it."""
    sure = certain.copy()
    while True:
        free = max(wanted - int(sure.sum()), 1)
        chance = np.where(sure, 1.0, free * size / max(size[~sure].sum(), 1e-12))
        over = ~sure & (chance >= 1)
        if not over.any():
            return chance
        sure |= over
