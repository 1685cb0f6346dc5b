"""Fits to some of the tiles: prepared tiles come in, parameters and how strongly to shrink them go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from reasoning.learning.choices import Choices, class_weights, maximise, without
from reasoning.learning.fit import Parameters
from reasoning.learning.learned import Choice
from reasoning.learning.polish import polish
from reasoning.learning.prepared import Prepared
from reasoning.learning.scores import counts_of, mean_iou
from reasoning.learning.tiles import folds, scenes
from reasoning.settings import CorrectSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SHRINKAGES = (3e-1, 3e-2, 3e-3, 3e-4, 3e-5)
"""Tried from strong to weak; of equal scores the stronger is kept."""
BALANCES = (0.0, 0.5, 1.0)
"""Exponents of the class weights that are tried."""

INNER_FOLDS = 3
"""Most parts of the tiles that are learned from, for the choice of shrinkage and balance."""


@dataclass(frozen=True)
class LearnSettings:
    """Knobs of learning.

    Attributes:
        correct: How tiles are corrected; its smoothness and strengths are where learning starts.
        shrinkages: Pulls to the expert's values that are tried, strongest first.
        balances: Exponents of the class weights that are tried.
        polished: Whether to move the biases for the mean IoU after the fit: what is tried.
        most_folds: Most parts that the tiles are held out in.
        held_out: Score on held-out tiles; False is several times faster, and claims nothing.
    """

    correct: CorrectSettings = field(default_factory=CorrectSettings)
    shrinkages: tuple[float, ...] = SHRINKAGES
    balances: tuple[float, ...] = BALANCES
    polished: tuple[bool, ...] = (False, True)
    most_folds: int = 5
    held_out: bool = True


@dataclass(frozen=True, eq=False)
class Pupil:
    """A tile with what is learned from it.

    Attributes:
        tile: The tile, prepared.
        choices: Its sampled pixels, at the marginals of the expert's weights.
        expert: (class, class) confusion counts of the map by the expert's weights.
    """

    tile: Prepared
    choices: Choices
    expert: Floats


@dataclass(frozen=True, eq=False)
class School:
    """All tiles, and fits to some of them.

    Attributes:
        parameters: What is learned.
        pupils: One per tile.
        settings: Knobs.
    """

    parameters: Parameters
    pupils: tuple[Pupil, ...]
    settings: LearnSettings

    def choices(self, tiles: Ints, balance: float) -> Choices:
        """The sampled pixels of some tiles; a pixel counts for what it stands for, times the weight of its class.

        A class that no pixel truly has is left out: it would be learned that it never occurs.
        """
        both = Choices.joined([self.pupils[i].choices for i in tiles])
        k = len(self.parameters.legend)
        counts = np.bincount(both.truth, weights=both.stands_for, minlength=k)
        weights = class_weights(np.rint(counts).astype(np.int64), balance)
        weight = both.stands_for * weights[both.truth]
        return replace(both, weight=weight, offset=without(both.offset, counts == 0))

    def learn(self, tiles: Ints) -> tuple[Floats, Choice, Choices]:
        """Choose shrinkage and balance by cross-validation over these tiles, then fit to all of them.

        Returns:
            The parameters as fitted (see `finished`), the choice, and the pixels that were fitted to.
        """
        choice = self.choose(tiles)
        choices = self.choices(tiles, choice.balance)
        prior = self.parameters.prior(choice.shrinkage, len(tiles))
        return maximise(choices, prior), choice, choices

    def finished(self, theta: Floats, choice: Choice, choices: Choices) -> Floats:
        """The parameters, with polished biases where the choice says so."""
        if not choice.polished:
            return theta
        done = theta.copy()
        k = len(self.parameters.legend)
        done[1 : 1 + k] += polish(choices.scores(theta), choices.truth, choices.stands_for)
        return done

    def choose(self, tiles: Ints) -> Choice:
        """Balance at the middle shrinkage, then shrinkage, then polish: the best mean IoU of held-out sampled pixels.

        With one scene, nothing can be compared: the strongest shrinkage and the first balance.
        """
        knobs = self.settings
        if scenes([self.pupils[i].tile.tile for i in tiles]).max() == 0:
            return Choice(knobs.shrinkages[0], knobs.balances[0], knobs.polished[0])
        middle = knobs.shrinkages[len(knobs.shrinkages) // 2]
        early = knobs.polished[0]
        first = self._best(tiles, [Choice(middle, balance, early) for balance in knobs.balances])
        second = self._best(tiles, [replace(first, shrinkage=s) for s in knobs.shrinkages])
        return self._best(tiles, [replace(second, polished=p) for p in knobs.polished])

    def _best(self, tiles: Ints, options: Sequence[Choice]) -> Choice:
        if len(options) == 1:
            return options[0]
        k = len(self.parameters.legend)
        counts = {option: np.zeros((k, k)) for option in options}
        for part in folds([self.pupils[i].tile.tile for i in tiles], INNER_FOLDS):
            rest = np.delete(tiles, part)
            seen = Choices.joined([self.pupils[i].choices for i in tiles[part]])
            taught = {one: self.choices(rest, one) for one in {o.balance for o in options}}
            theta: Floats | None = None
            for option in options:
                prior = self.parameters.prior(option.shrinkage, len(rest))
                theta = maximise(taught[option.balance], prior, theta, precise=False)
                done = self.finished(theta, option, taught[option.balance])
                labels = seen.scores(done).argmax(axis=1)
                counts[option] += counts_of(seen.truth, labels, k, seen.stands_for)
        return max(options, key=lambda option: round(mean_iou(counts[option]), 4))
