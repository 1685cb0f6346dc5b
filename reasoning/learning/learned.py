"""What learning found and how well it holds: a fit with errors of its weights and cross-validated scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.ontology import Axiom
from reasoning.learning.calibration import Calibration
from reasoning.learning.fit import Fit
from reasoning.learning.scores import accuracy, mean_iou

Counts = NDArray[np.float64]

WAYS = ("network", "calibration", "expert", "learned")
"""What is compared on held-out tiles: the network; a calibration that was fitted alone, in the same way (no rule, no
smoothness); the rules with the expert's weights; what was learned."""


@dataclass(frozen=True)
class LearnedWeight:
    """What was learned about one rule.

    Attributes:
        iri: The rule.
        expert: Its weight before, nats per pixel.
        learned: Its weight after.
        error: Standard error with regions as clusters; NaN where no labelled pixel says anything about the rule.
        regions: Sampled regions that the rule tells at least `MESSAGE` nats per unit of weight.
        tiles: Tiles with such regions.
    """

    iri: str
    expert: float
    learned: float
    error: float
    regions: int
    tiles: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval, at least 0; the standard error's own, so the pull to the expert's weight is not in it."""
        if np.isnan(self.error):
            return (self.learned, self.learned)
        return max(0.0, self.learned - 1.96 * self.error), self.learned + 1.96 * self.error


@dataclass(frozen=True)
class HeldOut:
    """How one tile was mapped by what was learned from the others.

    Attributes:
        tile: Its index.
        name: Its name.
        counts: Way of mapping (`WAYS`) -> (class, class) confusion counts, true class by row.
    """

    tile: int
    name: str
    counts: dict[str, Counts]

    def score(self, way: str) -> tuple[float, float]:
        """Mean IoU and overall accuracy of one way."""
        return mean_iou(self.counts[way]), accuracy(self.counts[way])


@dataclass(frozen=True)
class Choice:
    """Settings of a fit that held-out tiles decide.

    Attributes:
        shrinkage: Pull to the expert's values (`reasoning.learning.fit.Parameters.prior`).
        balance: Exponent of the class weights (`reasoning.learning.calibration.fit_calibration`).
        polished: Whether the biases were moved for the mean IoU after the fit (`reasoning.learning.polish`).
    """

    shrinkage: float
    balance: float
    polished: bool = False


@dataclass(frozen=True)
class Learned:
    """The result of learning.

    Attributes:
        fit: Learned from all tiles.
        expert: Where learning started.
        choice: How strongly it was shrunk and balanced.
        weights: One per soft rule, sorted by IRI.
        held_out: One per tile, mapped by a fit of the tiles of other folds; () with one scene only.
        fold_fits: (tiles held out, fit of the others) of each fold.
    """

    fit: Fit
    expert: Fit
    choice: Choice
    weights: tuple[LearnedWeight, ...]
    held_out: tuple[HeldOut, ...]
    fold_fits: tuple[tuple[tuple[int, ...], Fit], ...]

    @property
    def axioms(self) -> tuple[Axiom, ...]:
        """The rules with their learned weights."""
        return self.fit.axioms

    @property
    def calibration(self) -> Calibration | None:
        """The learned calibration."""
        return self.fit.calibration

    def score(self, way: str) -> tuple[float, float]:
        """Mean IoU and accuracy of all held-out tiles together, for one of `WAYS`; NaN without held-out tiles."""
        if not self.held_out:
            return float("nan"), float("nan")
        counts = np.sum([one.counts[way] for one in self.held_out], axis=0)
        return mean_iou(counts), accuracy(counts)
