"""What learning finds and a correction uses: axioms with their weights, calibration, strengths and smoothness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg.legend import Legend
from kg.ontology import Axiom
from reasoning.learning.calibration import COLDEST, Calibration, from_parameters, identity
from reasoning.learning.choices import Prior

if TYPE_CHECKING:
    from reasoning.correct import CorrectSettings

Floats = NDArray[np.float64]

DIGITS = 6
"""Digits after the point that learned numbers keep, so that a file holds exactly what was learned."""
CALIBRATION_SHRINKAGE = 0.01
"""How strongly calibration is held to "no change", in units of one tile."""


@dataclass(frozen=True)
class Fit:
    """The numbers of a correction.

    Attributes:
        axioms: Rules with their weights, sorted by IRI (the order of a file that is read again).
        calibration: Of the network's probabilities, or None.
        strengths: Layer name -> factor on what the layer says.
        smoothness: Nats per pair of neighbouring pixels without contrast.
        superpixel: Side in metres of the pieces of regions that the rules were learned with; 0 for whole regions.
    """

    axioms: tuple[Axiom, ...]
    calibration: Calibration | None
    strengths: Mapping[str, float]
    smoothness: float
    superpixel: float = 0.0

    def settings(self, base: CorrectSettings) -> CorrectSettings:
        """Settings for `reasoning.correct.correct` with the numbers of this fit."""
        return replace(
            base,
            smoothness=self.smoothness,
            evidence=1.0,
            strengths={**base.strengths, **self.strengths},
            calibration=self.calibration,
            superpixel=self.superpixel,
        )

    def cautious(self, nats: float, legend: Legend) -> Fit:
        """The same numbers, but a label changes only where all else outweighs so many nats for it."""
        calibration = self.calibration or identity(legend)
        return replace(self, calibration=replace(calibration, caution=nats))

    def beside(self, asked: CorrectSettings) -> CorrectSettings:
        """Settings of a run whose rules come from a learned file.

        Args:
            asked: What the run asks for. Its factors on evidence multiply the learned strengths; its smoothness and
                its pieces count where they are not the default.
        """
        strengths = {
            name: value * asked.strengths.get(name, 1.0) for name, value in self.strengths.items()
        }
        usual = asked.smoothness == type(asked)().smoothness
        return replace(
            asked,
            smoothness=self.smoothness if usual else asked.smoothness,
            strengths={**asked.strengths, **strengths},
            calibration=self.calibration,
            superpixel=asked.superpixel or self.superpixel,
        )


def expert_fit(axioms: Sequence[Axiom], sources: Sequence[str], settings: CorrectSettings) -> Fit:
    """What the expert's weights and the settings say, before anything is learned."""
    strengths = {name: settings.evidence * settings.strengths.get(name, 1.0) for name in sources}
    ordered = tuple(sorted(axioms, key=lambda axiom: axiom.iri))
    return Fit(ordered, settings.calibration, strengths, settings.smoothness, settings.superpixel)


@dataclass(frozen=True)
class Parameters:
    """The order of what is learned: 1/T, bias of each class, strength of each source, smoothness, weight of each rule.

    Attributes:
        legend: Classes.
        expert: Where learning starts, and what it is shrunk towards.
        sources: Names of the layers.
        rules: IRIs of the rules whose weight is learned: not hard, and able to act in some tile.
    """

    legend: Legend
    expert: Fit
    sources: tuple[str, ...]
    rules: tuple[str, ...]

    @staticmethod
    def of(legend: Legend, expert: Fit, active: Iterable[str]) -> Parameters:
        """Parameters of a fit whose rules are `active` (IRIs)."""
        rules = tuple(sorted(set(active)))
        return Parameters(legend, expert, tuple(sorted(expert.strengths)), rules)

    def __len__(self) -> int:
        return 2 + len(self.legend) + len(self.sources) + len(self.rules)

    @property
    def smoothness(self) -> int:
        """Place of the smoothness."""
        return 1 + len(self.legend) + len(self.sources)

    def vector(self, fit: Fit) -> Floats:
        """(parameter,) the numbers of a fit."""
        weights = {axiom.iri: axiom.weight for axiom in fit.axioms}
        known = fit.calibration
        return np.array(
            [
                1.0 if known is None else 1 / known.temperature,
                *(np.zeros(len(self.legend)) if known is None else known.biases(self.legend)),
                *(fit.strengths[name] for name in self.sources),
                fit.smoothness,
                *(weights[iri] for iri in self.rules),
            ],
            dtype=np.float64,
        )

    def prior(self, shrinkage: float, tiles: int) -> Prior:
        """Hold sources, smoothness and rules to the expert's values, calibration to "no change".

        Args:
            shrinkage: Loss in mean log-likelihood, nats, that one tile must save for a weight to move by 1.4 nats.
            tiles: How many tiles there are: the more, the less they are shrunk.
        """
        k, n = 1 + len(self.legend), max(tiles, 1)
        precision = np.full(len(self), shrinkage / n)
        precision[:k] = CALIBRATION_SHRINKAGE / n
        lower = np.zeros(len(self))
        lower[0], lower[1:k] = COLDEST, -np.inf
        return Prior(self.vector(self.expert), precision, lower)

    def fit(self, theta: Floats) -> Fit:
        """The numbers as a fit, rounded to `DIGITS`."""
        k, m = 1 + len(self.legend), len(self.sources)
        rounded = [round(float(value), DIGITS) for value in theta]
        weights = dict(zip(self.rules, rounded[self.smoothness + 1 :], strict=True))
        axioms = tuple(
            replace(axiom, weight=weights.get(axiom.iri, axiom.weight))
            for axiom in self.expert.axioms
        )
        strengths = dict(zip(self.sources, rounded[k : k + m], strict=True))
        calibration = from_parameters(theta[:k], self.legend)
        return replace(
            self.expert,
            axioms=axioms,
            calibration=calibration,
            strengths=strengths,
            smoothness=rounded[self.smoothness],
        )
