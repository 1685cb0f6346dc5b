"""Correction: a prediction, evidence and axioms come in; a corrected prediction with its reasons goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg.errors import InputError, RasterError
from kg.evidence import EvidenceLayer
from kg.ontology import HARD_WEIGHT, Axiom, Ontology
from kg.raster import Raster
from reasoning.attribution import Run, attribute
from reasoning.correction import Corrected
from reasoning.facts import gather_facts, limit_messages
from reasoning.hard import Exclusions, exclude
from reasoning.infer import EXCLUDED, Penalty, Problem, infer
from reasoning.observe import Observation, check_grid, observation
from reasoning.regions import RegionGraph, build_regions, region_means

if TYPE_CHECKING:
    from reasoning.axioms import CompiledAxiom

SUM_TOLERANCE = 0.01
"""How far the probabilities of a pixel may be from 1 in sum before they are refused rather than scaled."""


@dataclass(frozen=True)
class CorrectSettings:
    """Knobs of a correction; the defaults are meant for any scene.

    Attributes:
        smoothness: Nats per pair of neighbouring pixels without contrast.
        evidence: Factor on what every source says.
        strengths: Further factor per layer name; 0 leaves a layer to the rules alone.
        trust: Estimate which product cells can be trusted.
        connectivity: 4 or 8, of regions.
        floor: Smallest probability of the network that is told from 0.
        message_cap: Most nats, per unit of weight, that a rule about a region tells a pixel of its neighbour.
        tolerance: Largest change of a probability at which inference has converged.
        max_steps: Steps after which it stops in any case.
    """

    smoothness: float = 0.5
    evidence: float = 1.0
    strengths: Mapping[str, float] = field(default_factory=dict)
    trust: bool = True
    connectivity: int = 4
    floor: float = 1e-4
    message_cap: float = 2.0
    tolerance: float = 1e-8
    max_steps: int = 60

    def __post_init__(self) -> None:
        amounts = (self.smoothness, self.evidence, self.message_cap, *self.strengths.values())
        if not all(0 <= amount < np.inf for amount in amounts) or not 0 < self.floor < 0.1:
            raise InputError(
                f"settings out of range: {self}",
                "smoothness, evidence and message_cap are 0 or more, floor is between 0 and 0.1",
            )


def correct(
    prediction: Prediction,
    *,
    layers: Sequence[EvidenceLayer] = (),
    axioms: Sequence[Axiom] | None = None,
    image: Raster | None = None,
    dem: Raster | None = None,
    settings: CorrectSettings | None = None,
) -> Corrected:
    """Correct a prediction by evidence, smoothness and axioms, with a reason for every changed pixel.

    Args:
        prediction: Class probabilities of any model, or labels (`fusion.prediction.prediction_from_labels`).
        layers: Evidence on the same grid.
        axioms: Rules; default those that ship with Landlore.
        image: Bands on the same grid: contrast of the smoothness term, indices for the rules.
        dem: Elevation in metres on any overlapping grid.
        settings: Knobs; default `CorrectSettings()`.

    Returns:
        The corrected prediction, its corrections and the trace. The same input gives the same bytes.

    Raises:
        RasterError: No pixel has a prediction, or probabilities are not probabilities.
        GridError: Image or evidence lie on another grid, or the elevation does not overlap.
        RuleError: A rule cannot be compiled, or hard rules contradict each other.
        LegendError: A class of the evidence belongs to no known legend.
    """
    from kg.ontology import load_ontology
    from kg.rules import load_rules
    from reasoning.axioms import compile_axioms

    knobs, tree = settings or CorrectSettings(), load_ontology()
    before = normalised(prediction)
    for layer in layers:
        check_grid(layer, before.grid)
    regions = build_regions(before, image, connectivity=knobs.connectivity)
    facts = gather_facts(regions, before, layers, tree, image=image, dem=dem)
    facts, repeated = limit_messages(facts, regions.count, knobs.message_cap)
    rules = tuple(load_rules(None, tree) if axioms is None else axioms)
    compiled = compile_axioms(rules, before.legend, tree, facts)
    observations = _observations(before, layers, tree, knobs)
    setup = _Setup(before, regions, observations, knobs)
    corrected = setup.run([one for one in compiled if one.active], repeated, image)
    idle = tuple((one.axiom.iri, one.reason) for one in compiled if not one.active)
    return replace(corrected, inactive=idle)


@dataclass(frozen=True)
class _Setup:
    """What a run starts from, once facts are gathered and axioms compiled."""

    before: Prediction
    regions: RegionGraph
    observations: tuple[Observation, ...]
    knobs: CorrectSettings

    def run(
        self, compiled: Sequence[CompiledAxiom], repeated: NDArray[np.intp], image: Raster | None
    ) -> Corrected:
        """Exclude, infer, attribute."""
        hard = [one for one in compiled if one.axiom.hard and one.local]
        exclusions = exclude(
            hard, len(self.regions), self.before.legend, rows=len(self.regions) + len(repeated)
        )
        soft = tuple(
            (one.axiom, HARD_WEIGHT if one.axiom.hard else one.axiom.weight, one)
            for one in compiled
            if not (one.axiom.hard and one.local)
        )
        problem = self.problem(tuple((w, c) for _, w, c in soft), exclusions, repeated, image)
        solution = infer(problem, tolerance=self.knobs.tolerance, max_steps=self.knobs.max_steps)
        after = np.ascontiguousarray(np.moveaxis(solution.q, -1, 0), np.float32)
        after[:, self.regions.label < 0] = 0
        corrected = replace(
            self.before, probabilities=after, model=f"{self.before.model}, corrected"
        )
        run = Run(
            self.before,
            corrected,
            self.regions,
            self.observations,
            soft,
            exclusions,
            problem,
            solution,
            self.knobs.floor,
        )
        corrections, index = attribute(run)
        return Corrected(
            before=self.before,
            after=corrected,
            regions=self.regions,
            corrections=corrections,
            index=index,
            axioms=tuple(one.axiom for one in compiled),
            layers=tuple(one.layer for one in self.observations),
            trace=solution.trace,
        )

    def problem(
        self,
        axioms: tuple[tuple[float, Penalty], ...],
        exclusions: Exclusions,
        repeated: NDArray[np.intp],
        image: Raster | None,
    ) -> Problem:
        """The terms of the free energy."""
        from reasoning.smooth import neighbour_weights

        p, label, n = self.before.probabilities, self.regions.label, len(self.regions)
        unary = np.moveaxis(
            np.log(np.maximum(p.astype(np.float64), self.knobs.floor)), 0, -1
        ).copy()
        for one in self.observations:
            unary += np.moveaxis(one.potential, 0, -1)
        if len(exclusions.axioms):
            unary[~np.vstack([exclusions.allowed, np.ones((1, len(p)), bool)])[label]] = EXCLUDED
        right, down = neighbour_weights(label, self.knobs.smoothness, image)
        fixed = np.empty((0, len(p)))
        if len(repeated):
            fixed = np.stack([region_means(label, n, plane)[repeated] for plane in p], axis=1)
        return Problem(unary, right, down, label, np.ones(label.shape), axioms, fixed)


def _observations(
    before: Prediction, layers: Sequence[EvidenceLayer], tree: Ontology, knobs: CorrectSettings
) -> tuple[Observation, ...]:
    return tuple(
        observation(
            layer,
            before.legend,
            tree,
            strength=knobs.evidence * knobs.strengths.get(layer.name, 1.0),
            network=before,
            trusting=not knobs.trust,
        )
        for layer in layers
    )


def normalised(prediction: Prediction) -> Prediction:
    """The same prediction with probabilities that sum to 1 in every valid pixel.

    Raises:
        RasterError: A pixel has NaN or negative values, or a sum farther from 1 (and from 0, which means no
            observation) than `SUM_TOLERANCE`; the worst pixel is named.
    """
    p = prediction.probabilities
    total = p.sum(axis=0, dtype=np.float64)
    wrong = np.minimum(np.abs(total - 1), np.abs(total))
    wrong[~np.isfinite(total) | (p.min(axis=0) < 0)] = np.inf
    worst = int(wrong.argmax())
    if wrong.flat[worst] > SUM_TOLERANCE:
        row, col = np.unravel_index(worst, total.shape)
        raise RasterError(
            f"probabilities at row {row}, column {col} are {np.array2string(p[:, row, col], precision=3)}, "
            f"sum {total.flat[worst]:.4g}; expected numbers of 0 and more that sum to 1 (or all 0: no observation)",
            "give softmax outputs, or labels with --confidence",
        )
    if wrong.flat[worst] < 1e-5:
        return prediction
    scaled = np.where(total > 0.5, p / np.where(total > 0.5, total, 1), 0).astype(np.float32)
    return replace(prediction, probabilities=scaled)
