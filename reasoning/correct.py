"""Correction: a prediction, evidence and axioms come in; a corrected prediction with its reasons goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fusion.prediction import Prediction
from kg.counted import counted
from kg.errors import RasterError
from kg.evidence import EvidenceLayer
from kg.ontology import Axiom, Ontology
from kg.raster import Raster
from reasoning.attribution import Run, attribute
from reasoning.correction import Corrected
from reasoning.evidence.ageing import aged
from reasoning.evidence.observe import Observation, check_grid, observation
from reasoning.evidence.views import views_for
from reasoning.facts import Beside, Facts, gather_facts, limit_messages
from reasoning.logic.meaning import wanted
from reasoning.progress import at
from reasoning.regions.graph import build_regions
from reasoning.regions.superpixels import cut_regions
from reasoning.settings import CorrectSettings
from reasoning.solved import Solved, corrected_prediction, solve_terms
from reasoning.terms import Terms

__all__ = ["CorrectSettings", "correct", "normalised", "solve"]

SUM_TOLERANCE = 0.01
"""How far the probabilities of a pixel may be from 1 in sum before they are refused rather than scaled."""


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
        prediction: Class probabilities of any model, or labels (`fusion.prediction.prediction_from_labels`); what its
            `lesson` says is a source of evidence beside it.
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
    return solve(
        prediction, layers=layers, axioms=axioms, image=image, dem=dem, settings=settings
    ).corrected


def solve(
    prediction: Prediction,
    *,
    layers: Sequence[EvidenceLayer] = (),
    axioms: Sequence[Axiom] | None = None,
    image: Raster | None = None,
    dem: Raster | None = None,
    settings: CorrectSettings | None = None,
) -> Solved:
    """As `correct`, keeping what what-if and why-not need (`reasoning.explanation`)."""
    return _solved(
        *terms_of(prediction, layers=layers, axioms=axioms, image=image, dem=dem, settings=settings)
    )


def terms_of(
    prediction: Prediction,
    *,
    layers: Sequence[EvidenceLayer] = (),
    axioms: Sequence[Axiom] | None = None,
    image: Raster | None = None,
    dem: Raster | None = None,
    settings: CorrectSettings | None = None,
) -> tuple[Terms, Facts, tuple[tuple[str, str], ...]]:
    """Everything that a run decides by, before anything is decided; arguments and errors are those of `correct`.

    Returns:
        The terms, the facts that the rules were compiled on, and (axiom IRI, why) of rules that cannot act.
    """
    from kg.rules import load_rules, schema_of
    from reasoning.inference.smooth import neighbour_weights
    from reasoning.logic.axioms import compile_axioms
    from reasoning.logic.roles import with_roles

    knobs = settings or CorrectSettings()
    rules = tuple(load_rules() if axioms is None else axioms)
    tree = schema_of(rules)
    before = normalised(prediction)
    seen = before.advised
    for layer in layers:
        check_grid(layer, before.grid)
    at("finding regions")
    regions = build_regions(seen, image, connectivity=knobs.connectivity)
    if knobs.superpixel > 0:
        regions = cut_regions(
            regions, before.grid, knobs.superpixel, image, connectivity=knobs.connectivity
        )
    at(f"measuring {counted(len(regions), 'region')}")
    told = (*layers, *views_for(rules, seen, tree))
    facts = gather_facts(
        regions, seen, told, tree, beside=Beside(image, dem), wanted=wanted(rules, tree)
    )
    facts = with_roles(facts, rules, tree)
    facts, repeated = limit_messages(facts, regions.count, knobs.message_cap)
    compiled = compile_axioms(rules, before.legend, tree, facts)
    terms = Terms(
        before=before,
        regions=regions,
        observations=_observations(seen, layers, tree, knobs),
        compiled=tuple(one for one in compiled if one.active),
        repeated=repeated,
        contrast=neighbour_weights(regions.label, float(knobs.nodes == "pixels"), image),
        settings=knobs,
    )
    idle = tuple((one.axiom.iri, one.reason) for one in compiled if not one.active)
    return terms, facts, idle


def _solved(terms: Terms, facts: Facts, idle: tuple[tuple[str, str], ...]) -> Solved:
    """Exclude, infer, attribute."""
    exclusions = terms.exclusions()
    problem, solution = solve_terms(terms, exclusions=exclusions)
    after = corrected_prediction(terms.before, solution, terms.regions.label)
    at("adding up the reasons of what changed")
    corrections, index = attribute(Run(terms, after, exclusions, problem, solution))
    corrected = Corrected(
        before=terms.before,
        after=after,
        regions=terms.regions,
        corrections=corrections,
        index=index,
        axioms=tuple(one.axiom for one in terms.compiled),
        layers=tuple(one.layer for one in terms.observations),
        trace=solution.trace,
        inactive=idle,
    )
    return Solved(corrected, terms, facts, exclusions, problem, solution)


def _observations(
    before: Prediction, layers: Sequence[EvidenceLayer], tree: Ontology, knobs: CorrectSettings
) -> tuple[Observation, ...]:
    return tuple(
        observation(
            aged(_stated(layer, knobs), knobs.date),
            before.legend,
            tree,
            strength=knobs.evidence * knobs.strengths.get(layer.name, 1.0),
            network=before,
            trusting=not knobs.trust,
        )
        for layer in layers
    )


def _stated(layer: EvidenceLayer, knobs: CorrectSettings) -> EvidenceLayer:
    """The layer with the reliability that the settings state for it."""
    return replace(layer, reliability=knobs.reliabilities.get(layer.name, layer.reliability))


def normalised(prediction: Prediction) -> Prediction:
    """The same prediction with probabilities that sum to 1 in every valid pixel, those of its lesson too.

    Raises:
        RasterError: A pixel has NaN or negative values, or a sum farther from 1 (and from 0, which means no
            observation) than `SUM_TOLERANCE`, the worst pixel is named; or a lesson about other pixels.
    """
    lesson = prediction.lesson
    if lesson is None:
        return replace(prediction, probabilities=_normalised(prediction.probabilities))
    kept = replace(lesson, probabilities=_normalised(lesson.probabilities))
    found = replace(prediction, probabilities=_normalised(prediction.probabilities), lesson=kept)
    if not np.array_equal(found.valid, found.advised.valid):
        raise RasterError(
            f"{lesson.name}: says something where the map says nothing, or the other way round",
            "give a lesson about this map",
        )
    return found


def _normalised(p: NDArray[np.float32]) -> NDArray[np.float32]:
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
        return p
    return np.where(total > 0.5, p / np.where(total > 0.5, total, 1), 0).astype(np.float32)
