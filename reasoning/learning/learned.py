"""What learning found and how well it holds: a fit with errors of its weights, and scores on held-out tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.ontology import Axiom
from reasoning.learning.calibration import Calibration
from reasoning.learning.fit import Fit
from reasoning.learning.scores import accuracy, mean_iou, tile_counts
from reasoning.learning.tiles import LabelledTile

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class LearnedWeight:
    """What was learned about one rule.

    Attributes:
        iri: The rule.
        expert: Its weight before, nats per pixel.
        learned: Its weight after, whether the rules were kept or not.
        error: Standard error with regions as clusters; NaN where no labelled pixel says anything about the rule.
        regions: Sampled regions that the rule tells at least 0.01 nats per unit of weight.
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
class Mapped:
    """A map of one tile, or of several together, against the truth and against the map as given.

    Attributes:
        counts: (class, class) confusion counts, true class by row.
        fixed: Pixels that were wrong and are right.
        broken: Pixels that were right and are wrong.
    """

    counts: Counts
    fixed: int
    broken: int

    @staticmethod
    def by(tile: LabelledTile, labels: NDArray[np.integer]) -> Mapped:
        """A map of a tile by (y, x) class indices, -1 where it says nothing."""
        given, truth = tile.prediction.labels, tile.truth
        changed = tile.known & (given != labels)
        fixed, broken = (int((changed & (one == truth)).sum()) for one in (labels, given))
        return Mapped(tile_counts(tile, labels), fixed, broken)

    @staticmethod
    def together(maps: Sequence[Mapped]) -> Mapped:
        """Maps of several tiles as one."""
        counts = np.sum([one.counts for one in maps], axis=0)
        return Mapped(counts, sum(one.fixed for one in maps), sum(one.broken for one in maps))

    @property
    def array(self) -> Counts:
        """All numbers in one row: what `of` takes."""
        return np.append(self.counts.ravel(), [self.fixed, self.broken])

    @staticmethod
    def of(array: Counts, classes: int) -> Mapped:
        """The map whose `array` this is."""
        counts = array[:-2].reshape(classes, classes)
        return Mapped(counts, int(array[-2]), int(array[-1]))

    @property
    def mean_iou(self) -> float:
        """Mean IoU over the classes present in truth."""
        return mean_iou(self.counts)

    @property
    def accuracy(self) -> float:
        """Share of pixels whose label is right."""
        return accuracy(self.counts)


@dataclass(frozen=True)
class Trial:
    """One exponent of class weights that was tried, before anything else is learned.

    Attributes:
        balance: Exponent of the class weights.
        mapped: All held-out tiles together, by the calibration of the others.
    """

    balance: float
    mapped: Mapped


@dataclass(frozen=True)
class HeldOut:
    """How one tile was mapped by what was learned from the others.

    Attributes:
        tile: Its index.
        name: Its name.
        ways: Way of mapping -> the map.
    """

    tile: int
    name: str
    ways: Mapping[str, Mapped]


@dataclass(frozen=True)
class Learned:
    """The result of learning.

    Attributes:
        chosen: The way of mapping that held-out tiles prefer (`reasoning.learning.checked`).
        fits: Way -> its numbers, learned from all tiles; of ways with rules only the one reported on.
        expert: Where learning started.
        weights: One per soft rule of the way reported on, sorted by IRI.
        held_out: One per tile, mapped by what the tiles of other parts teach; () with one scene only.
        fold_fits: (tiles held out, fit of the others to the rules reported on) of each part.
        scenes: How many scenes the tiles are of.
        absent: Names of classes that no tile's truth has.
        smoother: Factor on the fitted smoothness that held-out tiles prefer; all fits have it already.
        trials: Class weights that were tried; () where they were given.
    """

    chosen: str
    fits: Mapping[str, Fit]
    expert: Fit
    weights: tuple[LearnedWeight, ...]
    held_out: tuple[HeldOut, ...]
    fold_fits: tuple[tuple[tuple[int, ...], Fit], ...]
    scenes: int
    absent: tuple[str, ...]
    smoother: float = 1.0
    trials: tuple[Trial, ...] = ()

    @property
    def fit(self) -> Fit:
        """The numbers of the chosen way."""
        return self.fits[self.chosen]

    @property
    def axioms(self) -> tuple[Axiom, ...]:
        """The rules of the chosen way, and those of the expert that it leaves out, at weight 0."""
        kept = {axiom.iri: axiom for axiom in self.fit.axioms}
        soft = {one.iri for one in self.weights if one.expert > 0} - kept.keys()
        left = [replace(one, weight=0.0) for one in self.expert.axioms if one.iri in soft]
        return tuple(sorted([*kept.values(), *left], key=lambda axiom: axiom.iri))

    @property
    def calibration(self) -> Calibration | None:
        """The learned calibration."""
        return self.fit.calibration

    @property
    def silent(self) -> tuple[str, ...]:
        """IRIs of the rules that spoke about no labelled pixel."""
        return tuple(one.iri for one in self.weights if not one.tiles)

    @property
    def ways(self) -> tuple[str, ...]:
        """Everything that was compared, the simplest first; () with one scene only."""
        return tuple(self.held_out[0].ways) if self.held_out else ()

    def mapped(self, way: str) -> Mapped:
        """All held-out tiles together, mapped in one way."""
        return Mapped.together([one.ways[way] for one in self.held_out])

    @property
    def scores(self) -> dict[str, float]:
        """Way -> mean IoU of all held-out tiles together."""
        return {way: self.mapped(way).mean_iou for way in self.ways}
