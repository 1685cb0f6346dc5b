"""How far rare classes should count more: labelled tiles come in, a table of exponents of class weights goes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reasoning.learning.calibration import fit_calibration
from reasoning.learning.learned import Mapped, Trial
from reasoning.learning.on_demand import only
from reasoning.learning.steps import Arrays
from reasoning.learning.tiles import Ints, LabelledTile, folds

BALANCES = (0.25, 0.5, 0.75)
"""Exponents that are tried, the mildest first. A wider choice, of pulls to "no change" too, is worse on scenes that had
no say in it (`benchmarks/correction_choice.py`)."""
SAMPLES = 4_000
"""Pixels of each tile that a trial looks at."""


def try_balances(
    tiles: Sequence[LabelledTile], *, balances: Sequence[float] = BALANCES, most_folds: int = 6
) -> tuple[Trial, ...]:
    """What calibrations that other scenes taught make of held-out scenes.

    Calibration alone is asked, because it is cheap and ranks exponents as the whole fit does in trials; its biases are
    not moved for the mean IoU.

    Args:
        tiles: Of one legend, of at least two scenes.
        balances: Exponents.
        most_folds: Most parts that the tiles are held out in.

    Returns:
        One trial for each exponent, in their order. The same input gives the same trials.

    Raises:
        InputError: One scene only.
    """
    parts = folds(tiles, most_folds)
    return tuple(Trial(balance, _held_out(tiles, parts, balance)) for balance in balances)


def chosen(trials: Sequence[Trial]) -> Trial:
    """The trial of the best mean IoU; of equal ones the first."""
    return trials[int(np.argmax([one.mapped.mean_iou for one in trials]))]


def arrays_of(trials: Sequence[Trial]) -> Arrays:
    """Trials as arrays, for a step that is saved."""
    return {
        "balances": np.array([one.balance for one in trials]),
        "maps": np.array([one.mapped.array for one in trials]),
    }


def trials_of(arrays: Arrays, classes: int) -> tuple[Trial, ...]:
    """The trials whose `arrays_of` these are."""
    rows = zip(arrays["balances"], arrays["maps"], strict=True)
    return tuple(Trial(float(balance), Mapped.of(row, classes)) for balance, row in rows)


def _held_out(tiles: Sequence[LabelledTile], parts: Sequence[Ints], balance: float) -> Mapped:
    """All held-out tiles together."""
    maps = []
    for part in parts:
        gone = {int(i) for i in part}
        rest = only(tiles, [i for i in range(len(tiles)) if i not in gone])
        found = fit_calibration(rest, balance=balance, samples=SAMPLES)
        for i in sorted(gone):
            tile = tiles[i]
            maps.append(Mapped.by(tile, found.apply(tile.prediction).labels))
    return Mapped.together(maps)
