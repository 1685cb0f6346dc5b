"""How far rare classes should count more: labelled tiles come in, an exponent of class weights goes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reasoning.learning.calibration import fit_calibration
from reasoning.learning.on_demand import only
from reasoning.learning.scores import mean_iou, tile_counts
from reasoning.learning.tiles import Ints, LabelledTile, folds

BALANCES = (0.25, 0.5, 0.75)
"""Exponents that are tried, the mildest first."""
SAMPLES = 4_000
"""Pixels of each tile that a trial looks at."""


def choose_balance(
    tiles: Sequence[LabelledTile],
    *,
    balances: Sequence[float] = BALANCES,
    most_folds: int = 6,
) -> float:
    """The exponent whose calibration, fitted to other scenes, maps held-out scenes best.

    Calibration alone is asked, because it is cheap and ranks exponents as the whole fit does in trials; its biases are
    not moved for the mean IoU.

    Args:
        tiles: Of one legend, of at least two scenes.
        balances: Exponents; of equal ones the first wins.
        most_folds: Most parts that the tiles are held out in.

    Raises:
        InputError: One scene only.
    """
    parts = folds(tiles, most_folds)
    scores = [_score(tiles, parts, one) for one in balances]
    return balances[int(np.argmax(scores))]


def _score(tiles: Sequence[LabelledTile], parts: Sequence[Ints], balance: float) -> float:
    """Mean IoU of all held-out tiles together."""
    k = len(tiles[0].prediction.legend)
    counts = np.zeros((k, k))
    for part in parts:
        gone = {int(i) for i in part}
        rest = only(tiles, [i for i in range(len(tiles)) if i not in gone])
        found = fit_calibration(rest, balance=balance, samples=SAMPLES)
        for i in sorted(gone):
            tile = tiles[i]
            counts += tile_counts(tile, found.apply(tile.prediction).labels)
    return mean_iou(counts)
