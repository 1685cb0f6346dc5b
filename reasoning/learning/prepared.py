"""One labelled tile, ready to be corrected with any numbers: a tile comes in, its terms at unit strength go out."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.ontology import Axiom
from reasoning.correct import CorrectSettings, terms_of
from reasoning.inference.infer import Solution
from reasoning.learning.fit import Fit
from reasoning.learning.tiles import LabelledTile
from reasoning.solved import corrected_prediction, solve_terms
from reasoning.terms import Terms

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A tile and what its correction is a sum of.

    Attributes:
        tile: The tile.
        terms: Its terms, sources at strength 1, without calibration, pixels as nodes.
        allowed: (region, class): what hard rules left.
    """

    tile: LabelledTile
    terms: Terms
    allowed: NDArray[np.bool_]

    @property
    def rules(self) -> tuple[str, ...]:
        """IRIs of the rules that can act here and have a weight."""
        return tuple(one.axiom.iri for one in self.terms.compiled if not one.axiom.hard)

    @property
    def logs(self) -> Floats:
        """(y, x, class) float64 log p of the network, floored."""
        p = np.moveaxis(self.terms.before.probabilities, 0, -1).astype(np.float64)
        logs: Floats = np.log(np.maximum(p, self.terms.settings.floor))
        return logs

    @property
    def counts(self) -> Floats:
        """(row,) pixels of the regions, 0 for rows below them that only serve as neighbours."""
        few = np.zeros(len(self.terms.repeated))
        counts: Floats = np.concatenate([self.terms.regions.count, few])
        return counts

    def only(self, rules: Container[str]) -> Prepared:
        """The same tile with some of its rules alone (IRIs)."""
        kept = tuple(one for one in self.terms.compiled if one.axiom.iri in rules)
        if len(kept) == len(self.terms.compiled):
            return self
        terms = replace(self.terms, compiled=kept)
        return Prepared(self.tile, terms, terms.exclusions().allowed)

    def weighed(self, fit: Fit, *, without: str = "") -> Terms:
        """The terms under the numbers of a fit.

        Args:
            fit: Weights, calibration, strengths, smoothness; rules that it does not have are left out.
            without: IRI of a rule to leave out.
        """
        weights = {axiom.iri: axiom.weight for axiom in fit.axioms}
        return replace(
            self.terms,
            settings=fit.settings(self.terms.settings),
            compiled=tuple(
                replace(one, axiom=replace(one.axiom, weight=weights[one.axiom.iri]))
                for one in self.terms.compiled
                if one.axiom.iri in weights and one.axiom.iri != without
            ),
            observations=tuple(
                replace(one, potential=np.float32(fit.strengths[one.layer.name]) * one.potential)
                for one in self.terms.observations
            ),
        )

    def solve(self, fit: Fit, *, without: str = "") -> Solution:
        """Marginals under the numbers of a fit, as `reasoning.correct` finds them."""
        return solve_terms(self.weighed(fit, without=without))[1]

    def labels(self, solution: Solution) -> NDArray[np.int16]:
        """(y, x) int16 labels of a solution, -1 where there is no prediction."""
        return corrected_prediction(self.terms.before, solution, self.terms.regions.label).labels


def prepare(tile: LabelledTile, axioms: Sequence[Axiom], settings: CorrectSettings) -> Prepared:
    """Prepare a tile as `reasoning.correct.correct` does.

    Args:
        tile: The tile.
        axioms: Rules.
        settings: How it is corrected; strengths and calibration are left to the fit.

    Raises:
        RasterError: No pixel has a prediction, or probabilities are not probabilities.
        GridError: Image or evidence lie on another grid, or the elevation does not overlap.
        RuleError: A rule cannot be compiled, or hard rules contradict each other.
    """
    plain = replace(
        settings, evidence=1.0, strengths={}, calibration=None, mode="marginals", nodes="pixels"
    )
    terms, _, _ = terms_of(
        tile.prediction,
        layers=tile.layers,
        axioms=axioms,
        image=tile.image,
        dem=tile.dem,
        settings=plain,
    )
    return Prepared(tile, terms, terms.exclusions().allowed)
