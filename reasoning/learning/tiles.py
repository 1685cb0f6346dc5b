"""Tiles whose true labels are known: predictions with truth come in, checked; the pixels to learn from go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg.errors import GridError, InputError, LegendError, RasterError
from kg.evidence import EvidenceLayer
from kg.legend import Legend
from kg.raster import Raster

Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class LabelledTile:
    """A prediction with the truth, and what a correction of it may use.

    Attributes:
        prediction: What the model said.
        truth: (y, x) integer class index in the prediction's legend, -1 where unknown.
        layers: Evidence on the same grid.
        image: Bands on the same grid, or None.
        dem: Elevation in metres on any overlapping grid, or None.
        name: Stands in reports; "" for "tile N".
        scene: Tiles of one scene are never split between learning and testing; "" when the tile is its own scene.

    Raises:
        GridError: Truth and prediction differ in size.
        RasterError: Truth is no array of integers.
        LegendError: Truth has a class index that the legend does not have.
    """

    prediction: Prediction
    truth: NDArray[np.integer]
    layers: Sequence[EvidenceLayer] = ()
    image: Raster | None = None
    dem: Raster | None = None
    name: str = ""
    scene: str = ""

    def __post_init__(self) -> None:
        truth, grid = self.truth, self.prediction.grid
        where = self.name or "labelled tile"
        if self.prediction.lesson is not None:
            raise InputError(
                f"{where}: a prediction with a lesson beside it, expected one that is what the lesson makes of it",
                "give prediction.advised",
            )
        if truth.shape != grid.shape:
            raise GridError(
                f"{where}: truth has shape {truth.shape}, the prediction {grid.shape} (rows, columns): different grids",
                "put the truth onto the prediction's grid, for example rio warp TRUTH OUT --like PREDICTION",
            )
        if not np.issubdtype(truth.dtype, np.integer):
            raise RasterError(
                f"{where}: truth is {truth.dtype}, expected integers: class indices, -1 where unknown",
                "encode codes with Legend.encode",
            )
        legend = self.prediction.legend
        if truth.size and not -1 <= int(truth.min()) <= int(truth.max()) < len(legend):
            raise LegendError(
                f"{where}: truth has class indices {truth.min()} .. {truth.max()}, legend {legend.name} has "
                f"0 .. {len(legend) - 1} (-1: unknown)",
                "encode codes with Legend.encode",
            )

    @property
    def known(self) -> NDArray[np.bool_]:
        """(y, x): True where truth and prediction are both known."""
        known: NDArray[np.bool_] = (self.truth >= 0) & self.prediction.valid
        return known


def check_tiles(tiles: Sequence[LabelledTile]) -> Legend:
    """The legend that all tiles share.

    Raises:
        InputError: No tile, or no known pixel in any.
        LegendError: Two legends.
    """
    if not tiles:
        raise InputError("no labelled tile, expected at least one", "give predictions and --truth")
    legend = tiles[0].prediction.legend
    for tile in tiles:
        if tile.prediction.legend.classes != legend.classes:
            raise LegendError(
                f"labelled tiles have the legends {legend.name} and {tile.prediction.legend.name}, expected one",
                "learn from the tiles of one legend at a time",
            )
    if not any(tile.known.any() for tile in tiles):
        raise InputError(
            f"{len(tiles)} labelled tiles, and no pixel whose truth and prediction are both known",
            "check the nodata values, and that truth and prediction show the same place",
        )
    return legend


def class_counts(tiles: Sequence[LabelledTile]) -> NDArray[np.int64]:
    """(class,) int64 pixels of each true class, where the prediction is known too."""
    k = len(check_tiles(tiles))
    counts: NDArray[np.int64] = sum(
        (np.bincount(tile.truth[tile.known].astype(np.intp), minlength=k) for tile in tiles),
        np.zeros(k, np.int64),
    )
    return counts


def scenes(tiles: Sequence[LabelledTile]) -> Ints:
    """(tile,) number of the scene of each tile, in order of first appearance."""
    names = [tile.scene or f"\0{i}" for i, tile in enumerate(tiles)]
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names], np.intp)


def folds(tiles: Sequence[LabelledTile], most: int = 5) -> tuple[Ints, ...]:
    """Tiles to hold out in turn; tiles of one scene stay together.

    Args:
        tiles: At least two scenes.
        most: Most folds.

    Returns:
        Indices of the tiles of each fold; scene i is in fold i modulo the number of folds.

    Raises:
        InputError: One scene only: nothing would be left to learn from.
    """
    scene = scenes(tiles)
    count = int(scene.max()) + 1
    if count < 2:
        raise InputError(
            f"{len(tiles)} labelled tile{'s' if len(tiles) > 1 else ''} of one scene: nothing could be held out, "
            "expected at least two",
            "give more tiles, or cut the scene into parts that lie apart and give each as a tile",
        )
    parts = min(count, most)
    return tuple(np.flatnonzero(scene % parts == fold) for fold in range(parts))


def spread(mask: NDArray[np.bool_], most: int) -> tuple[Ints, Ints]:
    """Rows and columns of at most `most` pixels of a mask, evenly along a row-major scan."""
    places = np.flatnonzero(mask)
    if len(places) > most:
        places = places[(np.arange(most) * len(places)) // most]
    rows, cols = np.unravel_index(places, mask.shape)
    return rows, cols
