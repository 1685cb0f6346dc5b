"""One labelled tile, ready to be corrected with any numbers: its terms at unit strength, and the pixels to learn from.

The score of pixel i in region r for class k is linear in what is learned,

    log p_ik / T + bias_k + sum_s strength_s potential_s_ik + smoothness * pull_ik - sum_a w_a message_a(r, k),

each part being exactly what the last step of `reasoning.inference.infer` adds up at the marginals given. So the
likelihood of the true labels, given the marginals around them (a pseudo-likelihood: Besag, The Statistician 24, 1975),
is concave.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.ontology import HARD_WEIGHT, Axiom
from reasoning.correct import CorrectSettings, terms_of
from reasoning.inference.infer import EXCLUDED, Solution, region_message
from reasoning.learning.choices import Choices
from reasoning.learning.fit import Fit, Parameters
from reasoning.learning.tiles import LabelledTile
from reasoning.solved import corrected_prediction, solve_terms
from reasoning.terms import Terms

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

DENSITY = 4.0
"""Of a region of n pixels at most DENSITY * sqrt(n) are looked at: a lake does not hide a thousand small regions, and
none of its pixels stands for so many that chance decides."""
PER_TILE = 4_000
"""Most pixels of one tile that are looked at."""


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


def choose_pixels(
    tile: Prepared, *, density: float = DENSITY, per_tile: int = PER_TILE
) -> tuple[Ints, Ints, Floats]:
    """Draw known pixels of a tile by region, always the same ones.

    Of each region of n known pixels at most `density * sqrt(n)` are kept at random, and of all at most `per_tile`. Each
    stands for the inverse of its chance to be drawn, so that sums over the sample estimate sums over the tile. Pixels
    whose true class a hard rule removed are left out: no weight can make them right.

    Returns:
        Rows, columns, and how many pixels each stands for.
    """
    region = tile.terms.regions.label
    rows, cols = np.nonzero(tile.tile.known)
    mine = region[rows, cols].astype(np.intp)
    possible = tile.allowed[mine, tile.tile.truth[rows, cols].astype(np.intp)]
    rows, cols, mine = rows[possible], cols[possible], mine[possible]
    rng = np.random.default_rng(0)
    draw = rng.random(len(mine))
    order = np.lexsort((draw, mine))
    count = np.bincount(mine, minlength=len(tile.terms.regions))
    most = np.minimum(np.ceil(density * np.sqrt(count)), count)
    starts = np.cumsum(count) - count
    kept = order[np.arange(len(order)) - starts[mine[order]] < most[mine[order]]]
    stands = count[mine[kept]] / most[mine[kept]]
    if len(kept) > per_tile:
        fewer = np.sort(rng.permutation(len(kept))[:per_tile])
        stands = stands[fewer] * (len(kept) / per_tile)
        kept = kept[fewer]
    return rows[kept], cols[kept], np.asarray(stands, np.float64)


def choices_of(
    tile: Prepared,
    solution: Solution,
    parameters: Parameters,
    pixels: tuple[Ints, Ints, Floats],
) -> Choices:
    """Features of the pixels of one tile.

    Args:
        tile: The tile.
        solution: Marginals that neighbours and messages are taken at.
        parameters: Order of the features.
        pixels: As `choose_pixels` gives them.

    Returns:
        Choices whose weight is what each pixel stands for; their clusters are regions.
    """
    from reasoning.inference.smooth import smoothness_gradient

    rows, cols, stands = pixels
    n, k, terms = len(rows), len(parameters.legend), tile.terms
    features = np.zeros((n, k, len(parameters)))
    features[:, :, 0] = tile.logs[rows, cols]
    features[:, :, 1 : 1 + k] = np.eye(k)
    for one in terms.observations:
        column = 1 + k + parameters.sources.index(one.layer.name)
        features[:, :, column] += one.potential[:, rows, cols].T
    rough = smoothness_gradient(solution.at, *terms.contrast, rows, cols)
    features[:, :, parameters.smoothness] = -rough
    region, offset = terms.regions.label[rows, cols].astype(np.intp), np.zeros((n, k))
    first, place = parameters.smoothness + 1, {r: i for i, r in enumerate(parameters.rules)}
    for compiled, _ in terms.axioms():
        message = region_message(compiled, solution.means, tile.counts)[region]
        if compiled.axiom.hard:
            offset -= HARD_WEIGHT * message
        else:
            features[:, :, first + place[compiled.axiom.iri]] = -message
    offset[~tile.allowed[region]] = EXCLUDED
    truth = tile.tile.truth[rows, cols].astype(np.intp)
    cluster = np.unique(region, return_inverse=True)[1].ravel().astype(np.intp)
    return Choices(features, offset, truth, stands.copy(), stands, cluster)
